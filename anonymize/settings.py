"""What the user wants, as frozen values. A preset is a TOML file of them; a key nobody knows is an error.

Durations are seconds, sizes are pixels of the upright picture, shares are fractions of a box's side.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeVar

from anonymize.aspect import parse
from anonymize.errors import UsageError
from anonymize.kinds import Kind, Shape
from anonymize.live.settings import Live


class Style(StrEnum):
    """How a region is removed. The table of functions is in `anonymize.redact`."""

    SOLID = "solid"
    MOSAIC = "mosaic"
    BLUR = "blur"


class Audio(StrEnum):
    """What becomes of the sound."""

    KEEP = "keep"
    MUTE = "mute"


class Codec(StrEnum):
    """Which video encoder writes the output; `auto` follows the source's bit depth, colour and container.

    Those with a family behind the dash are part of a graphics card (`anonymize.media.hardware`); `auto` takes none.
    """

    AUTO = "auto"
    H264 = "h264"
    H265 = "h265"
    AV1 = "av1"
    VP9 = "vp9"
    FFV1 = "ffv1"
    PRORES = "prores"
    H264_NVENC = "h264-nvenc"
    H265_NVENC = "h265-nvenc"
    AV1_NVENC = "av1-nvenc"
    H264_QSV = "h264-qsv"
    H265_QSV = "h265-qsv"
    AV1_QSV = "av1-qsv"
    H264_AMF = "h264-amf"
    H265_AMF = "h265-amf"
    AV1_AMF = "av1-amf"
    H264_VIDEOTOOLBOX = "h264-videotoolbox"
    H265_VIDEOTOOLBOX = "h265-videotoolbox"


class Device(StrEnum):
    """On what networks run. `anonymize.models.devices` says what each is for onnxruntime, and what `auto` tries."""

    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"
    OPENVINO = "openvino"
    OPENVINO_GPU = "openvino-gpu"
    COREML = "coreml"
    DIRECTML = "directml"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of time ``start <= t < end`` in seconds of the presentation; `end` None: to the end.

    The presentation begins where players show 0:00, whatever the file's own clock says (`MediaInfo.origin`).
    """

    start: Fraction = Fraction(0)
    end: Fraction | None = None

    def __contains__(self, time: Fraction) -> bool:
        return self.start <= time and (self.end is None or time < self.end)

    def meets(self, shown: Fraction, until: Fraction) -> bool:
        """Whether any of it passes while a frame is shown, from `shown` to before `until`."""
        return (self.end is None or shown < self.end) and (self.start <= shown or self.start < until)

    def __str__(self) -> str:
        """As the command line takes it, in seconds."""
        return f"{float(self.start):g}-{'' if self.end is None else f'{float(self.end):g}'}"


@dataclass(frozen=True, slots=True)
class Zone:
    """An area that is always redacted, or (among `Settings.spared`) always left alone.

    Args:
        polygon: three or more corners (x, y) in upright pixels.
        span: when it applies, all the time if not given.
    """

    polygon: tuple[tuple[float, float], ...]
    span: Span = Span()

    def __post_init__(self) -> None:
        if len(self.polygon) < 3:
            raise UsageError(f"a zone needs at least 3 corners, got {len(self.polygon)}: x,y x,y x,y ...")


@dataclass(frozen=True, slots=True)
class Detect:
    """How hard to look."""

    detectors: tuple[str, ...] = ("centerface", "argus:plates")
    """Registered detectors, all of which look; their finds are merged. With a kind behind its name
    (`argus:plates`) only that of what it finds counts."""
    device: Device = Device.CPU
    """On what they run. One that cannot be used is an error: nothing is taken in its place, but by `auto`."""
    min_face: float = 16.0
    """Height in pixels of the smallest face wanted. It sets the scale at which detectors work."""
    min_plate: float = 24.0
    """Width in pixels of the smallest plate wanted."""
    every: float = 0.12
    """Seconds between two looks, at most; 0 looks at every frame."""
    thorough_every: float = 0.48
    """Seconds in which looks have been at every scale that small and large faces need, where the picture changed: each
    takes some of them in turn. Not more than `max_gap`; 0 makes every look take all."""
    high: float = 0.5
    """A find with this score or more starts a track by itself."""
    low: float = 0.2
    """A find with this score or more continues a track."""


