"""The tables of settings, each with its fields, their ranges and what holds if nothing is said; `Settings` has all."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fractions import Fraction
from typing import Annotated, Self

from anonymize.aspect import parse
from anonymize.errors import UsageError
from anonymize.kinds import FOUND, Kind, Shape
from anonymize.settings.places import Person, Span, Zone
from anonymize.settings.words import Audio, Codec, Device, Doubts, Style, Unbracketed
from anonymize.text.patterns import compiled
from anonymize.text.ranges import Range, in_range

OWN = "own kinds"
"""Key of the metadata of a field that holds what a table says of a user's own kinds; its value is what holds for those
that are not named. `anonymize.text.mapping` writes ``redact.screen``, and not ``redact.own``."""
SMALLEST_OWN = 24.0
"""The smallest thing of a user's own kind that is wanted, unless settings say otherwise."""
SIZES = Range(4, 512, "pixels")


@dataclass(frozen=True, slots=True)
class Smallest:
    """The smallest heads, persons, lines of text and things of a user's own kinds that are wanted: height of people and
    text, else width, in pixels. ``detect.smallest.face`` and ``plate`` are other names of `Detect.min_face` and
    `min_plate`."""

    head: Annotated[float, SIZES] = 16.0
    person: Annotated[float, SIZES] = 32.0
    text: Annotated[float, SIZES] = 12.0
    own: tuple[tuple[Kind, Annotated[float, SIZES]], ...] = field(default=(), metadata={OWN: SMALLEST_OWN})

    def __post_init__(self) -> None:
        in_range(self)

    def times(self, factor: float) -> Self:
        """All sizes multiplied by `factor`."""
        own = tuple((kind, size * factor) for kind, size in self.own)
        return type(self)(self.head * factor, self.person * factor, self.text * factor, own)


@dataclass(frozen=True, slots=True)
class Detect:
    """Which detectors run, for what, and how often."""

    detectors: tuple[str, ...] = ("centerface", "argus:plates", "argus2:heads", "argus2:persons")
    """Registered detectors, of which those run that find a target; their finds are merged. A kind after the name
    (`argus:plates`) keeps only finds of that kind."""
    device: Device = Device.CPU
    """Where they run. A device that cannot be used is an error: only `auto` tries others."""
    min_face: Annotated[float, SIZES] = 16.0
    """Height in pixels of the smallest face wanted. It sets the largest scale at which detectors run."""
    min_plate: Annotated[float, SIZES] = 24.0
    """Width in pixels of the smallest plate wanted."""
    smallest: Smallest = Smallest()
    """The same of other kinds."""
    every: Annotated[float, Range(0, 10, "seconds")] = 0.12
    """The most seconds between two detections; 0 detects on every frame."""
    thorough_every: Annotated[float, Range(0, 10, "seconds")] = 0.48
    """Seconds within which detection has run at every scale that small and large faces need, where the picture changed:
    each detection takes some of the scales in turn. `max_gap` at most; 0 runs all scales every time."""
    high: Annotated[float, Range(0.01, 0.9)] = 0.5
    """A find with this score or more starts a track by itself."""
    low: Annotated[float, Range(0.01, 0.9)] = 0.2
    """A find with this score or more continues a track."""
    alone: Annotated[float, Range(0, 0.9)] = 0.5
    """A face or head whose finds all score less than this, or that is large, and a plate with less than 1.3 times as
    much, is covered only if another network sees it there, too; else it is a doubt, and not covered. 0 covers all."""
    behind: Annotated[float, Range(0, 0.9)] = 0.0
    """A head in which another network sees less of a face than this, whenever it was found, is seen from behind and not
    covered; it is a doubt. 0 covers every head."""

    def __post_init__(self) -> None:
        in_range(self)
        if self.low > self.high:
            raise UsageError(f"detect.low ({self.low:g}) must not be more than detect.high ({self.high:g})")

    @classmethod
    def also(cls) -> Mapping[str, str]:
        """Other names of settings in this table."""
        return {"smallest.face": "min_face", "smallest.plate": "min_plate"}

    def least(self, kind: Kind) -> float:
        """The size of the smallest thing of `kind` that is wanted: its width if `kind.wide`, else its height."""
        sizes = {Kind.FACE: self.min_face, Kind.PLATE: self.min_plate}
        sizes |= {Kind.HEAD: self.smallest.head, Kind.PERSON: self.smallest.person, Kind.TEXT: self.smallest.text}
        sizes |= dict(self.smallest.own)
        return sizes.get(kind, SMALLEST_OWN)

    def coarser(self, factor: float) -> Self:
        """The same for things that are `factor` times as large."""
        return replace(
            self,
            min_face=self.min_face * factor,
            min_plate=self.min_plate * factor,
            smallest=self.smallest.times(factor),
        )


