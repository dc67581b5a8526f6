"""SRT, which PyAV's FFmpeg does not support: an `ffmpeg` process receives it and passes it on through a pipe."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress

import ffmpeg
import imageio_ffmpeg


class Receiver:
    """An `ffmpeg` that receives `address` and copies it to a pipe as MPEG-TS.

    The address, which may hold a passphrase, is passed on standard input, because every user of the machine can read
    arguments.

    Raises:
        OSError: ffmpeg cannot be started.
    """

    def __init__(self, address: str) -> None:
        source = ffmpeg.input(
            "pipe:0",
            format="concat",
            safe=0,
            protocol_whitelist="pipe,srt,udp",
            fpsprobesize=4,
            fflags="discardcorrupt",
        )
        job = source.output("pipe:1", format="mpegts", codec="copy", flush_packets=1, muxdelay=0, muxpreload=0)
        # Packets that SRT lost leave gaps, which the copy would close by renumbering.
        command = job.global_args("-loglevel", "quiet", "-nostats").compile(cmd=imageio_ffmpeg.get_ffmpeg_exe())
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        quoted = address.replace("'", r"'\''")
        with suppress(BrokenPipeError):  # it ended at once: reading fails next
            self._process.stdin.write(f"ffconcat version 1.0\nfile '{quoted}'\n".encode())
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._pipe = self._process.stdout
        os.set_blocking(self._pipe.fileno(), False)  # otherwise FFmpeg would block, whatever the timeout

    @property
    def url(self) -> str:
        """URL to read from, for FFmpeg in this process."""
        return f"pipe:{self._pipe.fileno()}"

    def close(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()
