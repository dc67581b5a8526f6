"""The whole chain between real servers on loopback: a source from each, a push to each; lost connections come back."""

import contextlib
import io
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
import pytest

from anonymize.errors import UnreadableInput, UsageError
from anonymize.live.chain.canvas import Canvas
from anonymize.live.metrics import Metrics
from anonymize.live.protocols import Picture
from anonymize.live.sinks.open import Options, open_sinks
from anonymize.live.sinks.push import binary
from anonymize.live.source import connection
from anonymize.live.source.connection import Stream, way_to
from anonymize.media.frames.orient import Orientation
from benchmarks import clock
from tests.helpers import servers
from tests.helpers.live import exposed, stream_of, street_scene
from tests.helpers.media import time_of
from tests.helpers.pace import Bound, slowdown
from tests.helpers.servers import arguments_of_all, free_port, live_once, pipe, running, until
from tests.live.test_sinks import PICTURE, frames, state

ENOUGH = 6
"""Frames that must show the street."""
ARGUMENTS = ["--name", "test", "--lookahead", "0.4", "--min-face", "24", "--json"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Twelve seconds of a street with people, as MPEG-TS."""
    path = tmp_path_factory.mktemp("street") / "street.ts"
    path.write_bytes(b"".join(stream_of(range(300))))
    return path


def judged(data, form="mpegts"):
    """How many frames of `data` show the street; fails if one of them shows a face, or something else."""
    clear = 0
    with av.open(io.BytesIO(data), "r", format=form) as container, contextlib.suppress(av.error.InvalidDataError):
        for picture in container.decode(video=0):
            luma = np.ascontiguousarray(picture.to_ndarray()[: picture.height], np.uint8)
            number = clock.read(luma)
            if number is None and np.ptp(np.percentile(luma, (10, 90))) < 4:
                continue  # hidden: blank, with a notice
            number = nearest(luma) if number is None else number  # a picture that was damaged on its way
            if exposed(luma, number):
                evidence = Path(tempfile.mkdtemp(prefix="exposed-")) / f"{number}.png"
                cv2.imwrite(str(evidence), luma)
                pytest.fail(f"frame {picture.pts}, the scene's {number}, shows a face: see {evidence}")
            clear += 1
    return clear


def shows_enough(path):
    """Whether a file that still grows shows the street often enough; judged anew whenever it has grown by some."""
    size = path.stat().st_size if path.exists() else 0
    return size > 200_000 and _judged_at(path, size // 200_000) >= ENOUGH


@cache
def _judged_at(path, _):
    return judged(path.read_bytes())


def nearest(luma):
    """Number of the scene's picture most similar to `luma`."""
    small = [cv2.cvtColor(picture[::4, ::4], cv2.COLOR_BGR2GRAY).astype(float) for picture, _ in street_scene()]
    return int(np.argmin([np.abs(luma[::4, ::4] - each).mean() for each in small]))


def test_rtsp_in_rtsp_and_srt_out_with_hidden_passwords(clip, tmp_path):
    ports = [free_port(), free_port(), free_port(socket.SOCK_DGRAM)]
    (tmp_path / "password").write_text("camera-geheim\n")
    given = f"rtsp://cam:${{file:{tmp_path}/password}}@127.0.0.1:{ports[0]}/live"
    with (
        servers.rtsp_camera(clip, ports[0], "cam:camera-geheim"),
        servers.rtsp_server(tmp_path / "out.ts", ports[1]),
        servers.srt_server(tmp_path / "srt.ts", ports[2]) as srt,
        running(
            given, "--to", f"rtsp://push:${{PUSH_PASSWORD}}@127.0.0.1:{ports[1]}/live", "--to", srt, *ARGUMENTS,
            environment={"PUSH_PASSWORD": "push-geheim"},
        ) as (started, log),
    ):  # fmt: skip
        until(lambda: shows_enough(tmp_path / "out.ts") and shows_enough(tmp_path / "srt.ts"), 25, "both pushes arrive")
        shown = [text for text in arguments_of_all() if "GstRtspServer" not in text]  # the server knows it, of course
        assert any("relay.py" in text for text in shown)
        assert not [text for text in shown if "geheim" in text]
        assert started.poll() is None
    assert "geheim" not in log()
    assert judged((tmp_path / "out.ts").read_bytes()) >= ENOUGH
    assert judged((tmp_path / "srt.ts").read_bytes()) >= ENOUGH


def test_rtmp_in_from_nginx_and_out_to_it(clip, tmp_path):
    port = free_port()
    # With sound: without, whoever opens an FLV stream waits for five seconds whether there is none.
    camera = ("-re", "-stream_loop", "-1", "-i", str(clip), "-re", "-f", "lavfi", "-i", "anullsrc=r=44100")
    with (
        servers.rtmp_server(tmp_path, port) as server,
        servers.ffmpeg(*camera, "-c:v", "copy", "-c:a", "aac", "-f", "flv", f"{server}/raw"),
        running(f"{server}/raw", "--to", f"{server}/safe", *ARGUMENTS) as (_, log),
    ):
        until(lambda: '"source open"' in log(), 15, "the source is open")
        time.sleep(2)
        seen = str(tmp_path / "seen.ts")
        short = ("-analyzeduration", "1000000", "-rw_timeout", "9000000")
        with servers.ffmpeg(*short, "-i", f"{server}/safe", "-t", "4", "-c", "copy", seen) as viewer:
            assert viewer.wait(200) == 0
    assert "/safe" not in log(), "an RTMP stream key is a password"
    assert judged((tmp_path / "seen.ts").read_bytes()) > 5


def test_a_picture_of_an_rtmp_server_is_waited_for_until_the_next_key_frame(tmp_path):
    """Some cameras send one every ten seconds; it was an "input/output error" after five."""
    port = free_port()
    camera = ("-re", "-f", "lavfi", "-i", "testsrc=s=64x48:r=10", "-c:v", "libx264", "-preset", "ultrafast")
    rarely = ("-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-f", "flv")
    with servers.rtmp_server(tmp_path, port) as server, servers.ffmpeg(*camera, *rarely, f"{server}/raw"):
        with Stream(way_to(f"{server}/raw"), 30.0, "camera") as first:
            next(first.pictures())
        begun = time.monotonic()
        with Stream(way_to(f"{server}/raw"), 0.5, "camera") as stream:
            assert time.monotonic() - begun > 0.5, "it waited for longer than for the next picture of a stream"
            next(stream.pictures())


def test_an_rtmp_server_without_a_picture_is_told_in_words(monkeypatch):
    monkeypatch.setitem(connection._OPENING, "rtmp", 1.0)
    with servers.dead_server() as port, pytest.raises(UnreadableInput, match="no picture came within 1 s: is the cam"):
        Stream(way_to(f"rtmp://127.0.0.1:{port}/live/x"), 0.2, "camera")


def test_http_in_from_ffmpeg_and_standard_output(clip):
    address = f"http://127.0.0.1:{free_port()}/s.ts"
    with servers.ffmpeg(
        "-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy", "-f", "mpegts", "-listen", "1", address
    ):
        assert judged(from_standard_output(address)) >= ENOUGH


def test_srt_in_from_ffmpeg(clip):
    address = f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    with servers.ffmpeg(
        "-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy", "-f", "mpegts", f"{address}?mode=listener"
    ):
        assert judged(from_standard_output(address)) >= ENOUGH


PHRASE = "passphrase=geheim-geheim"


@pytest.mark.parametrize(
    ("theirs", "ours", "words"),
    [
        (f"mode=listener&{PHRASE}", "passphrase=geheim-anders", "its passphrase is another than that of the address"),
        (f"mode=listener&{PHRASE}", "mode=caller", "one side has a passphrase and the other has none"),
        ("mode=listener", PHRASE, "one side has a passphrase and the other has none"),
        (PHRASE, "mode=listener&passphrase=geheim-anders", "its passphrase is another than that of the address"),
        ("", "mode=caller", "nothing answers at its address"),
    ],
)
def test_why_there_is_no_srt_connection_is_said_without_the_passphrase(clip, theirs, ours, words):
    """It was "end of file", whatever the reason."""
    address = f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    calling = 'while :; do "$@"; sleep 0.3; done'  # a camera that calls tries again and again
    program = [binary("srt"), "-loglevel", "quiet", *playing(clip), "-f", "mpegts", f"{address}?{theirs}"]
    with contextlib.ExitStack() as stack:
        if theirs:
            camera = subprocess.Popen(["sh", "-c", calling, "sh", *program], start_new_session=True)
            stack.callback(camera.wait)
            stack.callback(os.killpg, camera.pid, signal.SIGKILL)
        time.sleep(0.5)
        with pytest.raises(UnreadableInput) as refused:
            Stream(way_to(f"{address}?{ours}"), 6.0, "camera")
    assert words in str(refused.value)
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("phrase", ["geheim", "geheim#12", "x" * 80])
def test_a_passphrase_that_srt_does_not_take_is_refused_at_once(phrase):
    for taken in (PHRASE, "passphrase=abc#defghijklm", "passphrase="):  # FFmpeg reads on after "#"; the last is none
        way_to(f"srt://127.0.0.1:9000?{taken}")
    with pytest.raises(UsageError, match="a passphrase has 10 to 79 characters"):
        way_to(f"srt://127.0.0.1:9000?mode=caller&passphrase={phrase}")


def from_standard_output(source):
    """MPEG-TS that `anonymize live` writes to standard output for a while."""
    time.sleep(0.5)
    got = b""
    with running(source, "--to", "-", *ARGUMENTS, stdout=subprocess.PIPE) as (started, log):
        picture = pipe(started.stdout)
        bound, judge_at = Bound(15), 200_000
        while len(got) < judge_at:
            ready, _, _ = select.select([picture], [], [], bound.left())
            assert ready or not bound.over(), f"too little came\n{log()}"
            if not ready:
                continue
            piece = os.read(picture.fileno(), 65536)
            assert piece, log()
            got += piece
            if len(got) >= judge_at and judged(got) < ENOUGH:  # on a busy machine most frames are hidden
                assert not bound.over(), f"too little is clear\n{log()}"
                judge_at += 200_000
        rest = threading.Thread(target=picture.read)
        rest.start()
    rest.join()
    picture.close()
    return got


def playing(clip):
    """How FFmpeg sends `clip` for ever."""
    return ["-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy"]


def test_standard_input(clip, tmp_path):
    port = free_port()
    arguments = ["-", "--to", f"record:{tmp_path}", "--metrics", str(port), *ARGUMENTS]
    with contextlib.ExitStack() as stack:
        camera = stack.enter_context(servers.ffmpeg(*playing(clip), "-f", "mpegts", "-", stdout=subprocess.PIPE))
        command = stack.enter_context(live_once(*arguments, stdin=camera.stdout, stderr=subprocess.PIPE))
        pipe(camera.stdout).close()
        until(lambda: clear_frames(port) > 20, 30, "clear frames go out")
        camera.kill()
        _, log = command.communicate(timeout=200)
    assert command.returncode == 0, log
    (made,) = tmp_path.glob("*.mp4")
    assert judged(made.read_bytes(), "mp4") > 5


def clear_frames(port):
    """Number of frames that went out not fully obscured."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            found = dict(re.findall(r"^anonymize_frames_(out|obscured)_total\S* (\S+)$", answer.read().decode(), re.M))
    except OSError:
        return 0
    return float(found.get("out", 0)) - float(found.get("obscured", 0))


def noise(count, start=0.0):
    """Frames that do not compress."""
    rng, canvas = np.random.default_rng(1), Canvas(640, 360)
    for index in range(count):
        picture = av.VideoFrame.from_ndarray(rng.integers(0, 256, (360, 640, 3), np.uint8), "rgb24")
        yield canvas.frame(picture, Orientation(), index, round((start + index / 25) * 90_000))


def test_a_push_that_hangs_is_ended_and_a_server_that_is_cut_is_found_again(tmp_path):
    port, metrics = free_port(), Metrics()
    name = f"rtmp://127.0.0.1:{port}/live/***"
    big = Picture(640, 360, Fraction(25))
    with contextlib.ExitStack() as stack:
        first = contextlib.ExitStack()
        address = first.enter_context(servers.rtmp_server(tmp_path, port))
        (sink,) = open_sinks([f"{address}/x", f"record:{tmp_path}/r"], big, metrics, Options(stall=1.0))
        stack.callback(sink.close, 3)
        over = threading.Event()

        def play():
            for frame in noise(2000):
                if over.wait(0.04):
                    return
                sink.write(frame)

        camera = threading.Thread(target=play)
        camera.start()
        stack.callback(camera.join)
        stack.callback(over.set)
        until(lambda: state(metrics, name)["state"] == "ok", 10, "the server is reached")
        (pusher,) = (child for child in psutil.Process().children() if "relay.py" in " ".join(child.cmdline()))
        pusher.suspend()
        until(lambda: "has accepted nothing for 1 s" in state(metrics, name)["detail"], 15, "the stall is seen")
        first.close()  # killed
        until(lambda: state(metrics, name)["state"] == "lost", 10, "the cut is seen")
        with servers.rtmp_server(tmp_path, port):
            until(lambda: state(metrics, name)["state"] == "ok", 10, "the server is found again")
            over.set()
            camera.join()
            sink.close(3)
    assert state(metrics, f"record:{tmp_path}/r")["state"] == "stopped"
    assert "encoder" not in metrics.snapshot()["sink_dropped"]


def test_pushed_frames_keep_their_times(tmp_path):
    port = free_port(socket.SOCK_DGRAM)
    with servers.srt_server(tmp_path / "got.ts", port) as server:
        metrics = Metrics()
        (sink,) = open_sinks([server], PICTURE, metrics)
        for frame in frames(60, start=7.0):
            sink.write(frame)
            time.sleep(0.02)
        until(lambda: state(metrics, server)["state"] == "ok")
        time.sleep(0.5)
        sink.close(5)
        assert metrics.snapshot()["stages"][f"sink {server}"]["state"] == "stopped"
    with av.open(str(tmp_path / "got.ts")) as container:
        stamps = [float(time_of(frame)) for frame in container.decode(video=0)]
    assert stamps[0] == pytest.approx(7.0, abs=0.001)
    assert np.allclose(np.diff(stamps), 0.04, atol=0.001)
    assert len(stamps) >= 54  # the server drops what is in its own buffer when the stream ends


def test_an_address_without_credentials_is_pushed_to_by_ffmpeg(tmp_path):
    metrics = Metrics()
    with servers.rtsp_server(tmp_path / "got.ts", free_port()) as server:
        (sink,) = open_sinks([server], PICTURE, metrics)
        for frame in frames(60):
            sink.write(frame)
            time.sleep(0.02)
        until(lambda: state(metrics, server)["state"] == "ok")
        assert any("ffmpeg" in text and server in text for text in arguments_of_all())
        sink.close(5)
        with av.open(str(tmp_path / "got.ts")) as container:
            assert sum(1 for _ in container.decode(video=0)) >= 55


def test_an_ffmpeg_that_lacks_a_protocol_is_named():
    from anonymize.errors import UsageError

    with pytest.raises(UsageError, match=r"no ffmpeg here can push gopherpush \(tried: /"):
        binary("gopherpush")


def test_a_camera_that_sends_over_udp_alone(clip, tmp_path):
    """FFmpeg gives up on it when asked for TCP: "protocol not supported", for ever."""
    port = free_port()
    with (
        servers.rtsp_camera(clip, port, udp_alone=True) as address,
        running(address, "--to", f"record:{tmp_path}", *ARGUMENTS) as (started, log),
    ):
        until(lambda: '"source open"' in log(), 15, "the source is open")
        time.sleep(3 * min(slowdown(), 10))  # a slow machine hides frames at first
        started.terminate()
        assert started.wait(15) == 0
    (segment,) = tmp_path.glob("*.mp4")
    assert judged(segment.read_bytes(), "mp4") > 5
