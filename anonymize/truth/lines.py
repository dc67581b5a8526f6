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
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from anonymize.data import Kind
from anonymize.errors import UnreadableInput
from anonymize.truth.subjects import FrameTruth, Subject


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
    with opened(path) as file:
        for number, line in enumerate(file):
            try:
                frame = _from_dict(json.loads(line))
            except (ValueError, TypeError, KeyError) as error:
                raise UnreadableInput(
                    f"{path.name}, line {number + 1}: not a line of ground truth ({error})"
                ) from error
            if frame.frame != number:
                raise UnreadableInput(f"{path.name}, line {number + 1}: expected frame {number}, got {frame.frame}")
            yield frame


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """The text file at `path`. Raises `UnreadableInput`."""
    try:
        with path.open(encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise UnreadableInput(f"{path}: cannot read this ground truth: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnreadableInput(f"{path}: not ground truth: it is not UTF-8 text") from error


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
    width, height = row["size"]
    subjects = []
    for s in row["subjects"]:
        x0, y0, x1, y1 = (float(v) for v in s["xyxy"])
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            raise ValueError(f"box {s['xyxy']} is not inside {width}x{height}")
        subjects.append(
            Subject(
                id=int(s["id"]),
                kind=Kind.of(s["kind"]),
                xyxy=(x0, y0, x1, y1),
                height=float(s["height"]),
                visible=float(s.get("visible", 1.0)),
                ignore=bool(s.get("ignore", False)),
            )
        )
    return FrameTruth(int(row["frame"]), float(row["time"]), (int(width), int(height)), tuple(subjects))
