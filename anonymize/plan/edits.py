"""The sorts of edits that a person makes of a plan. `anonymize.plan.edited` applies them."""

from __future__ import annotations

from dataclasses import dataclass, field

from anonymize.data import Box, Kind, Shape
from anonymize.kinds import Answer, Silencing, Topic, shaped


@dataclass(frozen=True, slots=True)
class Draw:
    """A new track, with one box.

    Args:
        track: its number, not used before.
        frames: it is there on these, half-open.
        box: on all of them, in upright pixels.
        kind, shape: as in `Region`.
        anchor: the frame on which it was drawn.
        polygon: corners where `shape` is a polygon; `box` is then their bounding box.
        boxes: one for each of the frames, where it moves; `box` is then the first.
    """

    track: int
    frames: tuple[int, int]
    box: Box
    kind: Kind = Kind.AREA
    shape: Shape = Shape.BOX
    anchor: int = -1
    polygon: tuple[tuple[float, float], ...] = ()
    boxes: tuple[Box, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", shaped(self.kind, self.shape))


@dataclass(frozen=True, slots=True)
class Place:
    """Boxes of a track, set by a person or followed for them; frames between them and other anchors are inferred.

    Args:
        track: its number.
        first: frame of the first box.
        boxes: on successive frames.
    """

    track: int
    first: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Remove:
    """A track is no more on some frames: it showed nobody there, or was elsewhere.

    Args:
        track: its number.
        frames: half-open.
        heads: those that stayed visible with a face that is gone, and no longer do.
    """

    track: int
    frames: tuple[int, int]
    heads: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """From `frame` on, a track is another one, with the number `new`."""

    track: int
    frame: int
    new: int


@dataclass(frozen=True, slots=True)
class Merge:
    """`other` becomes part of `track`; on frames that both have, the box is the hull of both.

    Args:
        track: its number.
        other: that of the other.
        heads: those that stayed visible with either, and no longer do.
    """

    track: int
    other: int
    heads: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Another kind or shape of a track."""

    track: int
    kind: Kind
    shape: Shape

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", shaped(self.kind, self.shape))


@dataclass(frozen=True, slots=True)
class Show:
    """A track stays visible on some frames, by consent; in one version of the output alone, if it is named.

    Args:
        track: its number.
        frames: half-open.
        reason: a person's; one line.
        chosen: the frame on which it was chosen; -1 if none was.
        note: why it is hidden before or after.
        version: of the output; empty for all.
        head: of a face, the head around it, which stays visible with it for the same reason and in the same version.
    """

    track: int
    frames: tuple[int, int]
    reason: str
    chosen: int = -1
    note: str = ""
    version: str = ""
    head: Show | None = None


@dataclass(frozen=True, slots=True)
class Hide:
    """A track stays visible nowhere any more; in one version of the output alone, if it is named.

    Args:
        track: its number.
        version: of the output; empty for all.
        heads: those that stayed visible with a face, and no longer do.
    """

    track: int
    version: str = ""
    heads: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Judge:
    """A person's answer about a track: it is to be hidden, or there is nothing to hide. None takes an answer back."""

    track: int
    answer: Answer | None
    by: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound is not heard for a while, or is heard again.

    Args:
        seconds: from when to when.
        how: what is heard instead; None for the sound itself.
    """

    seconds: tuple[float, float]
    how: Silencing | None
    track: int = field(default=-1, init=False)
    """None of the picture's."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A person's answer to a question about a place.

    Args:
        track: what becomes of it; -1 where nothing is drawn and no track was asked about.
        topic: what was asked.
        of: the number of the track, or of the faint find, that was asked about.
        frames: those that the answer is about, half-open.
        answer: somebody is there, or nobody.
        boxes: one for each of the frames, where they are covered from now on.
        kind, shape: of a new track.
    """

    track: int
    topic: Topic
    of: int
    frames: tuple[int, int]
    answer: Answer
    boxes: tuple[Box, ...] = ()
    kind: Kind = Kind.FACE
    shape: Shape = Shape.ELLIPSE

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", shaped(self.kind, self.shape))


@dataclass(frozen=True, slots=True)
class Arrange:
    """The lane of a track, and those in one row with it, are shown in one row with that of `other`; in a row of its own
    where `other` is -1. Nothing that is hidden changes: the tracks stay what they are."""

    track: int
    other: int = -1


Edit = Draw | Place | Remove | Split | Merge | Change | Show | Hide | Judge | Sound | Reply | Arrange


class EditError(ValueError):
    """An edit that does not fit the plan as it is."""