@dataclass(frozen=True, slots=True)
class Follow:
    """How finds become tracks."""

    max_gap: float = 0.5
    """Seconds between the two looks that bracket a frame, at most. A frame not bracketed is obscured whole."""
    hold: float = 0.8
    """Seconds for which a subject is followed before its first and after its last find; up to four times as long while
    the picture still shows what was found."""
    bridge: float = 2.0
    """Seconds between two finds of one subject that are interpolated across, at most."""
    min_finds: int = 1
    """Finds that a track needs to be kept. 1 keeps single detections: a false blur is cheaper than a face."""


@dataclass(frozen=True, slots=True)
class Look:
    """How one kind of region is drawn."""

    style: Style = Style.SOLID
    shape: Shape = Shape.ELLIPSE
    padding: float = 0.3
    """Share of the box's side added on every side before it is drawn."""
    cells: int = 8
    """Mosaic: cells across the longer side of the padded region, at most 8."""

    def __post_init__(self) -> None:
        if not 1 <= self.cells <= 8:
            raise UsageError(f"mosaic cells must be 1 to 8 (more can be reversed), got {self.cells}")
        if self.padding < 0:
            raise UsageError(f"padding must not be negative, got {self.padding}")


def _plate_look() -> Look:
    return Look(style=Style.SOLID, shape=Shape.BOX, padding=0.15)


def _area_look() -> Look:
    return Look(style=Style.SOLID, shape=Shape.BOX, padding=0.0)


@dataclass(frozen=True, slots=True)
class Redact:
    """How each kind of region is drawn. Plates are always solid boxes: text survives blur and mosaic."""

    face: Look = field(default_factory=Look)
    plate: Look = field(default_factory=_plate_look)
    area: Look = field(default_factory=_area_look)

    def __post_init__(self) -> None:
        if self.plate.style is not Style.SOLID or self.plate.shape is not Shape.BOX:
            raise UsageError("plates are always redacted as solid boxes: text can be read through mosaic and blur")

    def of(self, kind: Kind) -> Look:
        """How regions of `kind` are drawn."""
        return {Kind.FACE: self.face, Kind.PLATE: self.plate, Kind.AREA: self.area}[kind]


@dataclass(frozen=True, slots=True)
class Output:
    """What the output file is made of."""

    codec: Codec = Codec.AUTO
    quality: int = 18
    """0 (best) to 51: constant rate factor on x264's scale; mapped to each encoder's own."""
    speed: str = "veryfast"
    """Encoder effort, x264's names (ultrafast ... veryslow); mapped to each encoder's own. With quality 18 it looks as
    medium does with 20 (SSIM within 0.002 on six clips), in less than half the time; files are 5 to 23% larger."""
    container: str = ""
    """File suffix without dot (mp4, mkv, mov, webm ...); empty keeps the source's where it can hold the codec."""
    audio: Audio = Audio.KEEP

    def __post_init__(self) -> None:
        if not 0 <= self.quality <= 51:
            raise UsageError(f"quality must be 0 (best) to 51, got {self.quality}")


