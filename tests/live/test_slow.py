"""Slow cameras: a picture every second or less, as a stream or fetched one by one."""

import http.server
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from anonymize.errors import UsageError
from anonymize.live.chain.delay import DelayLine
from anonymize.live.chain.loop import Chain
from anonymize.live.chain.release import Release
from anonymize.live.detector.pace import THOROUGH
from anonymize.live.detector.process import detectors
from anonymize.live.metrics import Metrics
from anonymize.live.protocols import Picture
from anonymize.live.source.connection import way_to
from anonymize.live.source.reader import Arrived, Reader
from anonymize.settings import Live
from tests.helpers.live import FAST, SIZE, MemorySink, live, street_scene
from tests.live.test_loop import CORNER, Arrivals
from tests.live.test_settling import GROUNDS, HEIGHT, SETTINGS, SIDE, WIDTH, bare, found, picture

OTHER_CORNER = ((0.0, 320.0), (40.0, 320.0), (40.0, 360.0), (0.0, 360.0))
EVERY = 1.2
"""Seconds between two pictures: more than the lookahead, and than `stall`."""


def jpeg(number):
    return bytes(cv2.imencode(".jpg", street_scene()[number][0], [cv2.IMWRITE_JPEG_QUALITY, 95])[1])


class Server(http.server.ThreadingHTTPServer):
    """Notes when it was asked; the pictures `broken` cannot be read."""

    asked: list[float]
    broken: tuple[int, ...]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    server: Server

    def log_message(self, *words):
        pass

    def do_GET(self):
        self.server.asked.append(time.monotonic())
        self.send_response(200)
        if self.path == "/still":
            number = 20 * len(self.server.asked) % 100
            picture = jpeg(number) if number not in self.server.broken else b"\xff\xd8 nothing of the kind"
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(picture)))
            self.end_headers()
            self.wfile.write(picture)
            return
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(0, 2000, 20):
            picture = jpeg(number % 100)
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + picture + b"\r\n")
            except OSError:
                return
            time.sleep(EVERY)


@contextmanager
def camera(broken=()):
    server = Server(("127.0.0.1", 0), Handler)
    server.asked, server.broken = [], tuple(broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("path", "poll"), [("stream", 0.0), ("still", EVERY)])
def test_the_pictures_of_a_slow_camera_are_shown_with_faces_covered(path, poll):
    settings = replace(FAST, live=replace(FAST.live, lookahead=0.8, timeout=4.0))
    with camera() as (_, address):
        out = live(
            f"{address}/{path}", settings, poll=poll,
            until=lambda sink, _: len({n for n in sink.numbers if n is not None}) >= 4,
        )  # fmt: skip
    shown = [number for number in out.numbers if number is not None]
    assert len(set(shown)) >= 4
    later = out.numbers[out.numbers.index(sorted(set(shown))[1]) :]
    assert later.count(None) <= 2 * 25, "once the interval is known, the last picture stays"
    assert out.counts["reconnects"] == {}, out.counts["stages"]
    assert out.counts["looks"]["thorough"] >= 4


def waiting_for_the_next(every):
    """A chain on the first picture of a camera that gives one every so many seconds, released; its sink and metrics."""
    settings = replace(FAST, targets=frozenset(), zones=(CORNER,), live=replace(FAST.live, stall=5.0))
    picture, sink, metrics = Picture(*SIZE, Fraction(25)), MemorySink(), Metrics()
    chain = Chain(picture, settings, Release([sink], picture, metrics), metrics, detectors, every)
    chain._receive(Arrivals([1]))
    chain._arrived = time.monotonic()
    chain._line._held[0].arrived -= settings.live.lookahead
    chain._release_due()
    assert sink.numbers == [0]
    return chain, sink, metrics


def after(chain, seconds, *, fresh=0.0):
    """Let the chain fill what is missing after nothing has gone out for so long, and no picture of the camera."""
    now = time.monotonic()
    chain._release._shown = now - seconds
    chain._release._fresh = min(chain._release._fresh, now - (fresh or seconds))
    chain._fill()


