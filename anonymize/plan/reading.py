"""Reading a plan file: every line is checked, and an error names the one that is malformed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from anonymize.data import Grounds, Kind, Region, Shape, Silence, Why, resounded
from anonymize.errors import PlanError, UsageError
from anonymize.kinds import Silencing
from anonymize.plan.blocks import AT_ONCE, sorted_out
from anonymize.plan.doubts import KEYS as _DOUBT_KEYS
from anonymize.plan.doubts import Doubt, of_line
from anonymize.plan.edit_lines import EditLine, History, is_step, step_of
from anonymize.plan.edited import Edited
from anonymize.plan.faint import Faint
from anonymize.plan.faint import of_line as faint_of_line
from anonymize.plan.model import FORMAT, OLDER, VERSION, About, Plan, VisibleTrack, held
from anonymize.plan.regions import Block, Regions
from anonymize.plan.reviewed import Note, is_note, note_of
from anonymize.plan.values import COUNT, SIDE, TRACK, around, box_of, frames_of, span_of
from anonymize.redact import visible
from anonymize.settings import Redact, Settings, check_reason
from anonymize.text import untrusted
from anonymize.text.mapping import from_mapping, leaves
from anonymize.text.ranges import PIXELS, SHARE, brief, shown
from anonymize.text.words import printable


def read(path: Path, version: str = "") -> Plan:
    """Read a plan file; a person's edits in it are applied.

    Args:
        path: the file.
        version: of the output, by its name; what holds for all of them if empty.

    Raises:
        PlanError: it is not a plan, is of an unknown format, or has a malformed line, whose number is given.
        UsageError: it has no such version.
    """
    history = edited(untrusted.lines(path, "plan", PlanError), str(path))
    if version and version not in history.versions():
        there = ", ".join(history.versions()) or "none"
        raise UsageError(f"this plan has no version {shown(version)}; it has: {there}", path)
    return history.plan(version)


def parse(text: Iterable[str], name: str) -> Plan:
    """Read a plan from lines; `name` is the file's name in messages. Raises `PlanError` as `read` does."""
    return edited(text, name).plan()


def edited(text: Iterable[str], name: str) -> History:
    """Read a plan and its edits from lines. Raises `PlanError` as `read` does."""
    numbered = ((number, line) for number, line in enumerate(text, 1) if line.strip())
    try:
        number, line = next(numbered)
    except StopIteration:
        raise PlanError(
            f"not a plan: it is empty: `anonymize detect FILM -o {shlex.quote(name)} --force` writes one", name
        ) from None
    about = _header(_json(line, f"{name}, line {number}"), name)
    visible: list[tuple[str, VisibleTrack]] = []
    steps: list[tuple[str, EditLine | Note]] = []
    doubts: dict[int, tuple[str, Doubt]] = {}
    cuts: list[int] = []
    silences: tuple[Silence, ...] = ()
    faint: dict[int, Faint] = {}

    def rows() -> Iterator[Block | tuple[int, int, Region]]:
        nonlocal silences
        for given in _sorted_out(numbered, about):
            if isinstance(given, Block):
                yield given
                continue
            number, line = given
            place = f"{name}, line {number}"
            entry = _json(line, place) if line.endswith("\n") else _last(line, place)
            if is_step(entry):
                steps.append((place, _step(entry, place)))
            elif is_note(entry):
                steps.append((place, _note(entry, place)))
            elif "shown" in entry:
                visible.append((place, _shown(entry, place, about)))
            elif "doubt" in entry:
                doubt = _doubt(entry, place, about)
                if doubt.track in doubts:
                    raise PlanError(f"there is a doubt about track {doubt.track} already", place)
                doubts[doubt.track] = place, doubt
            elif "cuts" in entry:
                cuts.extend(_cuts(entry, place, about, cuts))
            elif "sound" in entry:
                one = _silence(entry, place)
                silences = resounded(silences, one.first, one.end, one.how)
            elif "faint" in entry:
                weak = _faint(entry, place, about)
                if weak.number in faint:
                    raise PlanError(f"there is a faint find {weak.number} already", place)
                faint[weak.number] = weak
            else:
                yield _row(entry, place, about)

    regions = Regions(rows())
    _refuse_unknown(regions, visible, doubts.values())
    made = Plan(
        about,
        regions,
        tuple(one for _, one in visible),
        tuple(one for _, one in doubts.values()),
        tuple(cuts),
        silences,
        tuple(faint.values()),
    )
    history = History(Edited(made))
    for place, step in steps:
        if not isinstance(step, EditLine):
            history.notes.append(step)
            continue
        try:
            history.follow(step)
        except ValueError as error:
            raise PlanError(brief(error), place) from error
    return history