class Doubts(StrEnum):
    """What becomes of an output that passes with doubts."""

    RELEASE = "release"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Verify:
    """How an output is examined before it gets its name."""

    detectors: tuple[str, ...] = ()
    """Who looks at the output; empty: those that looked at the source, and YuNet where it is installed."""
    look_every: float = 0.36
    """Seconds of video for each frame that detectors look at; 0 looks at every frame."""
    most_looks: int = 0
    """Frames of one file that are looked at, at most; 0 for no limit. The result then says what the sample supports."""
    repair: int = 0
    """Passes in which what the second look finds is redacted as well, at most; 0 fails the file instead."""
    doubts: Doubts = Doubts.RELEASE
    """Whether an output with doubts is released, with a list of them, or fails."""
    publish_unverified: bool = False
    """Release the output without any check. Only the option of that name sets it: no preset may."""

    def __post_init__(self) -> None:
        if not 0 <= self.repair <= 3:
            raise UsageError(f"verify.repair must be 0 to 3 passes, got {self.repair}")
        if self.look_every < 0 or self.most_looks < 0:
            raise UsageError("verify.look_every and verify.most_looks must not be negative")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run needs to know besides its input and output."""

    targets: frozenset[Kind] = frozenset({Kind.FACE, Kind.PLATE})
    detect: Detect = field(default_factory=Detect)
    follow: Follow = field(default_factory=Follow)
    redact: Redact = field(default_factory=Redact)
    output: Output = field(default_factory=Output)
    verify: Verify = field(default_factory=Verify)
    live: Live = field(default_factory=Live)
    zones: tuple[Zone, ...] = ()
    """Always redacted."""
    spared: tuple[Zone, ...] = ()
    """Left alone: a find whose centre lies inside is not redacted."""
    only: tuple[Span, ...] = ()
    """If given, finds are redacted only within these spans."""
    obscured: tuple[Span, ...] = ()
    """Spans in which the whole picture is obscured."""
    allow_damaged: bool = False
    """Write what was readable of a damaged input."""
    pixel_aspect: str = ""
    """Width and height of an upright pixel as W:H, for sources that do not say that theirs are oblong (or say it
    wrongly); the output says it then. Empty: as the source says."""

    def __post_init__(self) -> None:
        parse(self.pixel_aspect)
        if not self.targets and not self.zones:
            raise UsageError("nothing to redact: name a target (faces, plates) or a zone")
        if self.follow.max_gap < self.detect.every:
            raise UsageError(
                f"looks every {self.detect.every} s can never bracket frames within max_gap {self.follow.max_gap} s"
            )

    @property
    def shape_of_pixels(self) -> Fraction | None:
        """`pixel_aspect` as a number. Raises `UsageError`."""
        return parse(self.pixel_aspect)


T = TypeVar("T")


def from_mapping(kind: type[T], values: Mapping[str, Any], base: T | None = None, where: str = "") -> T:
    """Build `kind` (a settings class) from nested plain values, as TOML gives them.

    Args:
        kind: `Settings` or one of its parts.
        values: keys are field names; parts are nested mappings. What is absent keeps the value in `base`.
        base: the values to start from; the class's defaults if not given.
        where: dotted path for messages.

    Raises:
        UsageError: a key that does not exist, or a value that does not fit; the message names its place.
    """
    hints = typing.get_type_hints(kind)
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]  # T is always one of our dataclasses
    changes: dict[str, Any] = {}
    for key, value in values.items():
        place = f"{where}.{key}" if where else key
        if key not in known:
            raise UsageError(f"unknown setting {place!r}: known here are {', '.join(sorted(known))}")
        changes[key] = _convert(hints[key], value, getattr(base, key, None), place)
    try:
        return kind(**changes) if base is None else replace(base, **changes)  # type: ignore[type-var]
    except TypeError as error:
        raise UsageError(f"{where or 'settings'}: {str(error).partition(' ')[2]}") from error


def _convert(hint: Any, value: Any, current: Any, place: str) -> Any:
    """`value` as the type `hint`; a nested mapping changes `current`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    try:
        if is_dataclass(hint):
            if not isinstance(value, Mapping):
                raise ValueError("expected a table")
            return from_mapping(typing.cast(type, hint), value, current, place)
        if origin in (tuple, frozenset):
            if isinstance(value, str):
                raise ValueError("expected a list")
            if origin is tuple and arguments[-1] is not Ellipsis and len(arguments) != len(value):
                raise ValueError(f"expected {len(arguments)} values, got {len(value)}")
            return origin(_convert(arguments[0], item, None, f"{place}[{i}]") for i, item in enumerate(value))
        if origin in (types.UnionType, typing.Union):
            return None if value is None else _convert(arguments[0], value, current, place)
        if hint is Kind:
            return Kind.of(str(value).removesuffix("s"))
        if hint is Fraction:
            return Fraction(str(value))
        if hint is bool and not isinstance(value, bool):
            raise ValueError("expected true or false")
        if hint is int and (isinstance(value, bool) or int(value) != value):
            raise ValueError("expected a whole number")
        return hint(value)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{place} = {value!r}: {error}") from error


def to_mapping(value: Any) -> Any:
    """`value` (settings or a part) as plain JSON values; `from_mapping` reads it back."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_mapping(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Kind):
        return value.label
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, (tuple, frozenset)):
        items = [to_mapping(item) for item in value]
        return sorted(items) if isinstance(value, frozenset) else items
    return value


def to_toml(value: Any) -> str:
    """`value` (settings) as TOML, tables after plain keys; what is None is left out."""
    return "\n".join(_toml_lines(to_mapping(value), "")) + "\n"


def _toml_lines(mapping: Mapping[str, Any], table: str) -> list[str]:
    plain = {k: v for k, v in mapping.items() if not isinstance(v, Mapping) and v is not None}
    lines = [f"\n[{table}]"] if table and plain else []
    lines += [f"{key} = {_toml_value(value)}" for key, value in plain.items()]
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            lines += _toml_lines(value, f"{table}.{key}" if table else key)
    return lines


def _toml_value(value: Any) -> str:
    """Within a list tables are written inline; TOML's strings, numbers and booleans look like JSON's."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {_toml_value(v)}" for k, v in value.items() if v is not None) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    return json.dumps(value)