def test_the_last_picture_of_a_slow_camera_goes_out_again_until_the_next_one():
    """Whoever watches over it, servers and players took longer pauses for an end; `/healthz` said that it fails."""
    chain, sink, metrics = waiting_for_the_next(30.0)
    before, colours = sink.lumas[0].copy(), sink.chromas[0].copy()
    for _ in range(20):
        after(chain, 1.0)
    assert sink.numbers == [0] * 21
    assert all((luma == before).all() for luma in sink.lumas)
    assert all((chroma == colours).all() for chroma in sink.chromas)
    assert (np.diff(sink.times) > 0).all()
    assert metrics.snapshot()["frames"]["out"] == 21
    after(chain, 0.1)
    assert len(sink.numbers) == 21, "once a second is enough"
    after(chain, 1.0, fresh=76)
    assert sink.numbers[-1] is None, "it has missed two pictures"


def test_what_went_out_by_other_settings_does_not_go_out_again():
    chain, sink, _ = waiting_for_the_next(30.0)
    chain._change(replace(chain._settings, zones=(*chain._settings.zones, replace(CORNER, polygon=OTHER_CORNER))))
    after(chain, 1.0)
    assert sink.numbers == [0]


def test_the_picture_of_a_fast_camera_does_not_go_out_again():
    """It would hide for a moment that the camera is gone."""
    chain, sink, _ = waiting_for_the_next(0.0)
    after(chain, 2.0)
    assert sink.numbers == [0]
    after(chain, 5.1)
    assert sink.numbers == [0, None]


@contextmanager
def reading(address, **options):
    metrics = Metrics()
    reader = Reader(address, Live(timeout=2.0, backoff=0.1, longest_backoff=0.2), metrics, **options)
    try:
        yield reader, metrics
    finally:
        reader.close()


def take(reader, count, within=15):
    taken: list[Arrived] = []
    end = time.monotonic() + within
    while len(taken) < count and time.monotonic() < end:
        if (arrived := reader.take()) is not None:
            taken.append(arrived)
        time.sleep(0.01)
    return taken


def test_pictures_are_fetched_as_often_as_asked_and_are_one_connection():
    with camera() as (server, address), reading(f"{address}/still", poll=0.5) as (reader, metrics):
        taken = take(reader, 5)
        assert [arrived.connection for arrived in taken] == [1] * 5
        assert all(gap > 0.4 for gap in np.diff([arrived.at for arrived in taken]))
        assert len(server.asked) <= 6
        assert metrics.snapshot()["reconnects"] == {}
        assert metrics.snapshot()["stages"]["source"]["state"] == "ok"


def test_a_picture_that_cannot_be_read_is_a_lost_connection():
    with camera(broken=(60,)) as (_, address), reading(f"{address}/still", poll=0.2) as (reader, metrics):
        taken = take(reader, 4)
        assert [arrived.connection for arrived in taken] == [1, 1, 2, 2]
        assert metrics.snapshot()["reconnects"] == {"source": 1}


@pytest.mark.parametrize("address", ["rtsp://camera/live", "0", "film.mp4", "tcp://camera:99"])
def test_only_pictures_of_a_web_server_are_fetched(address):
    with pytest.raises(UsageError, match="poll: only"):
        way_to(address, poll=2.0)


def test_single_pictures_are_no_streams():
    """A stream that turns out to be a picture is not read unless it was asked for: another file may be one, too."""
    assert "jpeg_pipe" not in dict(way_to("http://camera/live").options)["format_whitelist"]
    assert "jpeg_pipe" in dict(way_to("http://camera/live", poll=1.0).options)["format_whitelist"]


@pytest.mark.parametrize("corner", [(0, 0), (WIDTH - SIDE, HEIGHT - SIDE)], ids=str)
def test_each_picture_of_a_slow_camera_is_looked_at_by_itself_at_every_scale(corner):
    line, out, efforts = DelayLine(SETTINGS), [], []
    for index in range(6):
        frame = picture(index * 50, GROUNDS[index % 2], corner)  # two seconds apart, and another scene each time
        frame.index = index
        line.take(frame, index * 2.0)
        held = line.wanted(index * 2.0, 0.2, 0.1)
        assert held is not None
        effort = line.needed
        assert effort is not None, "however little the pace would do"
        efforts.append(effort)
        line.asked(held, effort)
        line.learn(held.frame.index, found(corner))
        out += [cleared for _, cleared in line.due(index * 2.0 + 0.4)]
    assert efforts == [THOROUGH] * 6
    assert [cleared.obscured for cleared in out] == [False] * 6
    assert not any(bare(cleared, corner) for cleared in out)
