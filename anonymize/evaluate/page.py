"""An evaluation as a page: the three figures, and where the leaks are, by size, by kind, by time and by file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from anonymize.evaluate.interval import Interval, share_interval
from anonymize.evaluate.score import Evaluation, Score, combine
from anonymize.pages import fill
from anonymize.pages.plots import steps, ticks
from anonymize.pages.words import number, percent, plural

BINS = 120
LISTED = 100
"""Maximum number of files, and of leaking subjects, that are listed."""
SCALES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Possible ends of the axis of a row of bars."""


def page(results: Sequence[tuple[str, Evaluation]]) -> str:
    """One HTML file that works offline and without scripts.

    Args:
        results: name and evaluation of each pair; at least one.
    """
    total = combine(result for _, result in results)
    several = len(results) > 1
    return fill(
        "evaluate.html.jinja",
        title="Evaluation of a redaction",
        what="evaluation",
        when=plural(len(results), "file"),
        view={
            "tone": "unsure" if total.total.leak_rate is None else "bad" if total.total.leaked else "good",
            "headline": f"{percent(total.total.leak_rate)} leaked" if total.total.boxes else "Nothing to count",
            "lead": list(_lead(total)),
            "figures": list(_figures(total)),
            "groups": [
                group
                for group in (
                    _bars(
                        "By size",
                        "Height of the face or plate in the original.",
                        [(f"{n} px", s, total.interval(height=n)) for n, s in total.by_height.items() if s.boxes],
                    ),
                    _bars(
                        "By kind",
                        "",
                        [(f"{n.capitalize()}s", s, total.interval(kind=n)) for n, s in total.by_kind.items()],
                    ),
                )
                if group["rows"]
            ],
            "time": _time(total),
            "time_about": "All files laid over each other from their start." if several else "Seconds from the start.",
            "files": [_file(name, result) for name, result in results[:LISTED]] if several else [],
            "more_files": max(0, len(results) - LISTED),
            "leaking": list(_leaking(results))[:LISTED],
        },
    )


def _lead(total: Evaluation) -> Iterator[str]:
    score = total.total
    if not score.boxes:
        yield "No face or plate was large, visible and detailed enough to be measured. That is not a pass."
        return
    yield (
        f"On {number(score.leaked)} of {number(score.boxes)} box-frames the detail of a face or plate survived; "
        f"{number(score.exposed)} of {plural(score.subjects, 'subject')} can be seen on at least one frame."
    )
    exposed = share_interval(score.exposed, score.subjects)
    yield f"95% confidence, over subjects: {_span(total.interval())} of box-frames, {_span(exposed)} of subjects."


def _figures(total: Evaluation) -> Iterator[Mapping[str, str]]:
    score = total.total
    yield {"name": "Leak", "value": percent(score.leak_rate), "note": "of box-frames"}
    yield {"name": "Exposed", "value": percent(score.exposed_rate), "note": "of subjects"}
    yield {"name": "Collateral", "value": percent(total.collateral), "note": "of detail elsewhere"}
    yield {"name": "Frames", "value": number(total.frames), "note": f"{number(total.uncounted)} boxes not counted"}


def _bars(title: str, about: str, rows: Sequence[tuple[str, Score, Interval | None]]) -> dict[str, Any]:
    """Bars with their intervals, in drawings 1000 wide, all on the scale that the longest interval needs."""
    longest = max((interval[1] for _, _, interval in rows if interval), default=1.0)
    scale = next(end for end in SCALES if longest <= end)
    return {
        "title": title,
        "about": f"{about} Bars end at {scale:.0%}; whiskers are 95% intervals.".strip(),
        "rows": [
            {
                "name": name,
                "note": f"{plural(score.boxes, 'box', 'boxes')}, {plural(score.subjects, 'subject')}",
                "value": percent(score.leak_rate),
                "span": _span(interval),
                "width": round(1000 * (score.leak_rate or 0.0) / scale, 1),
                "low": round(1000 * interval[0] / scale, 1) if interval else 0.0,
                "high": round(1000 * interval[1] / scale, 1) if interval else 0.0,
            }
            for name, score, interval in rows
        ],
    }


def _time(total: Evaluation) -> dict[str, Any] | None:
    """Shares of leaked box-frames over time; None if there is only one second."""
    if len(total.by_second) < 2:
        return None
    last = max(total.by_second) + 1
    width = ceil(last / BINS)
    boxes, leaked = [0] * ceil(last / width), [0] * ceil(last / width)
    for second, counts in total.by_second.items():
        boxes[second // width] += counts[0]
        leaked[second // width] += counts[1]
    shares = [gone / all_ if all_ else 0.0 for gone, all_ in zip(leaked, boxes, strict=True)]
    top = next(end for end in SCALES if max(shares) <= end)
    return {
        "bins": len(shares),
        "path": steps([share / top for share in shares]),
        "top": f"{top:.0%}",
        "ticks": ticks(len(shares) * width),
    }


def _file(name: str, result: Evaluation) -> dict[str, str]:
    score = result.total
    return {
        "name": name,
        "frames": number(result.frames),
        "boxes": number(score.boxes),
        "leak": percent(score.leak_rate),
        "exposed": f"{score.exposed}/{score.subjects}",
        "collateral": percent(result.collateral),
    }


def _leaking(results: Sequence[tuple[str, Evaluation]]) -> Iterator[dict[str, str]]:
    """The subjects that leaked: those on most frames first."""
    found = []
    for name, result in results:
        frames: dict[tuple[str, int], list[int]] = {}
        for leak in result.leaks:
            frames.setdefault((leak.kind, leak.id), []).append(leak.frame)
        found += [(name, kind, number_, where) for (kind, number_), where in frames.items()]
    for name, kind, number_, where in sorted(found, key=lambda row: -len(row[3])):
        yield {"file": name, "who": f"{kind} {number_}", "count": number(len(where)), "frames": _stretches(where)}


def _stretches(frames: Sequence[int], most: int = 6) -> str:
    """``3, 7–19, 40``: at most `most` stretches."""
    found, start = [], 0
    for i in range(1, len(frames) + 1):
        if i == len(frames) or frames[i] != frames[i - 1] + 1:
            first, last = frames[start], frames[i - 1]
            found.append(str(first) if first == last else f"{first}–{last}")
            start = i
    return ", ".join(found[:most]) + (" …" if len(found) > most else "")


def _span(interval: Interval | None) -> str:
    return "–" if interval is None else f"{interval[0]:.1%} to {interval[1]:.1%}"
