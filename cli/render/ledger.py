"""The lines that describe what a ledger knows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anonymize.batch.ledger import Start, Status, Working

LISTED = 20
"""Maximum number of files listed one by one."""
VERBS = {
    "read": "reading",
    "detect": "detecting",
    "render": "redacting",
    "verify": "checking",
    "repair": "repairing",
}
"""Name of each stage."""
_DAY = 86_400


def start(found: Start) -> Iterator[str]:
    """What a run found of earlier ones when it began; nothing for a first run."""
    if found.removed:
        yield f"{_files(found.removed, 'temporary file')} of a run that was killed removed"
    if found.before:
        late = f" ({found.recovered} of them by a run that was killed just after)" if found.recovered else ""
        out = f", {found.left_out} left out" if found.left_out else ""
        left = found.files - found.before - found.left_out
        yield f"{found.before} of {found.files} were done before{late}{out}, {left or 'nothing'} to do"
    for why, names in found.again.items():
        listed = ", ".join(names) if len(names) <= 3 else _files(len(names), "file")
        yield f"  {'in the way' if why == 'made from another source' else 'again'}, {why}: {listed}"


def status(folder: Path, found: Status) -> Iterator[str]:
    """The state of a run."""
    from anonymize.text.ranges import brief

    yield f"{folder}: {_going(found)}"
    parts = [f"{found.done} of {found.files} done{f' ({found.before} before this run)' if found.before else ''}"]
    parts += [f"{found.failed} failed"]
    parts += [f"{n} {word}" for n, word in ((found.working, "in progress"), (found.waiting, "waiting")) if n]
    parts += [f"{found.left_out} left out (not pictures or videos)"] if found.left_out else []
    yield f"  files    {', '.join(parts)}"
    if found.doubtful:
        yield f"  doubts   {_files(found.doubtful, 'file')} passed with doubts that a person should look at"
    if found.hours:
        yield f"  video    {span(found.hours * 3600)} done"
    if found.frames_per_second:
        real = f"{found.times_real:.2g} x real time, " if found.times_real else ""
        yield f"  speed    {real}{found.frames_per_second:.1f} frames/s"
    if found.seconds_left is not None:
        yield f"  left     about {span(found.seconds_left)}"
    if found.others:
        yield f"  others   {_files(found.others, 'file')} of earlier runs on other inputs"
    yield from _list("in progress", [_working(file) for file in found.in_progress])
    kept = "; an earlier output is still there"
    reasons = [brief(f.reason, 1000) + (kept if f.earlier else "") for f in found.failures]
    yield from _list("failed", [f"{f.name}: {why}" for f, why in zip(found.failures, reasons, strict=True)])


def span(seconds: float) -> str:
    """A duration as 45 s, 12 min or 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _going(found: Status) -> str:
    took = span((found.ended or found.seen) - found.started)
    return {
        "going on": f"going on since {clock(found.started)} (process {found.process})",
        "finished": f"finished {clock(found.ended or found.seen)}, after {took}",
        "stopped": f"stopped, last seen {clock(found.seen)}, after {took}; the same command goes on",
    }[found.going]


def clock(moment: float) -> str:
    """Local time of day, with the date if more than 24 hours away."""
    recent = abs(time.time() - moment) < _DAY
    return time.strftime("%H:%M:%S" if recent else "%Y-%m-%d %H:%M:%S", time.localtime(moment))


def _working(file: Working) -> str:
    repair = f" (repair {file.repair} of {file.repairs} at most)" if file.repair else ""
    how_far = f" of {file.frames}" if file.frames else ""
    doing = f"{VERBS.get(file.stage, file.stage)}{repair}, frame {file.frame}{how_far}"
    return f"{file.name}: {doing}, {int(file.share * 100)}% of all, for {span(time.time() - file.since)}"


def _list(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"{title}:"
        yield from (f"  {line}" for line in lines[:LISTED])
    if len(lines) > LISTED:
        yield f"  and {len(lines) - LISTED} more; --json lists all"


def _files(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"
