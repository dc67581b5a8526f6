"""Real stream servers for tests, on loopback, started and stopped by the test that needs them.

Each is a context manager. Where a program is missing the test is skipped, and says what installs it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, AnyStr

import imageio_ffmpeg
import pytest

from tests.helpers.pace import Bound

SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's own, which sees Debian's GStreamer bindings."""
_GST = """
import gi, sys
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(sys.argv[2])
factory.set_latency(0)
factory.set_shared(True)
if sys.argv[3] == "record":
    factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
if sys.argv[3] == "udp":
    from gi.repository import GstRtsp

    factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
if len(sys.argv) > 4:
    user, password = sys.argv[4].split(":")
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "tester")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    factory.add_role_from_structure(
        Gst.Structure.from_string("tester, media.factory.access=true, media.factory.construct=true")[0]
    )
server.get_mount_points().add_factory("/live", factory)
server.attach(None)
GLib.MainLoop().run()
"""
_NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr crit;
load_module {module};
events {{ worker_connections 64; }}
rtmp {{ server {{ listen 127.0.0.1:{port}; chunk_size 4096;
    application live {{ live on; record off; wait_key on; }} }} }}
"""


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port on loopback that nobody uses."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(condition: Callable[[], object], within: float = 10.0, what: str = "") -> None:
    """Wait until `condition` holds. Fails the test after `within` seconds of a quiet machine."""
    bound = Bound(within)
    while not condition():
        assert not bound.over(), f"not within {within} s: {what or condition}"
        time.sleep(0.05)


def pipe(stream: IO[AnyStr] | None) -> IO[AnyStr]:
    """A stream of a process that was asked for as a pipe."""
    assert stream is not None
    return stream


@contextmanager
def process(command: Sequence[str], **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs for as long as the block does."""
    with _ended(subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)) as started:  # type: ignore[call-overload]
        yield started


@contextmanager
def _ended(started: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A program that has ended, and whose pipes are closed, after the block: where that failed, too."""
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        for stream in (started.stdin, started.stdout, started.stderr):
            if stream is not None:
                stream.close()


def listening(port: int) -> bool:
    """Whether someone accepts connections on `port`."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def rtsp_camera(
    clip: Path, port: int, user: str = "", codec: str = "h264", *, udp_alone: bool = False
) -> Iterator[str]:
    """GStreamer's RTSP server playing `clip` (MPEG-TS with `codec`), for `user` (name:password) or for all."""
    launch = f"( filesrc location={clip} ! tsdemux ! {codec}parse config-interval=-1 ! rtp{codec}pay name=pay0 pt=96 )"
    with _gst(port, launch, "udp" if udp_alone else "play", user):
        yield f"rtsp://{user + '@' if user else ''}127.0.0.1:{port}/live"


@contextmanager
def leaky(port: int, lose: Callable[[int], bool]) -> Iterator[int]:
    """A way to an RTSP server at `port` on which packets get lost: those whose number, from 0, `lose` is true of."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=_leak, args=(door, port, lose), daemon=True).start()
        here: int = door.getsockname()[1]
        yield here


def _leak(door: socket.socket, port: int, lose: Callable[[int], bool]) -> None:
    with suppress(OSError), door.accept()[0] as client, socket.create_connection(("127.0.0.1", port)) as server:
        threading.Thread(target=_pour, args=(client, server), daemon=True).start()
        incoming, number = server.makefile("rb"), 0
        while head := incoming.read(1):
            if head == b"$":
                head += incoming.read(3)
                packet = head + incoming.read(int.from_bytes(head[2:], "big"))
                if head[1] == 0:
                    number += 1
                    if lose(number - 1):
                        continue
                client.sendall(packet)
            else:
                client.sendall(head)


def _pour(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


@contextmanager
def rtsp_server(target: Path, port: int) -> Iterator[str]:
    """GStreamer's RTSP server that takes a push and writes it to `target` (MPEG-TS)."""
    depay = "( rtph264depay name=depay0 ! h264parse config-interval=-1 ! mpegtsmux ! filesink buffer-mode=unbuffered"
    with _gst(port, f"{depay} location={target} )", "record"):
        yield f"rtsp://127.0.0.1:{port}/live"


