"""Whether intervals of leaving hold the true mean, of customers the model never saw, by tenth of the score.

    pip install numpy pandas pyarrow
    percorso simulate --customers 6000 --seed 999 --dir FRESH --truth-at TIME --draws 200
    percorso ingest --journey FRESH/journey.toml --run FRESH_RUN
    (a model of another market, promoted: copy its run's models/ to FRESH_RUN/models)
    percorso score --run FRESH_RUN --as-of TIME --reveal --output scores.parquet
    python coverage.py FRESH/truth.csv scores.parquet

An interval speaks of the mean of everyone with a score, so it is asked of thousands, however few the model learnt from.
Prints JSON lines: by tenth the mean prediction, interval and truth; then the share of tenths covered.
"""

import json
import sys

import pandas

LEAVING = "churn_left_30d"


def main():
    truth = pandas.read_csv(sys.argv[1])
    truth = truth[truth.days == 30].set_index("customer_id").leaves
    scores = pandas.read_parquet(sys.argv[2]).set_index("customer_id")
    scores = scores[scores[LEAVING].notna() & scores.index.isin(truth.index)]
    told = scores[[LEAVING, f"{LEAVING}_low", f"{LEAVING}_high"]].set_axis(["told", "low", "high"], axis=1)
    told["true"] = truth.loc[told.index]
    told["tenth"] = pandas.qcut(told.told.rank(method="first"), 10, labels=False)
    means = told.groupby("tenth").mean()
    means["covered"] = (means.low <= means.true) & (means.true <= means.high)
    for tenth, row in means.iterrows():
        print(json.dumps({"tenth": int(tenth)} | {name: round(float(value), 4) for name, value in row.items()}))
    enough = told.high - told.low <= 0.3
    print(json.dumps({
        "customers": len(told),
        "covered": float(means.covered.mean()),
        "mean_width": round(float((told.high - told.low).mean()), 4),
        "enough_data": round(float(enough.mean()), 4),
        "distance": round(float((told.told - told.true).abs().mean()), 4),
    }))


if __name__ == "__main__":
    main()
