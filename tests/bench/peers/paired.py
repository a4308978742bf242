"""How sure it is that one of our own answers is better than another, on the same customers at the same cut-offs.

    percorso benchmark churn --journey ONE.toml --before 6 --predictions one.csv
    percorso benchmark churn --journey OTHER.toml --before 6 --predictions other.csv
    python paired.py one.csv other.csv --question churn/inactive_90d

Prints a JSON line for the test cut-off, for those before it and for all: mean log losses, and the difference, one less
other, with an interval of 95 % from resampling customers.
"""

import argparse
import json

import pandas

from churn import interval, log_losses


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("one")
    parser.add_argument("other")
    parser.add_argument("--question", required=True)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    one, other = (read(path, given.question) for path in (given.one, given.other))
    both = one.merge(other, on=["as_of", "customer_id"], suffixes=("_one", "_other"), validate="one_to_one")
    if len(both) != len(one) or len(both) != len(other) or (both.label_one != both.label_other).any():
        raise SystemExit("the files do not tell of the same customers at the same cut-offs")
    losses = {name: log_losses(both.label_one, both[f"probability_{name}"]) for name in ("one", "other")}
    both = both.assign(**losses, difference=losses["one"] - losses["other"])
    is_test = both.as_of == both.as_of.max()
    for name, rows in (("test", both[is_test]), ("before", both[~is_test]), ("all", both)):
        if rows.empty:
            continue
        low, high = interval(rows.difference, rows.customer_id, given.seed)
        told = {"compared": name, "n": len(rows), "one": rows.one.mean(), "other": rows.other.mean()}
        print(json.dumps({**told, "difference": rows.difference.mean(), "low_95": low, "high_95": high}))


def read(path, question):
    said = pandas.read_csv(path, dtype={"customer_id": str})
    said = said[said.question == question]
    if said.empty:
        raise SystemExit(f"{path}: no answers to {question}")
    return said


if __name__ == "__main__":
    main()
