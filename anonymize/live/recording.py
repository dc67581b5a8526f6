"""A recording in segments: each appears under its name when it is whole, and goes when it is old."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import av

from anonymize.errors import OutputError
from anonymize.live.log import logger
from anonymize.live.sinks_encode import Coded, Muxer
from anonymize.live.sinks_outlet import Say

_NAME = "%Y-%m-%dT%H-%M-%SZ"
_OURS = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(-\d+)?\.mp4")
_PART = re.compile(r"\.(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)-[0-9a-f]{16}\.part")


@dataclass(frozen=True, slots=True)
class Keep:
    """How a recording is cut and for how long it is kept.

    Args:
        segment: seconds; a segment ends at the next key picture.
        age: seconds for which segments are kept; None for ever.
        room: bytes that must be free for a segment to be begun.
    """

    segment: float = 60.0
    age: float | None = None
    room: int = 32 << 20


class Recording:
    """`sinks_outlet.Writer` of packets to a folder of segments.

    A segment is written under a hidden name that nobody can guess, which only its owner may read, then read back and
    renamed. What a killed process left half written is removed when the next one begins, so a crash costs one segment.

    Args:
        folder: made if it is not there; only this sink may record into it.
        streams: `Encoder.streams`.
        keep: how segments are cut and kept.
        say: told how it goes on.
        clock: seconds since the epoch: names and ages.
    """

    def __init__(
        self, folder: Path, streams: Sequence[Any], keep: Keep, say: Say, clock: Callable[[], float] = time.time
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._streams, self._keep, self._say, self._clock = folder, streams, keep, say, clock
        self._part: Path | None = None
        self._file: IO[bytes] | None = None
        self._mode = 0
        self._muxer: Muxer | None = None
        self._pictures = 0
        self._began = 0.0
        for left in folder.iterdir():
            with suppress(FileNotFoundError):
                if _PART.fullmatch(left.name) and stat.S_ISREG(left.lstat().st_mode):
                    left.unlink()
        self.expire()

    def write(self, item: Coded) -> None:
        """Append a packet, beginning a new segment at a key picture when the current one is long enough."""
        if not item.sound and item.key and (self._muxer is None or item.time - self._began >= self._keep.segment):
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
        """Give up the current segment."""
        part, self._part = self._part, None
        muxer, self._muxer = self._muxer, None
        if muxer is not None:
            with suppress(av.error.FFmpegError, OSError):  # it is deleted next
                muxer.close()
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # what was still to be written has no place to go
                file.close()
        if part is not None:
            part.unlink(missing_ok=True)

    def expire(self) -> None:
        """Delete segments that are older than they are kept. Only files that are named as ours are touched."""
        if self._keep.age is None:
            return
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                if _OURS.fullmatch(path.name) and self._clock() - path.lstat().st_mtime > self._keep.age:
                    path.unlink()
                    logger.info("segment expired", file=path.name)

    def _begin(self, item: Coded) -> None:
        free = shutil.disk_usage(self._folder).free
        if free < self._keep.room:
            raise OutputError(f"the disk is full: {free >> 20} MB free, {self._keep.room >> 20} MB needed to go on")
        stamp = time.strftime(_NAME, time.gmtime(self._clock()))
        part = self._folder / f".{stamp}-{secrets.token_hex(8)}.part"
        self._pictures, self._began = 0, item.time
        with _plainly():
            # Never through a link that someone has put there.
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
            self._part, self._file = part, os.fdopen(descriptor, "r+b", buffering=0)
            self._mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            os.fchmod(descriptor, 0o600)
            # Fragments until it is whole: a segment costs no memory, however long it is.
            options = {"movflags": "hybrid_fragmented", "empty_hdlr_name": "1"}
            self._muxer = Muxer(self._file, "mp4", self._streams, options, start=item.time)

    def _finish(self) -> None:
        """Close, read back and rename the current segment, if there is one; then let old ones go."""
        part, muxer, file = self._part, self._muxer, self._file
        if part is None or muxer is None or file is None:
            return
        with _plainly():
            muxer.close()
            self._muxer = None
            _read_back(file, part, self._pictures)
            name = self._rename(file, part)
            file.close()
        self._part = self._file = None
        self._say("ok", f"newest segment {name}")
        logger.info("segment finished", file=name, pictures=self._pictures)
        self.expire()

    def _rename(self, file: IO[bytes], part: Path) -> str:
        """Give the segment its name, never that of another."""
        os.fchmod(file.fileno(), self._mode)
        os.fsync(file.fileno())
        if not os.path.samestat(os.fstat(file.fileno()), part.lstat()):
            raise OutputError(f"{part.name}: another file has taken the place of this segment: it was given up")
        found = _PART.fullmatch(part.name)
        assert found is not None
        stem = found.group(1)
        for number in range(1000):
            final = self._folder / f"{stem}{f'-{number}' if number else ''}.mp4"
            if not os.path.lexists(final):  # only this sink records into the folder
                part.replace(final)
                return final.name
        raise OutputError(f"{self._folder}: a thousand segments of the same second")


def _read_back(file: IO[bytes], path: Path, pictures: int) -> None:
    """Whether the file holds every picture that went in. Raises `OutputError`."""
    file.seek(0)
    with av.open(file, "r") as container:
        found = sum(1 for packet in container.demux(video=0) if packet.size)
    if found != pictures:
        raise OutputError(f"segment {path.name} holds {found} pictures instead of {pictures}: it was given up")


class _plainly:  # noqa: N801 - used as a verb
    """Turn a full disk into words."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError("the disk is full: this recording stops until there is room") from error
