"""LightGBM beside us on the made-up market: how far decisions are from the best ones, by how many customers taught them.

    pip install lightgbm==4.7.0 numpy pandas
    cargo bench -p percorso-bench --bench regret -- --export DIR
    python regret.py DIR

The peer is a T-learner (Künzel et al. 2019): one LightGBM regression of the whole reward for each arm, on the rows that
taught us, categories as such; it takes the arm whose expected reward less its cost is highest. Each `SEED-SIZE` of DIR is
learnt and judged on the same decisions and the same truth as ours. Prints a JSON line for each, then for each size the mean
regret of all, and by pairs of the same seed how far ours is below the peer's, with intervals of 95 % (Student's t).
"""

import argparse
import json
import math
import pathlib

import lightgbm
import numpy
import pandas

COSTS = [0.0, 3.0, 1.0]
# As the T-learner of uplift.py.
SETTINGS = {
    "objective": "regression",
    "learning_rate": 0.05,
    "num_leaves": 7,
    "deterministic": True,
    "verbose": -1,
    "seed": 1,
}
N_ROUNDS = 100


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--drop-rows", action="store_true", help="delete the matrices of a market once it is judged")
    given = parser.parse_args()
    told = given.folder / "lightgbm.jsonl"
    lines = told.read_text().splitlines() if told.exists() else []
    for market in sorted(given.folder.glob("*-*/taught_x.f32")):
        seed, customers = map(int, market.parent.name.split("-"))
        line = {"seed": seed, "customers": customers, "lightgbm_t": regret(market.parent, given.threads)}
        lines.append(json.dumps(line))
        print(lines[-1], flush=True)
        if given.drop_rows:
            for rows in market.parent.iterdir():
                rows.unlink()
            market.parent.rmdir()
    told.write_text("\n".join(lines) + "\n")
    summary(given.folder, [json.loads(line) for line in lines])


def regret(folder, n_threads):
    columns = [line.split("\t") for line in (folder / "columns.txt").read_text().splitlines()]
    categories = [at for at, (_, kind) in enumerate(columns) if kind.startswith("category")]
    taught_x, judged_x = (cells(folder / name, len(columns)) for name in ("taught_x.f32", "judged_x.f32"))
    taught, worth = pandas.read_csv(folder / "taught.csv"), pandas.read_csv(folder / "worth.csv")
    settings = {**SETTINGS, "num_threads": n_threads}
    gains = []
    for arm, cost in enumerate(COSTS):
        rows = (taught.arm == arm).to_numpy()
        data = lightgbm.Dataset(taught_x[rows], taught.reward[rows], categorical_feature=categories)
        gains.append(lightgbm.train(settings, data, N_ROUNDS).predict(judged_x, num_threads=n_threads) - cost)
    chosen = numpy.argmax(gains, axis=0)
    of_arms = worth[["nothing", "discount", "advice"]].to_numpy()
    return worth.best[0] - of_arms[numpy.arange(len(chosen)), chosen].mean()


def cells(path, n_columns):
    return numpy.fromfile(path, "<f4").reshape(-1, n_columns)


def summary(folder, lines):
    ours = pandas.read_csv(folder / "regret.csv", names=["seed", "customers", "policy", "regret"])
    ours = ours.drop_duplicates(["seed", "customers", "policy"], keep="last")
    table = ours.pivot(index=["seed", "customers"], columns="policy", values="regret")
    peer = pandas.DataFrame(lines).drop_duplicates(["seed", "customers"], keep="last")
    table = table.join(peer.set_index(["seed", "customers"]), how="inner")
    sizes = sorted(table.index.unique("customers"))
    for size in sizes:
        of_size = table.xs(size, level="customers")
        means = {name: told(of_size[name]) for name in of_size.columns}
        below = told(of_size["lightgbm_t"] - of_size["ours"])
        print(json.dumps({"customers": size, "seeds": len(of_size), **means, "ours_below_lightgbm_t": below}))
    for fewer, more in zip(sizes, sizes[1:]):
        falls = {
            name: told((table[name].xs(fewer, level="customers") - table[name].xs(more, level="customers")).dropna())
            for name in ("ours", "lightgbm_t")
        }
        print(json.dumps({"from": fewer, "to": more, **{f"{name}_falls_by": fall for name, fall in falls.items()}}))


def told(numbers):
    """The mean and half of its interval of 95 %."""
    n = len(numbers)
    if n < 2:
        return [round(float(numpy.mean(numbers)), 3), None]
    half = student(n - 1) * numbers.std(ddof=1) / math.sqrt(n)
    return [round(float(numbers.mean()), 3), round(float(half), 3)]


def student(freedom):
    """The 97.5 % quantile of Student's t."""
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))


if __name__ == "__main__":
    main()
