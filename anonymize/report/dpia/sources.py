"""The sources of an annex: reports of files, evaluations, counts of live cameras, their alarms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from anonymize.errors import ReportError, UsageError
from anonymize.report.data import FORMAT
from anonymize.report.dpia.alarms import Alarm, alarms, is_answer
from anonymize.report.files import read
from anonymize.text import untrusted
from anonymize.text.ranges import SECONDS, SHARE, Range, brief

Values = Mapping[str, Any]
T = TypeVar("T")
Rate = tuple[float | None, tuple[float, float] | None]
"""A share, and its interval."""
COUNT = Range(0, 1e15)


@dataclass(frozen=True, slots=True)
class CameraCounts:
    """Counts of a live camera since its start; None where not given.

    Args:
        name: from its configuration.
        frames_in, frames_out, obscured: frames received, released, and released wholly obscured.
        dropped: frames that were not released.
        looks, late: runs of the detector, and those that ended too late to be used.
        latency: seconds from arrival to the sinks, by percentile.
    """

    name: str
    frames_in: int
    frames_out: int
    obscured: int
    dropped: int
    looks: int | None = None
    late: int | None = None
    latency: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    """Results of `evaluate` on all its clips: counts, rates with intervals; None where nothing was counted."""

    clips: int
    boxes: int
    leak: Rate
    subjects: int
    exposed: Rate
    collateral: float | None


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that was given."""

    reports: Sequence[Values] = ()
    evaluations: Sequence[Measured] = ()
    cameras: Sequence[CameraCounts] = ()
    alarms: Sequence[Alarm] | None = None
    """Of a period; None if nothing says whether there were any."""

    @property
    def made(self) -> list[Values]:
        """The reports of files of which there is an output."""
        return [report for report in self.reports if report["output"]]


def gather(paths: Iterable[Path]) -> Sources:
    """Read `paths`: reports, folders of them, evaluations (`evaluate --json`), live metrics, alarms from Prometheus.

    Raises:
        ReportError: a file is none of these, or damaged.
        UsageError: there is nothing to read.
    """
    reports: list[Values] = []
    evaluations: list[Measured] = []
    cameras: list[CameraCounts] = []
    fired: list[Alarm] | None = None
    folders = (sorted(path.rglob("*.report.json")) if path.is_dir() else [path] for path in paths)
    for path in chain.from_iterable(folders):
        content = _content(path)
        if isinstance(content, str):
            cameras += _prometheus(content, path)
        elif isinstance(content, dict) and content.get("format") == FORMAT:
            reports.append(read(path))
        elif isinstance(content, dict) and content.get("event") == "total":
            evaluations.append(_measured(content, path))
        elif is_answer(content):
            with _refused(path, "not Prometheus' answer about alarms"):
                fired = [*(fired or []), *alarms(content)]
        else:
            cameras += _snapshots(content, path)
    if not (reports or evaluations or cameras or fired is not None):
        given = ", ".join(str(path) for path in paths)
        raise UsageError(
            "no report in it; give reports (*.report.json), a folder of them, or a camera's metrics. "
            "`anonymize run FOLDER -o safe/ --report reports/` writes them",
            given,
        )
    return Sources(reports, evaluations, cameras, fired)


def _content(path: Path) -> Any:
    """The JSON value in `path`; of JSON Lines, the last one before the summary; other text unchanged."""
    text = untrusted.text(path, "report or file of metrics", ReportError)
    with suppress(ReportError):
        return untrusted.json_value(text, str(path), ReportError)
    with suppress(ReportError):
        for line in reversed(text.strip().splitlines()[-2:]):
            value = untrusted.json_value(line, str(path), ReportError)
            if not (isinstance(value, dict) and value.get("event") == "summary"):
                return value
    return text


def _snapshots(content: Any, path: Path) -> list[CameraCounts]:
    """Cameras from the JSON of `anonymize live`: one snapshot, a list of them, or a mapping of them."""
    if isinstance(content, dict) and "frames" not in content:
        content = content.get("cameras", content)
    if isinstance(content, dict) and "frames" not in content:
        content = list(content.values())
    with _refused(path, "neither a report nor a camera's metrics"):
        found = [_snapshot(one) for one in (content if isinstance(content, list) else [content])]
    if not found:
        raise ReportError("neither a report nor a camera's metrics", path)
    return found


def _snapshot(one: Values) -> CameraCounts:
    frames, looks = one["frames"], one.get("looks", {})
    latency = {name: value for name, value in one.get("latency", {}).items() if value is not None}
    return CameraCounts(
        name=str(one["camera"]),
        frames_in=COUNT.whole(frames["in"]),
        frames_out=COUNT.whole(frames["out"]),
        obscured=COUNT.whole(frames["obscured"]),
        dropped=sum(COUNT.whole(count) for count in one.get("dropped", {}).values()),
        looks=_maybe(COUNT.whole, looks.get("all")),
        late=_maybe(COUNT.whole, looks.get("late")),
        latency={name: SECONDS.number(value) for name, value in latency.items()},
    )


def _measured(content: Values, path: Path) -> Measured:
    with _refused(path, "not what `evaluate --json` writes"):
        total = content["total"]
        return Measured(
            clips=COUNT.whole(content["files"]),
            boxes=COUNT.whole(total["boxes"]),
            leak=_rate(total, "leak"),
            subjects=COUNT.whole(total["subjects"]),
            exposed=_rate(total, "exposed"),
            collateral=_maybe(SHARE.number, content["collateral"]),
        )


def _rate(total: Values, name: str) -> Rate:
    interval = total[f"{name}_interval"]
    if interval is None:
        return _maybe(SHARE.number, total[f"{name}_rate"]), None
    low, high = interval
    return _maybe(SHARE.number, total[f"{name}_rate"]), (SHARE.number(low), SHARE.number(high))


def _maybe(read: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else read(value)


@contextmanager
def _refused(path: Path, what: str) -> Iterator[None]:
    """Turn errors from values of wrong types into one that says what the file is not."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ReportError(f"{what} ({brief(repr(error))})", path) from error


def _prometheus(text: str, path: Path) -> list[CameraCounts]:
    """Cameras from the text of ``/metrics``."""
    try:
        counts = metrics_by_camera(text)
        found = [_camera(name, values) for name, values in counts.items() if "anonymize_frames_in_total" in values]
    except (ValueError, OverflowError) as error:  # malformed numbers, too
        raise ReportError(f"neither JSON nor metrics in Prometheus' text format ({brief(error)})", path) from error
    if not found:
        raise ReportError("neither a report nor a camera's metrics", path)
    return found


def metrics_by_camera(text: str) -> dict[str, dict[str, float]]:
    """Camera -> metric -> its value, summed over other labels, from the text of ``/metrics``.

    Raises:
        ValueError: it is malformed.
    """
    from prometheus_client.parser import text_string_to_metric_families

    counts: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if "camera" in sample.labels and not sample.name.endswith("_bucket"):
                camera = counts.setdefault(sample.labels["camera"], {})
                camera[sample.name] = camera.get(sample.name, 0.0) + sample.value
    return counts


def _camera(name: str, values: Mapping[str, float]) -> CameraCounts:
    def count(key: str) -> int:
        return int(values.get(f"anonymize_{key}", 0))

    return CameraCounts(
        name=name,
        frames_in=count("frames_in_total"),
        frames_out=count("frames_out_total"),
        obscured=count("frames_obscured_total"),
        dropped=count("frames_dropped_total"),
        looks=count("look_seconds_count"),
        late=count("looks_late_total"),
    )
