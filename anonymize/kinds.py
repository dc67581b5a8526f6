"""The enumerations that settings, plans and data share: what is found, why it is redacted, in which outline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum

LETTERS = 12
"""The most letters of a kind's name."""
_RESERVED = frozenset({"all", "both", "none"})
"""Words that options have another meaning for."""


class Kind(IntEnum):
    """What a box contains. `Detections.kind` stores the number; files and messages use `label`.

    Besides these members there is a kind for every other word that a user's own model brings (`named`). Its number
    spells its name, so that all processes and machines agree on it without a list.
    """

    FACE = 0
    PLATE = 1
    AREA = 2
    """A zone, or a region drawn by a person: no detector finds it."""
    HEAD = 3
    PERSON = 4
    TEXT = 5
    """A line of text: of a name tag, a document, a screen, a sign."""

    @classmethod
    def _missing_(cls, value: object) -> Kind | None:
        """The kind whose name a number spells; None if it spells none, which makes `Kind(number)` a `ValueError`."""
        if not isinstance(value, int) or _fault(name := _spelt(value)):
            return None
        made = int.__new__(cls, value)
        made._name_, made._value_ = name.upper(), value
        one: Kind = cls._value2member_map_.setdefault(value, made)  # type: ignore[assignment]  # the same for all threads
        return one

    @property
    def label(self) -> str:
        """The name used in plans, reports and options."""
        return self.name.lower()

    @property
    def plural(self) -> str:
        """The word for several."""
        return self.label if self is MOTION else f"{self.label}s"

    @property
    def own(self) -> bool:
        """Whether a user's own model brought it."""
        return self > max(Kind.__members__.values())

    @property
    def may_be_text(self) -> bool:
        """Whether it is drawn as a solid box alone: text can be read through mosaic and blur, and past the corners that
        an ellipse leaves out."""
        return self not in PEOPLE and self is not Kind.AREA

    @property
    def wide(self) -> bool:
        """Whether its size is its width, and not its height, as of text and all that belongs to a person."""
        return self not in PEOPLE and self not in (Kind.AREA, Kind.TEXT)

    @classmethod
    def of(cls, label: str, others: Iterable[Kind] = ()) -> Kind:
        """The kind with this label, among the members and `others`. Raises `ValueError` for an unknown one."""
        known: dict[str, Kind] = {kind.label: kind for kind in (*cls, *others)}
        if not isinstance(label, str) or label not in known:
            raise ValueError(f"unknown kind {_shown(label)}: expected one of {', '.join(known)}")
        return known[label]

    @classmethod
    def named(cls, label: str) -> Kind:
        """The kind with this label, a member or not. Raises `ValueError` for what cannot be the name of one."""
        if not isinstance(label, str):
            raise ValueError(f"expected the name of a kind, got {_shown(label)}")
        if label.upper() in cls.__members__ and label.islower():
            return cls[label.upper()]
        if fault := _fault(label):
            raise ValueError(f"{label[:40]!r} cannot be the name of a kind: {fault}")
        return cls(_number(label))


def _shown(value: object) -> str:
    """`value` for a message, shortened."""
    return repr(value)[:60]


def _number(name: str) -> int:
    """The number that spells `name`: its letters as digits 1 to 26 to the base 27."""
    number = 0
    for letter in name:
        number = 27 * number + ord(letter) - ord("a") + 1
    return number


def _spelt(number: int) -> str:
    """The word that `number` spells; what is no word if it spells none."""
    letters = ""
    while number > 0 and len(letters) <= LETTERS:
        number, digit = divmod(number, 27)
        letters = chr(ord("a") + digit - 1) + letters
    return letters


def _fault(name: str) -> str:
    """Why `name` cannot be the name of a user's own kind; empty if it can."""
    if not (2 <= len(name) <= LETTERS and name.isascii() and name.isalpha() and name.islower()):
        return f"expected 2 to {LETTERS} lower-case letters, as in 'screen'"
    if name.endswith("s"):
        return "expected the singular, which does not end in s, as options add one for several"
    return "it has another meaning" if name in _RESERVED or name.upper() in Kind.__members__ else ""


MOTION = Kind.named("motion")
"""All that moves, whatever it is: what differs from the empty place (`anonymize.live.chain.background`). No detector
finds it, and none may bring it."""
PEOPLE = frozenset({Kind.FACE, Kind.HEAD, Kind.PERSON})
"""What belongs to a person. Their weak finds count if they agree, and they may be drawn in any style; all else may be
text, and is drawn as plates are."""
FIRM: Mapping[Kind, float] = {Kind.HEAD: 0.35}
"""The least score from which a find of a kind counts by itself, where `detect.high` is lower. Below, what is followed
as a head is as often a weight, a ball or the back of a chair."""
ONE_OF: Mapping[Kind, float] = {Kind.HEAD: 0.25}
"""Weak finds of a kind that agree need one of this score among them: three of the same wrong thing agree as well as
three of a head. Not in a live stream, where nobody looks again: one weak find is covered at once."""
FOUND = (Kind.FACE, Kind.HEAD, Kind.PERSON, Kind.PLATE, Kind.TEXT)
"""The members that detectors find, in the order of messages."""


def firm(kind: Kind, high: float) -> float:
    """The score from which a find of `kind` counts by itself, where `high` is what the settings say."""
    return max(high, FIRM.get(kind, 0.0))


class _Word(StrEnum):
    """One of a few words, as plans and reports have them."""

    @classmethod
    def _missing_(cls, value: object) -> None:
        raise ValueError(f"expected one of {', '.join(cls)}, got {_shown(value)}")


class Why(_Word):
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


class Grounds(_Word):
    """Why a track stays visible."""

    CONSENT = "consent"
    """A person was chosen to stay visible, with a reason."""
    ZONE = "zone"
    """A thing (a poster, a parked car) in a zone that the user spared."""
    SPAN = "span"
    """The user wanted finds to stay visible at that time."""


class Shape(_Word):
    """The outline of a region."""

    BOX = "box"
    ELLIPSE = "ellipse"
    POLYGON = "polygon"


def shaped(kind: Kind, shape: Shape) -> Shape:
    """The outline of a region of `kind` for which `shape` is asked: of what may be text no ellipse, but its box."""
    return Shape.BOX if shape is Shape.ELLIPSE and kind.may_be_text else shape


class Topic(_Word):
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


class Raised(_Word):
    """What raised a doubt."""

    FIND = "find"
    """Found, but too weakly or too seldom to be sure that it shows a person."""
    CHECK = "check"
    """Verification found it in the output."""
    ALONE = "alone"
    """Found weakly, or large, where another network saw nothing of it (`anonymize.detect.context`): not covered."""
    BEHIND = "behind"
    """A head in which another network saw nothing of a face: seen from behind, and not covered."""


class Silencing(_Word):
    """What is heard in the place of the sound."""

    MUTE = "mute"
    """Nothing."""
    BLEEP = "bleep"
    """A tone."""


class Answer(_Word):
    """A person's answer to a doubt."""

    HIDE = "hide"
    NOTHING = "nothing"
    """There is nothing to hide."""


class Verdict(_Word):
    """The result of verifying an output."""

    PASS = "pass"
    PASS_WITH_DOUBTS = "pass-with-doubts"
    """Nothing is certainly wrong; a person should review what is listed."""
    FAIL = "fail"
    UNVERIFIED = "unverified"
    """The user asked for the output without verification."""
