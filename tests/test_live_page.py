import json
import re
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from http.client import HTTPConnection

import cv2
import numpy as np
import pytest

from anonymize.data import Region
from anonymize.errors import UsageError
from anonymize.kinds import Kind, Why
from anonymize.live import page
from anonymize.live.metrics import Limits, Metrics
from anonymize.live.page_server import Answer, Server
from tests.test_live_sinks import SIZE, frames

TOKEN = "a-token-for-these-tests"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--timeout=3000",
]


@pytest.fixture
def metrics():
    made = Metrics("Market square")
    made.stage("source", "ok", "1280x720")
    made.stage("sink rtsp://bob:geheim@10.0.0.9/live", "lost", "connection refused")
    made.regions([Region((0, 0, 9, 9), Kind.FACE, Why.HELD)])
    return made


@pytest.fixture
def preview(metrics, monkeypatch):
    """The page, with a picture that moves on as a camera's does."""
    monkeypatch.setenv(page.TOKEN, TOKEN)
    sink, over = page.Preview(), threading.Event()
    server = page.serve_preview(0, sink, metrics)

    def play():
        made = list(frames(50))
        while not over.wait(0.04):
            sink.write(made[0])
            metrics.frames_out()
            metrics.latency(0.42)
            made.append(made.pop(0))

    camera = threading.Thread(target=play)
    camera.start()
    yield server
    over.set()
    camera.join()
    sink.close(1)
    server.close()


def ask(server, path, method="GET", **headers):
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer, answer.read() if answer.getheader("Content-Length") else b""


def test_only_who_knows_the_token_gets_in(preview):
    assert preview.address == f"http://127.0.0.1:{preview.port}/{TOKEN}/"
    for path in ("/", "/state.json", f"/{TOKEN[:-1]}/", f"/{TOKEN}x/state.json", f"/{TOKEN}", "/%00/"):
        answer, body = ask(preview, path)
        assert (answer.status, body) == (404, b"not found\n"), path
    answer, body = ask(preview, f"/{TOKEN}/")
    assert answer.status == 200
    assert b"<title>" in body


def test_a_token_is_new_at_every_start_and_not_to_be_guessed(monkeypatch):
    monkeypatch.delenv(page.TOKEN, raising=False)
    assert len({page.token() for _ in range(9)}) == 9
    assert len(page.token()) >= 32
    for bad in ("short", "with a blank in it!!", "/../../../../../etc"):
        monkeypatch.setenv(page.TOKEN, bad)
        with pytest.raises(UsageError, match="expected at least 16"):
            page.token()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[", "10.0.0.1"])
def test_a_page_that_plays_tricks_with_names_gets_nothing(preview, host):
    answer, body = ask(preview, f"/{TOKEN}/state.json", Host=host)
    assert answer.status == 421
    assert b"Market" not in body


def test_a_request_without_a_host_gets_nothing(preview):
    with socket.create_connection(("127.0.0.1", preview.port), 5) as peer:
        peer.sendall(f"GET /{TOKEN}/state.json HTTP/1.0\r\n\r\n".encode())
        assert b" 421 " in peer.recv(100)


def test_nothing_is_cached_shared_or_loaded_from_elsewhere(preview):
    for path in ("", "page.css", "page.js", "state.json", "none"):
        answer, body = ask(preview, f"/{TOKEN}/{path}", Origin="http://evil.example")
        assert answer.getheader("Cache-Control") == "no-store"
        assert answer.getheader("Content-Security-Policy").startswith("default-src 'none'; img-src 'self'")
        assert answer.getheader("Referrer-Policy") == "no-referrer"
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Access-Control-Allow-Origin") is None
        assert not re.search(rb"https?://", body), path


def test_only_reading_is_possible(preview):
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer, _ = ask(preview, f"/{TOKEN}/state.json", method)
        assert answer.status == 501


def test_the_state_holds_no_credential(preview):
    _, body = ask(preview, f"/{TOKEN}/state.json")
    state = json.loads(body)
    assert state["stages"]["sink rtsp://bob:***@10.0.0.9/live"]["state"] == "lost"
    assert state["redacted"] == [{"kind": "face", "why": "held", "n": 1}]
    assert b"geheim" not in body


def test_the_picture_moves(preview):
    with urllib.request.urlopen(preview.address + "picture", timeout=5) as answer:
        assert answer.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=picture"
        pictures = []
        while len(pictures) < 3:
            assert answer.readline() == b"--picture\r\n"
            assert answer.readline() == b"Content-Type: image/jpeg\r\n"
            length = int(answer.readline().split()[1])
            answer.readline()
            pictures.append(cv2.imdecode(np.frombuffer(answer.read(length), np.uint8), cv2.IMREAD_COLOR))
            answer.readline()
    assert all(picture.shape == (SIZE[1], SIZE[0], 3) for picture in pictures)
    assert not np.array_equal(pictures[0], pictures[2])


def test_many_who_look_do_not_stop_it(preview):
    looking = [urllib.request.urlopen(preview.address + "picture", timeout=5) for _ in range(16)]
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        urllib.request.urlopen(preview.address + "state.json", timeout=5)
    for answer in looking:
        answer.close()


def test_health_and_metrics_for_machines(metrics):
    now = [0.0]
    ill = Metrics("market", Limits(silent=10), lambda: now[0])
    server = page.serve_metrics(0, ill)
    try:
        ill.frames_out()
        answer, body = ask(server, "/healthz")
        assert (answer.status, body) == (200, b"frames go out\n")
        now[0] = 60.0
        answer, body = ask(server, "/healthz")
        assert (answer.status, body) == (503, b"no frame has gone out for 60 s\n")
        answer, body = ask(server, "/metrics")
        assert answer.getheader("Content-Type").startswith("text/plain; version=0.0.4")
        assert b'anonymize_frames_out_total{camera="market"} 1.0' in body
    finally:
        server.close()


def test_a_port_that_is_taken():
    server = Server(0, {"": lambda: Answer(b"")})
    try:
        for port in (server.port, 99_999):
            with pytest.raises(UsageError, match=f"port {port} on 127.0.0.1: "):
                Server(port, {})
    finally:
        server.close()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: .ci/run installs it and runs this")
@pytest.mark.parametrize("width", [390, 1200], ids=["phone", "desk"])
def test_the_page_in_a_browser(preview, tmp_path, width):
    assert CHROMIUM is not None
    shot = tmp_path / "page.png"
    common = [CHROMIUM, *QUIET, f"--user-data-dir={tmp_path}/profile", f"--window-size={width},1400"]
    done = subprocess.run(
        [*common, "--enable-logging=stderr", f"--screenshot={shot}", preview.address],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert b"CONSOLE" not in done.stderr, "a message on the console: a script or a policy failed"
    picture = cv2.imread(str(shot))
    assert picture.shape[1] == width
    top = picture[70 : 70 + width // 4, 20 : width // 3]
    assert top.std() > 10, "the camera's picture is not on the page"
    dom = subprocess.run([*common, "--dump-dom", preview.address], capture_output=True, check=True, timeout=60).stdout
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", dom.decode()))
    for words in (
        "Market square",
        "healthy",
        "420 ms",
        "1 face",
        "still followed",
        "bob:***@10.0.0.9",
        "connection refused",
    ):
        assert words in shown, words
    assert "geheim" not in shown
