"""Pushing to a stream server: a process of its own for each, fed with packets, killed when it hangs.

It is a process because FFmpeg's libraries hold Python's lock while they connect: a server that accepts and never
answers would freeze the whole camera. Addresses without credentials go to an ``ffmpeg`` process (built with
ffmpeg-python); those with credentials to `relay`, because everyone on the machine may read ffmpeg's arguments.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from anonymize.errors import OutputError, UsageError
from anonymize.live.secrets import has_secret, mask
from anonymize.live.sinks.encode import LivePacket, Muxer
from anonymize.live.sinks.feeder import Say

STALL = 10.0
"""Seconds for which a peer may take nothing before its process is ended and a new attempt is made."""
_FINISH = 3.0
"""Seconds that the process gets to say goodbye to the server."""
_RELAY = Path(__file__).with_name("relay.py")
_NUT = {"write_index": "0"}


@dataclass(frozen=True, slots=True)
class Protocol:
    """How one kind of server is spoken to.

    Args:
        needs: FFmpeg's name of the protocol that a build must have.
        form: FFmpeg's name of the container.
        options: the container's and the protocol's.
        inside: whether PyAV's FFmpeg speaks it too, as `relay` needs.
    """

    needs: str
    form: str
    options: tuple[tuple[str, str], ...] = ()
    inside: bool = True


_RTSP = (("rtsp_transport", "tcp"), ("timeout", "5000000"))
_FLV = (("flvflags", "no_duration_filesize"),)
PROTOCOLS = {
    "rtsp": Protocol("rtp", "rtsp", _RTSP),
    "rtsps": Protocol("tls", "rtsp", _RTSP),
    "rtmp": Protocol("rtmp", "flv", _FLV),
    "rtmps": Protocol("rtmps", "flv", _FLV),
    "srt": Protocol("srt", "mpegts", (("mpegts_flags", "resend_headers"), ("muxdelay", "0")), inside=False),
}


def check(address: str) -> None:
    """Whether this machine can push to `address`.

    Raises:
        UsageError: no ffmpeg here has the protocol, or it cannot be used without showing a password.
    """
    scheme = address.partition("://")[0].lower()
    protocol = PROTOCOLS[scheme]
    if not (protocol.inside and has_secret(address)):
        binary(protocol.needs)
    if has_secret(address) and not protocol.inside:
        raise UsageError(
            f"{mask(address)}: a {scheme} address with a password or stream id would show it in the list of processes; "
            "push by rtsp or rtmp, or to a server on this machine that passes it on"
        )


@cache
def binary(protocol: str) -> str:
    """The path of an ffmpeg program with `protocol`: that of imageio-ffmpeg, or the system's.

    Raises:
        UsageError: none has it.
    """
    import imageio_ffmpeg

    candidates: list[str] = []
    with suppress(RuntimeError):  # no binary for this platform
        candidates.append(imageio_ffmpeg.get_ffmpeg_exe())
    if system := shutil.which("ffmpeg"):
        candidates.append(system)
    for candidate in candidates:
        listed = subprocess.run([candidate, "-hide_banner", "-protocols"], capture_output=True, text=True, check=False)
        if protocol in listed.stdout.partition("Output:")[2].split():
            return candidate
    tried = ", ".join(candidates) or "none is installed"
    raise UsageError(f"no ffmpeg here can push {protocol} (tried: {tried}): install one that lists it in -protocols")


class Push:
    """`sinks_outlet.Writer` of packets to a stream server.

    Args:
        address: where to, credentials filled in.
        streams: `Encoder.streams`.
        say: told when the server is reached.
        stall: see `STALL`.
    """

    def __init__(self, address: str, streams: Sequence[Any], say: Say, stall: float = STALL) -> None:
        say("starting", "connecting")
        protocol = PROTOCOLS[address.partition("://")[0].lower()]
        secret = has_secret(address)
        self._say, self._last_words = say, ""
        self._reached = False
        self._process = _start(_relay_command() if secret else ffmpeg_command(address, protocol))
        assert self._process.stdin is not None
        pipe = _Pipe(self._process.stdin, stall)
        if secret:
            order = {"address": address, "form": protocol.form, "options": dict(protocol.options)}
            pipe.write(json.dumps(order).encode() + b"\n")
        self._readers = [
            threading.Thread(target=read, args=(stream,), daemon=True)
            for read, stream in ((self._hear, self._process.stdout), (self._listen, self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()
        self._muxer = Muxer(pipe, "nut", streams, _NUT)

    def write(self, item: LivePacket) -> None:
        """Send a packet. Raises `OutputError` when the process has ended or hangs."""
        if self._process.poll() is not None:
            raise OutputError(self._end())
        try:
            self._muxer.write(item)
        except (OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise OutputError(f"the server has taken nothing for {error.args[0]:.0f} s") from error
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            raise OutputError(self._end()) from error

    def close(self) -> None:
        """Send what is pending and take leave of the server."""
        self._muxer.close()
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(_FINISH)
        except subprocess.TimeoutExpired as error:
            raise OutputError("the server did not confirm the end") from error
        finally:
            self.abandon()

    def abandon(self) -> None:
        """End the process and let go of its pipes."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        for reader in self._readers:
            reader.join(0.5)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(OSError):  # what was still in a buffer has nowhere to go
                if stream is not None:
                    stream.close()

    def _hear(self, stream: IO[bytes]) -> None:
        """Read the process's progress; the first that shows something sent means that the server is reached."""
        for line in stream:
            key, _, value = line.decode(errors="replace").strip().partition("=")
            sent = key == "connected" or (key == "out_time_us" and value.isdigit() and int(value) > 0)
            if sent and not self._reached:
                self._reached = True
                self._say("ok", "connected")

    def _listen(self, stream: IO[bytes]) -> None:
        """Keep the process's last words, masked."""
        for line in stream:
            if text := line.decode(errors="replace").strip():
                self._last_words = mask(text)[:300]

    def _end(self) -> str:
        for reader in self._readers:
            reader.join(0.5)
        return self._last_words or f"the pushing process ended with code {self._process.returncode}"


