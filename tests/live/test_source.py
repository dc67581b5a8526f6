"""Where live pictures come from: every kind of address that needs no server of its own, through the reader's thread."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from anonymize.errors import UnreadableInput, UsageError
from anonymize.live.chain.canvas import Canvas, canvas_for, store
from anonymize.live.chain.timeline import TICKS, Timeline
from anonymize.live.metrics import Metrics
from anonymize.live.protocols import SoundInfo
from anonymize.live.source import connection
from anonymize.live.source.connection import Stream, way_to
from anonymize.live.source.reader import Reader
from anonymize.media.frames.frame import VideoPicture
from anonymize.media.frames.orient import Orientation
from anonymize.settings import Live, Transport
from tests.helpers.live import Camera, paced, stream_of, street_camera
from tests.helpers.media import make_video, solid
from tests.helpers.pace import Bound

LIVE = Live(timeout=0.6, backoff=0.05, longest_backoff=0.2, buffer=4)


@contextmanager
def reading(address: str | Path, live: Live = LIVE, **options: Any) -> Iterator[tuple[Reader, Metrics]]:
    metrics = Metrics()
    reader = Reader(str(address), live, metrics, **options)
    try:
        yield reader, metrics
    finally:
        reader.close()
        reader._thread.join(3)


def take(reader, count, within=8.0):
    """The next `count` pictures, or those until the source is over."""
    taken: list[Any] = []
    bound = Bound(within)
    while len(taken) < count and not reader.over and not bound.over():
        wait([reader.fileno()], 0.05)
        while len(taken) < count and (arrived := reader.take()) is not None:
            taken.append(arrived)
    return taken


def test_addresses():
    assert way_to("0").url == "/dev/video0"
    assert way_to("/dev/video3").format == "video4linux2"
    assert way_to("rtsp://u:p@host/x").endless
    assert "p@host" not in repr(way_to("rtsp://u:p@host/x"))
    assert not way_to("clip.mp4").endless
    with pytest.raises(UsageError, match="gopher://"):
        way_to("gopher://host/x")


@pytest.mark.parametrize("scheme", ["http", "rtsp", "rtmp", "tcp", "udp", "srt"])
def test_no_stream_may_open_a_file(scheme):
    assert "file" not in dict(way_to(f"{scheme}://host/x").options)["protocol_whitelist"].split(",")


def test_a_file_plays_in_real_time_and_is_over(tmp_path):
    video = make_video(tmp_path / "a.mp4", frames=15, size=(96, 64))
    with reading(video) as (reader, metrics):
        taken = take(reader, 99)
        assert len(taken) == 15
        assert 0.45 < taken[-1].at - taken[0].at < 1.5
        assert reader.picture is not None
        assert (reader.picture.width, reader.picture.height, reader.picture.rate) == (96, 64, Fraction(25))
        assert reader.take() is None
        assert metrics.snapshot()["frames"]["in"] == 15


def test_a_file_may_play_repeatedly(tmp_path):
    video = make_video(tmp_path / "a.mp4", frames=5, size=(96, 64))
    with reading(video, loop=True) as (reader, _):
        taken = take(reader, 18)
        assert len(taken) == 18
        assert taken[-1].connection >= 3


def test_a_file_that_cannot_be_read_is_no_stream_to_wait_for(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"nothing of the kind")
    for name in ("a.mp4", "b.mp4"):
        with reading(tmp_path / name) as (reader, _):
            while not reader.over:
                wait([reader.fileno()], 0.05)
            with pytest.raises(UnreadableInput, match=name):
                reader.take()


def test_an_unreachable_stream_is_waited_for():
    with reading("tcp://user:hunter2hunter2@127.0.0.1:9/live") as (reader, metrics):
        begun = time.monotonic()
        time.sleep(0.5)
        assert reader.take() is None
        assert not reader.over
        counts = metrics.snapshot()
        assert 2 <= counts["reconnects"]["source"] <= 4 + (time.monotonic() - begun) / (LIVE.longest_backoff / 2)
        assert counts["stages"]["source"]["state"] == "lost"
        assert "hunter2" not in str(counts)


def test_a_full_buffer_drops_its_oldest_picture():
    with street_camera() as camera, reading(camera.address) as (reader, metrics):
        while metrics.snapshot()["dropped"].get("overload", 0) < 5:
            time.sleep(0.02)
        newest = metrics.snapshot()["frames"]["in"]
        taken = take(reader, 4)
        assert len(taken) == 4
        assert newest >= 9
        assert taken[0].time > Fraction(3, 25)


def test_a_stream_that_ends_is_opened_again():
    pieces = stream_of(range(400))[:10]
    with Camera(lambda: [b"".join(pieces), 0.05, None]) as camera, reading(camera.address) as (reader, _):
        taken = take(reader, 12)
        assert {a.connection for a in taken} >= {1, 2}


def test_a_camera_whose_pictures_and_clock_stand_still_is_opened_again(monkeypatch):
    """Its packets came, and none of them could be shown: it was "ok" for ever, and nothing was shown."""
    monkeypatch.setattr(connection, "BLIND", 2.0)
    pieces = stream_of(range(50))
    with Camera(lambda: paced([*pieces, *[pieces[48]] * 2000])) as camera, reading(camera.address) as (reader, metrics):
        bound, taken = Bound(30), 0
        while not metrics.snapshot()["reconnects"]:
            taken += reader.take() is not None
            assert not bound.over()
            time.sleep(0.01)
        assert taken > 20
        said = metrics.snapshot()["stages"]["source"]["detail"]
        assert "data comes, but no picture of it could be shown for 2 s" in said


def test_a_camera_slower_than_that_is_not(monkeypatch):
    monkeypatch.setattr(connection, "BLIND", 0.6)
    pieces = stream_of(range(6))
    slow = [step for piece in pieces for step in (piece, 0.8)]
    patient = replace(LIVE, timeout=5.0)
    with Camera(lambda: [*slow, 30]) as camera, reading(camera.address, patient) as (reader, metrics):
        assert len(take(reader, 4)) == 4
        assert not metrics.snapshot()["reconnects"]


@pytest.mark.parametrize("form", ["mpegts", "yuv4mpegpipe"])
def test_standard_input(form, tmp_path):
    video = make_video(tmp_path / "a.ts", frames=12, size=(96, 64))
    if form == "yuv4mpegpipe":
        video = make_raw(tmp_path / "a.y4m", 12)
    program = (
        "import time\n"
        "from anonymize.live.metrics import Metrics\nfrom anonymize.settings import Live\n"
        "from anonymize.live.source.reader import Reader\n"
        "reader, count = Reader('-', Live(buffer=100), Metrics()), 0\n"
        "while not reader.over:\n    count += reader.take() is not None\n    time.sleep(0.001)\n"
        "print(count, reader.picture.width)"
    )
    with video.open("rb") as stdin:
        done = subprocess.run(
            [sys.executable, "-c", program], stdin=stdin, capture_output=True, timeout=240, check=True
        )
    assert done.stdout.split() == [b"12", b"96"]


def make_raw(path, frames):
    """A y4m file of grey pictures."""
    picture = b"FRAME\n" + bytes([90]) * (96 * 64) + bytes([128]) * (96 * 64 // 2)
    path.write_bytes(b"YUV4MPEG2 W96 H64 F25:1 Ip A1:1 C420jpeg\n" + picture * frames)
    return path


def test_motion_jpeg_over_http():
    class Camera(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: "
            for shade in range(0, 250, 27 if self.path == "/slow" else 5):
                time.sleep(0.1 if self.path == "/slow" else 0.0)
                jpeg = cv2.imencode(".jpg", np.full((64, 96, 3), shade, np.uint8))[1].tobytes()
                self.wfile.write(head + str(len(jpeg)).encode() + b"\r\n\r\n" + jpeg + b"\r\n")

        def log_message(self, *arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Stream(way_to(f"http://127.0.0.1:{server.server_port}/video"), 5.0, "camera") as stream:
            pictures = list(islice(stream.items(), 40))
        last = pictures[-1]
        assert isinstance(last, av.VideoFrame)
        canvas = Canvas(96, 64)
        luma = canvas.frame(last, Orientation(), 0, 0).planes[0].pixels
        assert 16 <= luma.min() <= luma.max() <= 235, "a webcam's full range becomes limited"
        with Stream(way_to(f"http://127.0.0.1:{server.server_port}/slow"), 5.0, "camera") as stream:
            captured = [stream.captured(picture) for picture in islice(stream.pictures(), 9)]
        assert captured[-1] - captured[2] > 0.4, "FFmpeg makes up 25 a second"
    finally:
        server.shutdown()
        server.server_close()


def test_a_missing_camera_is_reported():
    with pytest.raises(UnreadableInput, match="no such camera"):
        Stream(way_to("/dev/video97"), 1.0, "/dev/video97")


def test_errors_show_no_address():
    with pytest.raises(UnreadableInput) as caught:
        Stream(way_to("rtsp://user:hunter2@127.0.0.1:9/x"), 1.0, "camera")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_sound_comes_with_the_picture(tmp_path):
    video = make_video(tmp_path / "a.mp4", frames=10, size=(96, 64), audio=True)
    with reading(video) as (reader, _):
        take(reader, 10)
        packets = reader.sound()
    assert packets
    assert reader.picture is not None
    assert isinstance(reader.picture.sound, SoundInfo)
    assert (reader.picture.sound.codec, reader.picture.sound.rate) == ("aac", 48_000)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_recorded_rotation_is_honoured(rotation, tmp_path):
    left_red = solid((20, 20, 20), (96, 64))
    left_red[:, :48] = (230, 20, 20)
    video = make_video(tmp_path / "a.mp4", frames=[left_red] * 3, rotation=rotation)
    with Stream(way_to(str(video)), 5.0, "a") as stream:
        picture = next(item for item in stream.items() if isinstance(item, av.VideoFrame))
        turned = stream.orientation(picture)
    canvas = canvas_for(*turned.pair(picture.width, picture.height), 1920)
    frame = canvas.frame(picture, turned, 0, 0)
    assert (frame.width, frame.height) == ((96, 64) if rotation % 180 == 0 else (64, 96))
    upright = np.rot90(left_red, rotation // 90)
    np.testing.assert_allclose(frame.bgr(frame.width, frame.height)[..., ::-1], upright, atol=40)


@pytest.mark.parametrize("form", ["yuv422p", "yuv420p10le", "yuv444p", "gray"])
def test_every_format_becomes_8_bit_420(form, tmp_path):
    codec = "libx265" if form == "yuv420p10le" else "ffv1"
    video = make_video(tmp_path / "a.mkv", frames=[solid((200, 40, 40), (96, 64))] * 3, pix_fmt=form, codec=codec)
    with Stream(way_to(str(video)), 5.0, "a") as stream:
        picture = next(item for item in stream.items() if isinstance(item, av.VideoFrame))
    frame = Canvas(96, 64).frame(picture, Orientation(), 0, 0)
    assert frame.picture.format.name == "yuv420p"
    assert [p.pixels.shape for p in frame.planes] == [(64, 96), (32, 48), (32, 48)]
    if form != "gray":
        np.testing.assert_allclose(frame.bgr(96, 64)[32, 48], (40, 40, 200), atol=12)


def test_another_shape_is_set_in_the_middle_of_black():
    canvas = Canvas(160, 96)
    tall = Canvas(60, 96).black(0, 0)
    for plane in tall.planes:
        plane.pixels[...] = 200
    luma = canvas.frame(tall.picture, Orientation(), 3, 7).planes[0].pixels
    assert (luma[:, 60:100] > 150).all()
    assert (luma[:, :48] == 16).all()
    assert (luma[:, 112:] == 16).all()


def test_what_is_stored_can_be_loaded():
    canvas = Canvas(64, 48)
    frame, samples = canvas.black(0, 0), np.zeros(canvas.nbytes, np.uint8)
    rng = np.random.default_rng(0)
    for plane in frame.planes:
        plane.pixels[...] = rng.integers(0, 255, plane.pixels.shape)
    store(frame, samples)
    for before, after in zip(frame.planes, canvas.load(samples, 0, 0).planes, strict=True):
        np.testing.assert_array_equal(before.pixels, after.pixels)


def test_a_copy_for_detectors_is_scaled_once_and_cannot_be_drawn_on(monkeypatch):
    """Each place that changed had all of the picture scaled anew."""
    canvas, scaled = Canvas(1280, 720), []
    samples = np.random.default_rng(1).integers(16, 235, canvas.nbytes, np.uint8)
    copy = canvas.load(samples, 0, 0)
    scale = VideoPicture.bgr

    def bgr(self, *size):
        scaled.append(size)
        return scale(self, *size)

    monkeypatch.setattr(VideoPicture, "bgr", bgr)
    sizes = [(1600, 900), (1131, 636), (1600, 900), (1131, 636)]
    for size in sizes:
        shown = VideoPicture(copy.picture, 0, copy._view)
        np.testing.assert_array_equal(copy.bgr(*size), scale(shown, *size))
    assert scaled == sizes[:2]
    for size in [(5120, 2880), (5120, 2880), (5122, 2880), (5122, 2880)]:
        copy.bgr(*size)
    assert scaled[2:] == [(5120, 2880), (5122, 2880), (5122, 2880)], "what is kept is bounded"
    for plane in copy.planes:
        with pytest.raises(ValueError, match="read-only"):
            plane.pixels[0] = 0


def test_large_pictures_are_scaled_down_to_even_sides():
    canvas = canvas_for(4096, 2161, 1920)
    assert (canvas.width, canvas.height) == (1920, 1012)


@pytest.mark.parametrize(("aspect", "top"), [(Fraction(1), 0), (Fraction(2), 90), (Fraction(4, 3), 45)])
def test_a_picture_of_wider_pixels_is_fitted_though_it_has_the_canvas_size(aspect, top):
    picture = av.VideoFrame.from_ndarray(np.full((360, 640, 3), 200, np.uint8), "rgb24").reformat(format="yuv420p")
    picture.pts, picture.time_base = 0, Fraction(1, 25)
    luma = Canvas(640, 360).frame(picture, Orientation(), 0, 0, (aspect,)).planes[0].pixels
    shown = np.flatnonzero((luma > 100).all(axis=1))
    assert abs(int(shown[0]) - top) <= 2
    assert abs(int(shown[-1]) - (359 - top)) <= 2


# Time


@pytest.mark.parametrize("rate", [Fraction(5), Fraction(25), Fraction(30000, 1001), Fraction(60)])
def test_frames_that_come_at_once_are_a_quarter_of_a_frame_apart(rate):
    timeline = Timeline(rate)
    stamps = [timeline.stamp(source, 2.0) for source in (None, None, Fraction(7), Fraction(7), Fraction(13, 2))]
    assert np.diff(stamps).tolist() == [int(TICKS / rate / 4)] * 4


def test_times_are_when_pictures_were_captured_and_rise():
    timeline = Timeline(Fraction(25))
    stamps = [timeline.stamp(None, at) for at in (0.5, 0.54, 0.53, 2.0)]
    assert [round(stamp / TICKS, 3) for stamp in stamps] == [0.5, 0.54, 0.55, 2.0]


def test_sound_is_on_the_pictures_clock():
    timeline = Timeline(Fraction(25))
    assert timeline.of_sound(Fraction(5)) is None
    timeline.stamp(Fraction(100), 2.0)
    assert timeline.of_sound(Fraction(201, 2)) == 2.5 * TICKS
    assert timeline.of_sound(Fraction(900)) is None
    timeline.stamp(Fraction(101), 2.9)
    moved = timeline.of_sound(Fraction(101))
    assert moved is not None
    assert 2.98 < moved / TICKS < 3.0, "not at once: sound has no gaps to make up for it"
    timeline.stamp(Fraction(102), 50.0)
    assert timeline.of_sound(Fraction(102)) == 50 * TICKS, "a jump"


def test_the_reader_leaves_no_descriptors_open():
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with street_camera() as camera, reading(camera.address) as (reader, _):
            take(reader, 2)
    del reader
    time.sleep(0.3)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


@pytest.mark.parametrize("transport", Transport)
def test_the_transport_is_that_of_an_rtsp_camera(transport):
    chosen = dict(way_to("RTSP://camera/live", transport).options)["rtsp_transport"]
    assert chosen == {"auto": "tcp+udp+udp_multicast", "multicast": "udp_multicast"}.get(transport, transport)
    assert dict(way_to("rtsps://camera/live").options)["rtsp_transport"] == "tcp", "not in the clear"


@pytest.mark.parametrize("address", ["0", "-", "film.mp4", "http://camera/live", "rtsps://camera/live"])
def test_other_sources_have_no_transport(address):
    with pytest.raises(UsageError, match=r"only rtsp:// addresses"):
        way_to(address, Transport.UDP)


@pytest.mark.parametrize(("longest", "said"), [(640, ""), (639, ", 640 x 360 made smaller to ")])
def test_a_picture_that_is_made_smaller_is_told(tmp_path, longest, said):
    """1440p was looked at, and left, in fewer pixels than the camera gives, and nobody knew."""
    film = tmp_path / "film.ts"
    film.write_bytes(b"".join(stream_of(range(400))[:20]))
    metrics = Metrics()
    reader = Reader(str(film), Live(longest_side=longest), metrics)
    bound = Bound(20)
    while reader.picture is None or not reader.over:
        reader.take()
        assert not bound.over()
    stage = metrics.snapshot()["stages"]["source"]["detail"]
    reader.close()
    assert said in stage
    assert ("made smaller" in stage) is bool(said)
