"""Peers for how long customers stay, on the rows of `percorso benchmark stays`, and how sure it is that ours is better.

    pip install hazardous==0.2.0 scikit-learn==1.6.1 lightgbm==4.7.0 lifelines==0.30.3 pandas pyarrow
    percorso benchmark stays --journey J --split TIME --rows ROWS.parquet --predictions OURS.csv
    python stays.py ROWS.parquet OURS.csv --split TIME

Customers who began before the split teach, censored there; those who began later are asked about, censored where the data
end. The peers see the same cells:
- SurvivalBoost of `hazardous`: its defaults, but for weights of censoring by Kaplan-Meier (the alternating ones take
  longer and tell no better), of rows followed little longer than the longest horizon. With more rows its level rises
  away from what comes (BPI 2012, 30 days: .18 predicted with 3,000 rows, .24 with 6,000, .15 observed), with early
  stopping or without; so it is given those with which it did best. From scikit-learn 1.8 on, which weighs rows when it
  cuts columns into bins, it takes more than thirty times as long.
- LightGBM on person-periods: a row for each interval lived through, rounds by early stopping on a fifth of the customers.
- Kaplan-Meier of the stage.

Prints a JSON line each: Brier scores with censored rows stood in for (Graf et al. 1999), concordance (Harrell) of the
longest horizon; then for each peer ours less theirs with an interval of 95 % from resampling customers.
"""

import argparse
import json
import time

import lightgbm
import numpy
import pandas
import pyarrow.parquet
from hazardous import SurvivalBoost
from lifelines import KaplanMeierFitter
from lifelines.utils import concordance_index

NOT_FEATURES = {"customer_key", "as_of", "next_stage", "next_touchpoint", "next_after_days", "first_at"}
INTERVALS = 12
SETTINGS = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "num_threads": 2,
    "verbose": -1,
    "seed": 1,
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows")
    parser.add_argument("ours")
    parser.add_argument("--split", required=True, help="as in the benchmark")
    parser.add_argument("--without", nargs="*", default=[], metavar="PEER", help="peers to leave out")
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--most-rows", type=int, default=60_000, help="rows that teach, whole customers (as ours)")
    parser.add_argument("--boost-rows", type=int, default=3_000, help="the same for SurvivalBoost")
    parser.add_argument("--most-compared", type=int, default=20_000, help="rows whose pairs are compared")
    return parser.parse_args()


def read(path, definition):
    table = pyarrow.parquet.read_table(path)
    rows = table.to_pandas()
    rows["customer"] = [key.hex() for key in rows.customer_key]
    rows = rows[rows[f"stayed_{definition}_days"].notna()].reset_index(drop=True)
    outcomes = ("churned_", "stayed_", "left_")
    features = [name for name in table.schema.names if name not in NOT_FEATURES and not name.startswith(outcomes)]
    cells = {}
    for name in features:
        if str(table.schema.field(name).type) == "uint64":
            codes, _ = pandas.factorize(rows[name])
            counts = pandas.Series(codes).map(pandas.Series(codes).value_counts())
            codes = numpy.where((codes < 0) | (counts < 30), -1, codes)
            cells[name] = pandas.Categorical(codes)
        else:
            cells[name] = rows[name].astype("float32")
    return rows, pandas.DataFrame(cells)


def taught(rows, split, definition, most_rows):
    """Which rows teach, and how long they were followed by the split."""
    followed = (split - rows.as_of).dt.total_seconds() / 86_400
    days = numpy.minimum(rows[f"stayed_{definition}_days"], followed).to_numpy()
    has_left = (rows[f"left_{definition}"].astype(bool) & (rows[f"stayed_{definition}_days"] < followed)).to_numpy()
    teaches = thinned(rows, (rows.as_of < split).to_numpy(), most_rows)
    return teaches, days, has_left


