"""The options that several commands share, and how their words become settings."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from anonymize import foreign
from anonymize.errors import UsageError
from anonymize.mapping import from_mapping
from anonymize.ranges import exact
from anonymize.settings import Audio, Codec, Device, Settings, Style
from anonymize.words import Word

REPAIRS = 3
"""Passes of `--repair`, where the preset names no number."""

LOOK, OUTPUT, WHERE, RUN = "What to find", "What comes out", "Where and when", "How it runs"
CLUSTER = "On a cluster"

RENAMED = {
    "--zone": "--hide-zone",
    "--spare": "--show-zone (for things; a person: --show-person)",
    "--only": "--show-outside",
    "--obscure": "--hide-span",
}
"""Options that had other names, and what they are called now."""


class Targets(Word):
    """What is to be found."""

    FACES = "faces"
    PLATES = "plates"
    BOTH = "both"
    NONE = "none"

    @classmethod
    def also(cls) -> Mapping[str, str]:
        """As for `Word`."""
        return {"face": "faces", "plate": "plates", "all": "both"}


def word(kind: type[Word]) -> Callable[[str], Word]:
    """What reads a value of `kind`, or a word that people guess for one."""

    def read(text: str) -> Word:
        try:
            return kind(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return read


def word_or_list(kind: type[Codec | Device]) -> Callable[[str], Word]:
    """As `word`; over the word `list` the command prints all that there are, and ends."""

    def read(text: str) -> Word:
        if text.lower() != "list":
            return word(kind)(text)
        from anonymize import doctor
        from anonymize.cli.render import choices

        usable = doctor.usable_codecs() if kind is Codec else doctor.usable_devices()
        choices(usable, machine="--json" in sys.argv)
        raise typer.Exit

    return read


Inputs = Annotated[
    list[str],
    typer.Argument(
        help="Videos, pictures, folders, patterns, or - for standard input.", metavar="INPUT", show_default=False
    ),
]
Input = Annotated[
    str, typer.Argument(help="A video or picture, or - for standard input.", metavar="INPUT", show_default=False)
]


def named_plan(text: str) -> str:
    """`text`, where a plan can have that name. Raises `UsageError` for that of a picture or video."""
    from anonymize.suffixes import is_picture_name

    if is_picture_name(Path(text)) is not None:
        plan = shlex.quote(str(Path(text).with_suffix(".jsonl")))
        raise UsageError(
            f"{text}: `detect` writes a plan, which is text, and `render` makes the output: write -o {plan}"
        )
    return text


def named(path: Path | None) -> Path | None:
    """`path`, where it names something to write. Raises `UsageError` for `-`."""
    from anonymize.batch.inputs import named_file

    return path and Path(named_file(str(path)))


Out = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        help="The file to write, or the folder for several inputs.",
        metavar="FILE",
        show_default=False,
    ),
]
PresetName = Annotated[
    str,
    typer.Option(
        "--preset",
        "-p",
        help="Settings for a purpose (`anonymize presets list` names them), or a .toml file.",
        metavar="PRESET",
        show_default="the one named default",
    ),
]
PlanPreset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        "-p",
        help="Style, sound, output and check as this preset or .toml file has them, in place of the plan's.",
        metavar="PRESET",
        show_default="as the plan was made",
    ),
]
TargetOption = Annotated[
    Targets | None,
    typer.Option(
        "--targets",
        "-t",
        help="What to find: faces, plates, both or none.",
        parser=word(Targets),
        metavar="WHAT",
        show_default="both",
    ),
]
Detectors = Annotated[
    str | None,
    typer.Option(
        "--detectors",
        help="Which models look, comma-separated (`anonymize models list` names them).",
        metavar="MODELS",
        show_default="the preset's",
        rich_help_panel=LOOK,
    ),
]
DeviceOption = Annotated[
    Device | None,
    typer.Option(
        "--device",
        help="On what detectors run; what cannot be used is refused. `--device list` says what can.",
        parser=word_or_list(Device),
        is_eager=True,
        metavar="DEVICE",
        show_default="the preset's",
        rich_help_panel=RUN,
    ),
]
MinFace = Annotated[
    float | None,
    typer.Option(
        help="Height of the smallest face to find, 4 or more. Smaller is slower.",
        min=4,
        metavar="PIXELS",
        show_default="the preset's",
        rich_help_panel=LOOK,
    ),
]
MinPlate = Annotated[
    float | None,
    typer.Option(
        help="Width of the smallest plate to find, 4 or more.",
        min=4,
        metavar="PIXELS",
        show_default="the preset's",
        rich_help_panel=LOOK,
    ),
]
StyleOption = Annotated[
    Style | None,
    typer.Option(
        "--style",
        "-s",
        help="How faces are removed: solid, mosaic or blur. Plates are always solid.",
        parser=word(Style),
        metavar="STYLE",
        show_default="the preset's",
    ),
]
AudioOption = Annotated[
    Audio | None,
    typer.Option(
        "--audio",
        help="What becomes of the sound.",
        parser=word(Audio),
        metavar="keep|mute",
        show_default="the preset's",
    ),
]
CodecOption = Annotated[
    Codec | None,
    typer.Option(
        "--codec",
        help="The video encoder, as h264. `--codec list` names them and says which can be used on this machine.",
        parser=word_or_list(Codec),
        is_eager=True,
        metavar="CODEC",
        show_default="auto",
        rich_help_panel=OUTPUT,
    ),
]
Quality = Annotated[
    int | None,
    typer.Option(
        help="0 (best, largest) to 51, on x264's scale.",
        metavar="0..51",
        min=0,
        max=51,
        show_default="about as large as the source",
        rich_help_panel=OUTPUT,
    ),
]
CodedQuality = Annotated[
    int | None,
    typer.Option(
        "--quality",
        help="With what quality it was encoded, 0 (best) to 51: a report has it.",
        metavar="0..51",
        min=0,
        max=51,
        show_default="as of a good encoding",
        rich_help_panel=OUTPUT,
    ),
]
Zones = Annotated[
    list[str] | None,
    typer.Option(
        "--hide-zone",
        metavar="ZONE",
        help="Always hide this zone: corners as 'x,y x,y x,y ...' in upright pixels, or a JSON file. Repeatable.",
        show_default=False,
        rich_help_panel=WHERE,
    ),
]
Spared = Annotated[
    list[str] | None,
    typer.Option(
        "--show-zone",
        metavar="ZONE",
        help="Leave things visible in this zone (a poster), not whoever walks in: as for --hide-zone. Repeatable.",
        show_default=False,
        rich_help_panel=WHERE,
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--show-outside",
        metavar="SPAN",
        help="Leave all finds visible outside this span, as '0:10-0:25' or '90-': they are redacted within it alone. "
        "Repeatable.",
        show_default=False,
        rich_help_panel=WHERE,
    ),
]
Obscure = Annotated[
    list[str] | None,
    typer.Option(
        "--hide-span",
        metavar="SPAN",
        help="Hide the whole picture in this span, as '0:10-0:25'. Repeatable.",
        show_default=False,
        rich_help_panel=WHERE,
    ),
]
Persons = Annotated[
    list[str] | None,
    typer.Option(
        "--show-person",
        metavar="PERSON",
        help="Leave one person visible: a point and a time, as '160,240@0:02' (in a picture '160,240'), or a track of "
        "the plan, as '3' or '3@0:02'. Until nobody can tell them from another. Needs --reason, too. Repeatable.",
        show_default=False,
        rich_help_panel=WHERE,
    ),
]
Reasons = Annotated[
    list[str] | None,
    typer.Option(
        "--reason",
        metavar="TEXT",
        help="Why that person may be seen, as 'release form 12': for the plan and the report, so no name. One for all, "
        "or one for each in turn.",
        show_default=False,
        rich_help_panel=WHERE,
    ),
]
Force = Annotated[bool, typer.Option("--force", "-f", "-y", help="Replace an existing output.", rich_help_panel=RUN)]
ForceAgain = Annotated[
    bool,
    typer.Option(
        "--force",
        "-f",
        "-y",
        help="Replace existing outputs; in a folder, do again what was done before.",
        rich_help_panel=RUN,
    ),
]
PixelAspect = Annotated[
    str | None,
    typer.Option(
        "--pixel-aspect",
        metavar="RATIO",
        help="Width and height of a pixel, as 2:1, where the source's are oblong and it does not say so. The output "
        "says it.",
        show_default="as the source says",
        rich_help_panel=LOOK,
    ),
]
AllowDamaged = Annotated[
    bool,
    typer.Option(
        "--allow-damaged",
        help="Write what could be read of a damaged input; the report says what was lost.",
        rich_help_panel=RUN,
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        help="Processes side by side, 1 to 64: on files, or on the parts of one long video.",
        min=1,
        max=64,
        metavar="N",
        rich_help_panel=RUN,
    ),
]
ClusterWorkers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        help="Processes side by side: on files, or on the parts of one long video.",
        min=1,
        metavar="N",
        show_default="1; on a cluster as many as it has room for",
        rich_help_panel=RUN,
    ),
]
ClusterAddress = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Work on a Ray cluster: ray://HOST:PORT, HOST:PORT, or auto (docs/cluster.md).",
        show_default="this machine alone",
        rich_help_panel=CLUSTER,
    ),
]
CpusPerWorker = Annotated[
    float, typer.Option(help="Processors of each worker.", min=0.1, metavar="N", rich_help_panel=CLUSTER)
]
GpusPerWorker = Annotated[
    float,
    typer.Option(help="GPUs of each worker; 0.25 shares one.", min=0, metavar="N", rich_help_panel=CLUSTER),
]
ReportFolder = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FOLDER",
        help="Where a report for each input goes, as a page and as JSON, and an index of them.",
        show_default=False,
        rich_help_panel=RUN,
        callback=named,
    ),
]


TracksPage = Annotated[
    Path | None,
    typer.Option(
        "--page",
        metavar="FILE",
        help="Write a page (.html) of the tracks as well: shapes, places and times, no picture.",
        show_default=False,
        rich_help_panel=RUN,
        callback=named,
    ),
]
Title = Annotated[
    str,
    typer.Option(
        "--title",
        metavar="TEXT",
        help="What stands above each report; not the name of a person.",
        show_default=False,
        rich_help_panel=RUN,
    ),
]
AnnexTitle = Annotated[str, typer.Option("--title", metavar="TEXT", help="What stands above it.", show_default=False)]
Repair = Annotated[
    bool | None,
    typer.Option(
        "--repair/--no-repair",
        help="Redact what the second look finds as well, in up to 3 more passes; without, it fails the file.",
        show_default="the preset's",
        rich_help_panel=RUN,
    ),
]
PublishUnverified = Annotated[
    bool,
    typer.Option(
        "--publish-unverified",
        help="Release the output without any check. Nobody will have looked at it.",
        rich_help_panel=RUN,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Look, and say what would be hidden, how long a run would take and how large its output would be. Nothing "
        "is written.",
        rich_help_panel=RUN,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print errors alone; with --json, all but progress.", rich_help_panel=RUN)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON lines for machines.", rich_help_panel=RUN)]


def title_of(reports: Path | None, title: str) -> str:
    """`title`, for `reports`. Raises `UsageError` where it can be none, or there are no reports."""
    from anonymize.report import check_title

    check_title(title)
    if title and not reports:
        raise UsageError("--title stands above reports, and none are asked for: add --report FOLDER")
    return title


def settings(
    base: Settings,
    *,
    targets: Targets | None = None,
    detectors: str | None = None,
    device: Device | None = None,
    min_face: float | None = None,
    min_plate: float | None = None,
    style: Style | None = None,
    audio: Audio | None = None,
    codec: Codec | None = None,
    quality: int | None = None,
    zone: Sequence[str] | None = None,
    spare: Sequence[str] | None = None,
    only: Sequence[str] | None = None,
    obscure: Sequence[str] | None = None,
    show_person: Sequence[str] | None = None,
    reason: Sequence[str] | None = None,
    allow_damaged: bool = False,
    pixel_aspect: str | None = None,
    lookahead: float | None = None,
    repair: bool | None = None,
    publish_unverified: bool = False,
) -> Settings:
    """`base` with what was asked for on the command line; None leaves a setting as it is."""
    names = {None: None, Targets.BOTH: ["face", "plate"], Targets.NONE: []}.get(targets, [targets])
    values = {
        "targets": names,
        "detect": {
            "detectors": detectors.split(",") if detectors else None,
            "device": device,
            "min_face": min_face,
            "min_plate": min_plate,
        },
        "redact": {"face": {"style": style}},
        "output": {"audio": audio, "codec": codec, "quality": quality},
        "zones": _zones(zone, "zones"),
        "spared": _zones(spare, "spared"),
        "only": [_span(text) for text in only or ()] or None,
        "obscured": [_span(text) for text in obscure or ()] or None,
        "show_persons": _persons(show_person or (), reason or ()) or None,
        "allow_damaged": allow_damaged or None,
        "pixel_aspect": pixel_aspect,
        "live": {"lookahead": lookahead},
        "verify": {
            "repair": None if repair is None else (base.verify.repair or REPAIRS) if repair else 0,
            "publish_unverified": publish_unverified or None,
        },
    }
    return from_mapping(Settings, _given(values), base)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """`values` without what is None, at every depth."""
    nested = {key: _given(value) if isinstance(value, dict) else value for key, value in values.items()}
    return {key: value for key, value in nested.items() if value is not None}


def _zones(texts: Sequence[str] | None, key: str) -> list[dict[str, Any]] | None:
    """Zones from corners ('x,y x,y x,y') or JSON files (docs/guide.md)."""
    zones: list[dict[str, Any]] = []
    for text in texts or ():
        zones.extend(_zone_file(Path(text), key) if text.endswith(".json") else [{"polygon": _corners(text)}])
    return zones or None


def _corners(text: str) -> list[list[float]]:
    try:
        corners = [[float(number) for number in corner.split(",")] for corner in text.split()]
        if any(len(corner) != 2 for corner in corners):
            raise ValueError
    except ValueError:
        raise UsageError(f"zone {text!r}: expected corners as 'x,y x,y x,y ...', or a .json file") from None
    return corners


def _zone_file(path: Path, key: str) -> list[dict[str, Any]]:
    """The zones under `key` in a JSON file; a plain list serves for either option."""
    content = foreign.json_value(foreign.text(path, "file of zones", UsageError), str(path), UsageError)
    listed = content.get(key) if isinstance(content, dict) else content
    unknown = content.keys() - {"zones", "spared"} if isinstance(content, dict) else ()
    if unknown or not isinstance(listed, list) or not all(isinstance(zone, dict) for zone in listed):
        raise UsageError(f'expected {{"{key}": [{{"polygon": [[x, y], ...]}}, ...]}}', path)
    return listed


def _persons(texts: Sequence[str], reasons: Sequence[str]) -> list[dict[str, Any]]:
    """Persons to show from 'x,y@time', 'x,y', 'track' or 'track@time', each with its reason."""
    if not texts and not reasons:
        return []
    if len(reasons) not in (1, len(texts)) or not texts:
        what = "no reason" if not reasons else f"{len(reasons)} reasons for {len(texts)} persons"
        raise UsageError(f"--show-person needs --reason 'why', one for all or one for each: got {what}")
    several = reasons if len(reasons) == len(texts) else list(reasons) * len(texts)
    return [_person(text) | {"reason": reason} for text, reason in zip(texts, several, strict=True)]


def _person(text: str) -> dict[str, Any]:
    place, at, time = text.partition("@")
    try:
        numbers = [float(number) for number in place.split(",")]
        chosen: dict[str, Any] = {"point": numbers} if len(numbers) == 2 else {"track": int(place)}
        return chosen | ({"at": str(_seconds(time))} if at else {})
    except ValueError:
        raise UsageError(
            f"person to show {text!r}: expected a point and a time as 160,240@0:02, or a track as 3 or 3@0:02"
        ) from None


def _span(text: str) -> dict[str, str | None]:
    """A span from '0:10-0:25', '90-' or '-1:00:00.5'."""
    first, dash, last = text.partition("-")
    try:
        if not dash:
            raise ValueError
        start = _seconds(first) if first else Fraction(0)
        end = _seconds(last) if last else None
    except ValueError:
        more = f"; from {text} on to the end is {text}-" if not dash and _is_time(text) else ""
        raise UsageError(f"time span {text!r}: expected from-to, as 0:10-0:25, 90-120.5 or 90-{more}") from None
    if end is not None and end <= start:
        hint = f": write {last}-{first}" if end < start else ""
        raise UsageError(f"time span {text!r}: its end does not come after its start{hint}")
    return {"start": str(start), "end": None if end is None else str(end)}


def _seconds(text: str) -> Fraction:
    """Seconds from '90', '1:30' or '0:01:30.5'. Raises `ValueError`, or `UsageError` where a part goes past 59."""
    total, parts = Fraction(0), text.split(":")
    for part in parts:
        total = total * 60 + exact(part)
    if len(parts) > 3:
        raise UsageError(f"{text!r} is no time: expected seconds, as 90, or 1:30, or 0:01:30.5")
    if any(exact(part) >= 60 for part in parts[1:]):
        hours, rest = divmod(total, 3600)
        minutes, seconds = divmod(rest, 60)
        proper = f"{hours}:{int(minutes):02}" if hours else f"{minutes}"
        raise UsageError(
            f"{text!r} is no time: after a colon, minutes and seconds go up to 59; that many seconds are "
            f"{proper}:{float(seconds):0{2 if seconds == int(seconds) else 5}g}"
        )
    return total


def _is_time(text: str) -> bool:
    try:
        return _seconds(text) >= 0
    except ValueError:
        return False