@dataclass(frozen=True, slots=True)
class Follow:
    """How finds become tracks."""

    max_gap: Annotated[float, Range(0, 10, "seconds")] = 0.5
    """The most seconds between the two detections that bracket a frame. A frame not bracketed is obscured whole."""
    hold: Annotated[float, Range(0, 60, "seconds")] = 0.8
    """Seconds for which a subject is followed before its first and after its last find; up to four times as long while
    the picture still shows what was found."""
    bridge: Annotated[float, Range(0, 60, "seconds")] = 2.0
    """The longest gap in seconds between two finds of one subject that is interpolated."""
    min_finds: Annotated[int, Range(1, 10)] = 1
    """Finds that a track needs to be kept. 1 keeps single finds: a false blur costs less than a visible face."""

    def __post_init__(self) -> None:
        in_range(self)


@dataclass(frozen=True, slots=True)
class Appearance:
    """How one kind of region is drawn."""

    style: Style = Style.SOLID
    shape: Shape = Shape.ELLIPSE
    padding: Annotated[float, Range(0, 4)] = 0.3
    """Share of the box's side added on every side before it is drawn."""
    cells: Annotated[int, Range(1, 8)] = 8
    """Mosaic and blur: cells across the longer side of the padded region, at most 8."""
    corners: bool = True
    """Ellipse: whether it is grown until it contains the corners of the box, too. Those of a head's box are empty."""

    def __post_init__(self) -> None:
        in_range(self)


OWN_DRAWN = Appearance(Style.SOLID, Shape.BOX, padding=0.15)
"""How a user's own kinds are drawn, unless settings say otherwise."""


@dataclass(frozen=True, slots=True)
class Redact:
    """How each kind of region is drawn. Plates, text and a user's own kinds, which may be text, are always solid boxes:
    text stays readable through blur and mosaic."""

    face: Appearance = Appearance()
    plate: Appearance = Appearance(Style.SOLID, Shape.BOX, padding=0.15)
    area: Appearance = Appearance(Style.SOLID, Shape.BOX, padding=0.0)
    head: Appearance = Appearance(padding=0.1, corners=False)
    person: Appearance = Appearance(Style.SOLID, Shape.BOX, padding=0.1)
    text: Appearance = Appearance(Style.SOLID, Shape.BOX, padding=0.05)
    own: tuple[tuple[Kind, Appearance], ...] = field(default=(), metadata={OWN: OWN_DRAWN})

    def __post_init__(self) -> None:
        for kind, drawn in [*((kind, self.of(kind)) for kind in Kind.__members__.values()), *self.own]:
            if kind.may_be_text and (drawn.style is not Style.SOLID or drawn.shape is not Shape.BOX):
                near = get_close_matches(kind.label, [one.lower() for one in Kind.__members__], 1) if kind.own else ()
                what = f"{kind.plural} are always redacted as solid boxes"
                if near:
                    what = f"redact.{kind.label}: did you mean {near[0]}? Kinds of your own are solid boxes"
                raise UsageError(f"{what}: text can be read through mosaic and blur")
            if drawn.shape is Shape.POLYGON:
                raise UsageError(
                    f"redact.{kind.label}.shape: expected box or ellipse: what is found has no corners of its own"
                )

    def of(self, kind: Kind) -> Appearance:
        """How regions of `kind` are drawn."""
        if kind.own:
            return dict(self.own).get(kind, OWN_DRAWN)
        drawn: Appearance = getattr(self, kind.label)
        return drawn

    def styled(self, other: Self) -> Self:
        """The same shapes and sizes, in the style of `other`."""

        def of(kind: Kind) -> Appearance:
            return replace(self.of(kind), style=other.of(kind).style, cells=other.of(kind).cells)

        return type(self)(**{kind.label: of(kind) for kind in Kind}, own=self.own)


