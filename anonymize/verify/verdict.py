"""What an examination of an output found, as data: no picture, no path, nothing that identifies anyone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from anonymize.data import Box, Kind
from anonymize.kinds import Verdict


class By(StrEnum):
    """What revealed a find."""

    PLAN = "plan"
    """A region of the plan whose detail is still visible."""
    LOOK = "look"
    """A detector, run on the output."""
    FIRST = "first look"
    """A detector, run on the source: found too faintly to be covered."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was examined; `detail` is one line on what was found, also where it passed."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Find:
    """Something that may show a face or a plate, over time.

    Args:
        track: index in its list of finds, from 0; for `By.PLAN` the plan's track number (-1 for none).
        kind: what it is.
        start, end: presentation time in seconds; `end` is that of the last frame with it.
        box: its bounding box on `frame`, in upright pixels.
        size: height of a face there, width of a plate, in pixels.
        score: confidence, 0 to 1.
        by: what revealed it.
        frame: index of the frame where it shows best.
        frames: number of frames with it.
        places: frame and box of each of them, for repairs; not part of `as_dict`.
        lines: plan lines that hide it (docs/plan.md).
        finds: number of successive finds that were merged into this one.
    """

    track: int
    kind: Kind
    start: float
    end: float
    box: Box
    size: float
    score: float
    by: By
    frame: int = 0
    frames: int = 1
    places: tuple[tuple[int, Box], ...] = ()
    lines: tuple[str, ...] = ()
    finds: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, rounded to meaningful digits."""
        values = {name: value for name, value in asdict(self).items() if name != "places"}
        return values | {
            "kind": self.kind.label,
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "box": [round(value, 1) for value in self.box],
            "size": round(self.size, 1),
            "score": round(self.score, 3),
            "by": self.by.value,
            "lines": list(self.lines),
        }


@dataclass(frozen=True, slots=True)
class Bound:
    """What the scan of a sample of the frames says about all of them.

    Args:
        share: with `confidence`, no larger share of the frames shows anything that these detectors find.
        confidence: 0 to 1.
        text: the same as a sentence.
    """

    share: float
    confidence: float
    text: str


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of an examination.

    Args:
        verdict: of the whole file.
        checks: everything that was examined.
        leaks: finds that fail the file.
        doubts: finds too weak to fail it, for a person to review.
        looked_frames: frames that detectors scanned.
        of_frames: frames in the file.
        bound: what the scanned sample supports; None if every frame was scanned, or none.
        not_checked: what was not examined and why, in words.
        repaired: earlier passes in which finds of the second look were redacted.
        faint: places where somebody may be seen, too faintly for a doubt, the likeliest first; nothing covers them.
        faint_places: how many of them there are; `faint` may be the first of all.
        faint_unlikely: how many more there are, the last ones: a third network hardly sees the plate there.
    """

    verdict: Verdict
    checks: tuple[Check, ...] = ()
    leaks: tuple[Find, ...] = ()
    doubts: tuple[Find, ...] = ()
    looked_frames: int = 0
    of_frames: int = 0
    bound: Bound | None = None
    not_checked: tuple[str, ...] = ()
    repaired: int = 0
    faint: tuple[Find, ...] = ()
    faint_places: int = 0
    faint_unlikely: int = 0

    @property
    def failures(self) -> tuple[str, ...]:
        """What is wrong, one line each."""
        return tuple(check.detail for check in self.checks if not check.passed)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "verdict": self.verdict.value,
            "checks": [asdict(check) for check in self.checks],
            "leaks": [find.as_dict() for find in self.leaks],
            "doubts": [find.as_dict() for find in self.doubts],
            "looked_frames": self.looked_frames,
            "of_frames": self.of_frames,
            "bound": asdict(self.bound) if self.bound else None,
            "not_checked": list(self.not_checked),
            "repaired": self.repaired,
            "faint": [find.as_dict() for find in self.faint],
            "faint_places": self.faint_places,
            "faint_unlikely": self.faint_unlikely,
        }
