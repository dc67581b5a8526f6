"""What an examination of an output found, as data: no picture, no path, nothing that identifies anyone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from anonymize.data import Box, Kind
from anonymize.kinds import Verdict


class By(StrEnum):
    """What gave a find away."""

    PLAN = "plan"
    """A region of the plan whose detail is still there."""
    LOOK = "look"
    """A detector that looked at the output."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was examined: `detail` says what was found, in one line, also where it passed."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Find:
    """Something that may show a face or a plate, over time.

    Args:
        track: its number in this list of finds, from 0; for `By.PLAN` the plan's own track (-1 for none).
        kind: what it is.
        start, end: seconds of the presentation, `end` that of the last frame on which it was seen.
        box: where it is, on the frame on which it shows best; upright pixels.
        size: height in pixels of a face there, width of a plate.
        score: how sure it is, 0 to 1.
        by: what gave it away.
        frame: the frame that `box` belongs to.
        frames: on how many frames it was seen.
        places: frame and box of each of them, where a repair needs to know; not part of the account.
        lines: for a plan, to hide it (docs/plan.md).
        finds: how many that followed one another are told as this one.
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
        """Plain JSON values, rounded to what they mean."""
        told = {name: value for name, value in asdict(self).items() if name != "places"}
        return told | {
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
    """What a look at some of the frames, in which nothing was found, says about all of them.

    Args:
        share: with `confidence`, no larger share of the frames shows anything that this look finds.
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
        doubts: finds that are too weak to fail it; a person should look.
        looked_frames: frames that detectors looked at.
        of_frames: frames in the file.
        bound: what the looked-at sample supports; None where every frame was looked at, or none.
        not_checked: what was not examined and why, in words.
        repaired: passes in which finds of the second look were redacted, before this one.
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
        }
