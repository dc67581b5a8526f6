"""Lists of recordings, and what was done with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from anonymize.cli.render.ledger import span
from anonymize.cli.render.output import as_json, note, say, table
from anonymize.cli.render.results import counted

if TYPE_CHECKING:
    from pathlib import Path

    from anonymize.live.recordings.export import Export
    from anonymize.live.recordings.folder import Gap, RecordedSegment, Recordings, Stretch
    from anonymize.live.recordings.holding import HoldChange


def listed(folder: Path, found: Recordings, open_: Sequence[str], *, machine: bool) -> None:
    """Print what a folder holds.

    Args:
        folder: of the recordings.
        found: in it.
        open_: when segments began that are not finished.
        machine: print JSON.
    """
    from anonymize.live.recordings.folder import stretches
    from anonymize.live.recordings.times import show

    for warning in found.notes:
        note(f"{folder}: {warning}")
    if machine:
        for segment in found.segments:
            as_json("segment", _segment(segment))
        for gap in found.gaps:
            as_json("gap", {"from": show(gap.start), "to": show(gap.end), "seconds": round(gap.end - gap.start, 3)})
        facts = {"segments": len(found.segments), "bytes": found.size, "open": len(open_), "notes": list(found.notes)}
        as_json("recordings", {"folder": str(folder), **facts})
        return
    cameras = sorted({segment.camera for segment in found.segments} - {""})
    whose = f" of {', '.join(cameras)}" if cameras else ""
    writing = f"; one that began at {open_[-1]} is being written" if open_ else ""
    say(f"{folder}: {counted(len(found.segments), 'segment')}{whose}, {_size(found.size)}{writing}")
    table([row for part in stretches(found) for row in _rows(part)])


def exported(made: Export, *, machine: bool) -> None:
    """Print what was exported."""
    from anonymize.live.recordings.times import show

    gaps = [{"from": show(gap.start), "to": show(gap.end)} for gap in made.gaps]
    if machine:
        files = {"output": str(made.path), "report": str(made.report), "key": made.key}
        facts = {"pictures": made.pictures, "segments": len(made.segments), "gaps": gaps, "notes": list(made.notes)}
        as_json("exported", {**files, "from": show(made.start), "to": show(made.end), **facts})
        return
    say(
        f"{made.path}: {show(made.start)} to {show(made.end)}, {span(made.end - made.start)}, "
        f"{counted(made.pictures, 'picture')} of {counted(len(made.segments), 'segment')}"
    )
    for gap in made.gaps:
        still = "; the film stands still meanwhile" if made.start < gap.start and gap.end < made.end else ""
        say(f"  NO PICTURES from {show(gap.start)} to {show(gap.end)}{still}")
    for line in made.notes:
        say(f"  note: {line}")
    signed = f", signed with {made.key}" if made.key else ""
    say(f"  report: {made.report}{signed}")


def changed(act: str, folder: Path, change: HoldChange, *, machine: bool) -> None:
    """Print what was held or released.

    Args:
        act: "held" or "released".
        folder: of the recordings.
        change: what was done.
        machine: print JSON.
    """
    from anonymize.live.recordings.times import show

    if machine:
        names = [segment.name for segment in change.segments]
        facts = {"segments": names, "before": change.before, "notes": list(change.notes)}
        as_json(act, {"folder": str(folder), **facts})
        return
    before = f"; {counted(change.before, 'segment')} held before" if change.before else ""
    when = ""
    if change.segments:
        last = max(segment.ended for segment in change.segments)
        when = f", {show(change.segments[0].began)} to {show(last)}"
    say(f"{folder}: {act} {counted(len(change.segments), 'segment')}{when}{before}")
    for line in change.notes:
        note(f"{folder}: {line}")


def _segment(segment: RecordedSegment) -> dict[str, object]:
    from anonymize.live.recordings.times import show

    return {
        "file": segment.name,
        "camera": segment.camera,
        "from": show(segment.began),
        "to": show(segment.ended),
        "exact": segment.exact,
        "pictures": segment.pictures,
        "bytes": segment.size,
        "sha256": segment.sha256,
        "held": asdict(segment.held) if segment.held else None,
        "changed": segment.changed,
        "broken": segment.broken,
    }


def _rows(part: Stretch | Gap) -> Iterator[tuple[str, ...]]:
    from anonymize.live.recordings.folder import Gap
    from anonymize.live.recordings.times import show

    if isinstance(part, Gap):
        yield f"  {show(part.start)}", show(part.end), span(part.end - part.start), "NO PICTURES", "", ""
        return
    first = part.segments[0]
    notes = [first.broken] if first.broken else []
    notes += ["changed since it was recorded"] if first.changed else []
    notes += [] if all(one.exact for one in part.segments) else ["to the second"]
    notes += [f"held: {first.held.reason or 'no reason is given'}"] if first.held else []
    size = _size(sum(one.size for one in part.segments))
    length = span(part.end - part.start)
    count = counted(len(part.segments), "segment")
    yield f"  {show(part.start)}", show(part.end), length, count, size, "; ".join(notes)


def _size(size: int) -> str:
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size / 1e3:.0f} kB"
