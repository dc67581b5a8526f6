"""The tracks of a plan for people: a table row for each, and a page of silhouettes that shows no picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anonymize.pages import fill
from anonymize.pages.words import number, place, plural
from anonymize.plan import Plan
from anonymize.report import drawing
from anonymize.text.words import clock

Values = Mapping[str, Any]

HEAD = ("track", "kind", "from", "to", "where", "size", "score", "")
"""Heads of the columns of `row`."""


def row(subject: Values, plan: Plan) -> tuple[str, ...]:
    """One of `report.subjects` as a table row (see `HEAD`); its size is that of its largest region, in pixels."""
    x0, y0, x1, y1 = subject["largest"]
    width, height = round((x1 - x0) * plan.about.width), round((y1 - y0) * plan.about.height)
    moving = plan.about.frames > 1
    return (
        str(subject["id"]),
        subject["kind"],
        clock(subject["start"]) if moving else "",
        clock(subject["end"]) if moving else "",
        place((x0 + x1) / 2, (y0 + y1) / 2),
        f"{width}x{height}",
        f"{subject['score']:.2f}" if subject["score"] else "",
        _word(subject),
    )


def _word(subject: Values) -> str:
    """Whether a track is sure and covered, in a word."""
    if not subject["covered"]:
        return "bare"
    return "sure" if subject["sure"] else "doubt"


def first_to_see(subjects: Sequence[Values], most: int) -> list[Values]:
    """All of `subjects`, in their order; if there are more than `most`, first the doubtful, then the longest."""
    if len(subjects) <= most:
        return list(subjects)
    return sorted(subjects, key=lambda subject: (subject["sure"], -subject["frames"], subject["id"]))[:most]


def page(plan: Plan, subjects: Sequence[Values]) -> str:
    """A page with a row for each of `subjects`, all of those of `plan`: no picture, no name, no script."""
    high = drawing.height_for(plan.about.width, plan.about.height)
    counts = Counter(subject["kind"] for subject in subjects if subject["covered"])
    found = " and ".join(plural(count, f"{kind} track") for kind, count in sorted(counts.items()))
    return fill(
        "tracks.html.jinja",
        title="Tracks of a plan",
        what="plan",
        when="",
        width=drawing.WIDTH,
        height=high,
        found=found or ("Nothing covered" if subjects else "Nothing found"),
        size=f"{plan.about.width} × {plan.about.height}",
        frames=plan.about.frames,
        moving=plan.about.frames > 1,
        sha256=plan.about.sha256,
        by_hand=plan.covered().by_hand(),
        visible=len({one.track for one in plan.shown}),
        doubtful=[subject["id"] for subject in subjects if subject["covered"] and not subject["sure"]],
        bare=[subject["id"] for subject in subjects if not subject["covered"]],
        rows=list(_rows(plan, subjects, high)),
    )


def _rows(plan: Plan, subjects: Sequence[Values], high: float) -> Iterator[dict[str, Any]]:
    for subject in subjects:
        track, kind, start, end, where, size, score, sure = row(subject, plan)
        times = f"{start} – {end}" if start else ""
        yield {
            "id": subject["id"],
            "name": f"{kind.capitalize()} {track}",
            "kind": kind,
            "when": times,
            "frames": f"{number(subject['frames'])}, seen on {number(subject['why'].get('detected', 0))}",
            "where": where,
            "size": size.replace("x", " × "),
            "score": score,
            "sure": sure,
            "label": ", ".join(part for part in (f"{kind.capitalize()} {track}", times, where) if part),
            **drawing.silhouette(subject, high),
        }
