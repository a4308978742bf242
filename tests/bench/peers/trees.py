"""Our boosted trees beside LightGBM and forust-ml: time, memory and log loss, as tables.

    pip install lightgbm==4.7.0 numpy
    python trees.py [--matrices binary prefixes rows] [--runs 3] [--seed 7]

Builds the bench `trees`, writes the matrices to a temporary folder, runs the learners in turn, each in its own process,
and prints the best of the runs. The prefixes need the event logs of `../shared/data` and are skipped without them.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import matrices

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
LOG = "BPI_Challenge_2012_Complete"
MEASURES = ["fit_s", "predict_s", "single_us", "fit_mib"]
ROWS = [50_000, 200_000, 800_000]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--matrices", nargs="+", choices=["binary", "prefixes", "rows"])
    parser.add_argument("--runs", type=int, default=3, help="runs of each learner, of which the best counts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7, help="of the matrices of two classes")
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared/data", help="folder of real data")
    arguments = parser.parse_args()
    chosen = arguments.matrices or ["binary", "prefixes", "rows"]
    bench = build()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if "binary" in chosen:
            best_log_loss = matrices.write_binary(folder / "binary", 160_000, arguments.seed)
            learners = ["percorso", "lightgbm", "forust"]
            compare(arguments, bench, folder / "binary", 200, 31, learners, "Two classes, 160,000 x 40")
            print(f"The true probabilities have a log loss of {best_log_loss:.5f}.\n")
        if "prefixes" in chosen:
            logs = arguments.data / "process-logs"
            if logs.is_dir():
                matrices.write_prefixes(folder / "prefixes", f"{logs}/{LOG}.xes.gz", f"{logs}/folds/{LOG}.csv")
                compare(arguments, bench, folder / "prefixes", 100, 15, ["percorso", "lightgbm"], f"Prefixes of {LOG}")
            else:
                print(f"skipped: no real data (put the event logs at {logs})")
        if "rows" in chosen:
            for n_rows in ROWS:
                matrices.write_binary(folder / f"rows_{n_rows}", n_rows, arguments.seed)
                learners = ["percorso", "lightgbm"]
                compare(arguments, bench, folder / f"rows_{n_rows}", 50, 31, learners, f"Two classes, {n_rows:,} x 40")


def build():
    """Builds the bench `trees` and returns where its program is."""
    command = ["cargo", "bench", "--no-run", "-p", "percorso-learners", "--features", "fit", "--bench", "trees"]
    command += ["--message-format", "json-render-diagnostics"]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return next(message["executable"] for message in messages if message.get("executable"))


def compare(arguments, bench, folder, n_rounds, max_leaves, learners, title):
    """Runs the learners in turn and prints their table, ratios to LightGBM last."""
    load_before = os.getloadavg()[0]
    runs = {learner: [] for learner in learners}
    for _ in range(arguments.runs):
        for learner in learners:
            runs[learner].append(run(arguments, bench, learner, folder, n_rounds, max_leaves))
    best = {learner: best_of(runs[learner]) for learner in learners}
    print(f"{title}, {n_rounds} rounds x {max_leaves} leaves")
    row("learner", ["fit s", "predict s", "single us", "peak MiB", "log loss", "accuracy"])
    for learner, found in best.items():
        exact = [f"{found[name]:.5f}" for name in ("log_loss", "accuracy")]
        row(learner, [*(figure(found[name]) for name in MEASURES), *exact])
    ours, theirs = best["percorso"], best["lightgbm"]
    ratios = [ratio(ours[name], theirs[name]) for name in MEASURES]
    row("percorso/lightgbm", [*ratios, f"{ours['log_loss'] - theirs['log_loss']:+.5f}", ""])
    seconds = {learner: ", ".join(f"{one['fit_s']:.2f}" for one in runs[learner]) for learner in learners}
    fits = "; ".join(f"{learner} {found}" for learner, found in seconds.items())
    print(
        f"Best of {arguments.runs} runs in turn, {arguments.threads} threads, single rows on one; a call through "
        f"ctypes, which LightGBM's single row includes, takes {theirs['ctypes_us']:.2f} us. Fits took, in s: {fits}. "
        f"Load average {load_before:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores.\n",
        flush=True,
    )


def run(arguments, bench, learner, folder, n_rounds, max_leaves):
    n_threads = str(arguments.threads)
    command = [bench, learner, folder, str(n_rounds), str(max_leaves)]
    if learner == "lightgbm":
        command = [sys.executable, HERE / "lightgbm_run.py", folder, str(n_rounds), str(max_leaves), n_threads]
    # Threads of LightGBM that spin while they wait take ten times as long as soon as anything else runs.
    environment = os.environ | {"RAYON_NUM_THREADS": n_threads, "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def best_of(runs):
    """The least of each measure; what is learnt is the same every time."""
    best = dict(runs[0])
    for name in [*MEASURES, "ctypes_us"]:
        found = [one[name] for one in runs if one.get(name) is not None]
        best[name] = min(found) if found else None
    return best


def row(name, cells):
    print(f"{name:18}" + "".join(f"{cell:>11}" for cell in cells))


def figure(value):
    return "-" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def ratio(ours, theirs):
    return "-" if ours is None or theirs is None else f"{ours / theirs:.2f}"


if __name__ == "__main__":
    main()
