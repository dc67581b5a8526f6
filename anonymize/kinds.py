"""What is found, why it is redacted, and in which outline: the words that settings, plans and data share."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Kind(IntEnum):
    """What a box holds. The number is what `Detections.kind` stores; `label` is what files and people read."""

    FACE = 0
    PLATE = 1
    AREA = 2
    """A zone or a region drawn by a person: no detector looks for it."""

    @property
    def label(self) -> str:
        """The name used in plans, reports and options."""
        return self.name.lower()

    @classmethod
    def of(cls, label: str) -> Kind:
        """The kind with this label. Raises `ValueError` for an unknown one."""
        for kind in cls:
            if kind.label == label:
                return kind
        raise ValueError(f"unknown kind {label!r}: expected one of {', '.join(k.label for k in cls)}")


class Why(StrEnum):
    """Why a region is redacted on a frame."""

    DETECTED = "detected"
    """A detector saw it on this very frame."""
    INTERPOLATED = "interpolated"
    """Seen before and after; the position between is inferred."""
    HELD = "held"
    """Inferred before the first or after the last sight."""
    ZONE = "zone"
    """The user always wants this area gone."""
    MANUAL = "manual"
    """A person wrote it into the plan."""
    UNBRACKETED = "unbracketed"
    """No detector looked closely enough in time: the whole picture is obscured."""


class Grounds(StrEnum):
    """Why a track stays visible."""

    CONSENT = "consent"
    """Someone was chosen to be seen, and there is a reason."""
    ZONE = "zone"
    """A thing (a poster, a parked car) in a zone that the user left alone."""
    SPAN = "span"
    """The user wanted finds to stay visible at that time."""


class Shape(StrEnum):
    """The outline of a region."""

    BOX = "box"
    ELLIPSE = "ellipse"
    POLYGON = "polygon"


class Raised(StrEnum):
    """What raised a doubt."""

    FIND = "find"
    """It was found, but too weakly or too seldom to be sure that it is somebody."""
    CHECK = "check"
    """The check saw it in the output."""


class Answer(StrEnum):
    """What a person said of a doubt."""

    HIDE = "hide"
    NOTHING = "nothing"
    """Nothing is to be hidden there."""


class Verdict(StrEnum):
    """How an examination ended."""

    PASS = "pass"
    PASS_WITH_DOUBTS = "pass-with-doubts"
    """Nothing is wrong for sure; a person should look at what is listed."""
    FAIL = "fail"
    UNVERIFIED = "unverified"
    """Nobody looked: the user asked for the output without any check."""