@contextmanager
def _gst(port: int, launch: str, mode: str, user: str = "") -> Iterator[None]:
    check = 'import gi; gi.require_version("GstRtspServer", "1.0"); from gi.repository import GstRtspServer'
    python = Path(SYSTEM_PYTHON)
    if not python.exists() or subprocess.run([python, "-c", check], capture_output=True, check=False).returncode:
        pytest.skip("no GStreamer RTSP server: .ci/run installs gir1.2-gst-rtsp-server-1.0 and runs this")
    with process([SYSTEM_PYTHON, "-c", _GST, str(port), launch, mode, *([user] if user else [])]):
        until(lambda: listening(port), what="GStreamer's RTSP server")
        yield


@contextmanager
def rtmp_server(folder: Path, port: int) -> Iterator[str]:
    """nginx with the rtmp module: what is pushed can be played."""
    module = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
    nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if nginx is None or not module.exists():
        pytest.skip("no nginx with the rtmp module: .ci/run installs libnginx-mod-rtmp and runs this")
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, module=module, port=port))
    with process([nginx, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]):
        until(lambda: listening(port), what="nginx")
        yield f"rtmp://127.0.0.1:{port}/live"


@contextmanager
def srt_server(target: Path, port: int) -> Iterator[str]:
    """srt-live-transmit that takes a push and writes it to `target`."""
    if shutil.which("srt-live-transmit") is None:
        pytest.skip("no SRT server: .ci/run installs srt-tools and runs this")
    with (
        target.open("wb") as out,
        process(["srt-live-transmit", "-q", f"srt://127.0.0.1:{port}?mode=listener", "file://con"], stdout=out),
    ):
        time.sleep(0.3)  # UDP: nobody can ask whether it listens
        yield f"srt://127.0.0.1:{port}"


@contextmanager
def ffmpeg(*arguments: str, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """An ffmpeg process, with listeners of its own."""
    with process(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y", *arguments], **options
    ) as started:
        yield started


@contextmanager
def dead_server() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        port: int = server.getsockname()[1]
        yield port


def anonymize(*arguments: str, **options: object) -> subprocess.Popen[bytes]:
    """Start `anonymize live` as a user does."""
    command = [sys.executable, "-c", "from anonymize.cli import main; main()", "live", *arguments]
    return subprocess.Popen(command, **options)  # type: ignore[call-overload,no-any-return]


def live_once(*arguments: str, **options: object) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """`anonymize live`, ended at the end of the block if it has not ended before."""
    return _ended(anonymize(*arguments, **options))


@contextmanager
def running(
    *arguments: str, environment: Mapping[str, str] | None = None, **options: object
) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], str]]]:
    """`anonymize live`, told to stop at the end of the block, and a function for what it has said so far."""
    lines: list[bytes] = []
    env = {**os.environ, **(environment or {})}
    started = anonymize(*arguments, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=env, **options)
    said = pipe(started.stderr)
    reader = threading.Thread(target=lambda: lines.extend(iter(said.readline, b"")))
    reader.start()
    try:
        until(lambda: lines and b"starting" in b"".join(lines), 20, "it starts")
        yield started, lambda: b"".join(lines).decode()
        started.send_signal(signal.SIGTERM)
        assert started.wait(200) == 0, b"".join(lines).decode()
    finally:
        started.kill()
        started.wait()
        reader.join()
        said.close()


def arguments_of_all() -> list[str]:
    """The arguments of every process on this machine, as anyone may read them."""
    texts = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            texts.append((folder / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:  # it has ended
            continue
    return texts
