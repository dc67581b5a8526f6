"""HLS: a folder with a playlist and a few short segments, for any web server to hand out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from anonymize.live.sinks.encode import KEY_EVERY, LivePacket, Muxer
from anonymize.live.sinks.feeder import Say
from anonymize.live.sinks.part import Part, sweep
from anonymize.storage.commit import check_target, make_folder, plainly

SEGMENTS = 6
"""Segments in the playlist, of `KEY_EVERY` seconds each; older ones are deleted."""
_SPARE = 1
"""Segments that stay a while after they have left the playlist, for slow players."""
_NOWHERE = "anonymize:/"
"""What FFmpeg's names begin with: no protocol that it knows, so that it renames and deletes nothing by itself."""


class Hls:
    """`sinks_outlet.Writer` of packets to an HLS folder. Segments and playlist appear when they are whole.

    Args:
        playlist: the .m3u8 file; its folder is made if it is not there.
        streams: `Encoder.streams`.
        say: told that it goes on.

    Raises:
        OutputError: from every method but `abandon`, when the folder or the disk does not take it.
    """

    def __init__(self, playlist: Path, streams: Sequence[Any], say: Say) -> None:
        make_folder(playlist.parent)
        self._say = say
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
                # From the clock, so that a player that stays on takes the segments after a restart for new ones.
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
            self._say("ok", "writing")

    def close(self) -> None:
        """Finish the last segment and the playlist."""
        self._muxer.close()
        self._files.check()

    def abandon(self) -> None:
        """Give up what is not whole; the rest is there for whoever plays it."""
        self._files.abandon()


class _Files:
    """The files of a folder, written for FFmpeg, which would follow links under names that can be guessed.

    Nothing raises while FFmpeg calls: it does not hand on every error, and tries again after some.
    """

    def __init__(self, playlist: Path) -> None:
        self._playlist = playlist
        self._segments: list[Path] = []
        self._parts: list[Part] = []
        self._over = False
        self._error: Exception | None = None

    def open(self, url: str, _flags: int, _options: dict[str, str]) -> _Made:
        """What FFmpeg writes the file `url` to."""
        return _Made(self, self._playlist.with_name(url.removeprefix(_NOWHERE)))

    def begin(self, final: Path) -> Part:
        """A part that may become `final`."""
        part = Part(final.parent, self._playlist.stem)
        self._parts.append(part)
        return part

    @property
    def going(self) -> bool:
        """Whether nothing went wrong, and nobody gave up."""
        return self._error is None and not self._over

    def check(self) -> None:
        """Raise what went wrong first."""
        if self._error is not None:
            raise self._error

    def abandon(self) -> None:
        """Release nothing more, and remove what is not released."""
        self._over = True
        for part in tuple(self._parts):
            part.drop()

    @contextmanager
    def attempt(self, final: Path) -> Iterator[None]:
        """Keep what goes wrong with the file `final` for `check`."""
        try:
            with plainly(final):
                yield
        except Exception as error:  # noqa: BLE001 - raised by `check`
            self._error = self._error or error

    def whole(self, part: Part, final: Path) -> None:
        """Release a file, unless something went wrong. With a new playlist, old segments go."""
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
    """One file, as PyAV writes it."""

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
    """Remove what an earlier run left under the same name: nobody else would ever delete it."""
    stem = re.escape(playlist.stem)
    ours = re.compile(rf"{stem}-\d+\.ts(\.tmp)?|{re.escape(playlist.name)}(\.tmp)?")
    with plainly(playlist):
        sweep(playlist.parent, stem)
        for path in playlist.parent.iterdir():
            with suppress(FileNotFoundError, IsADirectoryError):
                if ours.fullmatch(path.name):
                    path.unlink()
