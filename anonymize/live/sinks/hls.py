"""HLS (RFC 8216): a folder with a playlist and a few short segments, for any web server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from anonymize.live.sinks.encode import KEY_EVERY, LivePacket, Muxer
from anonymize.live.sinks.feeder import OnState
from anonymize.live.sinks.part import Part, sweep
from anonymize.storage.commit import check_target, make_folder, plainly

SEGMENTS = 6
"""Segments in the playlist, of `KEY_EVERY` seconds each; older ones are deleted."""
_SPARE = 1
"""Segments kept after they have left the playlist, for slow players."""
_NOWHERE = "anonymize:/"
"""Prefix of the names given to FFmpeg: no protocol that it knows, so that it renames and deletes nothing itself."""


class Hls:
    """`feeder.Writer` of packets to an HLS folder. Segments and playlist appear once complete.

    Args:
        playlist: the .m3u8 file; its folder is created if missing.
        streams: `LiveEncoder.streams`.
        on_state: called when writing starts.

    Raises:
        OutputError: a file cannot be written; from every method but `abandon`.
    """

    def __init__(self, playlist: Path, streams: Sequence[Any], on_state: OnState) -> None:
        make_folder(playlist.parent)
        self._on_state = on_state
        self._reached = False
        _clear(playlist)
        check_target(playlist, force=True)
        self._files = _Files(playlist)
        self._muxer = Muxer(
            _NOWHERE + playlist.name,
            "hls",
            streams,
            {
                "hls_time": str(KEY_EVERY),
                "hls_list_size": str(SEGMENTS),
                # From the clock, so that after a restart players see new segments as new.
                "hls_start_number_source": "epoch",
                "hls_flags": "independent_segments+program_date_time",
                "hls_segment_filename": f"{_NOWHERE}{playlist.stem}-%d.ts",
                "hls_segment_options": "mpegts_flags=resend_headers",
            },
            opener=self._files.open,
        )

    def write(self, item: LivePacket) -> None:
        """Append a packet."""
        self._muxer.write(item)
        self._files.check()
        if not self._reached:
            self._reached = True
            self._on_state("ok", "writing")

    def close(self) -> None:
        """Finish the last segment and the playlist."""
        self._muxer.close()
        self._files.check()

    def abandon(self) -> None:
        """Remove incomplete files; complete ones stay playable."""
        self._files.abandon()


class _Files:
    """Writes the files of a folder in place of FFmpeg, which would follow links planted under predictable names.

    Errors are kept for `check`: FFmpeg does not pass on every error from its callbacks, and retries after some.
    """

    def __init__(self, playlist: Path) -> None:
        self._playlist = playlist
        self._segments: list[Path] = []
        self._parts: list[Part] = []
        self._over = False
        self._error: Exception | None = None

    def open(self, url: str, _flags: int, _options: dict[str, str]) -> _Made:
        """The object that FFmpeg writes the file `url` to."""
        return _Made(self, self._playlist.with_name(url.removeprefix(_NOWHERE)))

    def begin(self, final: Path) -> Part:
        """A new part, to be released as `final`."""
        part = Part(final.parent, self._playlist.stem)
        self._parts.append(part)
        return part

    @property
    def going(self) -> bool:
        """Whether there was no error and no `abandon`."""
        return self._error is None and not self._over

    def check(self) -> None:
        """Raise the first error, if any."""
        if self._error is not None:
            raise self._error

    def abandon(self) -> None:
        """Release no more files and remove unreleased parts."""
        self._over = True
        for part in tuple(self._parts):
            part.drop()

    @contextmanager
    def attempt(self, final: Path) -> Iterator[None]:
        """Keep an error with the file `final` for `check`."""
        try:
            with plainly(final):
                yield
        except Exception as error:  # noqa: BLE001 - raised by `check`
            self._error = self._error or error

    def whole(self, part: Part, final: Path) -> None:
        """Release a complete file unless there was an error. A new playlist lets old segments be deleted."""
        with self.attempt(final):
            if self.going:
                part.release(final)
                if final != self._playlist:
                    self._segments.append(final)
                while final == self._playlist and len(self._segments) > SEGMENTS + _SPARE:
                    with suppress(FileNotFoundError):
                        self._segments.pop(0).unlink()
        self._parts.remove(part)
        if not part.closed:
            part.drop()


class _Made:
    """One file as PyAV writes to it."""

    def __init__(self, files: _Files, final: Path) -> None:
        self._files, self._final = files, final
        self._part: Part | None = None
        with files.attempt(final):
            self._part = files.begin(final)

    def write(self, data: bytes) -> int:
        """Append `data`."""
        if self._part is not None and self._files.going:
            with self._files.attempt(self._final):
                self._part.write(data)
        return len(data)

    def close(self) -> None:
        """Release it; PyAV may call twice."""
        part, self._part = self._part, None
        if part is not None:
            self._files.whole(part, self._final)


def _clear(playlist: Path) -> None:
    """Remove the files of an earlier run with the same name, which nothing else would delete."""
    stem = re.escape(playlist.stem)
    ours = re.compile(rf"{stem}-\d+\.ts(\.tmp)?|{re.escape(playlist.name)}(\.tmp)?")
    with plainly(playlist):
        sweep(playlist.parent, stem)
        for path in playlist.parent.iterdir():
            with suppress(FileNotFoundError, IsADirectoryError):
                if ours.fullmatch(path.name):
                    path.unlink()