def _refuse_unknown(
    regions: Regions, visible: Iterable[tuple[str, VisibleTrack]], doubts: Iterable[tuple[str, Doubt]]
) -> None:
    """Raise `PlanError` where a line, each with its place, is about a track that the plan has no regions of."""
    columns = regions.columns()
    tracks = set(columns.track.tolist())
    subjects = set(columns.track[columns.found & (columns.kind != Kind.AREA)].tolist())
    for place, one in visible:
        if one.track not in tracks:
            raise PlanError(f"there is no track {one.track} in this plan", place)
    for place, doubt in doubts:
        if doubt.track not in subjects:
            raise PlanError(f"there is no track {doubt.track} in this plan that detectors found", place)


def _sorted_out(numbered: Iterator[tuple[int, str]], about: About) -> Iterator[Block | tuple[int, str]]:
    """Lines of the usual form as blocks, and all others with their numbers, in order."""
    sort = partial(sorted_out, frames=about.frames, size=(about.width, about.height), anywhere=about.version == OLDER)
    some: list[tuple[int, str]] = []
    try:
        for one in numbered:
            some.append(one)
            if len(some) == AT_ONCE:
                yield from sort(some)
                some = []
    except PlanError:
        yield from sort(some)  # what is wrong with the lines before comes first
        raise
    yield from sort(some)


def _note(entry: dict[str, Any], place: str) -> Note:
    """What a person looked at or signed, in a line."""
    try:
        return note_of(entry)
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise PlanError(brief(what), place) from error


def _faint(entry: dict[str, Any], place: str, about: About) -> Faint:
    """The faint find in a line."""
    try:
        return faint_of_line(entry, about.frames, about.kinds)
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise PlanError(brief(what), place) from error


