"""Cards of a user's own models: what the network takes and gives, and what its classes are.

A card is a TOML file that the user writes (docs/models.md). `anonymize.detect.bring` compares it with the network, and
`KeptCard` is what then lies beside the network in the user's folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

from anonymize.errors import ModelError, UsageError
from anonymize.kinds import MOTION, Kind
from anonymize.text import untrusted
from anonymize.text.mapping import from_mapping, to_toml
from anonymize.text.ranges import Range, in_range, shown
from anonymize.text.words import Word, printable

LONGEST = 1 << 16
"""The most characters of a card."""
LONGEST_LINE = 500
"""The most characters of what a card says in words."""
CLASSES = Range(1, 10_000, "classes")
PIXELS = Range(1, 4096, "pixels")
NUMBERS = Range(-1e4, 1e4)
T = TypeVar("T", "Card", "KeptCard")
_NAME = re.compile(r"[a-z][a-z0-9-]{1,30}")
_CLASS = re.compile(r"0|[1-9][0-9]{0,4}", re.ASCII)


class Form(Word):
    """What a network's outputs are."""

    YOLOX = "yolox"
    """One output (1, cells, 5 + classes): place in the cell, logarithm of the size, probability of any and of each."""
    YOLOV8 = "yolov8"
    """One output (1, 4 + classes, cells): centre and size in pixels, probability of each."""
    NANODET = "nanodet"
    """One output (1, cells, classes + 4 x bins): probability of each, distances to the four edges in bins."""
    QUERIES = "queries"
    """Two outputs (1, queries, classes) and (1, queries, 4): of a set of queries, centre and size as shares; or one,
    (1, queries, 4 + classes)."""
    BOXES = "boxes"
    """Boxes, scores and classes after suppression: one output (1, N, 6), two, (N, 5) and (N), or three."""
    MAP = "map"
    """One output (1, classes, height, width): how probable each class is at each place. Detectors of text have it."""

    @classmethod
    def also(cls) -> Mapping[str, str]:
        """See `Word.also`."""
        others = {"yolo11": "yolov8", "yolo12": "yolov8", "nanodet-plus": "nanodet", "nms": "boxes"}
        others |= dict.fromkeys(("db", "dbnet", "pp-ocr", "paddleocr"), "map")
        return others | dict.fromkeys(("detr", "rt-detr", "rtdetr", "d-fine", "dfine"), "queries")


class Colours(Word):
    """The order of an input's planes."""

    BGR = "bgr"
    RGB = "rgb"


class Activation(Word):
    """What makes probabilities of a network's scores."""

    NONE = "none"
    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"
    """Over the classes and a last one for nothing."""


@dataclass(frozen=True, slots=True)
class Input:
    """What a network takes: ``(pixel * scale - mean) / std`` for pixels of 0 to 255.

    Args:
        colours: order of the planes, for `mean` and `std` too.
        scale, mean, std: as above.
        padding: pixel value to the right of and below a picture that does not fill the input.
        multiple: what the sides must be multiples of, where the network takes any size.
        least: the shortest side that the network takes, where it takes any size; smaller pictures are padded.
        side: the longest side to pass at once, where the network takes any size.
    """

    colours: Colours = Colours.BGR
    scale: Annotated[float, Range(1e-6, 1e3)] = 1.0
    mean: tuple[Annotated[float, NUMBERS], Annotated[float, NUMBERS], Annotated[float, NUMBERS]] = (0.0, 0.0, 0.0)
    std: tuple[
        Annotated[float, Range(1e-6, 1e4)], Annotated[float, Range(1e-6, 1e4)], Annotated[float, Range(1e-6, 1e4)]
    ] = (1.0, 1.0, 1.0)
    padding: Annotated[float, Range(0, 255)] = 0.0
    multiple: Annotated[int, Range(1, 256, "pixels")] = 32
    least: Annotated[int, Range(1, 4096, "pixels")] = 32
    side: Annotated[int, Range(64, 4096, "pixels")] = 1280

    def __post_init__(self) -> None:
        in_range(self)
        if self.least > self.side:
            raise UsageError(f"input.least ({self.least}) must not be more than input.side ({self.side})")

    @property
    def as_they_are(self) -> bool:
        """Whether pixels go in unchanged."""
        return self.scale == 1 and not any(self.mean) and all(value == 1 for value in self.std)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a network gives.

    Args:
        form: what its outputs are.
        classes: how many there are.
        activation: of its scores; `sigmoid` for queries and `none` for others, if not given.
        strides: pixels per cell of each level, as YOLOX and NanoDet have them.
        decoded: of YOLOX: boxes are centre and size in pixels already.
        centre: of NanoDet: where in its cell a cell's centre is.
        corners: of boxes and queries: left, top, right, bottom, and not centre and size.
        relative: of boxes and queries: shares of the input's sides, and not pixels.
        grow: of a map, which shows the middle of a thing: how far its box is pushed out on each side, in multiples of
            its area over its circumference.
        boxes, scores, labels: names of the outputs, where the network has several.
    """

    form: Form
    classes: Annotated[int, CLASSES]
    activation: Activation | None = None
    strides: tuple[Annotated[int, Range(1, 256, "pixels")], ...] = ()
    decoded: bool = False
    centre: Annotated[float, Range(0, 1)] = 0.0
    corners: bool | None = None
    relative: bool | None = None
    grow: Annotated[float, Range(0, 4)] = 1.6
    boxes: str = ""
    scores: str = ""
    labels: str = ""

    def __post_init__(self) -> None:
        in_range(self)
        if self.activation is Activation.SOFTMAX and self.form is not Form.QUERIES:
            raise UsageError("outputs.activation: softmax is for queries, whose last class is for nothing")

    @property
    def levels(self) -> tuple[int, ...]:
        """The strides, or what is usual for the form."""
        return self.strides or ((8, 16, 32, 64) if self.form is Form.NANODET else (8, 16, 32))

    @property
    def activated(self) -> Activation:
        """The activation, or what is usual for the form."""
        return self.activation or (Activation.SIGMOID if self.form is Form.QUERIES else Activation.NONE)

    @property
    def in_corners(self) -> bool:
        """Whether boxes are corners."""
        return self.form is Form.BOXES if self.corners is None else self.corners

    @property
    def in_shares(self) -> bool:
        """Whether boxes are shares of the input's sides."""
        return self.form is Form.QUERIES if self.relative is None else self.relative


