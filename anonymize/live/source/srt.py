"""SRT, which PyAV's FFmpeg does not support: an `ffmpeg` process receives it and passes it on through a pipe."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections import deque
from contextlib import suppress
from functools import partial
from urllib.parse import parse_qs

import ffmpeg
import imageio_ffmpeg

from anonymize.errors import UsageError

_SHORTEST, _LONGEST = 10, 79
"""Characters of a passphrase."""
_LAST_WORDS = 0.2
"""Seconds that the process has to end, and what it said to be read."""
_WHY = (
    ("BADSECRET|Incorrect passphrase", "its passphrase is another than that of the address"),
    ("UNSECURE|Password required", "one side has a passphrase and the other has none"),
    ("Connection to .* failed", "nothing answers at its address"),
)
"""What libsrt and FFmpeg say, and what we do: their own words hold the passphrase."""


def check(address: str) -> None:
    """Raise `UsageError` if no connection can come of `address`."""
    query = address.partition("?")[2]  # FFmpeg reads a "#", too; an empty passphrase is none
    for phrase in parse_qs(query).get("passphrase", ()):
        if not _SHORTEST <= len(phrase) <= _LONGEST:
            raise UsageError(f"srt://: a passphrase has {_SHORTEST} to {_LONGEST} characters")


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
        command = job.global_args("-loglevel", "error", "-nostats").compile(cmd=imageio_ffmpeg.get_ffmpeg_exe())
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._said: deque[bytes] = deque(maxlen=20)
        """The last lines of its log, which may hold the passphrase."""
        self._errors = self._process.stderr
        lines = iter(partial(self._errors.readline, 4096), b"")
        self._listening = threading.Thread(target=self._said.extend, args=(lines,), name="srt log", daemon=True)
        self._listening.start()
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

    @property
    def why(self) -> str:
        """Why there is no connection, in words; empty if that is not known. Once reading has failed."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS)  # its last words come as it ends
            self._listening.join(_LAST_WORDS)
        said = b"".join(tuple(self._said)).decode("utf-8", "replace")
        return next((words for pattern, words in _WHY if re.search(pattern, said)), "")

    def close(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()
        self._listening.join()
        self._errors.close()
