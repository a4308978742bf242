"""Peers for churn on Online Retail II, and how sure it is that ours is better: at the test and at six earlier origins.

    pip install lightgbm==4.7.0 scikit-learn pandas pyarrow
    python churn.py [--predictions FILE.csv] [--ours FILE.csv]

The peers are LightGBM and logistic regression on signed logarithms, on 38 features at 15 cut-offs every 30 days whose
labels were known; the mean of their log-odds is the stack. `--predictions` writes what each says of each customer.
`--ours` reads a CSV with the columns `as_of` (RFC 3339), `customer_id`, `label` (1 who left, 0 who did not) and
`probability` (of leaving), and prints the mean difference of log loss, ours minus the stack's, with an interval of 95 %
from resampling customers: over the test, and over the six origins together.
"""

import argparse
import json
import pathlib

import lightgbm
import numpy
import pandas
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import shop

ROOT = pathlib.Path(__file__).resolve().parents[3]
PEERS = ["lightgbm", "logistic", "stack"]
N_RESAMPLES = 2_000
N_ROUNDS = 200
LIGHTGBM_SETTINGS = {
    "objective": "binary",
    "learning_rate": 0.03,
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "lambda_l2": 1.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "num_threads": 2,
    "seed": 1,
    "deterministic": True,
    "verbose": -1,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared/data", help="folder of real data")
    parser.add_argument("--predictions", type=pathlib.Path, help="where to write the peers' predictions")
    parser.add_argument("--ours", type=pathlib.Path, help="our predictions, to be compared with the stack's")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder = arguments.data / "online-retail"
    if not folder.is_dir():
        return print(f"skipped: no real data (put UCI Online Retail II at {folder} as Parquet)")
    the_shop = shop.read(folder)
    asked_at = {as_of: shop.asked(the_shop, as_of) for as_of in cutoffs_and_questions(the_shop)}
    tables = [peers_at(the_shop, asked_at, as_of) for as_of in [the_shop.test_at, *the_shop.origins()]]
    predictions = pandas.concat(tables, ignore_index=True)
    if arguments.predictions:
        predictions.to_csv(arguments.predictions, index=False)
    if arguments.ours:
        compare(the_shop, predictions, ours(arguments.ours), arguments.seed)


def cutoffs_and_questions(the_shop):
    return {the_shop.test_at, *the_shop.origins(), *the_shop.known_cutoffs(the_shop.test_at)}


def peers_at(the_shop, asked_at, as_of):
    """The peers' predictions for everyone asked at `as_of`, learnt from the cut-offs known by then; prints measures."""
    cutoffs = the_shop.known_cutoffs(as_of)
    train = pandas.concat([asked_at[cutoff][0] for cutoff in cutoffs])
    train_left = numpy.concatenate([asked_at[cutoff][1] for cutoff in cutoffs])
    test, left = asked_at[as_of]

    booster = lightgbm.train(LIGHTGBM_SETTINGS, lightgbm.Dataset(train, train_left), N_ROUNDS)
    logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000)).fit(signed_logs(train), train_left)
    log_odds = {
        "lightgbm": booster.predict(test, raw_score=True),
        "logistic": logistic.decision_function(signed_logs(test)),
    }
    log_odds["stack"] = (log_odds["lightgbm"] + log_odds["logistic"]) / 2
    table = pandas.DataFrame({"as_of": as_of, "customer_id": test.index, "label": left})
    for peer in PEERS:
        table[peer] = 1 / (1 + numpy.exp(-log_odds[peer]))
        about = {"as_of": f"{as_of:%Y-%m-%dT%H:%M}", "n_cutoffs": len(cutoffs), "n_features": train.shape[1]}
        print(json.dumps({"learner": peer, **about, **measures(left, table[peer])}), flush=True)
    return table


def signed_logs(features):
    """`sign(x) ln(1 + |x|)`; a missing cell is 0, and three more columns say who has no gap, one gap, no return."""
    logs = numpy.sign(features) * numpy.log1p(features.abs())
    may_miss = ["gap_mean_days", "gap_deviation_days", "return_recency_days"]
    is_missing = features[may_miss].isna().astype(float).add_prefix("no_")
    return pandas.concat([logs.fillna(0.0), is_missing], axis=1)


