"""Writes contributions.json: trees of LightGBM, rows, and what LightGBM says each column contributed (pred_contrib).

Run once with `pip install lightgbm==4.7.0 numpy`; the test in `src/trees/shap.rs` reads the file.
"""

import json
import pathlib

import lightgbm
import numpy

random = numpy.random.default_rng(5)
n_rows = 3000
cells = random.normal(size=(n_rows, 6)).astype(numpy.float32)
cells[:, 4] = random.integers(0, 9, n_rows)
cells[:, 5] = random.integers(0, 3, n_rows)
score = cells[:, 0] * cells[:, 1] + numpy.where(numpy.isin(cells[:, 4], [1, 4, 7]), 1.0, -0.5) + 0.3 * cells[:, 2]
cells[random.random((n_rows, 6)) < 0.08] = numpy.nan
label = (random.random(n_rows) < 1 / (1 + numpy.exp(-score))).astype(int)

settings = {
    "objective": "binary",
    "num_leaves": 12,
    "learning_rate": 0.3,
    "min_data_in_leaf": 15,
    "max_cat_to_onehot": 2,
    "min_data_per_group": 20,
    "cat_smooth": 1,
    "verbose": -1,
    "num_threads": 1,
    "deterministic": True,
}
data = lightgbm.Dataset(cells, label, categorical_feature=[4, 5])
booster = lightgbm.train(settings, data, 8)


def node(found):
    if "leaf_value" in found:
        return {"value": found["leaf_value"], "weight": found["leaf_count"]}
    split = {
        "column": found["split_feature"],
        "missing_left": found["default_left"],
        "weight": found["internal_count"],
        "left": node(found["left_child"]),
        "right": node(found["right_child"]),
    }
    if found["decision_type"] == "==":
        split["codes"] = [int(code) for code in found["threshold"].split("||")]
    else:
        split["threshold"] = found["threshold"]
    return split


rows = cells[:60]
contributions = booster.predict(rows, pred_contrib=True)
out = {
    "lightgbm": lightgbm.__version__,
    "trees": [node(tree["tree_structure"]) for tree in booster.dump_model()["tree_info"]],
    "rows": [[None if numpy.isnan(cell) else float(cell) for cell in row] for row in rows],
    "contributions": [[float(part) for part in row] for row in contributions],
}
pathlib.Path(__file__).with_name("contributions.json").write_text(json.dumps(out))
