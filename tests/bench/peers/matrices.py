"""The matrices that `trees.py` compares learners on, as files that the bench `trees` and `lightgbm_run.py` read.

A folder holds `train_x.f32` and `test_x.f32` (row-major, little-endian), `train_y.u32` and `test_y.u32`, and
`columns.txt` with a line for each column: its name, a tab, and `number` or `category` and the number of codes.
"""

import pathlib

import numpy

import event_log

N_COLUMNS = 40
N_TEST_ROWS = 40_000
MISSING_SHARE = 0.03


def write_binary(folder: pathlib.Path, n_train_rows: int, seed: int) -> float:
    """Writes two classes by 40 numbers, of which 26 matter, and returns the log loss of the true probabilities on the
    test rows. They know the cells that are then hidden, so no learner reaches it but by luck.

    Two columns matter only together: which learner splits on them early is chance, so log losses differ by seed.
    """
    random = numpy.random.default_rng(seed)
    # The test rows come first, so that they are the same for every number of training rows.
    test_x, test_y, truth = _binary(random, N_TEST_ROWS)
    train_x, train_y, _ = _binary(random, n_train_rows)
    columns = [f"number_{column}\tnumber" for column in range(N_COLUMNS)]
    _write(folder, columns, (train_x, train_y), (test_x, test_y))
    return float(-numpy.log(numpy.where(test_y == 1, truth, 1 - truth)).mean())


def _binary(random, n_rows):
    x = random.normal(size=(n_rows, N_COLUMNS)).astype(numpy.float32)
    x[:, 5:10] = numpy.exp(x[:, 5:10])
    x[:, 10:15] = numpy.floor(3 * numpy.abs(x[:, 10:15]))
    margin = (
        1.2 * numpy.sin(1.5 * x[:, 0])
        + 0.8 * x[:, 1] * x[:, 2]
        + 0.7 * (x[:, 3] > 0.5)
        - 0.6 * numpy.log(x[:, 5])
        + 0.3 * x[:, 10] * (x[:, 4] > 0)
        - 0.5 * numpy.abs(x[:, 15])
        + 0.2 * x[:, 16:26].sum(axis=1)
        - 0.3
    )
    truth = 1 / (1 + numpy.exp(-margin.astype(float)))
    y = (random.random(n_rows) < truth).astype(numpy.uint32)
    x[random.random(x.shape) < MISSING_SHARE] = numpy.nan
    return x, y, truth


def write_prefixes(folder: pathlib.Path, log_path: str, folds_path: str) -> None:
    """Writes the prefixes of a log: fold 0 for the test, the others for training, categories as codes."""
    prefixes = event_log.prefixes(log_path, folds_path)
    known = prefixes.folds != 0
    cells, cardinalities = prefixes.encoded(known)
    columns = [
        f"{name}\tcategory {cardinalities[column]}" if column in cardinalities else f"{name}\tnumber"
        for column, name in enumerate(prefixes.names)
    ]
    _write(folder, columns, (cells[known], prefixes.labels[known]), (cells[~known], prefixes.labels[~known]))


def _write(folder, columns, train, test):
    folder.mkdir(parents=True)
    (folder / "columns.txt").write_text("\n".join(columns) + "\n")
    for part, (x, y) in (("train", train), ("test", test)):
        x.astype("<f4").tofile(folder / f"{part}_x.f32")
        y.astype("<u4").tofile(folder / f"{part}_y.u32")
