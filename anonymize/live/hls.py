"""HLS: a folder with a playlist and a few short segments, for any web server to hand out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from anonymize.live.sinks_encode import KEY_EVERY, Coded, Muxer
from anonymize.live.sinks_outlet import Say

SEGMENTS = 6
"""Segments in the playlist, of `KEY_EVERY` seconds each; older ones are deleted."""


class Hls:
    """`sinks_outlet.Writer` of packets to an HLS folder. Segments and playlist appear when they are whole.

    Args:
        playlist: the .m3u8 file; its folder is made if it is not there.
        streams: `Encoder.streams`.
        say: told that it goes on.
    """

    def __init__(self, playlist: Path, streams: Sequence[Any], say: Say) -> None:
        playlist.parent.mkdir(parents=True, exist_ok=True)
        self._say = say
        self._reached = False
        self._clear(playlist)
        self._muxer = Muxer(
            str(playlist.absolute()),
            "hls",
            streams,
            {
                "hls_time": str(KEY_EVERY),
                "hls_list_size": str(SEGMENTS),
                # From the clock, so that a player that stays on takes the segments after a restart for new ones.
                "hls_start_number_source": "epoch",
                "hls_flags": "delete_segments+independent_segments+temp_file+program_date_time",
                "hls_segment_filename": str(playlist.absolute().with_suffix("")) + "-%d.ts",
                "hls_segment_options": "mpegts_flags=resend_headers",
            },
        )

    def write(self, item: Coded) -> None:
        """Append a packet."""
        self._muxer.write(item)
        if not self._reached:
            self._reached = True
            self._say("ok", "writing")

    def close(self) -> None:
        """Finish the last segment and the playlist."""
        self._muxer.close()

    def abandon(self) -> None:
        """Nothing to let go of: the files are there for whoever plays them."""

    def _clear(self, playlist: Path) -> None:
        """Remove what an earlier run left under the same name: nobody else would ever delete it."""
        ours = re.compile(re.escape(playlist.stem) + r"-\d+\.ts(\.tmp)?")
        for path in playlist.parent.iterdir():
            if ours.fullmatch(path.name) or path.name in (playlist.name, playlist.name + ".tmp"):
                with suppress(FileNotFoundError):
                    path.unlink()
