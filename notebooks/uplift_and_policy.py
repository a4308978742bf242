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
# # Whom an action moves, and what a policy is worth
#
# An action is worth what it changes, not what follows it: whoever would have bought anyway is no success.
# The log of decisions says with what chance each action was chosen (the propensity), and that is what lets a log of one
# policy tell of another: a decision counts as often as the other policy would have made it, over the chance that there was.
# The run folder holds what training learnt of that; this notebook reads it, and says how far to trust it.

# %%
import json
import os
import pathlib
import tomllib

import matplotlib.pyplot as plt
import polars as pl

RUN = pathlib.Path(os.environ.get("PERCORSO_RUN", "../percorso-demo/run"))
evaluation = json.loads((RUN / "training" / "evaluation.json").read_text())
journey = tomllib.loads((RUN / "ingest" / "journey.toml").read_text())
actions = evaluation["actions"]
assert actions, "this run has no log of decisions; `percorso demo` makes one"
print(f"{actions['n_taught']} decisions taught, {actions['n_judged']} later ones judge")

# %% [markdown]
# ## The log
#
# `action` is the place in journey.toml, empty where nothing was done. Everyone needs a chance of everything: an action whose
# propensity is near 0 somewhere says little there, and where it is 0 nothing can be said.

# %%
names = {at: action["name"] for at, action in enumerate(journey.get("action", []))}
log = pl.read_parquet(RUN / "ingest" / "decisions.parquet").with_columns(
    pl.col("action").cast(pl.Int64).replace_strict(names, default="nothing", return_dtype=pl.String).alias("done")
)
log.group_by("done").agg(
    pl.len().alias("times"), pl.col("propensity").min().alias("least chance"), pl.col("propensity").mean().alias("mean chance")
).sort("times", descending=True)

# %% [markdown]
# Weighted by one over its chance, each action stands for everyone once: the weights of an action have to sum to the number of
# decisions, up to chance. Where they do not, the propensities are not what was done.

# %%
support = log.group_by("done").agg((1 / pl.col("propensity")).sum().alias("stands for")).with_columns(
    (pl.col("stands for") / log.height).alias("of all decisions")
)
support.sort("done")

# %% [markdown]
# ## What each action brings in, on average
#
# More than doing nothing, in money, over the window of `[decisions]`, with 95 % intervals over customers.

# %%
fig, ax = plt.subplots(figsize=(7, 1 + 0.6 * len(actions["actions"])))
for at, action in enumerate(actions["actions"]):
    value, low, high = action["effect"]
    ax.errorbar([value], [at], xerr=[[value - low], [high - value]], fmt="o", capsize=4, color="#3b6ea5")
ax.axvline(0, color="grey", linestyle="--")
ax.set(
    yticks=range(len(actions["actions"])),
    yticklabels=[action["action"] for action in actions["actions"]],
    xlabel="brings in more than nothing, a decision",
    title="Mean effects",
)
ax.margins(y=0.3)
fig.tight_layout()
pl.DataFrame(
    [{"action": a["action"], "times": a["n"], "effect": a["effect"][0], "low": a["effect"][1], "high": a["effect"][2], "Qini": (a["qini"] or [None])[0]} for a in actions["actions"]]
)

# %% [markdown]
# ## What a policy would have earned
#
# Doubly robust: what a model expects, mended by what came, weighted. Judged on decisions after the test cut-off.
# A policy is better for sure only where its interval lies beyond the other's value; that is what `percorso policy promote` asks.

# %%
policies = pl.DataFrame(
    [{"policy": p["policy"], "value": p["value"][0], "low": p["value"][1], "high": p["value"][2]} for p in actions["policies"]],
    schema={"policy": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64},
)
if policies.height:
    fig, ax = plt.subplots(figsize=(7, 1 + 0.5 * policies.height))
    middle = policies["value"].to_list()
    errors = [(policies["value"] - policies["low"]).to_list(), (policies["high"] - policies["value"]).to_list()]
    ax.errorbar(middle, range(len(middle)), xerr=errors, fmt="o", capsize=4, color="#3b6ea5")
    ax.set(yticks=range(len(middle)), yticklabels=policies["policy"].to_list(), xlabel="earned, a decision", title="Policies")
    ax.margins(y=0.2)
    fig.tight_layout()
print(f"{actions['ess']:.0f} decisions tell of the best action for each")
for why in actions["thin"]:
    print("too thin to tell:", why)
policies

# %% [markdown]
# ## What is recommended now
#
# `scores.parquet` tells an action only where it is expected to gain, and says on what evidence.

# %%
scores = pl.read_parquet(RUN / "scores.parquet")
recommended = scores.with_columns(pl.col("next_action").fill_null("nothing")).group_by("next_action", "next_action_evidence")
recommended.agg(pl.len().alias("customers"), pl.col("next_action_gain").mean().alias("mean gain")).sort("customers", descending=True)

# %%
dropped = scores.select(pl.col("next_action_dropped").alias("what must not be done, and why")).explode("what must not be done, and why").drop_nulls()
dropped.to_series().value_counts(sort=True).head(10)