def thinned(rows, teaches, most_rows):
    """Whole customers, by a number that depends on nothing else, so that about so many rows are left."""
    if teaches.sum() <= most_rows:
        return teaches
    number = numpy.array([int(key[-8:], 16) / 2**32 for key in rows.customer])
    return teaches & (number <= numpy.quantile(number[teaches], most_rows / teaches.sum()))


def survival_boost(cells, days, has_left, teaches, asked, horizons):
    numbers = cells.apply(lambda column: column.cat.codes if column.dtype == "category" else column).astype("float32")
    numbers = numbers.loc[:, numbers[teaches].nunique() > 1]
    # Nothing is asked of later days, and learnt with them it tells the earlier ones much worse.
    until = 1.1 * horizons[-1]
    leaves = has_left[teaches] & (days[teaches] < until)
    outcome = pandas.DataFrame({"event": leaves.astype(int), "duration": numpy.minimum(days[teaches], until)})
    model = SurvivalBoost(show_progressbar=False, ipcw_strategy="kaplan-meier", random_state=1)
    model.fit(numbers[teaches], outcome)
    parts = []
    index = numpy.flatnonzero(asked)
    for part in numpy.array_split(index, max(1, len(index) // 20_000)):
        incidence = model.predict_cumulative_incidence(numbers.iloc[part], times=numpy.array(horizons, dtype=float))
        parts.append(incidence[:, 1, :])
    return numpy.vstack(parts).T


def person_period(cells, days, has_left, teaches, asked, horizons, customers):
    ends = sorted({*horizons, *(horizons[-1] * (step + 1) / INTERVALS for step in range(INTERVALS))})
    starts = [0.0, *ends[:-1]]
    index = numpy.flatnonzero(teaches)
    parts, labels, owners = [], [], []
    for interval, (start, end) in enumerate(zip(starts, ends)):
        ended = has_left[index] & (days[index] < end)
        in_it = index[(days[index] >= start) & (ended | (days[index] >= end))]
        part = cells.iloc[in_it].copy()
        part["interval"] = interval
        parts.append(part)
        labels.append(has_left[in_it] & (days[in_it] < end))
        owners.append(customers[in_it])
    x, y, owner = pandas.concat(parts), numpy.concatenate(labels), numpy.concatenate(owners)
    held = numpy.array([int(key[:8], 16) % 5 == 0 for key in owner])
    train = lightgbm.Dataset(x[~held], y[~held], free_raw_data=False)
    watched = lightgbm.Dataset(x[held], y[held], reference=train)
    stop = lightgbm.early_stopping(30, verbose=False)
    found = lightgbm.train(SETTINGS, train, 1_500, valid_sets=[watched], callbacks=[stop])
    model = lightgbm.train(SETTINGS, lightgbm.Dataset(x, y), found.best_iteration)
    stays, told = numpy.ones(asked.sum()), []
    for interval, end in enumerate(ends):
        part = cells[asked].copy()
        part["interval"] = interval
        stays = stays * (1 - model.predict(part))
        if end in horizons:
            told.append(1 - stays)
    return numpy.array(told)


def of_stage(rows, days, has_left, teaches, asked, horizons):
    told = numpy.zeros((len(horizons), asked.sum()))
    stage = rows.stage_current.fillna(0).to_numpy()
    for of in numpy.unique(stage[asked]):
        same = teaches & (stage == of)
        same = same if same.any() else teaches
        curve = KaplanMeierFitter().fit(days[same], has_left[same])
        left = 1 - curve.predict(numpy.nextafter(numpy.array(horizons, dtype=float), 0)).to_numpy()
        told[:, stage[asked] == of] = left[:, None]
    return told


def losses(told, days, has_left, horizons):
    """For each horizon the squared distances, rows still in sight standing in for those out of it."""
    in_sight = KaplanMeierFitter().fit(days, ~has_left)
    weight_then = 1 / in_sight.predict(numpy.nextafter(days, 0)).to_numpy()
    all_losses = []
    for horizon, p in zip(horizons, told):
        left = has_left & (days < horizon)
        stayed = days >= horizon
        weight = numpy.where(left, weight_then, 0.0)
        weight[stayed] = 1 / in_sight.predict(numpy.nextafter(float(horizon), 0))
        all_losses.append(weight * (p - left) ** 2)
    return numpy.array(all_losses)


def resampled(owners, n_resamples):
    """For each resample how often each row counts: customers are drawn."""
    codes, unique = pandas.factorize(owners)
    draw = numpy.random.default_rng(1)
    for _ in range(n_resamples):
        yield numpy.bincount(draw.integers(0, len(unique), len(unique)), minlength=len(unique))[codes]


def main():
    given = arguments()
    ours = pandas.read_csv(given.ours)
    (definition,) = ours.definition.unique()
    split = pandas.Timestamp(given.split)
    rows, cells = read(given.rows, definition)
    asked = ((rows.as_of >= split) & (rows.first_at >= split)).to_numpy()
    horizons = sorted(ours.days.unique())
    teaches, days, has_left = taught(rows, split, definition, given.most_rows)
    then, left = rows[f"stayed_{definition}_days"].to_numpy()[asked], rows[f"left_{definition}"].astype(bool).to_numpy()[asked]

    ours.as_of = pandas.to_datetime(ours.as_of, format="ISO8601").dt.as_unit("us")
    ours = ours.set_index(["customer_key", "as_of"])
    keys = pandas.MultiIndex.from_arrays([rows.customer[asked], rows.as_of[asked]])
    told = {"ours": numpy.array([ours[ours.days == horizon].probability.reindex(keys) for horizon in horizons])}
    assert not numpy.isnan(told["ours"]).any(), "every row asked about has an answer of ours"
    took = {}
    for name, ask in {
        "kaplan_meier_of_stage": lambda: of_stage(rows, days, has_left, teaches, asked, horizons),
        "lightgbm_person_period": lambda: person_period(
            cells, days, has_left, teaches, asked, horizons, rows.customer.to_numpy()
        ),
        "survival_boost": lambda: survival_boost(
            cells, days, has_left, thinned(rows, teaches, given.boost_rows), asked, horizons
        ),
    }.items():
        if name in given.without:
            continue
        start = time.time()
        told[name] = ask()
        took[name] = time.time() - start

    of_row = {name: losses(p, then, left, horizons) for name, p in told.items()}
    owners = rows.customer.to_numpy()[asked]
    compared = numpy.random.default_rng(2).permutation(asked.sum())[: given.most_compared]

    def concordance(name, times=None):
        picked = compared if times is None else numpy.repeat(compared, times[compared])
        return concordance_index(then[picked], -told[name][-1][picked], left[picked])

    for name in told:
        briers = {f"{horizon:g}": of_row[name][at].mean() for at, horizon in enumerate(horizons)}
        line = {"learner": name, "rows": int(asked.sum()), "taught_rows": int(teaches.sum()), "brier": briers}
        line |= {"concordance": concordance(name), "seconds": took.get(name)}
        print(json.dumps(line), flush=True)
    differences = {name: [] for name in told if name != "ours"}
    for times in resampled(owners, given.resamples):
        mean = {name: (row * times).sum(axis=1) / times.sum() for name, row in of_row.items()}
        of_pairs = {name: concordance(name, times) for name in told}
        for name, found in differences.items():
            found.append([*(mean["ours"] - mean[name]), of_pairs["ours"] - of_pairs[name]])
    for name, found in differences.items():
        low, high = numpy.quantile(found, [0.025, 0.975], axis=0)
        whole = [*(of_row["ours"].mean(axis=1) - of_row[name].mean(axis=1)), concordance("ours") - concordance(name)]
        measured = [f"brier_{horizon:g}" for horizon in horizons] + ["concordance"]
        line = {"ours_less": name}
        line |= {what: [whole[at], low[at], high[at]] for at, what in enumerate(measured)}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