def _step(entry: dict[str, Any], place: str) -> EditLine:
    """The edit in a line, or what takes one back or brings it back."""
    try:
        return step_of(entry)
    except (KeyError, TypeError, ValueError, UsageError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise PlanError(brief(what), place) from error


def _json(line: str, place: str) -> dict[str, Any]:
    value = untrusted.json_value(line, place, PlanError)
    if not isinstance(value, dict):
        raise PlanError("expected an object in braces", place)
    return value


def _last(line: str, place: str) -> dict[str, Any]:
    """The line of a file that has no end."""
    try:
        return _json(line, place)
    except PlanError as error:
        what = "the last line was cut off; `anonymize review` shows what is left of it, and takes it out if you wish"
        raise PlanError(f"{error.message}: {what}", place) from error


def _header(entry: dict[str, Any], name: str) -> About:
    if entry.get("format") != FORMAT:
        raise PlanError(f'not a plan: its first line lacks "format": "{FORMAT}"', name)
    version = entry.get("version")
    if version not in (OLDER, VERSION) or isinstance(version, bool):
        raise PlanError(f"plan version {shown(version)}, this release reads versions {OLDER} and {VERSION}", name)
    try:
        source = entry["source"]
        return About(
            sha256=str(source["sha256"]),
            frames=COUNT.whole(source["frames"]),
            width=SIDE.whole(source["width"]),
            height=SIDE.whole(source["height"]),
            settings=_older(entry) if version == OLDER else _settings(entry["settings"]),
            found_by=_texts(entry.get("found_by", {})),
            preset=_texts(entry.get("preset", {})),
            as_found=str(entry.get("as_found", "")),
            repaired=COUNT.whole(entry.get("repaired", 0)),
            version=version,
        )
    except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
        raise PlanError(f"malformed header: {brief(error)}", f"{name}, line 1") from error


def _older(entry: dict[str, Any]) -> Settings:
    """The settings in a header of version `OLDER`. Raises `UsageError`."""
    redact = from_mapping(Redact, _with_corners(entry).get("redact", {}), Redact(), "redact")
    return replace(Settings(), redact=redact, pixel_aspect=str(entry.get("pixel_aspect", "")))


def _settings(given: dict[str, Any]) -> Settings:
    """The settings in a header, which must have all of them: a default could be weaker than what was wanted.

    Raises:
        ValueError: one is missing.
        UsageError: one is unknown or has an invalid value.
    """
    given = _with_corners(given)
    settings = from_mapping(Settings, given, Settings(), "settings")
    later = {Kind.HEAD, Kind.PERSON, Kind.TEXT}  # plans from before these lack what concerns them
    unsought = {kind.label for kind in later - settings.targets}
    missing = {
        name
        for name in dict(leaves(held(Settings()))).keys() - dict(leaves(given)).keys() - {"detect.behind"}  # hides all
        if not (name.startswith(("redact.", "detect.smallest.", "text.")) and unsought & set(name.split(".")))
    }
    if missing:
        raise ValueError(f"its settings lack {', '.join(sorted(missing))}")
    if settings.verify.publish_unverified:
        raise ValueError("settings.verify.publish_unverified: use the option --publish-unverified instead")
    return settings


def _with_corners(given: dict[str, Any]) -> dict[str, Any]:
    """`given`, in which every table of `redact` says whether corners matter: they always did when none could say so."""
    tables = given.get("redact")
    if not isinstance(tables, dict):
        return given
    whole = {kind: {"corners": True, **it} if isinstance(it, dict) else it for kind, it in tables.items()}
    return {**given, "redact": whole}


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """`values` as texts by name. Raises `ValueError`."""
    if not all(isinstance(value, str) for value in values.values()):
        raise ValueError("expected texts in found_by and preset")
    return dict(values)


_KEYS = {"frame", "frames", "track", "kind", "why", "shape", "xyxy", "polygon", "score"}


def _row(entry: dict[str, Any], place: str, about: About) -> tuple[int, int, Region]:
    """One line as first frame, end and region; only `frame(s)` and `xyxy` or `polygon` are required."""
    if unknown := entry.keys() - _KEYS:
        raise PlanError(f"unknown key {shown(min(unknown))}: known are {', '.join(sorted(_KEYS))}", place)
    try:
        first, end = frames_of(entry)
        if not 0 <= first < end <= about.frames:
            raise ValueError(f"frames {first} to {end} do not lie within the video's {about.frames}")
        polygon = tuple((PIXELS.number(x), PIXELS.number(y)) for x, y in entry.get("polygon", ()))
        shape = Shape(entry.get("shape", "polygon" if polygon else "box"))
        if "xyxy" in entry and polygon:
            raise ValueError('expected either "xyxy" or "polygon": this line has both')
        if (shape is Shape.POLYGON) != bool(polygon):
            raise ValueError(
                'a polygon needs "shape": "polygon" and "polygon": [[x, y], ...], other shapes need "xyxy"'
            )
        region = Region(
            xyxy=around(polygon) if polygon else box_of(entry["xyxy"]),
            kind=Kind.of(entry.get("kind", "area"), about.kinds),
            why=Why(entry.get("why", "manual")),
            track=TRACK.whole(entry.get("track", -1)),
            shape=shape,
            polygon=polygon,
            score=SHARE.number(entry.get("score", 1.0)),
        )
        by_person = about.version > OLDER or region.why in (Why.MANUAL, Why.ZONE)
        if by_person and not visible(region, about.width, about.height):
            raise ValueError(
                f"it hides nothing: it lies outside the picture, which is {about.width} x {about.height} pixels"
            )
        return first, end, region
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise PlanError(f"{brief(what)}", place) from error


_SHOWN_KEYS = {"shown", "frame", "frames", "grounds", "reason", "chosen", "note"}


def _shown(entry: dict[str, Any], place: str, about: About) -> VisibleTrack:
    """The track that a line says to leave visible."""
    if unknown := entry.keys() - _SHOWN_KEYS:
        raise PlanError(f"unknown key {shown(min(unknown))}: known are {', '.join(sorted(_SHOWN_KEYS))}", place)
    try:
        first, end = frames_of(entry)
        if not 0 <= first < end <= about.frames:
            raise ValueError(f"frames {first} to {end} do not lie within the video's {about.frames}")
        grounds, reason, note = Grounds(entry.get("grounds", "consent")), entry.get("reason", ""), entry.get("note", "")
        if not isinstance(reason, str) or not isinstance(note, str) or note != printable(note):
            raise ValueError("reason and note: expected one line of text")
        if reason or grounds is Grounds.CONSENT:
            check_reason(reason)
        chosen = TRACK.whole(entry.get("chosen", -1))
        return VisibleTrack(COUNT.whole(entry["shown"]), first, end, grounds, reason, chosen, note)
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise PlanError(f"{brief(error)}", place) from error


def _cuts(entry: dict[str, Any], place: str, about: About, before: list[int]) -> list[int]:
    """The frames in a line with which scenes begin."""
    if unknown := entry.keys() - {"cuts"}:
        raise PlanError(f"unknown key {shown(min(unknown))}: known is cuts", place)
    try:
        found = [COUNT.whole(index) for index in entry["cuts"]]
        whole = [*before[-1:], *found]
        if whole != sorted(set(whole)) or not all(0 < index < about.frames for index in found):
            raise ValueError(f"cuts: expected frames from 1 to {about.frames - 1}, each above the one before it")
    except (TypeError, ValueError) as error:
        raise PlanError(brief(error), place) from error
    return found


def _silence(entry: dict[str, Any], place: str) -> Silence:
    """What a line says of the sound."""
    if unknown := entry.keys() - {"sound", "seconds"}:
        raise PlanError(f"unknown key {shown(min(unknown))}: known are seconds, sound", place)
    try:
        return Silence(*span_of(entry["seconds"]), Silencing(entry["sound"]))
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise PlanError(brief(what), place) from error


def _doubt(entry: dict[str, Any], place: str, about: About) -> Doubt:
    """The doubt in a line, answered or not."""
    if unknown := entry.keys() - _DOUBT_KEYS:
        raise PlanError(f"unknown key {shown(min(unknown))}: known are {', '.join(sorted(_DOUBT_KEYS))}", place)
    try:
        first, end = frames_of(entry)
        if not 0 <= first < end <= about.frames:
            raise ValueError(f"frames {first} to {end} do not lie within the video's {about.frames}")
        return of_line(entry, COUNT.whole(entry["doubt"]), first, end)
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise PlanError(f"{brief(what)}", place) from error
