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
# # What comes next, and when
#
# Stages compete to come first. For every day, the shares told for each stage and for silence sum to one, and only grow.
# This notebook holds the predictions of the test against what came, by day, and reads the same of a customer's score.

# %%
import json
import os
import pathlib

import matplotlib.pyplot as plt
import polars as pl

RUN = pathlib.Path(os.environ.get("PERCORSO_RUN", "../percorso-demo/run"))
evaluation = json.loads((RUN / "training" / "evaluation.json").read_text())
question = next(q for q in evaluation["questions"] if q["question"] == "next-stage")
shipped = pl.scan_parquet(RUN / "training" / "predictions.parquet").filter(
    (pl.col("learner") == "shipped") & (pl.col("phase") == "test")
)
print(question["asks"], f"{question['n_test']} customers at {evaluation['test_at'][:10]}; ships {question['shipped']}")

# %% [markdown]
# ## By which day?
#
# The questions `next-stage/by_<days>d` hold, for each day of the grid, the probability that each stage has come first by then,
# and what had. Told beside come is the whole test of a curve.

# %%
by_day = (
    shipped.filter(pl.col("question").str.starts_with("next-stage/by_"))
    .with_columns(pl.col("question").str.extract(r"by_([\d.]+)d").cast(pl.Float64).alias("days"))
    .with_row_index("row")
    .explode("classes", "probabilities")
    .with_columns((pl.col("classes") == pl.col("label")).cast(pl.Float64).alias("came"))
    .group_by("days", "classes")
    .agg(pl.col("probabilities").mean().alias("told"), pl.col("came").mean())
    .sort("days", "classes")
    .collect()
)
sums = by_day.group_by("days").agg(pl.col("told").sum())
assert ((sums["told"] - 1).abs() < 1e-6).all(), "incidences and silence sum to one on every day"
by_day.filter(pl.col("days") == pl.col("days").max())

# %%
stages = by_day.filter(pl.col("days") == pl.col("days").max()).sort("came", descending=True)["classes"].to_list()
fig, ax = plt.subplots(figsize=(8, 5))
for at, stage in enumerate(stages):
    of_stage = by_day.filter(pl.col("classes") == stage)
    colour = f"C{at}"
    ax.plot(of_stage["days"].to_list(), of_stage["told"].to_list(), color=colour, label=stage)
    ax.plot(of_stage["days"].to_list(), of_stage["came"].to_list(), "o", color=colour, markersize=4)
ax.set(xlabel="days from the cut-off", ylabel="share of customers", title="What came first: told (lines) and come (dots)")
ax.legend(fontsize=8)
fig.tight_layout()

# %% [markdown]
# ## The likeliest, and the set that holds what comes
#
# The likeliest stage is right so often; a set of stages is told that holds what comes nine times in ten.

# %%
measured = question["learners"][-1]["measures"]
last = shipped.filter(pl.col("question") == "next-stage").collect()
hits = last.select((pl.col("probabilities").list.arg_max() == pl.col("label_idx")).mean()).item()
assert abs(hits - measured["accuracy"]) < 1e-9
print(f"the likeliest comes {hits:.3f} of the time")
trust = question["trust"]
if trust:
    print(f"sets of {trust['mean_size']:.1f} stages on average held what came {trust['realised']:.3f} of the time; {trust['stated']:.2f} is stated")

# %% [markdown]
# ## One customer now
#
# In `scores.parquet`, `incidence_<stage>` is a list with a probability for each of `incidence_days`.

# %%
scores = pl.read_parquet(RUN / "scores.parquet").sort("next_median_days", nulls_last=True)
soonest = scores.row(0, named=True)
fig, ax = plt.subplots(figsize=(8, 4))
told = {name.removeprefix("incidence_"): soonest[name] for name in scores.columns if name.startswith("incidence_") and name != "incidence_days"}
ax.stackplot(soonest["incidence_days"], list(told.values()), labels=list(told))
ax.set(xlabel="days from now", ylabel="probability", ylim=(0, 1), title="Who is due soonest: what has come first, by day")
ax.legend(fontsize=8, loc="lower right")
fig.tight_layout()

# %%
fig, ax = plt.subplots(figsize=(7, 3))
ax.hist(scores["next_median_days"].drop_nulls().to_list(), bins=30, color="#3b6ea5")
ax.set(xlabel="median days until anything comes", ylabel="customers", title="When")
fig.tight_layout()
