"""Peers for uplift on the Hillstrom e-mail test: which customers one e-mail moves most, over 20 random halves.

    pip install causalml==0.18.0 econml==0.17.0 lightgbm==4.7.0 scikit-learn pandas
    python uplift.py --data hillstrom.csv --splits halves.csv --arm "Womens E-Mail" --control "No E-Mail" \\
        --outcome visit [--ours FILE.csv]

One arm against the control, the other arm left out; each half trains on the rows it flags 1 and is tested on the rest.
The peers are two plain columns, LightGBM as one model and as two, the learners of CausalML and those of EconML. Prints
a JSON line for each learner and half, then on stderr the mean and the standard deviation over the halves.

Qini: test rows best first; with cumulated outcomes Y and counts N of the treated and of the controls among the first k,
q(k) = Y_treated - Y_control * N_treated / N_control, linear across a block of equal scores. Qini is the mean of q over
k less q(n) / 2, divided by N_treated(n): about 0 for a random order, in outcomes per treated customer.

`--ours` reads the predictions of `percorso benchmark uplift`: columns `split` (its name ends in 0 for the first half),
`row` (0 for the first row of the data) and `uplift` for every test row; the script calls them percorso, and prints the
mean difference of Qini, ours less each peer's, with an interval of 95 %. The halves overlap, so their standard
deviation says little of that difference. The interval is from resampling the customers: one draw for all halves, both
Qinis again in each half, averaged. It says how the difference varies with who is tested while the fitted models stay;
it leaves out that other customers would train other models.
"""

import argparse
import functools
import json
import pathlib
import sys
import time
import warnings

# The neighbour coverage.py would pass for the package of that name, which a dependency of CausalML looks for.
sys.path[:] = [folder for folder in sys.path if folder != str(pathlib.Path(__file__).resolve().parent)]

import numpy
import pandas
from causalml.inference.meta import BaseDRRegressor, BaseSRegressor, BaseTRegressor, BaseXRegressor
from causalml.inference.tree import UpliftRandomForestClassifier
from econml.dml import CausalForestDML
from econml.dr import DRLearner, LinearDRLearner
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.dummy import DummyClassifier
from sklearn.preprocessing import StandardScaler

FOLDER = pathlib.Path(__file__).resolve().parents[3].parent / "shared/data/hillstrom"
NUMBERS = ["recency", "history", "mens", "womens", "newbie"]
WORDS = ["zip_code", "channel"]
PROPENSITY = 0.5
N_RESAMPLES = 200
N_THREADS = 2
SEED = 1
TREES = {"n_jobs": N_THREADS, "random_state": SEED, "deterministic": True, "verbose": -1}
PLAIN = {**TREES, "n_estimators": 100, "num_leaves": 7, "learning_rate": 0.05}
OUTCOME = {**PLAIN, "min_child_samples": 100}
EFFECT = {**TREES, "n_estimators": 50, "num_leaves": 4, "learning_rate": 0.05, "min_child_samples": 500}


def main():
    # The columns of a word sum to 1, which EconML says spoils intervals; none is asked for.
    warnings.filterwarnings("ignore", message="Co-variance matrix is underdetermined")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=FOLDER / "hillstrom.csv")
    parser.add_argument("--splits", type=pathlib.Path, default=FOLDER / "halves.csv")
    parser.add_argument("--arm", default="Womens E-Mail")
    parser.add_argument("--control", default="No E-Mail")
    parser.add_argument("--outcome", default="visit")
    parser.add_argument("--ours", type=pathlib.Path, help="our uplift of every test row, to compare with the peers'")
    parser.add_argument("--seed", type=int, default=SEED, help="of the resampling")
    given = parser.parse_args()
    for path in (given.data, given.splits):
        if not path.is_file():
            return print(f"skipped: no real data (no file {path})")
    trial = Trial(given)
    uplifts, qinis, seconds = {}, {}, {}
    if given.ours:
        uplifts["percorso"] = ours(given.ours, trial)
        qinis["percorso"] = told_qinis(trial, "percorso", uplifts["percorso"])
    for learner, uplift_of in LEARNERS.items():
        began = time.monotonic()
        uplifts[learner] = [uplift_of(trial, *half) for half in trial.halves]
        seconds[learner] = time.monotonic() - began
        qinis[learner] = told_qinis(trial, learner, uplifts[learner])
    tell_table(given, qinis, seconds)
    if given.ours:
        compare(trial, uplifts, qinis, given.seed)