@dataclass(frozen=True, slots=True)
class TextRules:
    """Which text is hidden. Text must be among the targets then."""

    match: str = ""
    """A regular expression: lines in which it is found are hidden, and those that cannot be read surely. Empty hides
    all text, and then nothing is read."""

    def __post_init__(self) -> None:
        try:
            compiled(self.match or ".")
        except ValueError as error:
            raise UsageError(f"text.match: {error}") from error


@dataclass(frozen=True, slots=True)
class Output:
    """How the output file is encoded."""

    codec: Codec = Codec.AUTO
    quality: Annotated[int, Range(0, 51)] | None = None
    """0 (best) to 51: constant rate factor on x264's scale, mapped to each encoder's own. None chooses the one that
    makes the output about as large as its source (`anonymize.media.video.like_source`)."""
    speed: str = "veryfast"
    """Encoder effort in x264's names (ultrafast ... veryslow), mapped to each encoder's own. At the same size,
    veryfast is 0 to 5 dB below medium and takes less than half the time."""
    container: str = ""
    """File suffix without the dot (mp4, mkv, mov, webm ...); empty keeps the source's if it can hold the codec."""
    audio: Audio = Audio.KEEP

    def __post_init__(self) -> None:
        in_range(self)


@dataclass(frozen=True, slots=True)
class Verify:
    """How an output is verified before it is released."""

    detectors: tuple[str, ...] = ()
    """The detectors that run on the output; empty: those of the source, and YuNet where it is installed."""
    look_every: Annotated[float, Range(0, 60, "seconds")] = 0.36
    """Seconds of video for each frame on which detectors run; 0 runs them on every frame."""
    most_looks: Annotated[int, Range(0, 1_000_000)] = 0
    """The most frames of one file on which detectors run; 0 for no limit. The result says what the sample supports."""
    repair: Annotated[int, Range(0, 3, "passes")] = 0
    """The most passes that also redact what verification finds; 0 fails the file instead."""
    doubts: Doubts = Doubts.RELEASE
    """Whether an output with doubts is released, with a list of them, or fails."""
    publish_unverified: bool = False
    """Release the output without verification. Only the option of that name sets it; a preset may not."""

    def __post_init__(self) -> None:
        in_range(self)


