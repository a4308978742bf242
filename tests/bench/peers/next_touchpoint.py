"""LightGBM on the next touchpoint of every prefix: the protocol and columns of `percorso benchmark next-touchpoint`.

    pip install lightgbm==4.7.0 numpy
    python next_touchpoint.py LOG FOLDS [--rounds 100] [--threads 2]

`LOG` is `.xes` or `.xes.gz`; `FOLDS` a CSV with the columns `case_id` and `fold`. The end of a case is a class and is
scored. Prints a JSON line for each fold and one for their mean.

The settings are LightGBM's own but for two, without which it diverges on rare classes: `lambda_l2` is 1, and every row
starts from the logarithms of the class shares.
"""

import argparse
import json
import time

import lightgbm
import numpy

import event_log


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log")
    parser.add_argument("folds")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    prefixes = event_log.prefixes(arguments.log, arguments.folds)
    measured = []
    for fold in numpy.unique(prefixes.folds):
        measured.append(run_fold(prefixes, prefixes.folds != fold, arguments))
        print(json.dumps({"learner": "lightgbm", "fold": int(fold), **rounded(measured[-1])}), flush=True)
    mean = {name: sum(one[name] for one in measured) / len(measured) for name in measured[0]}
    print(json.dumps({"learner": "lightgbm", "n_folds": len(measured), **rounded(mean)}))


def run_fold(prefixes, known, arguments):
    """Learns from the known rows and measures on the others."""
    cells, cardinalities = prefixes.encoded(known)
    labels = prefixes.labels
    # Half a row for every class: one that training lacks has a share above 0.
    shares = numpy.bincount(labels[known], minlength=prefixes.n_classes) + 0.5
    start = numpy.log(shares / shares.sum())
    settings = {
        "objective": "multiclass",
        "num_class": prefixes.n_classes,
        "lambda_l2": 1.0,
        "num_threads": arguments.threads,
        "verbose": -1,
    }
    began = time.perf_counter()
    dataset = lightgbm.Dataset(
        cells[known],
        labels[known],
        init_score=numpy.tile(start, (known.sum(), 1)),
        categorical_feature=sorted(cardinalities),
    )
    booster = lightgbm.train(settings, dataset, arguments.rounds)
    fit_s = time.perf_counter() - began

    margins = booster.predict(cells[~known], raw_score=True) + start
    margins -= margins.max(axis=1, keepdims=True)
    asked = labels[~known]
    log_losses = numpy.log(numpy.exp(margins).sum(axis=1)) - margins[numpy.arange(len(asked)), asked]
    return {
        "accuracy": float((margins.argmax(axis=1) == asked).mean()),
        "log_loss": float(log_losses.mean()),
        "fit_s": fit_s,
    }


def rounded(measures):
    return {name: round(value, 5) for name, value in measures.items()}


if __name__ == "__main__":
    main()
