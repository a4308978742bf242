"""How far what ships is from the truth of a made-up market, beside LightGBM on the same waits; and what intervals cover.

    pip install lightgbm==4.7.0 numpy pandas pyarrow
    percorso simulate --customers N --seed S --dir MARKET
    percorso ingest --journey MARKET/journey.toml --run RUN
    percorso train --run RUN
    percorso simulate --customers N --seed S --dir MARKET --truth-at TEST_AT --truth-days 1,4,7,14,21,30 --draws 400
    python truth.py MARKET RUN

TEST_AT is `test_at` of RUN/training/evaluation.json. Prints JSON lines: by day, the mean distance |told - true| of the
probability that each stage comes first, and of its square what is left when the noise of the drawn truth is taken off;
then for leaving within 30 days by tenth of the score, the mean probability, interval and truth.
"""

import hashlib
import hmac
import json
import pathlib
import sys
import tomllib

import lightgbm
import numpy
import pandas
import pyarrow.parquet

LEAVING = "churn/left_30d"
# As many rows as each of our two questions of waits may learn from.
MOST_ROWS = 60_000
OUTCOMES = {"customer_key", "as_of", "next_stage", "last_at", "until", "known_at", "cutoff"}
SETTINGS = {
    "objective": "multiclass",
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "num_threads": 2,
    "verbose": -1,
    "seed": 1,
}


def truths(market, run):
    truth = pandas.read_csv(market / "truth.csv")
    secret = bytes.fromhex((run / "customer.key").read_text().strip())
    key = {
        customer: hmac.new(secret, customer.encode(), hashlib.sha256).hexdigest()[:32]
        for customer in truth.customer_id.unique()
    }
    truth["customer_key"] = truth.customer_id.map(key)
    return truth.set_index(["days", "customer_key"])


def classes_of(run):
    stages = tomllib.loads((run / "ingest" / "journey.toml").read_text())["stages"]
    return [*stages["order"], stages["leaving"], "none"]


def peer(run, classes, test_at, days):
    """By day the probability of each class, of a LightGBM that sees every wait known by the test."""
    table = pyarrow.parquet.read_table(run / "training" / "waits.parquet")
    waits = table.to_pandas()
    waits["customer_key"] = [key.hex() for key in waits.customer_key]
    features = [name for name in table.schema.names if name not in OUTCOMES]
    cells = {}
    for name in features:
        if str(table.schema.field(name).type) == "uint64":
            cells[name] = pandas.Categorical(pandas.factorize(waits[name])[0])
        else:
            cells[name] = waits[name].astype("float32")
    length = (waits.until - waits.as_of).dt.total_seconds() / 86_400
    x = pandas.DataFrame(cells).assign(length=length)
    known = (waits.cutoff.isna() & (waits.known_at <= test_at)).to_numpy()
    asked = (waits.cutoff == test_at).to_numpy()
    y = waits.next_stage.map({name: at for at, name in enumerate(classes)}).to_numpy()
    if known.sum() > MOST_ROWS:
        known &= numpy.array([int(key[24:], 16) / 2**32 for key in waits.customer_key]) < MOST_ROWS / known.sum()
    held = numpy.array([int(key[16:24], 16) % 5 == 0 for key in waits.customer_key])
    settings = SETTINGS | {"num_class": len(classes)}
    train = lightgbm.Dataset(x[known & ~held], y[known & ~held])
    watched = lightgbm.Dataset(x[known & held], y[known & held], reference=train)
    stop = lightgbm.early_stopping(20, verbose=False)
    found = lightgbm.train(settings, train, 400, valid_sets=[watched], callbacks=[stop])
    model = lightgbm.train(settings, lightgbm.Dataset(x[known], y[known]), found.best_iteration)
    hazards = model.predict(x[asked])
    told = {day: {} for day in days}
    rows = waits[asked]
    begin = (rows.as_of - rows.cutoff).dt.total_seconds().to_numpy() / 86_400
    end = (rows.until - rows.cutoff).dt.total_seconds().to_numpy() / 86_400
    for day in days:
        exposed = (numpy.minimum(end, day) - numpy.maximum(begin, 0)).clip(0) / (end - begin)
        stays = hazards[:, -1] ** exposed
        share = hazards[:, :-1] / hazards[:, :-1].sum(axis=1, keepdims=True)
        by_customer = {}
        for key, passes, of_stage in zip(rows.customer_key, stays, share):
            survival, first = by_customer.get(key, (1.0, numpy.zeros(len(classes) - 1)))
            by_customer[key] = survival * passes, first + survival * (1 - passes) * of_stage
        told[day] = {key: numpy.append(first, survival) for key, (survival, first) in by_customer.items()}
    return told


def main():
    market, run = map(pathlib.Path, sys.argv[1:3])
    classes, truth = classes_of(run), truths(market, run)
    test_at = pandas.Timestamp(json.loads((run / "training" / "evaluation.json").read_text())["test_at"])
    said = pyarrow.parquet.read_table(run / "training" / "predictions.parquet").to_pandas()
    said["customer_key"] = [key.hex() for key in said.customer_key]
    said = said[(said.learner == "shipped") & (said.phase == "test")]
    days = sorted(truth.index.get_level_values("days").unique())
    by_day = {day: said[said.question == f"next-stage/by_{day}d"] for day in days}
    by_day = {day: rows for day, rows in by_day.items() if len(rows)}
    of_peer = peer(run, classes, test_at, list(by_day))
    columns = [f"first_{name}" for name in classes]
    for day, rows in by_day.items():
        true = truth.loc[day]
        rows = rows[rows.customer_key.isin(true.index)]
        true = true.loc[list(rows.customer_key), columns].to_numpy()
        ours = numpy.vstack(rows.probabilities)
        theirs = numpy.vstack([of_peer[day][key] for key in rows.customer_key])
        shares = numpy.tile(true.mean(axis=0), (len(true), 1))
        line = {"days": int(day), "customers": len(rows)}
        for name, told in {"ours": ours, "lightgbm": theirs, "true_shares": shares}.items():
            line[name] = {"distance": round(abs(told - true).mean(), 5), "square": round(((told - true) ** 2).mean(), 6)}
        print(json.dumps(line), flush=True)
    leaving = said[(said.question == LEAVING) & said.low.notna()]
    true = truth.loc[30].leaves
    leaving = leaving[leaving.customer_key.isin(true.index)]
    told = pandas.DataFrame(
        {
            "told": [p[1] for p in leaving.probabilities],
            "low": leaving.low,
            "high": leaving.high,
            "true": list(true.loc[list(leaving.customer_key)]),
        }
    )
    told["tenth"] = pandas.qcut(told.told.rank(method="first"), 10, labels=False)
    means = told.groupby("tenth")[["told", "low", "high", "true"]].mean()
    means["covered"] = (means.low <= means.true) & (means.true <= means.high)
    for tenth, row in means.iterrows():
        print(json.dumps({"tenth": int(tenth)} | {name: round(float(value), 4) for name, value in row.items()}))
    print(json.dumps({"covered": float(means.covered.mean()), "mean_width": round(float((told.high - told.low).mean()), 4)}))


if __name__ == "__main__":
    main()
