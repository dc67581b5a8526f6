"""A recording in segments, each renamed into place once complete and deleted by age and size."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from anonymize.errors import OutputError
from anonymize.live.log import logger
from anonymize.live.recordings import files, index, retention
from anonymize.live.recordings.files import Content, SegmentFile
from anonymize.live.recordings.folder import row_of
from anonymize.live.recordings.index import Row
from anonymize.live.sinks.encode import LivePacket, Muxer
from anonymize.live.sinks.feeder import OnState
from anonymize.live.sinks.part import Part, sweep
from anonymize.text.words import disk_full

_SHORT = 0.1
"""Seconds by which a segment may be shorter than asked for: times are rounded, and cameras are not steady."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How a recording is cut into segments, and how long they are kept.

    Args:
        segment: seconds; a segment ends at the first key picture from then on.
        age: seconds to keep segments; None keeps them forever.
        size: bytes of segments to keep, held ones not counted; None for any number.
        room: bytes that must be free to begin a segment.
    """

    segment: float = 60.0
    age: float | None = None
    size: int | None = None
    room: int = 32 << 20


class Recording:
    """`feeder.Writer` of packets to a folder of segments.

    A segment is written as a `Part`, read back and renamed. Parts that a killed process left are removed at the next
    start, so a crash loses one segment.

    Args:
        folder: created if missing; only this sink may record into it.
        streams: `LiveEncoder.streams`.
        keep: how segments are cut and kept.
        on_state: called at the first segment's beginning, and at each finished segment.
        clock: seconds since the epoch, for ages. Names come from the first picture's time of capture: what waited for
            room on the disk is written later.
        camera: whose pictures they are, for the index.

    Raises:
        OutputError: the disk is full, a segment is incomplete, or another process records into the folder; from every
            method but `abandon`.
    """

    def __init__(
        self,
        folder: Path,
        streams: Sequence[Any],
        keep: Keep,
        on_state: OnState,
        clock: Callable[[], float] = time.time,
        camera: str = "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._camera = camera
        self._folder, self._streams, self._keep, self._on_state, self._clock = folder, streams, keep, on_state, clock
        self._part: Part | None = None
        self._captured = 0.0
        self._muxer: Muxer | None = None
        self._pictures = 0
        self._began = 0.0
        self._finished = False
        sweep(folder, files.STAMP)
        self.expire()

    def write(self, item: LivePacket) -> None:
        """Append a packet, beginning a new segment at a key picture when the current one is long enough."""
        long_enough = self._muxer is None or item.time - self._began >= self._keep.segment - _SHORT
        if not item.sound and item.key and long_enough:
            self._finish()
            self._begin(item)
        if self._muxer is None:
            return
        with _plainly():
            self._muxer.write(item)
        self._pictures += not item.sound

    def close(self) -> None:
        """Finish the current segment."""
        self._finish()

    def abandon(self) -> None:
        """Discard the current segment."""
        part, self._part = self._part, None
        muxer, self._muxer = self._muxer, None
        if muxer is not None:
            with suppress(av.error.FFmpegError, OSError):  # it is deleted next
                muxer.close()
        if part is not None:
            part.drop()

    def expire(self) -> None:
        """Delete segments that are older, or together larger, than is to be kept; see `recordings.retention`."""
        retention.expire(self._folder, self._keep.age, self._keep.size, self._clock())

    def _begin(self, item: LivePacket) -> None:
        sweep(self._folder, files.STAMP)  # another process may have begun to record here meanwhile
        free = shutil.disk_usage(self._folder).free
        if free < self._keep.room:
            raise OutputError(f"the disk is full: {free >> 20} MB free, {self._keep.room >> 20} MB needed to go on")
        self._captured = item.at
        self._pictures, self._began = 0, item.time
        with _plainly():
            self._part = Part(self._folder, files.stamp(item.at))
            # Not fragmented: headers of fragments would stay among the pictures, where `verify` finds them.
            self._muxer = Muxer(self._part, "mp4", self._streams, {"empty_hdlr_name": "1"}, start=item.time)
        if not self._finished:
            self._on_state("ok", "recording")

    def _finish(self) -> None:
        """Close, read back and rename the current segment, if any; then delete expired ones."""
        part, muxer = self._part, self._muxer
        if part is None or muxer is None:
            return
        with _plainly():
            muxer.close()
            self._muxer = None
            content, sha256 = _read_back(part, self._pictures)
            ended = round((self._captured + content.seconds) * 1e9)
            os.utime(part.fileno(), ns=(ended, ended))  # says when it was captured, should the index be lost
            os.fsync(part.fileno())
            found = SegmentFile(self._free_name(), os.fstat(part.fileno()).st_size, ended)
            final = self._folder / found.name
            part.release(final)
        self._part = None
        self._finished = True
        self._index(row_of(found, self._camera, self._captured, content, sha256=sha256))
        self._on_state("ok", f"newest segment {final.name}")
        logger.info("segment finished", file=final.name, pictures=self._pictures)
        self.expire()

    def _index(self, row: Row) -> None:
        """Add a segment to the index, without which the recording goes on."""
        try:
            index.write(self._folder, [row], recorded=True)
        except OutputError as error:
            logger.warning("segment not in the index", file=row.name, error=error.message)

    def _free_name(self) -> str:
        """An unused name for the segment; only this sink records into the folder."""
        for number in range(1000):
            name = f"{files.stamp(self._captured)}{f'-{number}' if number else ''}.mp4"
            if not os.path.lexists(self._folder / name):
                return name
        raise OutputError("a thousand segments of the same second", self._folder)


def _read_back(part: Part, pictures: int) -> tuple[Content, str]:
    """Check that the file holds every picture written; what it holds, and its SHA-256. Raises `OutputError`."""
    part.seek(0)
    with av.open(part, "r") as container:
        found = sum(1 for packet in container.demux(video=0) if packet.size)
    if found != pictures:
        raise OutputError(f"segment {part.path.name} holds {found} pictures instead of {pictures}: it was given up")
    part.seek(0)
    content = files.content(part, part.path)
    part.seek(0)
    return content, hashlib.file_digest(part, "sha256").hexdigest()


class _plainly:  # noqa: N801 - used as a verb
    """Raise `OutputError` for a full disk."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and disk_full(error):
            raise OutputError("the disk is full: this recording stops until there is room") from error
