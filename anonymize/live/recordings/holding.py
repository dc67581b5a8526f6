"""Hold and release what was recorded in a span of time, under the folder's lock and with a line in the custody log."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from anonymize.errors import OutputError, UsageError
from anonymize.live.recordings import custody, hold
from anonymize.live.recordings.folder import RecordedSegment, being_written, there
from anonymize.live.recordings.lock import locked
from anonymize.live.recordings.times import show


@dataclass(frozen=True, slots=True)
class HoldChange:
    """What was held or released.

    Args:
        segments: that were not held before, or no longer are; in order of capture.
        before: number of those that were held before and stay so.
        notes: what a person should know.
    """

    segments: tuple[RecordedSegment, ...]
    before: int = 0
    notes: tuple[str, ...] = ()


def place(folder: Path, span: tuple[float, float], reason: str, by: str = "") -> HoldChange:
    """Keep the segments in `folder` that share any time with `span` from being deleted, until they are released.

    Args:
        folder: of the recordings.
        span: from and to, in seconds since the epoch.
        reason: why; kept beside each segment and in the custody log.
        by: who; the user of the system if empty.

    Raises:
        UsageError: no reason is given, or nothing was recorded then.
        UnreadableInput: the folder cannot be read.
        OutputError: a hold, or its line in the custody log, cannot be written: then nothing is held that was not.
    """
    _refuse_no(reason)
    found = there(folder, *span)
    placed: list[RecordedSegment] = []
    with locked(folder):
        try:
            for segment in found.segments:
                if segment.held is None and os.path.lexists(folder / segment.name):
                    hold.place(folder, segment.name, reason, by)
                    placed.append(segment)
            if placed:
                _note(folder, "hold", placed, reason, by)
        except OutputError:
            for segment in placed:
                hold.lift(folder, segment.name)
            raise
    last = max(segment.ended for segment in found.segments)
    later = bool(being_written(folder)) and last < span[1]
    notes = [f"what is being written is not held yet: hold it again from {show(last)} on"] if later else []
    return HoldChange(
        tuple(placed), sum(segment.held is not None for segment in found.segments), (*found.notes, *notes)
    )


def release(folder: Path, span: tuple[float, float], reason: str, by: str = "") -> HoldChange:
    """Hold no longer what `place` holds of `span`; `--keep` deletes it when it is due. Arguments and errors as there.

    Raises:
        UsageError: no reason is given, or nothing is held.
    """
    _refuse_no(reason)
    found = there(folder, *span)
    held = [segment for segment in found.segments if segment.held is not None]
    if not held:
        raise UsageError(f"nothing is held from {show(span[0])} to {show(span[1])}", folder).coded(
            "nothing-held", *span
        )
    with locked(folder):
        _note(folder, "release", held, reason, by)
        for segment in held:
            hold.lift(folder, segment.name)
    return HoldChange(tuple(held), 0, found.notes)


def _refuse_no(reason: str) -> None:
    if not custody.text(reason):
        raise UsageError("a reason is missing: --reason says why, as a case number; it stays in the custody log").coded(
            "no-reason"
        )


def _note(folder: Path, act: str, segments: list[RecordedSegment], reason: str, by: str) -> None:
    facts = {"from": show(segments[0].began), "to": show(max(segment.ended for segment in segments))}
    custody.note(folder, act, by, **facts, segments=[segment.name for segment in segments], reason=reason)
