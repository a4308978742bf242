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
# # Calling the service from Python
#
# Scores a customer by id and inline, sends an event and shows that the score moved, asks what to do and tells what came of it.
# Needs `pip install ./proto/python` (from the project's root) and a running `percorso serve`.
#
# As a script: `python notebooks/call_the_service.py 127.0.0.1:50051 C000001 --as-of 2026-01-01T00:00:00Z`.
# It prints one JSON object a line.
# As a notebook it takes the same words from `PERCORSO_CALL`.
# The event it sends and the decision it asks for stay in the store.

# %%
import argparse
import datetime
import json
import os
import sys
import uuid

import grpc
from percorso import Percorso, event
from percorso.v1 import decisions_pb2

WORDS = os.environ.get("PERCORSO_CALL", "127.0.0.1:50051 C000001").split() if "ipykernel" in sys.modules else None

parser = argparse.ArgumentParser(description="Scores a customer, sends an event, scores again, and asks what to do.")
parser.add_argument("address", help="where the service listens, such as 127.0.0.1:50051")
parser.add_argument("customer_id", help="a customer of the data that were loaded")
parser.add_argument("--as-of", help="events before this point count, RFC 3339; default: the server's now")
parser.add_argument("--touchpoint", default="complaint", help="the touchpoint of the event that is sent")
parser.add_argument(
    "--journey",
    default="site_visit,purchase,complaint",
    help="the touchpoints of the journey scored inline, 40, 38 and 2 days before the cut-off",
)
given = parser.parse_args(WORDS)

# %% [markdown]
# ## A connection
#
# Every call is safe to repeat, and the client repeats it while the service is unavailable: scoring changes nothing, the same
# `event_id` is the same event, and the same `request_id` is the same decision.

# %%
service = Percorso(given.address)


def told(step, reply):
    """Prints a reply as one line of JSON, and gives it back."""
    churn = [
        {
            "definition": score.definition,
            "horizon_days": score.horizon_days,
            "probability": score.probability,
            "low": score.low,
            "high": score.high,
            "is_enough_data": score.is_enough_data,
            "reasons": [reason.text for reason in score.reasons],
        }
        for score in reply.churn
    ]
    line = {
        "step": step,
        "as_of": reply.as_of.ToJsonString(),
        "model_version": reply.model_version,
        "n_events": reply.n_events,
        "churn": churn,
        "next_stage": {stage.stage: stage.probability for stage in reply.next_stage.stages},
    }
    print(json.dumps(line))
    return line


# %% [markdown]
# ## By id: from the events that the service keeps

# %%
before = told("by_id", service.score(given.customer_id, as_of=given.as_of, top_reasons=3))

# %% [markdown]
# ## Inline: a journey given in full, of which nothing is kept

# %%
# The service says what time it is for it.
last = datetime.datetime.fromisoformat(before["as_of"].replace("Z", "+00:00"))


def days_before(days, touchpoint, **fields):
    """An event some days before the cut-off."""
    return event(touchpoint, last - datetime.timedelta(days=days), **fields)


journey = [
    days_before(days, touchpoint, channel="web", value=49.0 if touchpoint == "purchase" else None)
    for days, touchpoint in zip([40, 38, 2], given.journey.split(","), strict=True)
]
told("inline", service.score_journey(journey, as_of=given.as_of))

# %% [markdown]
# ## An event: durable when the service replies, and seen by the next score

# %%
call = days_before(1 / 24, given.touchpoint, channel="phone", event_id=f"call-{uuid.uuid4()}")
outcomes = service.send_events([(given.customer_id, call)])
again = service.send_events([(given.customer_id, call)])
print(json.dumps({"step": "ingest", "outcomes": outcomes, "sent_again": again}))

# %%
after = told("by_id_again", service.score(given.customer_id, as_of=given.as_of, top_reasons=3))
moved = before["churn"] != after["churn"] or before["next_stage"] != after["next_stage"]
print(json.dumps({"step": "moved", "moved": moved}))

# %% [markdown]
# ## What to do: first only asked, then decided and logged, so that its contact counts


# %%
def decided(step, reply):
    """Prints what is recommended as one line of JSON, and gives it back."""
    line = {
        "step": step,
        "decision_id": reply.decision_id,
        "action": reply.action,
        "gain": reply.gain,
        "propensity": reply.propensity,
        "act_by": reply.act_by.ToJsonString() if reply.HasField("act_by") else None,
        "policy": decisions_pb2.Policy.Name(reply.policy),
        "options": {option.action: option.gain for option in reply.options},
        "dropped": {dropped.action: dropped.why for dropped in reply.dropped},
    }
    print(json.dumps(line))
    return reply


decided("would_decide", service.recommend(given.customer_id, dry_run=True, as_of=given.as_of))
request_id = f"ask-{uuid.uuid4()}"
decision = decided("decide", service.recommend(given.customer_id, request_id=request_id))
is_same = service.recommend(given.customer_id, request_id=request_id) == decision
print(json.dumps({"step": "asked_again", "is_same": is_same}))

# %% [markdown]
# ## What came of it, how it came about, and the proof that it would come out the same

# %%
is_new = service.record_response(decision.decision_id, "rejected", reason="asked not to be written to")
print(json.dumps({"step": "respond", "is_new": is_new}))
asked = decisions_pb2.ExplainDecisionRequest(decision_id=decision.decision_id)
explanation = service.decisions.ExplainDecision(asked)
line = {
    "step": "explain",
    "scores": dict(explanation.scores),
    "n_contacts_before": len(explanation.contacts),
    "responses": [response.reason for response in explanation.responses],
}
print(json.dumps(line))
replay = service.decisions.ReplayDecision(decisions_pb2.ReplayDecisionRequest(decision_id=decision.decision_id))
print(json.dumps({"step": "replay", "is_same": replay.is_same, "n_bytes": len(replay.logged)}))

# %% [markdown]
# ## Whom to look after first
#
# The list of the account managers' page; it is empty until everyone has been ranked for the first time.

# %%
try:
    first = next(service.churn_risks(page_size=10), None)
    whom = first and {"customer": first.customer_key, "action": first.action, "gain": first.gain}
except grpc.RpcError as error:
    whom = error.details()
print(json.dumps({"step": "risks", "first": whom}))

# %% [markdown]
# ## What a mistake looks like

# %%
try:
    service.send_events([(given.customer_id, event("nowhere", last))])
except grpc.RpcError as error:
    print(json.dumps({"step": "mistake", "code": error.code().name, "message": error.details()}))

# %%
service.close()
