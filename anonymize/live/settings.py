"""What only live needs to know: how long frames wait, and what happens when something is slow, hung or gone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from anonymize.errors import UsageError


class Unbracketed(StrEnum):
    """What becomes of a frame whose time is up before two looks bracket it."""

    OBSCURE = "obscure"
    """It goes out wholly black, with a notice on it."""
    DROP = "drop"
    """It does not go out."""


@dataclass(frozen=True, slots=True)
class Live:
    """Times are seconds."""

    lookahead: float = 0.4
    """For how long a frame waits: what is first seen within it is covered from its first frame on."""
    unbracketed: Unbracketed = Unbracketed.OBSCURE
    deadline: float = 1.0
    """A look that takes longer is given up, and the detector's process is replaced."""
    coarsest: float = 1.0
    """When looks take too long, the smallest face and plate looked for may grow by this factor, at most. At 1 they
    never do: thorough looks are left out, and where that is not enough frames are not bracketed in time."""
    stall: float = 1.0
    """Without a new picture for so long, a notice goes out in its place."""
    timeout: float = 5.0
    """Without a sign of life for so long, the source is given up and opened again."""
    backoff: float = 0.5
    """Before the first new attempt to reach a source or to start a detector; doubled after each that fails ..."""
    longest_backoff: float = 15.0
    """... up to this."""
    buffer: int = 8
    """Frames that may wait to be taken in; beyond, the oldest is dropped."""
    longest_side: int = 1920
    """Pixels; larger pictures are scaled down."""

    def __post_init__(self) -> None:
        for name in ("lookahead", "deadline", "stall", "timeout", "backoff"):
            if not 0 < getattr(self, name) <= 60:
                raise UsageError(f"live.{name} must be more than 0 and at most 60 seconds, got {getattr(self, name)}")
        if self.lookahead > 10:
            raise UsageError(
                f"live.lookahead must be at most 10 seconds: frames are kept so long, got {self.lookahead}"
            )
        if self.longest_backoff < self.backoff:
            raise UsageError(
                f"live.longest_backoff must be at least live.backoff ({self.backoff}), got {self.longest_backoff}"
            )
        if self.coarsest < 1:
            raise UsageError(f"live.coarsest must be 1 or more, got {self.coarsest}")
        if self.buffer < 1:
            raise UsageError(f"live.buffer must be at least 1 frame, got {self.buffer}")
        if not 64 <= self.longest_side <= 7680:
            raise UsageError(f"live.longest_side must be 64 to 7680 pixels, got {self.longest_side}")
