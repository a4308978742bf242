"""Fits and predicts one matrix with LightGBM and prints what it took as JSON, as the bench `trees` does for ours.

    pip install lightgbm==4.7.0 numpy
    python lightgbm_run.py FOLDER ROUNDS LEAVES THREADS

`trees.py` writes the folder and runs this in its own process, so that the peak of the memory is LightGBM's alone.
"""

import argparse
import ctypes
import json
import pathlib
import time

import lightgbm
import numpy

MAX_SINGLE_ROWS = 10_000
N_CALLS_FOR_OVERHEAD = 100_000
# Of LightGBM's c_api.h.
C_API_DTYPE_FLOAT32 = 0
C_API_PREDICT_NORMAL = 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("rounds", type=int)
    parser.add_argument("leaves", type=int)
    parser.add_argument("threads", type=int)
    arguments = parser.parse_args()
    train_x, train_y = read(arguments.folder, "train")
    test_x, test_y = read(arguments.folder, "test")
    settings = settings_of(int(train_y.max()) + 1, arguments.leaves, arguments.threads)
    categories = category_columns(arguments.folder)

    before_mib = reset_peak_mib()
    start = time.perf_counter()
    dataset = lightgbm.Dataset(train_x, train_y, categorical_feature=categories, params=settings)
    booster = lightgbm.train(settings, dataset, arguments.rounds)
    fit_s = time.perf_counter() - start
    fit_mib = None if before_mib is None else status_mib("VmHWM:") - before_mib

    start = time.perf_counter()
    p = booster.predict(test_x, num_threads=arguments.threads)
    predict_s = time.perf_counter() - start
    single_us, overhead_us = single_row_us(booster, test_x[:MAX_SINGLE_ROWS])
    if p.ndim == 1:
        p = numpy.stack([1 - p, p], axis=1)
    of_what_came = p[numpy.arange(len(test_y)), test_y]
    print(
        json.dumps(
            {
                "learner": "lightgbm",
                "fit_s": round(fit_s, 4),
                "predict_s": round(predict_s, 5),
                "single_us": round(single_us, 3),
                "log_loss": round(float(-numpy.log(numpy.maximum(of_what_came, 1e-15)).mean()), 5),
                "accuracy": round(float((p.argmax(axis=1) == test_y).mean()), 5),
                "fit_mib": None if fit_mib is None else round(fit_mib, 1),
                "ctypes_us": round(overhead_us, 3),
            }
        )
    )


def settings_of(n_classes, max_leaves, n_threads):
    """The settings that ours has by default, the rest as LightGBM has it."""
    settings = {
        "objective": "binary" if n_classes == 2 else "multiclass",
        "num_leaves": max_leaves,
        "learning_rate": 0.1,
        "lambda_l2": 1.0,
        "min_data_in_leaf": 20,
        "min_sum_hessian_in_leaf": 1e-3,
        "max_bin": 255,
        "num_threads": n_threads,
        "verbose": -1,
    }
    return settings if n_classes == 2 else settings | {"num_class": n_classes}


def read(folder, part):
    y = numpy.fromfile(folder / f"{part}_y.u32", numpy.uint32)
    x = numpy.fromfile(folder / f"{part}_x.f32", numpy.float32)
    return x.reshape(len(y), -1), y


def category_columns(folder):
    lines = (folder / "columns.txt").read_text().splitlines()
    return [column for column, line in enumerate(lines) if "\tcategory " in line]


def reset_peak_mib():
    """What is held now, which becomes the peak; None where the system does not let us."""
    try:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return status_mib("VmRSS:")


def status_mib(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def single_row_us(booster, rows):
    """The time of one row through the C call made for single rows, and of a C call that does next to nothing.

    The loop is Python's and the call ctypes'; nothing is subtracted.
    """
    library = lightgbm.basic._LIB
    n_outputs = ctypes.c_int64()
    out = (ctypes.c_double * booster.num_model_per_iteration())()
    fast_config = ctypes.c_void_p()
    check(
        library,
        library.LGBM_BoosterPredictForMatSingleRowFastInit(
            booster._handle,
            ctypes.c_int(C_API_PREDICT_NORMAL),
            ctypes.c_int(0),
            ctypes.c_int(-1),
            ctypes.c_int(C_API_DTYPE_FLOAT32),
            ctypes.c_int32(rows.shape[1]),
            ctypes.c_char_p(b"num_threads=1"),
            ctypes.byref(fast_config),
        ),
    )
    rows = numpy.ascontiguousarray(rows)
    pointers = [ctypes.c_void_p(rows.ctypes.data + at * rows.strides[0]) for at in range(len(rows))]
    n_outputs_at = ctypes.byref(n_outputs)
    predict = library.LGBM_BoosterPredictForMatSingleRowFast
    start = time.perf_counter()
    for pointer in pointers:
        predict(fast_config, pointer, n_outputs_at, out)
    single_us = (time.perf_counter() - start) * 1e6 / len(rows)
    check(library, predict(fast_config, pointers[0], n_outputs_at, out))
    if not numpy.allclose(out[:], booster.predict(rows[:1])[0]):
        raise SystemExit("the C call for single rows does not predict what the booster does")
    library.LGBM_FastConfigFree(fast_config)

    n_threads = ctypes.c_int()
    n_threads_at = ctypes.byref(n_threads)
    start = time.perf_counter()
    for _ in range(N_CALLS_FOR_OVERHEAD):
        library.LGBM_GetMaxThreads(n_threads_at)
    overhead_us = (time.perf_counter() - start) * 1e6 / N_CALLS_FOR_OVERHEAD
    return single_us, overhead_us


def check(library, code):
    if code != 0:
        library.LGBM_GetLastError.restype = ctypes.c_char_p
        raise SystemExit(library.LGBM_GetLastError().decode())


if __name__ == "__main__":
    main()
