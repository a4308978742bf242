"""Event logs as prefixes: every prefix of every case, what may be looked at, and what came next.

The columns are those that `pipeline/src/benchmark/next_touchpoint.rs` allows, computed in the same way; so are the
categories that a learner is told: values that at least 5 cases of training had, at most 64 a column, the rest "other".
"""

import csv
import dataclasses
import datetime
import gzip
import math
import xml.etree.ElementTree as ElementTree

import numpy

N_LAST_TOUCHPOINTS = 8
N_LAST_RESOURCES = 3
N_LAST_GAPS = 3
MIN_CASES_PER_VALUE = 5
MAX_VALUES = 64
DAY_SECONDS = 86_400


@dataclasses.dataclass
class Prefixes:
    """All prefixes of a log, in file order."""

    names: list[str]
    """The name of each column."""
    categories: list[int]
    """Which columns hold numbered texts instead of quantities."""
    cells: numpy.ndarray
    """A row for each prefix, NaN where a cell is missing."""
    labels: numpy.ndarray
    """The touchpoint that came next, the last number being the end of the case."""
    cases: numpy.ndarray
    """The case of each prefix."""
    folds: numpy.ndarray
    """The fold of each prefix."""
    n_classes: int

    def encoded(self, known: numpy.ndarray) -> tuple[numpy.ndarray, dict[int, int]]:
        """All cells as float32 with codes for categories as the known rows have them, and how many codes each
        category column has."""
        cells = self.cells.astype(numpy.float32)
        cardinalities = {}
        for column in self.categories:
            values = self.cells[:, column]
            is_there = ~numpy.isnan(values)
            pairs = numpy.unique(numpy.stack([values, self.cases], axis=1)[known & is_there], axis=0)
            found, n_cases = numpy.unique(pairs[:, 0], return_counts=True)
            most_frequent_first = numpy.argsort(-n_cases, kind="stable")
            kept = [found[at] for at in most_frequent_first if n_cases[at] >= MIN_CASES_PER_VALUE][:MAX_VALUES]
            code_of_value = {value: code for code, value in enumerate(kept)}
            codes = [code_of_value.get(value, len(kept)) for value in values[is_there]]
            cells[is_there, column] = codes
            cardinalities[column] = len(kept) + 1
        return cells, cardinalities


def prefixes(log_path: str, folds_path: str) -> Prefixes:
    """Every prefix of every case of the log; the end of a case is a class."""
    fold_of_case = _folds(folds_path)
    cases = list(_cases(log_path))
    touchpoints = sorted({event["concept:name"] for _, events in cases for event in events})
    number_of_touchpoint = {name: number for number, name in enumerate(touchpoints)}
    number_of_text: dict[str, int] = {}
    rows, labels, case_numbers, folds = [], [], [], []
    for case, (attributes, events) in enumerate(cases):
        name = attributes["concept:name"]
        if name not in fold_of_case:
            raise SystemExit(f"{folds_path}: case `{name}` of {log_path} has no fold")
        steps = [number_of_touchpoint[event["concept:name"]] for event in events]
        rows.extend(_rows(attributes, events, steps, len(touchpoints), number_of_text))
        labels.extend(steps[1:] + [len(touchpoints)])
        case_numbers.extend([case] * len(events))
        folds.extend([fold_of_case[name]] * len(events))
    names, categories = _columns(touchpoints)
    return Prefixes(
        names=names,
        categories=categories,
        cells=numpy.array(rows),
        labels=numpy.array(labels, dtype=numpy.uint32),
        cases=numpy.array(case_numbers),
        folds=numpy.array(folds),
        n_classes=len(touchpoints) + 1,
    )


def _columns(touchpoints: list[str]) -> tuple[list[str], list[int]]:
    categories = [f"last_touchpoint_{place + 1}" for place in range(N_LAST_TOUCHPOINTS)]
    categories += [f"attribute_resource_at_event_{place + 1}" for place in range(N_LAST_RESOURCES)]
    categories += ["attribute_lifecycle_at_event_1"]
    numbers = [f"last_gap_{place + 1}_days" for place in range(N_LAST_GAPS)]
    numbers += ["touchpoint_run", "touchpoints_distinct", "events_n", "tenure_days"]
    numbers += ["hour_sine", "hour_cosine", "weekday_sine", "weekday_cosine"]
    numbers += ["attribute_amount_requested", "attribute_resource_changed"]
    numbers += [f"touchpoint_{name}_n" for name in touchpoints]
    return categories + numbers, list(range(len(categories)))


def _rows(attributes, events, steps, n_touchpoints, number_of_text):
    """A row for each prefix of one case, its cells in the order of `_columns`."""

    def number(text):
        return number_of_text.setdefault(text, len(number_of_text)) if text else math.nan

    times = [event["time"] for event in events]
    resources = [number(event.get("org:resource")) for event in events]
    lifecycles = [number(event.get("lifecycle:transition")) for event in events]
    amount = float(attributes.get("AMOUNT_REQ", "nan"))
    counts = [0] * n_touchpoints
    run = 0
    for at, (step, time) in enumerate(zip(steps, times)):
        run = run + 1 if at > 0 and steps[at - 1] == step else 1
        counts[step] += 1
        changed = math.nan
        if at > 0 and not math.isnan(resources[at]) and not math.isnan(resources[at - 1]):
            changed = float(resources[at] != resources[at - 1])
        gaps = [(later - earlier).total_seconds() / DAY_SECONDS for earlier, later in zip(times, times[1 : at + 1])]
        hour_turns = (time.hour + time.minute / 60) / 24
        weekday_turns = time.weekday() / 7
        yield [
            *_last(steps[: at + 1], N_LAST_TOUCHPOINTS),
            *_last(resources[: at + 1], N_LAST_RESOURCES),
            lifecycles[at],
            *_last(gaps, N_LAST_GAPS),
            run,
            sum(count > 0 for count in counts),
            at + 1,
            (time - times[0]).total_seconds() / DAY_SECONDS,
            math.sin(math.tau * hour_turns),
            math.cos(math.tau * hour_turns),
            math.sin(math.tau * weekday_turns),
            math.cos(math.tau * weekday_turns),
            amount,
            changed,
            *counts,
        ]


def _last(values, n):
    """The last `n` values, most recent first, NaN where there are fewer."""
    recent = list(reversed(values[-n:]))
    return recent + [math.nan] * (n - len(recent))


def _cases(path):
    """Attributes and events of each trace of an XES file, events by time and those of one instant in file order."""
    with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
        for _, element in ElementTree.iterparse(file):
            if _tag(element) != "trace":
                continue
            attributes = {child.get("key"): child.get("value") for child in element if _tag(child) != "event"}
            events = []
            for event in element:
                if _tag(event) == "event":
                    values = {child.get("key"): child.get("value") for child in event}
                    time = datetime.datetime.fromisoformat(values["time:timestamp"])
                    values["time"] = time.astimezone(datetime.timezone.utc)
                    events.append(values)
            yield attributes, sorted(events, key=lambda event: event["time"])
            element.clear()


def _tag(element):
    return element.tag.rsplit("}", 1)[-1]


def _folds(path):
    with open(path, newline="") as file:
        return {row["case_id"].strip(): int(row["fold"]) for row in csv.DictReader(file)}
