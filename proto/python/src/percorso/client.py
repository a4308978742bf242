"""The service's calls as methods: ids, times and text in, messages of percorso.v1 out."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from percorso.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    decisions_pb2,
    decisions_pb2_grpc,
    event_pb2,
    journeys_pb2,
    journeys_pb2_grpc,
    scoring_pb2,
    scoring_pb2_grpc,
)

Moment = datetime.datetime | str | None
"""A time: a datetime (UTC where it names no zone), RFC 3339, or None for the service's now."""

_SERVICES = ("Scoring", "Journeys", "Decisions", "Accounts")
_RETRY = {
    "methodConfig": [
        {
            "name": [{"service": f"percorso.v1.{name}"} for name in _SERVICES],
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


def moment(at: Moment) -> Timestamp | None:
    """The time as the wire has it; None stays None."""
    if at is None:
        return None
    told = Timestamp()
    if isinstance(at, str):
        told.FromJsonString(at)
    else:
        told.FromDatetime(at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc))
    return told


def event(
    touchpoint: str,
    at: Moment,
    *,
    event_id: str | None = None,
    attributes: Mapping[str, float | str | bool | datetime.datetime] | None = None,
    **fields: str | float | None,
) -> event_pb2.Event:
    """An event: `fields` are those of percorso.v1.Event, such as channel, value and decision_id.

    Without an `event_id` it gets one, so that it may be sent again and still counts once.
    """
    told = event_pb2.Event(touchpoint=touchpoint, at=moment(at), event_id=event_id or str(uuid.uuid4()), **fields)
    for name, value in (attributes or {}).items():
        if isinstance(value, bool):
            told.attributes[name].flag = value
        elif isinstance(value, datetime.datetime):
            told.attributes[name].timestamp.CopyFrom(moment(value))
        elif isinstance(value, str):
            told.attributes[name].category = value
        else:
            told.attributes[name].number = value
    return told


class Percorso:
    """A connection to a service; close it, or use it in a `with`.

    `scoring`, `journeys`, `decisions` and `accounts` are the generated stubs, for whatever has no method here.
    Calls raise grpc.RpcError, whose `details()` name the field at fault.
    """

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        options = [("grpc.service_config", json.dumps(_RETRY))]
        if credentials is None:
            self.channel = grpc.insecure_channel(address, options=options)
        else:
            self.channel = grpc.secure_channel(address, credentials, options=options)
        self.scoring = scoring_pb2_grpc.ScoringStub(self.channel)
        self.journeys = journeys_pb2_grpc.JourneysStub(self.channel)
        self.decisions = decisions_pb2_grpc.DecisionsStub(self.channel)
        self.accounts = accounts_pb2_grpc.AccountsStub(self.channel)

    def __enter__(self) -> Percorso:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self.channel.close()

    def score(
        self, customer_id: str, *, as_of: Moment = None, top_reasons: int = 0, language: str = ""
    ) -> scoring_pb2.ScoreReply:
        """Whether they leave, by each definition, and what comes next, from the events that the service keeps."""
        return self.scoring.Score(
            scoring_pb2.ScoreRequest(
                customer_id=customer_id, as_of=moment(as_of), top_reasons=top_reasons, language=language
            )
        )

    def score_journey(
        self, events: Iterable[event_pb2.Event], *, as_of: Moment = None, top_reasons: int = 0, language: str = ""
    ) -> scoring_pb2.ScoreReply:
        """The same of a journey given in full, of which nothing is kept."""
        return self.scoring.Score(
            scoring_pb2.ScoreRequest(
                journey=scoring_pb2.InlineJourney(events=events),
                as_of=moment(as_of),
                top_reasons=top_reasons,
                language=language,
            )
        )

    def recommend(
        self,
        customer_id: str,
        *,
        request_id: str | None = None,
        channels: Sequence[str] = (),
        dry_run: bool = False,
        as_of: Moment = None,
    ) -> decisions_pb2.Recommendation:
        """What to do now, decided and logged, so that its contact counts; with `dry_run` only told.

        The same `request_id` is the same decision however often it is asked; without one it gets one of its own.
        """
        if request_id is None:
            request_id = "" if dry_run else str(uuid.uuid4())
        return self.decisions.Recommend(
            decisions_pb2.RecommendRequest(
                request_id=request_id, customer_id=customer_id, channels=channels, dry_run=dry_run, as_of=moment(as_of)
            )
        )

    def record_response(self, decision_id: str, kind: str, *, reason: str = "", at: Moment = None) -> bool:
        """Tells what came of a decision: presented, accepted, rejected, ignored or executed; False when it was known."""
        number = decisions_pb2.ResponseKind.Value(f"RESPONSE_KIND_{kind.upper()}")
        request = decisions_pb2.RecordResponseRequest(decision_id=decision_id, kind=number, reason=reason, at=moment(at))
        return self.decisions.RecordResponse(request).is_new

    def send_events(self, events: Iterable[tuple[str, event_pb2.Event]]) -> list[str]:
        """Sends events by customer id; each outcome is accepted, duplicate or too_late.

        What is accepted is durable, and seen by the next score.
        """
        sent = [journeys_pb2.CustomerEvent(customer_id=customer_id, event=event) for customer_id, event in events]
        reply = self.journeys.IngestEvents(journeys_pb2.IngestEventsRequest(events=sent))
        names = (journeys_pb2.EventOutcome.Name(outcome) for outcome in reply.outcomes)
        return [name.removeprefix("EVENT_OUTCOME_").lower() for name in names]

    def churn_risks(
        self, *, owner: str = "", stage: str = "", order: str = "gain", page_size: int = 100
    ) -> Iterator[accounts_pb2.CustomerRisk]:
        """Everyone, page by page: whom acting saves most for first, or by chance, value or act_by."""
        request = accounts_pb2.ListChurnRisksRequest(
            owner=owner,
            stage=stage,
            order=accounts_pb2.RiskOrder.Value(f"RISK_ORDER_{order.upper()}"),
            page_size=page_size,
        )
        while True:
            page = self.accounts.ListChurnRisks(request)
            yield from page.customers
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token
