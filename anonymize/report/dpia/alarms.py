"""Alarms of a period, from what Prometheus answers to ``query_range?query=ALERTS{alertstate="firing"}``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anonymize.text.ranges import Range

_TIME = Range(0, 1e11)
_STEP = 60.0
"""Seconds that an alarm of one sample lasted, where no two samples say how far apart they are."""
_NOT_SHOWN = ("__name__", "alertname", "alertstate", "camera", "instance", "job")


@dataclass(frozen=True, slots=True)
class Alarm:
    """How often one alarm fired in the period.

    Args:
        camera: that it was about; empty if it was about all of them.
        name: of the rule.
        about: its other labels: the sink, for example.
        times: how often it began.
        seconds: for how long it fired, all times together.
        first, last: when it began first, and when it fired last; seconds since the epoch.
    """

    camera: str
    name: str
    about: str
    times: int
    seconds: float
    first: float
    last: float


def is_answer(content: Any) -> bool:
    """Whether `content` is an answer of Prometheus."""
    return isinstance(content, dict) and content.get("status") == "success" and isinstance(content.get("data"), dict)


def alarms(content: Mapping[str, Any]) -> list[Alarm]:
    """The alarms in an answer of Prometheus, by camera and name.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is the answer to another question.
    """
    data = content["data"]
    if data["resultType"] != "matrix":
        raise ValueError(f"resultType {data['resultType']}: ask for a range (query_range)")
    series = [(dict(one["metric"]), [_TIME.number(at) for at, _ in one["values"]]) for one in data["result"]]
    steps = [b - a for _, times in series for a, b in itertools.pairwise(times)]
    if not all(step > 0 for step in steps):
        raise ValueError("its samples are not in the order of time")
    step = min(steps, default=_STEP)
    return sorted(
        (_alarm(labels, times, step) for labels, times in series if times),
        key=lambda one: (one.camera, one.name, one.about),
    )


def _alarm(labels: Mapping[str, Any], times: Sequence[float], step: float) -> Alarm:
    if labels.get("alertstate", "firing") != "firing":
        raise ValueError('alarms that are pending are among them: ask for ALERTS{alertstate="firing"}')
    spans = list(_spans(times, step))
    about = ", ".join(f"{name} {value}" for name, value in sorted(labels.items()) if name not in _NOT_SHOWN)
    seconds = sum(end - start for start, end in spans)
    camera, name = str(labels.get("camera", "")), str(labels["alertname"])
    return Alarm(camera, name, about, len(spans), seconds, times[0], spans[-1][1])


def _spans(times: Sequence[float], step: float) -> Iterator[tuple[float, float]]:
    """When it fired, from and to: a sample stands for a step, and one that is missing ends it."""
    start = times[0]
    for one, other in itertools.pairwise(times):
        if other - one > 1.5 * step:
            yield start, one + step
            start = other
    yield start, times[-1] + step