class Trial:
    """The customers of one arm and of the control, and by half which of them train and which test."""

    def __init__(self, given):
        table, flags = pandas.read_csv(given.data), pandas.read_csv(given.splits)
        if len(table) != len(flags):
            raise SystemExit(f"{given.splits}: {len(flags)} rows, expected the {len(table)} of {given.data}")
        for arm in (given.arm, given.control):
            if arm not in set(table.treatment):
                raise SystemExit(f"{given.data}: no customer has treatment {arm!r}")
        self.row = numpy.flatnonzero(table.treatment.isin([given.arm, given.control]))
        table, flags = table.iloc[self.row], flags.iloc[self.row]
        self.treated = (table.treatment == given.arm).to_numpy(int)
        self.outcome = table[given.outcome].to_numpy(float)
        self.columns = features(table)
        self.features = self.columns.to_numpy()
        self.halves = [(numpy.flatnonzero(flag == 1), numpy.flatnonzero(flag == 0)) for flag in flags.to_numpy().T]

    def known(self, train):
        return self.features[train], self.treated[train], self.outcome[train]


def features(table):
    segment = table.history_segment.str.extract(r"^(\d)")[0].astype(float)
    words = pandas.get_dummies(table[WORDS], dtype=float)
    return pandas.concat([table[NUMBERS].astype(float), segment.rename("history_segment"), words], axis=1)


def column(name, trial, train, test):
    return trial.columns[name].to_numpy()[test]


def one_model(trial, train, test):
    x, treated, outcome = trial.known(train)
    model = LGBMClassifier(**PLAIN).fit(numpy.column_stack([x, treated]), outcome)
    asked = trial.features[test]
    if_treated, if_not = (numpy.column_stack([asked, numpy.full(len(asked), arm)]) for arm in (1, 0))
    return model.predict_proba(if_treated)[:, 1] - model.predict_proba(if_not)[:, 1]


def two_models(trial, train, test):
    x, treated, outcome = trial.known(train)
    models = [LGBMClassifier(**PLAIN).fit(x[treated == arm], outcome[treated == arm]) for arm in (1, 0)]
    if_treated, if_not = (model.predict_proba(trial.features[test])[:, 1] for model in models)
    return if_treated - if_not


def causalml(learner, trial, train, test):
    x, treated, outcome = trial.known(train)
    model, propensity = learner(), numpy.full(len(train), PROPENSITY)
    seed = {"seed": SEED} if isinstance(model, BaseDRRegressor) else {}
    model.fit(x, treatment=treated, y=outcome, p=propensity, **seed)
    return model.predict(trial.features[test], p=numpy.full(len(test), PROPENSITY), verbose=False).ravel()


def uplift_forest(trial, train, test):
    x, treated, outcome = trial.known(train)
    forest = UpliftRandomForestClassifier(
        control_name="control",
        n_estimators=100,
        max_features=5,
        max_depth=4,
        min_samples_leaf=200,
        min_samples_treatment=100,
        honesty=True,
        random_state=SEED,
        n_jobs=N_THREADS,
    )
    forest.fit(x, treatment=numpy.where(treated == 1, "treated", "control"), y=outcome.astype(int))
    return forest.predict(trial.features[test]).ravel()


def econml(learner, trial, train, test):
    x, treated, outcome = trial.known(train)
    return learner().fit(outcome, treated, X=x).effect(trial.features[test]).ravel()


def doubly_robust(learner, **more):
    """EconML's learner on pseudo-outcomes; the arms were drawn by lot, so the propensity is the share treated."""
    propensity = DummyClassifier(strategy="prior")
    return learner(
        model_propensity=propensity, model_regression=LGBMRegressor(**OUTCOME), cv=5, random_state=SEED, **more
    )


def causal_forest():
    return CausalForestDML(
        model_y=LGBMRegressor(**OUTCOME),
        model_t=DummyClassifier(strategy="prior"),
        discrete_treatment=True,
        cv=5,
        n_estimators=400,
        max_depth=5,
        min_samples_leaf=200,
        inference=False,
        n_jobs=N_THREADS,
        random_state=SEED,
    )


LEARNERS = {
    "womens": functools.partial(column, "womens"),
    "mens": functools.partial(column, "mens"),
    "lightgbm_s": one_model,
    "lightgbm_t": two_models,
    "causalml_s": functools.partial(causalml, lambda: BaseSRegressor(LGBMRegressor(**OUTCOME))),
    "causalml_t": functools.partial(causalml, lambda: BaseTRegressor(LGBMRegressor(**OUTCOME))),
    "causalml_x": functools.partial(
        causalml,
        lambda: BaseXRegressor(
            control_outcome_learner=LGBMRegressor(**OUTCOME),
            treatment_outcome_learner=LGBMRegressor(**OUTCOME),
            control_effect_learner=LGBMRegressor(**EFFECT),
            treatment_effect_learner=LGBMRegressor(**EFFECT),
        ),
    ),
    "causalml_dr": functools.partial(
        causalml,
        lambda: BaseDRRegressor(
            control_outcome_learner=LGBMRegressor(**OUTCOME),
            treatment_outcome_learner=LGBMRegressor(**OUTCOME),
            treatment_effect_learner=LGBMRegressor(**EFFECT),
        ),
    ),
    "causalml_forest": uplift_forest,
    "econml_dr": functools.partial(econml, lambda: doubly_robust(DRLearner, model_final=LGBMRegressor(**EFFECT))),
    "econml_linear_dr": functools.partial(econml, lambda: doubly_robust(LinearDRLearner, featurizer=StandardScaler())),
    "econml_forest": functools.partial(econml, causal_forest),
}


