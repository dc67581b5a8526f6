"""What only live needs to know: how long frames wait, and what happens when something is slow, hung or gone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from anonymize.errors import UsageError
from anonymize.ranges import Range, in_range


class Unbracketed(StrEnum):
    """What becomes of a frame whose time is up before two looks bracket it."""

    OBSCURE = "obscure"
    """It goes out wholly black, with a notice on it."""
    DROP = "drop"
    """It does not go out."""


@dataclass(frozen=True, slots=True)
class Live:
    """Times are seconds."""

    lookahead: Annotated[float, Range(0.001, 10, "seconds")] = 0.4
    """For how long a frame waits, and is kept: what is first seen within it is covered from its first frame on."""
    unbracketed: Unbracketed = Unbracketed.OBSCURE
    deadline: Annotated[float, Range(0.001, 60, "seconds")] = 1.0
    """A look that takes longer is given up, and the detector's process is replaced."""
    coarsest: Annotated[float, Range(1, 8)] = 1.0
    """When looks take too long, the smallest face and plate looked for may grow by this factor, at most. At 1 they
    never do: thorough looks are left out, and where that is not enough frames are not bracketed in time."""
    stall: Annotated[float, Range(0.001, 60, "seconds")] = 1.0
    """Without a new picture for so long, a notice goes out in its place."""
    timeout: Annotated[float, Range(0.001, 60, "seconds")] = 5.0
    """Without a sign of life for so long, the source is given up and opened again."""
    backoff: Annotated[float, Range(0.001, 60, "seconds")] = 0.5
    """Before the first new attempt to reach a source or to start a detector; doubled after each that fails ..."""
    longest_backoff: Annotated[float, Range(0.001, 3600, "seconds")] = 15.0
    """... up to this."""
    buffer: Annotated[int, Range(1, 1000, "frames")] = 8
    """Frames that may wait to be taken in; beyond, the oldest is dropped."""
    longest_side: Annotated[int, Range(64, 7680, "pixels")] = 1920
    """Pixels; larger pictures are scaled down."""

    def __post_init__(self) -> None:
        in_range(self)
        if self.longest_backoff < self.backoff:
            raise UsageError(
                f"live.longest_backoff must be at least live.backoff ({self.backoff}), got {self.longest_backoff}"
            )
