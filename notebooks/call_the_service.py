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
# Needs `pip install grpcio grpcio-tools` and a running `percorso serve`; no generated code is kept.
#
# As a script: `python notebooks/call_the_service.py 127.0.0.1:50051 proto C000042 --as-of 2026-01-01T00:00:00Z`.
# It prints one JSON object a line.
# In a notebook, set `ARGUMENTS` below to the same words.
# The event it sends and the decision it asks for stay in the store.

# %%
import argparse
import datetime
import importlib
import json
import pathlib
import sys
import tempfile
import uuid

import grpc
import grpc_tools
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_tools import protoc

ARGUMENTS = None if "ipykernel" not in sys.modules else ["127.0.0.1:50051", "proto", "C000042"]

parser = argparse.ArgumentParser(description="Scores a customer, sends an event, scores again, and asks what to do.")
parser.add_argument("address", help="where the service listens, such as 127.0.0.1:50051")
parser.add_argument("proto_dir", help="the folder that holds percorso/v1/*.proto")
parser.add_argument("customer_id", help="a customer of the data that were loaded")
parser.add_argument("--as-of", help="events before this point count, RFC 3339; default: the server's now")
parser.add_argument("--touchpoint", default="complaint", help="the touchpoint of the event that is sent")
parser.add_argument(
    "--journey",
    default="site_visit,purchase,complaint",
    help="the touchpoints of the journey scored inline, 40, 38 and 2 days before the cut-off",
)
given = parser.parse_args(ARGUMENTS)


# %% [markdown]
# ## The messages, from the `.proto` files

# %%
def compiled(proto_dir):
    """The generated modules, by name, made in a folder that is then forgotten."""
    with tempfile.TemporaryDirectory() as folder:
        files = [str(path) for path in sorted(pathlib.Path(proto_dir, "percorso", "v1").glob("*.proto"))]
        well_known = str(pathlib.Path(grpc_tools.__file__).parent / "_proto")
        words = ["protoc", f"-I{proto_dir}", f"-I{well_known}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
        if protoc.main(words + files) != 0:
            sys.exit("the .proto files do not compile")
        sys.path.insert(0, folder)
        try:
            services = ["scoring", "journeys", "decisions"]
            names = ["event_pb2"] + [f"{name}_{kind}" for name in services for kind in ("pb2", "pb2_grpc")]
            return {name: importlib.import_module(f"percorso.v1.{name}") for name in names}
        finally:
            sys.path.remove(folder)


globals().update(compiled(given.proto_dir))

# %% [markdown]
# ## A channel that tries again
#
# Every call is safe to repeat: scoring changes nothing, the same `event_id` is the same event, and the same `request_id` is the
# same decision.

# %%
RETRY = {
    "methodConfig": [
        {
            "name": [{"service": f"percorso.v1.{name}"} for name in ("Scoring", "Journeys", "Decisions")],
            "timeout": "5s",
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
channel = grpc.insecure_channel(given.address, options=[("grpc.service_config", json.dumps(RETRY))])
scoring = scoring_pb2_grpc.ScoringStub(channel)
journeys = journeys_pb2_grpc.JourneysStub(channel)
decisions = decisions_pb2_grpc.DecisionsStub(channel)


def moment(text):
    """A protobuf timestamp from RFC 3339."""
    at = Timestamp()
    at.FromJsonString(text)
    return at


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


as_of = moment(given.as_of) if given.as_of else None

# %% [markdown]
# ## By id: from the events that the service keeps

# %%
before = told(
    "by_id",
    scoring.Score(scoring_pb2.ScoreRequest(customer_id=given.customer_id, as_of=as_of, top_reasons=3)),
)

# %% [markdown]
# ## Inline: a journey given in full, of which nothing is kept

# %%
# The service says what time it is for it.
last = moment(before["as_of"]).ToDatetime()


def days_before(days, touchpoint, **fields):
    """An event some days before the cut-off."""
    at = Timestamp()
    at.FromDatetime(last - datetime.timedelta(days=days))
    return event_pb2.Event(at=at, touchpoint=touchpoint, **fields)


journey = scoring_pb2.InlineJourney(
    events=[
        days_before(days, touchpoint, channel="web", value=49.0 if touchpoint == "purchase" else None)
        for days, touchpoint in zip([40, 38, 2], given.journey.split(","), strict=True)
    ]
)
told("inline", scoring.Score(scoring_pb2.ScoreRequest(journey=journey, as_of=as_of)))

# %% [markdown]
# ## An event: durable when the service replies, and seen by the next score

# %%
event = days_before(1 / 24, given.touchpoint, channel="phone", event_id=f"call-{uuid.uuid4()}")
sent = journeys_pb2.IngestEventsRequest(
    events=[journeys_pb2.CustomerEvent(customer_id=given.customer_id, event=event)],
)
outcomes = [journeys_pb2.EventOutcome.Name(outcome) for outcome in journeys.IngestEvents(sent).outcomes]
again = [journeys_pb2.EventOutcome.Name(outcome) for outcome in journeys.IngestEvents(sent).outcomes]
print(json.dumps({"step": "ingest", "outcomes": outcomes, "sent_again": again}))

# %%
after = told(
    "by_id_again",
    scoring.Score(scoring_pb2.ScoreRequest(customer_id=given.customer_id, as_of=as_of, top_reasons=3)),
)
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


dry = decisions_pb2.RecommendRequest(customer_id=given.customer_id, dry_run=True, as_of=as_of)
decided("would_decide", decisions.Recommend(dry))
request = decisions_pb2.RecommendRequest(request_id=f"ask-{uuid.uuid4()}", customer_id=given.customer_id)
decision = decided("decide", decisions.Recommend(request))
print(json.dumps({"step": "asked_again", "is_same": decisions.Recommend(request) == decision}))

# %% [markdown]
# ## What came of it, how it came about, and the proof that it would come out the same

# %%
response = decisions_pb2.RecordResponseRequest(
    decision_id=decision.decision_id, kind=decisions_pb2.RESPONSE_KIND_REJECTED, reason="asked not to be written to"
)
print(json.dumps({"step": "respond", "is_new": decisions.RecordResponse(response).is_new}))
explanation = decisions.ExplainDecision(decisions_pb2.ExplainDecisionRequest(decision_id=decision.decision_id))
line = {
    "step": "explain",
    "scores": dict(explanation.scores),
    "n_contacts_before": len(explanation.contacts),
    "responses": [response.reason for response in explanation.responses],
}
print(json.dumps(line))
replay = decisions.ReplayDecision(decisions_pb2.ReplayDecisionRequest(decision_id=decision.decision_id))
print(json.dumps({"step": "replay", "is_same": replay.is_same, "n_bytes": len(replay.logged)}))

# %% [markdown]
# ## What a mistake looks like

# %%
try:
    nowhere = event_pb2.Event(at=event.at, touchpoint="nowhere", event_id="e1")
    journeys.IngestEvents(
        journeys_pb2.IngestEventsRequest(
            events=[journeys_pb2.CustomerEvent(customer_id=given.customer_id, event=nowhere)]
        )
    )
except grpc.RpcError as error:
    print(json.dumps({"step": "mistake", "code": error.code().name, "message": error.details()}))