def measures(left, p):
    return {
        "n": len(left),
        "rate": round(float(left.mean()), 4),
        "auc": round(float(roc_auc_score(left, p)), 4),
        "average_precision": round(float(average_precision_score(left, p)), 4),
        "log_loss": round(float(log_losses(left, p).mean()), 4),
        "brier": round(float(((p - left) ** 2).mean()), 4),
    }


def log_losses(left, p):
    return -numpy.log(numpy.where(left == 1, p, 1 - p).clip(1e-15))


def ours(path):
    """Our predictions, with times and customers written as the peers' are."""
    table = pandas.read_csv(path, dtype={"customer_id": str})
    missing = {"as_of", "customer_id", "label", "probability"} - set(table.columns)
    if missing:
        names = ", ".join(sorted(missing))
        raise SystemExit(f"{path}: no column {names}, expected as_of, customer_id, label, probability")
    wrong = table.index[~table["label"].isin([0, 1]) | ~table["probability"].between(0, 1)]
    if len(wrong):
        raise SystemExit(f"{path}: line {wrong[0] + 2}: expected a label of 0 or 1 and a probability from 0 to 1")
    table["as_of"] = pandas.to_datetime(table["as_of"], utc=True)
    doubled = table.index[table.duplicated(["as_of", "customer_id"])]
    if len(doubled):
        raise SystemExit(f"{path}: line {doubled[0] + 2}: its customer has another prediction of the same as_of")
    return table


def compare(the_shop, predictions, table, seed):
    """Prints how much lower our log loss is than the stack's, customers resampled together."""
    both = predictions.merge(table, on=["as_of", "customer_id"], suffixes=("", "_of_ours"))
    differs = both["label"] != both["label_of_ours"]
    if differs.any():
        one = both[differs].iloc[0]
        raise SystemExit(
            f"{differs.sum()} labels differ, first customer {one['customer_id']} at {one['as_of']}: "
            f"{one['label_of_ours']} in the file, {one['label']} by the protocol"
        )
    both["difference"] = log_losses(both["label"], both["probability"]) - log_losses(both["label"], both["stack"])
    is_test = both["as_of"] == the_shop.test_at
    for name, rows, asked in (
        ("test", both[is_test], (predictions["as_of"] == the_shop.test_at).sum()),
        ("origins", both[~is_test], (predictions["as_of"] != the_shop.test_at).sum()),
    ):
        if rows.empty:
            print(json.dumps({"compared": name, "n": 0, "n_asked": int(asked)}))
            continue
        low, high = interval(rows["difference"], rows["customer_id"], seed)
        print(
            json.dumps(
                {
                    "compared": name,
                    "n": len(rows),
                    "n_asked": int(asked),
                    "log_loss_ours": round(float(log_losses(rows["label"], rows["probability"]).mean()), 4),
                    "log_loss_stack": round(float(log_losses(rows["label"], rows["stack"]).mean()), 4),
                    "difference": round(float(rows["difference"].mean()), 5),
                    "low_95": round(low, 5),
                    "high_95": round(high, 5),
                }
            )
        )


def interval(differences, customers, seed):
    """The 2.5 % and 97.5 % quantiles of the mean difference when customers are drawn again, each with all its rows."""
    by_customer = differences.groupby(customers).agg(["sum", "size"])
    random = numpy.random.default_rng(seed)
    n_customers = len(by_customer)
    means = numpy.empty(N_RESAMPLES)
    for resample in range(N_RESAMPLES):
        drawn = random.integers(0, n_customers, n_customers)
        sums, sizes = by_customer["sum"].to_numpy()[drawn], by_customer["size"].to_numpy()[drawn]
        means[resample] = sums.sum() / sizes.sum()
    return tuple(float(quantile) for quantile in numpy.quantile(means, [0.025, 0.975]))


if __name__ == "__main__":
    main()