@dataclass(frozen=True, slots=True)
class Live:
    """How long frames of a stream wait, and what happens when a part is slow, hung or gone. Times are in seconds."""

    lookahead: Annotated[float, Range(0.001, 10, "seconds")] = 0.8
    """How long a frame is held back: a subject first found within this time is covered from its first frame on. Looks
    for small faces and for larger ones take turns, and each must come round in it."""
    unbracketed: Unbracketed = Unbracketed.OBSCURE
    deadline: Annotated[float, Range(0.001, 60, "seconds")] = 1.0
    """A detector process that works on one frame for longer, and uses no processor time meanwhile, is replaced."""
    coarsest: Annotated[float, Range(1, 8)] = 1.0
    """The largest factor by which the smallest face and plate searched for may grow when detection is too slow. At 1
    they never grow, and frames that were not looked at for all sizes in time are repeated or hidden."""
    stall: Annotated[float, Range(0.001, 60, "seconds")] = 1.0
    """After so long without a new picture, a notice is released in its place."""
    timeout: Annotated[float, Range(0.001, 60, "seconds")] = 5.0
    """After so long without any data, the source is closed and opened again."""
    backoff: Annotated[float, Range(0.001, 60, "seconds")] = 0.5
    """Wait before the next attempt to open a source or to start a detector; doubled after each failure ..."""
    longest_backoff: Annotated[float, Range(0.001, 3600, "seconds")] = 15.0
    """... up to this."""
    buffer: Annotated[int, Range(1, 1000, "frames")] = 8
    """Frames that may wait for processing; beyond, the oldest is dropped."""
    longest_side: Annotated[int, Range(64, 7680, "pixels")] = 1920
    """Longer sides are scaled down to this."""

    def __post_init__(self) -> None:
        in_range(self)
        if self.longest_backoff < self.backoff:
            raise UsageError(
                f"live.longest_backoff must be at least live.backoff ({self.backoff}), got {self.longest_backoff}"
            )


@dataclass(frozen=True, slots=True)
class ReviewRules:
    """What people must have done before an output is released."""

    approvals: Annotated[int, Range(0, 9, "people")] = 0
    """People who must sign the plan on the page of `anonymize review`, each with a name and in a start of their own."""

    def __post_init__(self) -> None:
        in_range(self)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a run, besides its input and output."""

    targets: frozenset[Kind] = frozenset({Kind.FACE, Kind.HEAD, Kind.PLATE})
    detect: Detect = field(default_factory=Detect)
    follow: Follow = field(default_factory=Follow)
    redact: Redact = field(default_factory=Redact)
    text: TextRules = field(default_factory=TextRules)
    output: Output = field(default_factory=Output)
    verify: Verify = field(default_factory=Verify)
    review: ReviewRules = field(default_factory=ReviewRules)
    live: Live = field(default_factory=Live)
    zones: tuple[Zone, ...] = ()
    """Always redacted."""
    spared: tuple[Zone, ...] = ()
    """Things that stand still in these from the first frame on stay visible (`anonymize.plan.consent`)."""
    show_persons: tuple[Person, ...] = ()
    """Who stays visible, in this one video or picture."""
    only: tuple[Span, ...] = ()
    """If given, finds are redacted only within these spans."""
    obscured: tuple[Span, ...] = ()
    """Spans in which the whole picture is obscured."""
    allow_damaged: bool = False
    """Write the readable part of a damaged input."""
    pixel_aspect: str = ""
    """Width and height of an upright pixel as W:H, for sources that state no pixel aspect or a wrong one; written to
    the output. Empty: as the source states."""

    def __post_init__(self) -> None:
        parse(self.pixel_aspect)
        if odd := sorted(repr(target) for target in self.targets if not isinstance(target, Kind)):
            raise UsageError(f"targets: expected kinds, such as Kind.FACE; got {', '.join(odd)[:80]}")
        if Kind.AREA in self.targets:
            raise UsageError(
                "targets: areas are zones, which are hidden whatever the targets are; name what is to be found: "
                f"{', '.join(kind.label for kind in FOUND)}"
            )
        if not self.targets and not self.zones:
            raise UsageError("nothing to redact: name a target (faces, heads, persons, plates, text) or a zone")
        if self.text.match and Kind.TEXT not in self.targets:
            raise UsageError(
                "text.match says which text is hidden, and text is not among the targets, so that none would be: add "
                'it to the targets of the preset (targets = ["face", "text"]), and to --targets if that is given, or '
                "leave text.match out"
            )
        if self.follow.max_gap < self.detect.every:
            raise UsageError(
                f"detect.every ({self.detect.every} s) must not be more than follow.max_gap ({self.follow.max_gap} s): "
                "no frame could be bracketed"
            )

    @property
    def shape_of_pixels(self) -> Fraction | None:
        """`pixel_aspect` as a number. Raises `UsageError`."""
        return parse(self.pixel_aspect)
