"""What a page lists of an edited plan, as plain values: tracks, their lanes over time, the regions of a frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymize.data import Region
from anonymize.kinds import Answer
from anonymize.plan.boxes import DETECTED, MANUAL, WHYS, Rows
from anonymize.plan.edited import Edited
from anonymize.plan.regions import Columns
from anonymize.review.questions import best_row


def tracks(edited: Edited, only: Iterable[int] | None = None, version: str = "") -> list[dict[str, Any]]:
    """A row for each track, by the time of its first frame; whole-frame regions and zones have none.

    Args:
        edited: the plan.
        only: the numbers of some tracks; all if not given.
        version: of the output, which decides who stays visible.
    """
    changed = edited.changed()
    if only is None:
        wanted = [*(number for number in _numbers(edited.base.regions.columns()) if number not in changed), *changed]
    else:
        wanted = list(only)
    rows = ((number, found) for number in wanted if (found := edited.rows(number)) is not None)
    made = (_row(edited, number, found, version) for number, found in rows)
    return sorted(made, key=lambda row: (row["first"], row["track"]))


def _numbers(columns: Columns) -> list[int]:
    return [int(number) for number in np.unique(columns.track[columns.track >= 0])]


def _row(edited: Edited, number: int, rows: Rows, version: str) -> dict[str, Any]:
    doubt = edited.doubt(number)
    detected = rows.why == DETECTED
    by_hand = rows.why == MANUAL
    best = best_row(rows, edited.base.about)
    return {
        "track": number,
        "kind": rows.kind.label,
        "shape": rows.shape.value,
        "first": int(rows.frame[0]),
        "end": int(rows.frame[-1]) + 1,
        "frames": len(rows.frame),
        "found": int(detected.sum()),
        "hand": int(by_hand.sum()),
        "score": round(float(rows.score[detected].max(initial=0.0)), 3),
        "best": int(rows.frame[best]),
        "box": [round(value, 1) for value in rows.xyxy[best].tolist()],
        "doubt": doubt.raised.value if doubt else None,
        "answer": doubt.answer.value if doubt and doubt.answer else None,
        "shown": [
            {"frames": [one.first, one.end], "grounds": one.grounds.value, "reason": one.reason, "note": one.note}
            for one in edited.shown(number, version)
        ],
        "drawn": _drawn(edited, number, version),
    }


def _drawn(edited: Edited, number: int, version: str) -> str:
    """What becomes of a track: hidden, visible, partly, open (until somebody answers) or nothing (it shows nobody)."""
    doubt = edited.doubt(number)
    if doubt and doubt.answer is Answer.NOTHING:
        return "nothing"
    if doubt and not doubt.drawn:
        return "open"
    shown, rows = edited.shown(number, version), edited.rows(number)
    if not shown or rows is None:
        return "hidden"
    inside: NDArray[np.bool_] = np.zeros(len(rows.frame), bool)
    for one in shown:
        inside |= (rows.frame >= one.first) & (rows.frame < one.end)
    return "visible" if inside.all() else "partly"


def lane(rows: Rows) -> list[list[int]]:
    """Runs of frames with one reason: [first, end, code], where codes are the positions in `reasons`."""
    if not len(rows.frame):
        return []
    breaks = (np.diff(rows.frame) != 1) | (np.diff(rows.why.astype(int)) != 0)
    starts = np.flatnonzero(np.concatenate([[True], breaks]))
    ends = np.concatenate([starts[1:], [len(rows.frame)]]) - 1
    runs: list[list[int]] = np.stack([rows.frame[starts], rows.frame[ends] + 1, rows.why[starts]], axis=1).tolist()
    return runs


def reasons() -> list[str]:
    """The words of `Why`, in the order of a lane's codes."""
    return [why.value for why in WHYS]


def region(one: Region, *, drawn: bool) -> list[Any]:
    """A region for the page: track, kind, shape, reason, whether it is drawn, its corners or its box."""
    where: list[Any] = (
        [[round(x, 1), round(y, 1)] for x, y in one.polygon] if one.polygon else [round(v, 1) for v in one.xyxy]
    )
    return [one.track, one.kind.label, one.shape.value, one.why.value, drawn, where]
