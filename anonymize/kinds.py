"""The enumerations that settings, plans and data share: what is found, why it is redacted, in which outline."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Kind(IntEnum):
    """What a box contains. `Detections.kind` stores the number; files and messages use `label`."""

    FACE = 0
    PLATE = 1
    AREA = 2
    """A zone, or a region drawn by a person: no detector finds it."""

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
    """A detector found it on this frame."""
    INTERPOLATED = "interpolated"
    """Found before and after; the position in between is inferred."""
    HELD = "held"
    """Inferred before the first find or after the last."""
    ZONE = "zone"
    """The user wants this area always redacted."""
    MANUAL = "manual"
    """A person wrote it into the plan."""
    UNBRACKETED = "unbracketed"
    """No two detections bracket the frame: the whole picture is obscured."""


class Grounds(StrEnum):
    """Why a track stays visible."""

    CONSENT = "consent"
    """A person was chosen to stay visible, with a reason."""
    ZONE = "zone"
    """A thing (a poster, a parked car) in a zone that the user spared."""
    SPAN = "span"
    """The user wanted finds to stay visible at that time."""


class Shape(StrEnum):
    """The outline of a region."""

    BOX = "box"
    ELLIPSE = "ellipse"
    POLYGON = "polygon"


class Topic(StrEnum):
    """What a person is asked about a place in a picture, beside the doubts of a plan."""

    FAINT = "faint"
    """Found too faintly to be covered: is there somebody?"""
    SURE = "sure"
    """A track that may show nobody: does it?"""
    BEGINS = "begins"
    """Just before a track begins: is there somebody already?"""
    ENDS = "ends"
    """Just after a track ended: is there somebody still?"""
    GAP = "gap"
    """Between two parts of a track: is there somebody?"""
    HELD = "held"
    """Covered for long without a find: is there somebody?"""


class Raised(StrEnum):
    """What raised a doubt."""

    FIND = "find"
    """Found, but too weakly or too seldom to be sure that it shows a person."""
    CHECK = "check"
    """Verification found it in the output."""


class Silencing(StrEnum):
    """What is heard in the place of the sound."""

    MUTE = "mute"
    """Nothing."""
    BLEEP = "bleep"
    """A tone."""


class Answer(StrEnum):
    """A person's answer to a doubt."""

    HIDE = "hide"
    NOTHING = "nothing"
    """There is nothing to hide."""


class Verdict(StrEnum):
    """The result of verifying an output."""

    PASS = "pass"
    PASS_WITH_DOUBTS = "pass-with-doubts"
    """Nothing is certainly wrong; a person should review what is listed."""
    FAIL = "fail"
    UNVERIFIED = "unverified"
    """The user asked for the output without verification."""
