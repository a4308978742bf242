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
# # Features, and the hunt for leaks
#
# A leak is a column that knows what came: too good to be true, and gone when it is needed.
# The folds see only events before a cut-off, so what can leak is what the data themselves carry:
# an attribute of the whole journey, a time that was written down later, a touchpoint that is itself the leaving.
# The features are read from the run folder, never made again; the test cut-off is left alone, for looking is choosing.

# %%
import json
import os
import pathlib
import tomllib

import matplotlib.pyplot as plt
import polars as pl

RUN = pathlib.Path(os.environ.get("PERCORSO_RUN", "../percorso-demo/run"))
TRAINING = RUN / "training"
features = pl.read_parquet(TRAINING / "features.parquet")
evaluation = json.loads((TRAINING / "evaluation.json").read_text())
journey = tomllib.loads((RUN / "ingest" / "journey.toml").read_text())
answered = [q for q in evaluation["questions"] if q["question"].startswith("churn/") and q["shipped"]]
# The definition that is told best; any other will do.
asked = max(answered, key=lambda question: question["learners"][-1]["measures"].get("auc", 0.0))
target = "churned_" + asked["question"].removeprefix("churn/")
test_at = pl.lit(evaluation["test_at"]).str.to_datetime(time_unit="us", time_zone="UTC")
rows = pl.read_parquet(TRAINING / "rows.parquet").filter(pl.col("as_of") < test_at, pl.col(target).is_not_null())
print(asked["asks"], f"{rows.height} rows before the test, {rows[target].mean():.3f} of them left")

# %% [markdown]
# ## Each feature alone
#
# Its AUC: of two rows, how often does the one that left have the higher (or always the lower) value?
# An empty cell counts as lowest, for that something is missing may tell as well.


# %%
def auc(rows: pl.DataFrame, name: str, target: str) -> float | None:
    """Of one column; below one half turned round."""
    ranks = rows.select(pl.col(name).cast(pl.Float64).fill_nan(None).fill_null(-1e300).rank("average").alias("rank"), target)
    left = ranks.filter(pl.col(target))
    n_left, n_stayed = left.height, ranks.height - left.height
    if n_left == 0 or n_stayed == 0:
        return None
    value = (left["rank"].sum() - n_left * (n_left + 1) / 2) / (n_left * n_stayed)
    return max(value, 1 - value)


def alone(rows: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Every column's AUC over all cut-offs, best first."""
    told = [{"name": name, "auc": auc(rows, name, target)} for name in names]
    return pl.DataFrame(told, schema={"name": pl.String, "auc": pl.Float64}).sort("auc", descending=True, nulls_last=True)


numbers = features.filter(pl.col("kind") == "number")["name"].to_list()
found = alone(rows, numbers).join(features.select("name", "family", "meaning"), on="name", maintain_order="left")
found.head(10)

# %%
best = found.drop_nulls("auc").head(15).reverse()
fig, ax = plt.subplots(figsize=(7, 5))
ax.barh(best["name"].to_list(), best["auc"].to_list(), color="#3b6ea5")
ax.set(xlim=(0.5, 1), xlabel=f"AUC of the feature alone, {asked['question']}", title="What tells most by itself")
fig.tight_layout()

# %% [markdown]
# ## Too good?
#
# A single column that tells nearly all, or more than the whole model does at the test, is a suspect.
# A hunt that never finds anything proves little, so a leak is planted first: the answer itself, wrong one time in fifty.

# %%
SURE = 0.97


def suspects(found: pl.DataFrame) -> list[str]:
    """Columns that tell more than a past can."""
    return found.filter(pl.col("auc") > SURE)["name"].to_list()


flipped = rows.with_row_index().with_columns((pl.col(target) ^ (pl.col("index") % 50 == 0)).cast(pl.Float64).alias("planted"))
assert suspects(alone(flipped, ["planted", numbers[0]])) == ["planted"], "the hunt finds a leak that is there"
suspects(found)

# %% [markdown]
# ## By cut-off
#
# A real cause tells about as much at every cut-off. One that grows or dies is a habit, a campaign, or a column filled in later.

# %%
top = [name for name in found["name"].head(4)]
fig, ax = plt.subplots(figsize=(7, 4))
for name in top:
    by_day = [(day, auc(of_day, name, target)) for (day,), of_day in rows.sort("as_of").group_by("as_of", maintain_order=True)]
    by_day = [(day, value) for day, value in by_day if value is not None]
    ax.plot([day for day, _ in by_day], [value for _, value in by_day], marker="o", label=name)
ax.set(ylabel="AUC of the feature alone", xlabel="cut-off", ylim=(0.4, 1), title="Does it tell as much on every day?")
ax.legend(fontsize=8)
fig.autofmt_xdate()

# %% [markdown]
# ## When was it known?
#
# An attribute that `journey.toml` does not call known at the start may have been written at the end.
# Sources with `known_at` are folded as they were known on the day; the manifest counts whom that concerned.

# %%
manifest = json.loads((RUN / "ingest" / "manifest.json").read_text())
print(manifest["n_backdated_customers"], "customers have an event that became known after it happened")
declared = [{"attribute": a["name"], "known at the start": a.get("known_at_start", False)} for a in journey.get("attribute", [])]
pl.DataFrame(declared or {"attribute": [], "known at the start": []})

# %%
told_by_attribute = found.filter(pl.col("family") == "attribute").drop_nulls("auc")
told_by_attribute.select("name", "auc", "meaning").head(10)
