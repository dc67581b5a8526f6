"""Push to a stream server through a separate process, which is fed with packets and killed when it hangs.

A process is needed because FFmpeg's libraries hold the GIL while they connect: a server that accepts and never answers
would freeze the camera. Addresses without credentials go to an ``ffmpeg`` process; those with credentials to `relay`,
because every user of the machine can read ffmpeg's arguments.
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
from anonymize.live.sinks.feeder import OnState

STALL = 10.0
"""Seconds a peer may accept nothing before its process is killed and a new one is started."""
_FINISH = 3.0
"""Seconds the process gets to close the connection."""
_RELAY = Path(__file__).with_name("relay.py")
_NUT = {"write_index": "0"}


@dataclass(frozen=True, slots=True)
class Protocol:
    """How to push by one protocol.

    Args:
        needs: FFmpeg's name of the protocol that a build must have.
        form: FFmpeg's container name.
        options: of the container and the protocol.
        inside: whether PyAV's FFmpeg supports it too, as `relay` needs.
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
    """Check that this machine can push to `address`.

    Raises:
        UsageError: no ffmpeg here supports the protocol, or using it would show a password.
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
    """The path of an ffmpeg that supports `protocol`: from imageio-ffmpeg, or the system's.

    Raises:
        UsageError: there is none.
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
    """`feeder.Writer` of packets to a stream server.

    Args:
        address: with credentials filled in.
        streams: `LiveEncoder.streams`.
        on_state: called when the server is reached.
        stall: see `STALL`.
    """

    def __init__(self, address: str, streams: Sequence[Any], on_state: OnState, stall: float = STALL) -> None:
        on_state("starting", "connecting")
        protocol = PROTOCOLS[address.partition("://")[0].lower()]
        secret = has_secret(address)
        self._on_state, self._last_error = on_state, ""
        self._reached = False
        # -P: modules beside relay.py must not hide those of the standard library.
        relay = [sys.executable, "-P", str(_RELAY)]
        self._process = _start(relay if secret else ffmpeg_command(address, protocol))
        assert self._process.stdin is not None
        pipe = _Pipe(self._process.stdin, stall)
        if secret:
            order = {"address": address, "form": protocol.form, "options": dict(protocol.options)}
            pipe.write(json.dumps(order).encode() + b"\n")
        self._readers = [
            threading.Thread(target=read, args=(stream,), daemon=True)
            for read, stream in ((self._read_progress, self._process.stdout), (self._read_errors, self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()
        self._muxer = Muxer(pipe, "nut", streams, _NUT)

    def write(self, item: LivePacket) -> None:
        """Send a packet. Raises `OutputError` if the process has ended or hangs."""
        if self._process.poll() is not None:
            raise OutputError(self._end())
        try:
            self._muxer.write(item)
        except (OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise OutputError(f"the server has accepted nothing for {error.args[0]:.0f} s") from error
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            raise OutputError(self._end()) from error

    def close(self) -> None:
        """Send what is pending and close the connection."""
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
        """Kill the process and close its pipes."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        for reader in self._readers:
            reader.join(0.5)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(OSError):  # buffered data is discarded
                if stream is not None:
                    stream.close()

    def _read_progress(self, stream: IO[bytes]) -> None:
        """Read the progress of the process; the first report of data sent means that the server is reached."""
        for line in stream:
            key, _, value = line.decode(errors="replace").strip().partition("=")
            sent = key == "connected" or (key == "out_time_us" and value.isdigit() and int(value) > 0)
            if sent and not self._reached:
                self._reached = True
                self._on_state("ok", "connected")

    def _read_errors(self, stream: IO[bytes]) -> None:
        """Keep the last line of standard error, masked."""
        for line in stream:
            if text := line.decode(errors="replace").strip():
                self._last_error = mask(text)[:300]

    def _end(self) -> str:
        for reader in self._readers:
            reader.join(0.5)
        return self._last_error or f"the pushing process ended with code {self._process.returncode}"


class _Pipe:
    """A pipe that PyAV writes to; raises if the other end accepts nothing for `stall` seconds."""

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
    """Command line of an ffmpeg that copies packets to `address` without delay."""
    import ffmpeg

    given = ffmpeg.input("pipe:0", format="nut", probesize="32", analyzeduration="0")
    options = dict(protocol.options) | {"c": "copy", "flush_packets": "1", "max_interleave_delta": "200000"}
    sent = given.output(address, format=protocol.form, map="0", **options).global_args(
        *("-hide_banner", "-loglevel", "warning", "-nostats", "-nostdin", "-copyts", "-progress", "pipe:1")
    )
    return [str(part) for part in sent.compile(cmd=binary(protocol.needs))]


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start `command` in a new session, so that Ctrl-C reaches only this process, which then ends it in order."""
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