def told_qinis(trial, learner, by_half):
    """Qini of each half, printed."""
    values = over_halves(trial, by_half)[:, 0]
    for split, value in enumerate(values):
        print(json.dumps({"learner": learner, "split": split, "qini": round(float(value), 6)}), flush=True)
    return values


def over_halves(trial, by_half, weights=None):
    """Qini of each half for each resample: shape (halves, resamples); without weights every row counts once."""
    weights = numpy.ones((1, len(trial.row))) if weights is None else weights
    return numpy.array([
        qini(uplift, trial.treated[test], trial.outcome[test], weights[:, test])
        for uplift, (_, test) in zip(by_half, trial.halves, strict=True)
    ])


def qini(uplift, treated, outcome, weights):
    """One Qini for each row of `weights`, which says how often each customer was drawn."""
    order = numpy.argsort(-uplift, kind="stable")
    starts = numpy.flatnonzero(numpy.diff(uplift[order], prepend=numpy.nan) != 0)
    best_first = weights[:, order]

    def by_block(worth):
        return numpy.add.reduceat(best_first * worth[order], starts, axis=1)

    sizes = by_block(numpy.ones(len(uplift)))
    n_treated, n_control = by_block(treated).cumsum(axis=1), by_block(1 - treated).cumsum(axis=1)
    y_treated = by_block(treated * outcome).cumsum(axis=1)
    y_control = by_block((1 - treated) * outcome).cumsum(axis=1)
    q = y_treated - y_control * n_treated / numpy.maximum(n_control, 1)
    q_before = numpy.concatenate([numpy.zeros((len(q), 1)), q[:, :-1]], axis=1)
    area = (sizes * q_before + (q - q_before) * (sizes + 1) / 2).sum(axis=1)
    return (area / sizes.sum(axis=1) - q[:, -1] / 2) / n_treated[:, -1]


def tell_table(given, qinis, seconds):
    print(f"{given.outcome}, {given.arm} against {given.control}: Qini over the halves", file=sys.stderr)
    for learner, by_half in qinis.items():
        took = f"{seconds[learner]:7.1f} s" if learner in seconds else ""
        told = f"{by_half.mean():8.5f} +- {by_half.std(ddof=1):.5f}"
        print(f"{learner:18}{told}{took}", file=sys.stderr)


def ours(path, trial):
    """Our uplift of the test rows of each half, in the order of the data."""
    table = pandas.read_csv(path)
    missing = {"split", "row", "uplift"} - set(table.columns)
    if missing:
        raise SystemExit(f"{path}: no column {', '.join(sorted(missing))}, expected split, row, uplift")
    # `percorso benchmark uplift` names a split as its column is named: train_0, train_1, ...
    table["split"] = table.split.astype(str).str.extract(r"(\d+)$", expand=False).astype(float)
    wrong = table.index[~numpy.isfinite(table.uplift) | table.duplicated(["split", "row"])]
    if len(wrong):
        raise SystemExit(f"{path}: line {wrong[0] + 2}: expected a finite uplift, once for a split and row")
    by_half = []
    for split, (_, test) in enumerate(trial.halves):
        told = table[table.split == split].set_index("row").uplift.sort_index()
        if not numpy.array_equal(told.index, trial.row[test]):
            n_shared = len(numpy.intersect1d(told.index, trial.row[test]))
            raise SystemExit(
                f"{path}: split {split} has {len(told)} rows, {n_shared} of them among its {len(test)} test rows; "
                "expected exactly the rows it flags 0 in the two arms"
            )
        by_half.append(told.to_numpy())
    return by_half


def compare(trial, uplifts, qinis, seed):
    """Prints how much higher our mean Qini is than each peer's, customers resampled alike in every half."""
    random = numpy.random.default_rng(seed)
    n_customers = len(trial.row)
    drawn = random.multinomial(n_customers, numpy.full(n_customers, 1 / n_customers), N_RESAMPLES).astype(float)
    means = {learner: over_halves(trial, by_half, drawn).mean(axis=0) for learner, by_half in uplifts.items()}
    for peer in LEARNERS:
        low, high = numpy.quantile(means["percorso"] - means[peer], [0.025, 0.975])
        told = {
            "ours": qinis["percorso"].mean(),
            "peer": qinis[peer].mean(),
            "difference": (qinis["percorso"] - qinis[peer]).mean(),
            "low_95": low,
            "high_95": high,
        }
        print(json.dumps({"compared": peer, **{name: round(float(value), 6) for name, value in told.items()}}))


if __name__ == "__main__":
    main()