class _Pipe:
    """A pipe's end as PyAV writes to it: gives up when the other end takes nothing for `stall` seconds."""

    def __init__(self, stream: IO[bytes], stall: float) -> None:
        self._file = stream.fileno()
        self._stall = stall
        os.set_blocking(self._file, False)

    def write(self, data: bytes) -> int:
        """Write all of `data`. Raises `TimeoutError`, `BrokenPipeError`."""
        left = memoryview(data)
        until = time.monotonic() + self._stall
        while left:
            try:
                done = os.write(self._file, left)
            except BlockingIOError:
                done = 0
            if done:
                left = left[done:]
                until = time.monotonic() + self._stall
            elif not select.select([], [self._file], [], max(0.0, until - time.monotonic()))[1]:
                raise TimeoutError(self._stall)
        return len(data)


def ffmpeg_command(address: str, protocol: Protocol) -> list[str]:
    """The arguments of an ffmpeg that passes packets on without delay."""
    import ffmpeg

    given = ffmpeg.input("pipe:0", format="nut", probesize="32", analyzeduration="0")
    options = dict(protocol.options) | {"c": "copy", "flush_packets": "1", "max_interleave_delta": "200000"}
    sent = given.output(address, format=protocol.form, map="0", **options).global_args(
        *("-hide_banner", "-loglevel", "warning", "-nostats", "-nostdin", "-copyts", "-progress", "pipe:1")
    )
    return [str(part) for part in sent.compile(cmd=binary(protocol.needs))]


def _relay_command() -> list[str]:
    # -P: the folder of relay.py, where a `secrets` module lies, must not come before the standard library.
    return [sys.executable, "-P", str(_RELAY)]


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own: Ctrl-C on the terminal is for us, and we end it in order."""
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise OutputError(f"cannot start {command[0]}: {error.strerror}") from error
