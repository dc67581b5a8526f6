"""Convert the values of options into values of settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anonymize.errors import UsageError
from anonymize.kinds import Kind
from anonymize.settings import Settings, Style
from anonymize.text import untrusted
from anonymize.text.ranges import exact
from anonymize.text.words import Word, meant

if TYPE_CHECKING:
    from anonymize.batch.reports import Reports

REPAIRS = 3
"""Passes of `--repair` if the preset sets no number."""

Asked = Mapping[str, Any]
"""Values of the options that change settings, by `Option.key`; None or empty for options not given."""
Convert = Callable[[Any, Settings], Any]
"""Makes a setting's value from an option's value and the settings so far; None changes nothing."""


class Targets(Word):
    """Kinds to find."""

    FACES = "faces"
    HEADS = "heads"
    PERSONS = "persons"
    PLATES = "plates"
    TEXT = "text"
    MOTION = "motion"
    BOTH = "both"
    NONE = "none"

    @classmethod
    def also(cls) -> Mapping[str, str]:
        """Synonyms that people guess; see `Word`."""
        return {
            "face": "faces",
            "head": "heads",
            "person": "persons",
            "people": "persons",
            "plate": "plates",
            "texts": "text",
        }


def as_given(value: Any, _: Settings) -> Any:
    """`value`, unchanged."""
    return value


def if_on(on: bool, _: Settings) -> bool | None:
    """True for a switch that was given; None for one that was not, so that a preset's value stays."""
    return on or None


def kinds(text: str) -> list[str]:
    """The words for kinds in a comma-separated text, in ours where others are meant.

    Raises:
        ValueError: a word is not known: neither one of `Targets`, nor a kind that a model of the user's finds.
    """
    words = [_kind(word) for word in _parted(text)]
    if Targets.NONE in words and len(words) > 1:
        raise ValueError(f"{text!r}: none stands alone")
    return words


def _parted(text: str) -> list[str]:
    """The words of a comma-separated text, without spaces around them. Raises `ValueError` if one is missing."""
    words = [word.strip() for word in text.split(",")]
    if "" in words:
        raise ValueError(f"{text[:60]!r}: a word is missing beside a comma" if text.strip() else "a word is missing")
    return words


def _kind(word: str) -> str:
    try:
        return Targets(word).value
    except ValueError:
        from anonymize.models import list_models

        own = {kind.plural for model in list_models() for kind in model.kinds if kind.own}
        for known in own & {word.lower(), f"{word.lower()}s"}:
            return known
        raise ValueError(meant(word[:60], [*Targets, *sorted(own)], Targets.also())) from None


def targets(words: Sequence[str], _: Settings) -> list[str]:
    """Names of the kinds to find."""
    several = {Targets.BOTH.value: ["face", "plate"], Targets.NONE.value: []}
    return list(dict.fromkeys(kind for word in words for kind in several.get(word, [word.removesuffix("s")])))


def every_head(changed: dict[str, Any]) -> None:
    """Have heads that were asked for hidden from all sides: put it into `changed`."""
    if "head" in changed.get("targets", ()):
        changed.setdefault("detect", {})["behind"] = 0


def style(changed: dict[str, Any], base: Settings, chosen: Style) -> None:
    """Put the style of faces into `changed` for heads and persons, too, where these are found."""
    found = changed.get("targets", [kind.label for kind in base.targets])
    for kind in (Kind.HEAD, Kind.PERSON):
        if kind.label in found:
            changed.setdefault("redact", {})[kind.label] = {"style": chosen}


def names(text: str, _: Settings) -> list[str] | None:
    """A list from comma-separated names; None for an empty text. Raises `UsageError` if a name is missing."""
    try:
        return _parted(text) if text else None
    except ValueError as error:
        raise UsageError(str(error)) from None


def repair(on: bool, base: Settings) -> int:
    """Number of repair passes: the preset's if it sets one, else `REPAIRS`; 0 for `--no-repair`."""
    return (base.verify.repair or REPAIRS) if on else 0


def spans(texts: Sequence[str], _: Settings) -> list[dict[str, str | None]]:
    """Time spans, each from text as `0:10-0:25`. Raises `UsageError`."""
    return [_span(text) for text in texts]


def reports_in(folder: Path | None, title: str = "") -> Reports | None:
    """Where reports go, with their `title`; None for no reports. Raises `UsageError` if the title is unsuitable."""
    from anonymize.batch.reports import Reports

    reports = Reports(folder or Path(), title)
    if title and not folder:
        raise UsageError("--title is the heading of reports, and none are asked for: add --report FOLDER")
    return reports if folder else None


def zones(key: str) -> Convert:
    """A converter for zones given as corners ('x,y x,y x,y') or as JSON files, which hold them under `key`."""

    def convert(texts: Sequence[str], _: Settings) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for text in texts:
            found.extend(_zone_file(Path(text), key) if text.endswith(".json") else [{"polygon": _corners(text)}])
        return found

    return convert


def _corners(text: str) -> list[list[float]]:
    try:
        corners = [[float(number) for number in corner.split(",")] for corner in text.split()]
        if any(len(corner) != 2 for corner in corners):
            raise ValueError
    except ValueError:
        raise UsageError(f"zone {text!r}: expected corners as 'x,y x,y x,y ...', or a .json file") from None
    return corners


def _zone_file(path: Path, key: str) -> list[dict[str, Any]]:
    """The zones under `key` in a JSON file (docs/guide.md), or a plain list of zones."""
    content = untrusted.json_value(untrusted.text(path, "file of zones", UsageError), str(path), UsageError)
    listed = content.get(key) if isinstance(content, dict) else content
    unknown = content.keys() - {"zones", "spared"} if isinstance(content, dict) else ()
    if unknown or not isinstance(listed, list) or not all(isinstance(zone, dict) for zone in listed):
        raise UsageError(f'expected {{"{key}": [{{"polygon": [[x, y], ...]}}, ...]}}', path)
    if not listed:  # it would take the preset's zones away
        raise UsageError(f'no zone in its "{key}": add one, or leave the file out', path)
    return listed


def persons(texts: Sequence[str], reasons: Sequence[str]) -> list[dict[str, Any]]:
    """Persons to leave visible, from 'x,y@time', 'x,y', 'track' or 'track@time', each with a reason.

    Raises `UsageError`: the reasons do not match the persons.
    """
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
    """A time span from '0:10-0:25', '90-' or '-1:00:00.5'."""
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
    """Seconds from '90', '1:30' or '0:01:30.5'. Raises `ValueError`, or `UsageError` if minutes or seconds pass 59."""
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