@dataclass(frozen=True, slots=True)
class Card:
    """What a user says of their model.

    Args:
        name: for `--detectors`.
        licence, source, trained_on, recall: for `models list` and reports, one line each.
        outputs, input: see there.
        kinds: number of a class → the kind that it is; other classes are left out.
        smallest: kind → size in the network's input, in pixels, of the smallest that it finds reliably.
        largest: the same of the largest, for kinds of which larger boxes are poor.
    """

    name: str
    licence: str
    source: str
    trained_on: str
    outputs: Outputs
    kinds: dict[str, str]
    smallest: dict[str, float]
    recall: str = "not measured"
    input: Input = field(default_factory=Input)
    largest: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(f"name = {shown(self.name)}: expected 2 to 31 of a-z, 0-9 and -, a letter first")
        for key in ("licence", "source", "trained_on", "recall"):
            text = getattr(self, key)
            if not text.strip() or len(text) > LONGEST_LINE or printable(text) != text:
                raise UsageError(f"{key}: expected one line of at most {LONGEST_LINE} characters, got {shown(text)}")
        found = {kind.label for kind in self.of_class.values()}
        if not found:
            raise UsageError('kinds: expected a kind for at least one class, as 0 = "screen"')
        for key in ("smallest", "largest"):
            for word, size in getattr(self, key).items():
                if word not in found:
                    raise UsageError(f"{key}.{word}: no class is of this kind; there are {', '.join(sorted(found))}")
                try:
                    PIXELS.check(size)
                except ValueError as error:
                    raise UsageError(f"{key}.{word}: {error}") from None
        if missing := sorted(found - self.smallest.keys()):
            raise UsageError(f"smallest.{missing[0]} is missing: the size of the smallest that is found reliably")
        for word, size in self.largest.items():
            if size <= self.smallest[word]:
                raise UsageError(
                    f"largest.{word} ({size:g}) must be more than smallest.{word} ({self.smallest[word]:g})"
                )

    @property
    def of_class(self) -> dict[int, Kind]:
        """The kind of each class that has one. Raises `UsageError`."""
        made = {}
        for number, word in self.kinds.items():
            if not _CLASS.fullmatch(number) or int(number) >= self.outputs.classes:
                raise UsageError(f"kinds.{shown(number)}: expected a class from 0 to {self.outputs.classes - 1}")
            try:
                made[int(number)] = Kind.named(word) if isinstance(word, str) else Kind.AREA
            except ValueError as error:
                raise UsageError(f"kinds.{number}: {error}") from None
            if made[int(number)] in (Kind.AREA, MOTION):
                raise UsageError(f"kinds.{number} = {shown(word)}: expected the name of a kind, as face or screen")
        return made

    def sizes(self, which: Mapping[str, float]) -> dict[Kind, float]:
        """`smallest` or `largest` by kind."""
        return {Kind.named(word): float(size) for word, size in which.items()}


@dataclass(frozen=True, slots=True)
class KeptCard:
    """A card as it lies in the user's folder: with size and hash of the network that it was compared with."""

    sha256: str
    size: Annotated[int, Range(1, 1 << 40)]
    card: Card

    def text(self) -> str:
        """As TOML."""
        return to_toml(self)


def read_card(path: Path) -> Card:
    """The card in a TOML file.

    Raises:
        ModelError: it cannot be read, or something in it is unknown, missing or invalid.
    """
    return _read(Card, path, "write it as docs/models.md says")


def read_kept(path: Path) -> KeptCard:
    """A card in the user's folder. Raises `ModelError`."""
    advice = f"anonymize models remove {path.stem} removes the model; then import it again, with its card"
    try:
        kept = _read(KeptCard, path, advice)
    except ModelError as error:
        if advice in error.message:
            raise
        raise ModelError(f"{error.message}; {advice}", path) from error
    if kept.card.name != path.stem:
        raise ModelError(f"not the card of {path.stem}, but of {kept.card.name}; {advice}", path)
    return kept


def is_name(text: str) -> bool:
    """Whether `text` can be the name of a user's own model."""
    return bool(_NAME.fullmatch(text))


def _read(hint: type[T], path: Path, advice: str) -> T:
    try:
        values = untrusted.toml_value(untrusted.text(path, "card", ModelError, LONGEST), str(path), ModelError)
        return from_mapping(hint, values)
    except UsageError as error:
        raise ModelError(f"not a card of a model: {error}; {advice}", path) from error
