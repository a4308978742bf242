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
# # Calibration, and what a cut-off costs
#
# A probability is worth money when it means what it says: of those told 20 %, a fifth leave.
# Then the customers worth a contact are those whose probability × what is saved is more than the contact costs, and this
# notebook says how many those are, what acting on them earns, and how much a wrong threshold would lose.

# %%
import json
import os
import pathlib

import matplotlib.pyplot as plt
import polars as pl

RUN = pathlib.Path(os.environ.get("PERCORSO_RUN", "../percorso-demo/run"))
evaluation = json.loads((RUN / "training" / "evaluation.json").read_text())
answered = [q for q in evaluation["questions"] if q["question"].startswith("churn/") and q["shipped"]]
# The definition that is told best; any other will do.
asked = max(answered, key=lambda question: question["learners"][-1]["measures"].get("auc", 0.0))
told = (
    pl.read_parquet(RUN / "training" / "predictions.parquet")
    .filter((pl.col("question") == asked["question"]) & (pl.col("learner") == "shipped") & (pl.col("phase") == "test"))
    .select(pl.col("probabilities").list.get(1).alias("p"), (pl.col("label_idx") == 1).alias("left"), "low", "high")
)
assert told.height == asked["n_test"]
print(asked["asks"], f"{told.height} customers at {evaluation['test_at'][:10]}; ships {asked['shipped']}")

# %% [markdown]
# ## Does it mean what it says?
#
# Customers by rising probability, in ten groups of one size; the bars are 95 % intervals of a share (Wilson 1927).

# %%
Z = 1.959964
n, share = pl.col("n"), pl.col("left")
half = Z * ((share * (1 - share) + Z**2 / (4 * n)) / n).sqrt() / (1 + Z**2 / n)
middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
tenths = (
    told.with_columns(((pl.col("p").rank("ordinal") - 1) * 10 // pl.len()).alias("tenth"))
    .group_by("tenth")
    .agg(pl.len().alias("n"), pl.col("p").mean(), pl.col("left").mean())
    .sort("tenth")
    .with_columns((middle - half).clip(0, 1).alias("low"), (middle + half).clip(0, 1).alias("high"))
)
fig, ax = plt.subplots(figsize=(5, 5))
errors = [(tenths["left"] - tenths["low"]).clip(0).to_list(), (tenths["high"] - tenths["left"]).clip(0).to_list()]
ax.errorbar(tenths["p"].to_list(), tenths["left"].to_list(), yerr=errors, fmt="o", capsize=3, label="tenths of the customers")
top = max(tenths["p"].max(), tenths["high"].max()) * 1.05
ax.plot([0, top], [0, top], color="grey", linestyle="--", label="what is told")
ax.set(xlabel="probability told", ylabel="share who left", title=f"Reliability of {asked['question']}")
ax.legend()
tenths

# %%
gap = told["p"].mean() - told["left"].mean()
assert abs(gap - asked["learners"][-1]["measures"]["mean_gap"]) < 1e-9
print(f"told {told['p'].mean():.4f} on average, came {told['left'].mean():.4f}: {gap:+.4f}")

# %% [markdown]
# ## The cost of a cut-off
#
# Put your own numbers here: what one contact costs, what a customer who stays is worth, and how often a contact keeps one
# who would have left. Those three are beliefs; `uplift_and_policy` shows what a log of decisions says of them.

# %%
COST_OF_CONTACT = 5.0
VALUE_OF_CUSTOMER = 400.0
SHARE_SAVED = 0.15

SAVED = SHARE_SAVED * VALUE_OF_CUSTOMER
by_belief = COST_OF_CONTACT / SAVED
print(f"contact whoever is told more than {by_belief:.3f}: there one saved in {SAVED / COST_OF_CONTACT:.0f} leavers pays")

# %% [markdown]
# From the riskiest down: what contacting so many would have earned at the test, and what the probabilities said it would.

# %%
curve = (
    told.sort("p", descending=True)
    .with_columns(
        pl.int_range(1, pl.len() + 1).alias("contacted"),
        (SAVED * pl.col("left").cum_sum()).alias("came"),
        (SAVED * pl.col("p").cum_sum()).alias("said"),
    )
    .with_columns(
        (pl.col("came") - COST_OF_CONTACT * pl.col("contacted")).alias("came"),
        (pl.col("said") - COST_OF_CONTACT * pl.col("contacted")).alias("said"),
    )
)
n_contacted = (told["p"] > by_belief).sum()
fig, ax = plt.subplots(figsize=(7, 4))
ax.plot(curve["contacted"].to_list(), curve["came"].to_list(), label="as it came")
ax.plot(curve["contacted"].to_list(), curve["said"].to_list(), linestyle="--", label="as the probabilities said")
ax.axvline(n_contacted, color="grey", label=f"told more than {by_belief:.3f}")
ax.set(xlabel="customers contacted, riskiest first", ylabel="earned, costs taken off", title="What a cut-off earns")
ax.legend()
fig.tight_layout()

# %%
earned = curve.filter(pl.col("contacted") == max(n_contacted, 1))["came"].item() if n_contacted else 0.0
best = curve.sort("came", descending=True).row(0, named=True)
pl.DataFrame(
    {
        "policy": ["nobody", "everybody", f"told more than {by_belief:.3f}", "best in hindsight"],
        "contacted": [0, told.height, int(n_contacted), best["contacted"]],
        "earned": [0.0, curve["came"][-1], earned, max(best["came"], 0.0)],
    }
)

# %% [markdown]
# The last line knows what came, so nobody can have it; the distance to it is what chance and the model leave on the table.
