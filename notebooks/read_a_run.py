# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Reading a run
#
# A run folder is plain files: Parquet, JSON and TOML. This notebook opens each with polars, and DuckDB and pandas beside it.
# Then it makes the headline numbers of `percorso evaluate` again from the predictions alone, and holds them to 1e-9.
#
# `PERCORSO_RUN` names the run folder; without it, it is the one that `percorso demo` makes in the project's root.

# %%
import json
import math
import os
import pathlib

import duckdb
import pandas
import polars as pl

RUN = pathlib.Path(os.environ.get("PERCORSO_RUN", "../percorso-demo/run"))
TRAINING = RUN / "training"

# %% [markdown]
# ## What is there
#
# | file | a row is |
# | --- | --- |
# | `training/features.parquet` | a feature: name, family, unit, what it means, what an empty cell means |
# | `training/categories.parquet` | what a number in a column of categories stands for |
# | `training/rows.parquet` | a customer as of a cut-off: features, then what came of it |
# | `training/predictions.parquet` | what a learner said of a customer at a cut-off, before the test or at it |
# | `scores.parquet` | a customer now |

# %%
features = pl.read_parquet(TRAINING / "features.parquet")
categories = pl.read_parquet(TRAINING / "categories.parquet")
rows = pl.read_parquet(TRAINING / "rows.parquet")
predictions = pl.read_parquet(TRAINING / "predictions.parquet")
scores = pl.read_parquet(RUN / "scores.parquet")
evaluation = json.loads((TRAINING / "evaluation.json").read_text())
print(evaluation["protocol"])
features.group_by("family", maintain_order=True).agg(pl.len().alias("features"), pl.col("name").first().alias("such as"))

# %% [markdown]
# Times are times in UTC, keys are 16 bytes, flags are flags; only a category is a number, and `categories` says of what.

# %%
assert rows.schema["as_of"] == pl.Datetime("us", "UTC")
names = dict(categories.filter(pl.col("feature") == "stage_current").select("id", "label").iter_rows())
rows.select(pl.col("stage_current").replace_strict(names, default=None, return_dtype=pl.String).alias("stage")).to_series().value_counts(sort=True)

# %% [markdown]
# DuckDB and pandas see the same.

# %%
by_cutoff = f"select as_of, count(*) as customers from '{TRAINING / 'rows.parquet'}' group by as_of order by as_of"
in_duckdb = duckdb.sql(by_cutoff).pl()
in_pandas = pandas.read_parquet(TRAINING / "rows.parquet", columns=["customer_key", "as_of"])
assert in_duckdb["customers"].sum() == len(in_pandas) == rows.height
assert str(in_pandas["as_of"].dtype).endswith("UTC]")
rows.group_by("as_of").len().sort("as_of")

# %% [markdown]
# ## One headline number, made again
#
# At the test cut-off, `label_idx` is what came and `probabilities` what was said of each of `classes`.
# The log loss is the mean of −ln of what was said of what came, held within 1e-6 of 0 and 1.
# The AUC is how often, of two customers, the one who left was told the higher probability; ties count half.


# %%
def log_loss(told: pl.DataFrame) -> float:
    """Of two classes, from the probability of the second."""
    p = pl.col("probabilities").list.get(1).clip(1e-6, 1 - 1e-6)
    return told.select(-pl.when(pl.col("label_idx") == 1).then(p.log()).otherwise((-p).log1p()).mean()).item()


def auc(told: pl.DataFrame) -> float:
    """By ranks (Mann and Whitney 1947)."""
    ranked = told.select(pl.col("probabilities").list.get(1).rank("average").alias("rank"), "label_idx")
    left = ranked.filter(pl.col("label_idx") == 1)
    n_left, n_stayed = left.height, ranked.height - left.height
    if n_left == 0 or n_stayed == 0:
        return math.nan
    return (left["rank"].sum() - n_left * (n_left + 1) / 2) / (n_left * n_stayed)


shipped = predictions.filter((pl.col("learner") == "shipped") & (pl.col("phase") == "test"))
again = []
for question in evaluation["questions"]:
    if not question["question"].startswith("churn/") or not question["shipped"]:
        continue
    measured = question["learners"][-1]["measures"]
    told = shipped.filter(pl.col("question") == question["question"])
    assert told.height == question["n_test"]
    assert abs(log_loss(told) - measured["log_loss"]) < 1e-9
    assert ("auc" not in measured) or abs(auc(told) - measured["auc"]) < 1e-9
    again.append({"question": question["question"], "customers": told.height, "log loss": log_loss(told), "AUC": auc(told)})
assert again, "no churn question was answered"
pl.DataFrame(again)

# %% [markdown]
# They are the ones that `percorso evaluate` prints, to the ninth digit.
# The next stage has more classes, and its loss is made the same way, from the place of what came.

# %%
p_came = pl.col("probabilities").list.get(pl.col("label_idx")).clip(1e-6, None)
loss = shipped.filter(pl.col("question") == "next-stage").select(-p_came.log().mean()).item()
measured = evaluation["questions"][-1]["learners"][-1]["measures"]["log_loss"]
assert abs(loss - measured) < 1e-9
loss, measured
