"""Exact ground truth of a clip, as JSON Lines.

One line a frame, in presentation order::

    {"frame": 0, "time": 0.0, "size": [1280, 720], "subjects": [
        {"id": 3, "kind": "face", "xyxy": [10.0, 20.5, 42.0, 61.0], "height": 40.5, "visible": 1.0, "ignore": false}]}

Boxes are upright pixels, half-open, clipped to the picture; `height` is that of the whole box, also of the part outside
the picture. A subject that is wholly out of view has no entry.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from anonymize.data import Kind
from anonymize.errors import UnreadableInput
from anonymize.evaluate.truth.subjects import FrameTruth, Subject
from anonymize.text import untrusted
from anonymize.text.ranges import PIXELS, SECONDS, SHARE, Range, brief

WHAT = "ground truth"
SIDE = Range(1, 1e6, "pixels")
"""Widths and heights of pictures."""
NUMBER = Range(-1e15, 1e15)
"""Frame numbers and subject ids."""


def write_truth(path: Path, frames: Iterable[FrameTruth]) -> Path:
    """Write one line a frame and return `path`."""
    with path.open("w", encoding="utf-8") as file:
        for frame in frames:
            file.write(json.dumps(_as_dict(frame)) + "\n")
    return path


def read_truth(path: Path) -> Iterator[FrameTruth]:
    """Read the frames one by one.

    Raises:
        UnreadableInput: a line is not what `write_truth` writes, or the frames are not numbered 0, 1, 2 ...
    """
    for index, line in enumerate(untrusted.lines(path, WHAT, UnreadableInput)):
        place = f"{path.name}, line {index + 1}"
        try:
            frame = _from_dict(untrusted.json_value(line, place, UnreadableInput))
        except (ValueError, TypeError, KeyError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else brief(error)
            raise UnreadableInput(f"not a line of ground truth ({what})", place) from error
        if frame.frame != index:
            raise UnreadableInput(f"expected frame {index}, got {frame.frame}", place)
        yield frame


def _as_dict(frame: FrameTruth) -> dict[str, Any]:
    return {
        "frame": frame.frame,
        "time": round(frame.time, 6),
        "size": list(frame.size),
        "subjects": [
            {
                "id": s.id,
                "kind": s.kind.label,
                "xyxy": [round(v, 2) for v in s.xyxy],
                "height": round(s.height, 2),
                "visible": round(s.visible, 4),
                "ignore": s.ignore,
            }
            for s in frame.subjects
        ],
    }


def _from_dict(row: dict[str, Any]) -> FrameTruth:
    width, height = (SIDE.whole(v) for v in row["size"])
    subjects = []
    for s in row["subjects"]:
        x0, y0, x1, y1 = (PIXELS.number(v) for v in s["xyxy"])
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            raise ValueError(f"box {s['xyxy']} is not inside {width}x{height}")
        subjects.append(
            Subject(
                id=NUMBER.whole(s["id"]),
                kind=Kind.named(s["kind"]),
                xyxy=(x0, y0, x1, y1),
                height=PIXELS.number(s["height"]),
                visible=SHARE.number(s.get("visible", 1.0)),
                ignore=bool(s.get("ignore", False)),
            )
        )
    frame, time = NUMBER.whole(row["frame"]), SECONDS.number(row["time"])
    return FrameTruth(frame, time, (width, height), tuple(subjects))
