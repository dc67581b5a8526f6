import contextlib
import json
import re
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from http.client import HTTPConnection, HTTPSConnection
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from anonymize.data import Region
from anonymize.errors import UsageError
from anonymize.kinds import Kind, Why
from anonymize.live.chain.control import Control
from anonymize.live.health import Limits
from anonymize.live.metrics import Metrics
from anonymize.live.preview import page
from anonymize.live.sinks import newest
from anonymize.settings import Settings
from anonymize.web import server as page_server
from anonymize.web.server import Response, Server
from tests.helpers.browser import browser, needs_chromium, window
from tests.helpers.pace import Bound
from tests.helpers.servers import until
from tests.live.test_redirects import certificate  # noqa: F401 - a fixture
from tests.live.test_sinks import SIZE, frames

TOKEN = "a-token-for-these-tests"


@pytest.fixture
def metrics():
    made = Metrics("Market square")
    made.stage("source", "ok", "1280x720")
    made.stage("sink rtsp://bob:geheim@10.0.0.9/live", "lost", "connection refused")
    made.regions([Region((0, 0, 9, 9), Kind.FACE, Why.HELD)])
    return made


@pytest.fixture
def preview(metrics, monkeypatch):
    """The page, with a moving picture."""
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
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read() if answer.getheader("Content-Length") else b""


def session(server):
    """The cookie that is given for the token."""
    return ask(server, f"/{TOKEN}/")[0].getheader("Set-Cookie").partition(";")[0]


def test_the_page_needs_the_token(preview):
    assert preview.address == f"http://127.0.0.1:{preview.port}/{TOKEN}/"
    for path in ("/", "/state.json", f"/{TOKEN[:-1]}/", f"/{TOKEN}x/state.json", f"/{TOKEN}", "/%00/"):
        answer, body = ask(preview, path)
        assert (answer.status, body) == (404, b"not found\n"), path
    answer, body = ask(preview, f"/{TOKEN}/")
    assert (answer.status, answer.getheader("Location"), body) == (303, "/", b"")
    given = answer.getheader("Set-Cookie")
    assert TOKEN not in given
    assert re.fullmatch(rf"anonymize-{preview.port}=[\w-]{{32}}; HttpOnly; Path=/; SameSite=strict", given)
    cookie = given.partition(";")[0]
    answer, body = ask(preview, "/", Cookie=f"other=1; {cookie}")
    assert answer.status == 200
    assert b"<title>" in body
    for wrong in (cookie[:-1], f"{cookie}x", cookie.replace("=", "x="), f'{cookie.partition("=")[0]}=""', "=", ";;;"):
        assert ask(preview, "/", Cookie=wrong)[0].status == 404


def test_a_token_is_new_at_every_start_and_not_to_be_guessed(monkeypatch):
    monkeypatch.delenv(page.TOKEN, raising=False)
    assert len({page.token() for _ in range(9)}) == 9
    assert len(page.token()) >= 32
    for bad in ("short", "with a blank in it!!", "/../../../../../etc"):
        monkeypatch.setenv(page.TOKEN, bad)
        with pytest.raises(UsageError, match="expected at least 16"):
            page.token()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "",
        "[",
        "10.0.0.1",
        "evil.example@localhost",
        "user:word@127.0.0.1",
        "localhost/evil.example",
        "localhost?.evil.example",
        "localhost#.evil.example",
        "localhost.",
        "localhost:port",
        "localhost:99999",
        "localhost:0",
        "localhost:80:80",
        "localhost evil.example",
        "localhost, evil.example",
        "[::1]",
        "127.1",
        "2130706433",
    ],
)
def test_other_host_names_are_refused(preview, host):
    answer, body = ask(preview, f"/{TOKEN}/state.json", Host=host)
    assert answer.status == 421
    assert b"Market" not in body


def test_a_request_without_a_host_is_refused(preview):
    with socket.create_connection(("127.0.0.1", preview.port), 5) as peer:
        peer.sendall(f"GET /{TOKEN}/state.json HTTP/1.0\r\n\r\n".encode())
        assert b" 421 " in peer.recv(100)


@pytest.mark.parametrize("host", ["localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:1"])
def test_names_of_this_machine_are_answered(preview, host):
    answer, _ = ask(preview, f"/{TOKEN}/state.json", Host=host)
    assert answer.status == 200


@pytest.mark.parametrize(
    "request_line",
    [
        f"GET /{TOKEN}/state.json",
        f"GET /{TOKEN}/state.json HTTP/0.9",
        f"GET /{TOKEN}/state.json HTTP/2.0",
        f"GET /{TOKEN}/state.json HTTP/evil",
        "GET http://evil.example/ HTTP/1.1",
        "<script>evil</script>",
        "BREW <script>evil</script> HTTP/1.1",
        "POST / HTTP/1.1",
        "GET /" + 70_000 * "a" + " HTTP/1.1",
        "GET / HTTP/1.1" + 200 * "\r\nX: y",
        "GET / HTTP/1.1\r\nX: " + 70_000 * "a",
        "GET / HTTP/1.1\r\nHost: evil.example",
    ],
    ids=lambda line: line[:40] + str(len(line)),
)
def test_every_answer_has_its_headers_and_nothing_of_the_request(preview, request_line):
    with socket.create_connection(("127.0.0.1", preview.port), 5) as peer:
        peer.sendall(f"{request_line}\r\nHost: localhost\r\n\r\n".encode())
        got = b""
        with contextlib.suppress(ConnectionResetError):  # of a request that was not read to its end
            while part := peer.recv(9999):
                got += part
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 ")
    assert b"content-security-policy: default-src 'none'" in head.lower()
    assert b"x-content-type-options: nosniff" in head.lower()
    assert b"evil" not in got
    assert b"<" not in body


@pytest.mark.parametrize("path", ["", "page.css", "state.json", "picture", "none"])
def test_head_is_get_without_the_body(preview, path):
    cookie = session(preview)
    got, whole = ask(preview, f"/{path}", Cookie=cookie) if path != "picture" else (None, b"")
    with socket.create_connection(("127.0.0.1", preview.port), 5) as peer:
        peer.sendall(
            f"HEAD /{path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode()
        )
        head, _, body = b"".join(iter(lambda: peer.recv(9999), b"")).partition(b"\r\n\r\n")
    assert body == b""
    assert int(head.split()[1]) == (got.status if got else 200)
    if got and path != "state.json":
        assert f"content-length: {len(whole)}".encode() in head.lower()


def test_nothing_is_cached_shared_or_loaded_from_elsewhere(preview):
    cookie = session(preview)
    for path in ("", "page.css", "page.js", "state.json", "none"):
        answer, body = ask(preview, f"/{path}", Origin="http://evil.example", Cookie=cookie)
        assert answer.getheader("Cache-Control") == "no-store"
        assert answer.getheader("Content-Security-Policy").startswith("default-src 'none'; img-src 'self'")
        assert answer.getheader("Referrer-Policy") == "no-referrer"
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Access-Control-Allow-Origin") is None
        assert not re.search(rb"https?://", body), path


def test_answers_are_sent_at_once(preview):
    """An answer in two parts waited 40 ms for the browser to acknowledge the first: an edit took 63 ms to be seen."""
    connection = HTTPConnection("127.0.0.1", preview.port)
    connection.request("GET", f"/{TOKEN}/state.json")
    connection.getresponse().read()
    (open_,) = preview._server.server_state.connections
    sent = open_.transport.get_extra_info("socket")
    assert sent.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    connection.close()


def test_only_reading_is_possible(preview):
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        answer, _ = ask(preview, f"/{TOKEN}/state.json", method, Origin=f"http://127.0.0.1:{preview.port}")
        assert answer.status == 405


def test_the_state_holds_no_credential(preview):
    _, body = ask(preview, f"/{TOKEN}/state.json")
    state = json.loads(body)
    assert state["stages"]["sink rtsp://***@10.0.0.9/live"]["state"] == "lost"
    assert state["redacted"] == [{"kind": "face", "why": "held", "n": 1}]
    assert b"geheim" not in body


def test_the_picture_moves(preview):
    with urllib.request.urlopen(preview.address + "picture", timeout=60) as answer:
        assert answer.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=picture"
        pictures: list[Any] = []
        assert answer.readline() == b"--picture\r\n"
        while len(pictures) < 3:
            assert answer.readline() == b"Content-Type: image/jpeg\r\n"
            length = int(answer.readline().split()[1])
            answer.readline()
            pictures.append(cv2.imdecode(np.frombuffer(answer.read(length), np.uint8), cv2.IMREAD_COLOR))
            answer.readline()
            assert answer.readline() == b"--picture\r\n", "what browsers wait for before they show it"
    assert all(picture.shape == (SIZE[1], SIZE[0], 3) for picture in pictures)
    assert not np.array_equal(pictures[0], pictures[2])


def test_a_picture_that_was_made_before_a_zone_is_not_sent_after_it(monkeypatch):
    sink = page.Preview()
    sink.write(next(iter(frames(1))))
    made = newest.jpeg

    def late(frame, width):
        sink.forget()  # as new settings come into force
        return made(frame, width)

    monkeypatch.setattr(page, "jpeg", late)
    parts = sink.pictures()
    assert next(parts) == b"--picture\r\n"
    body = next(parts).partition(b"\r\n\r\n")[2].removesuffix(b"\r\n--picture\r\n")
    grey = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert grey.shape == (SIZE[1], SIZE[0])
    assert np.ptp(grey) <= 2
    sink.close(1)


def test_a_camera_has_its_preview_page_forget_before_a_zone_is_said_to_be_in_force():
    control, said = Control(), []
    control.forgetting.append(lambda: said.append("forgotten"))
    control.on_applied = lambda _: said.append("in force")
    control.applied(Settings())
    assert said == ["forgotten", "in force"]


def test_many_viewers_do_not_block_it(preview):
    looking = [urllib.request.urlopen(preview.address + "picture", timeout=60) for _ in range(16)]
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(preview.address + "picture", timeout=60)
    assert ask(preview, f"/{TOKEN}/state.json")[0].status == 200
    for answer in looking:
        answer.close()


@pytest.mark.parametrize(
    "begin",
    [b"", b"G", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "],
    ids=["nothing", "a letter", "a line", "a header"],
)
@pytest.mark.parametrize("number", [16, 100])
def test_slow_connections_do_not_block_the_health_check(metrics, begin, number):
    server = page.serve_metrics(0, metrics)
    metrics.frames_out()
    peers = []
    try:
        for _ in range(number):
            peer = socket.create_connection(("127.0.0.1", server.port), 5)
            with contextlib.suppress(OSError):  # it may have been cut
                peer.sendall(begin)
            peers.append(peer)
        for _ in range(3):
            assert ask(server, "/healthz")[0].status == 200
    finally:
        for peer in peers:
            peer.close()
        server.close()


def test_silent_connections_are_bounded_before_they_shake_hands_too(certificate, monkeypatch):  # noqa: F811
    monkeypatch.setattr(page_server, "_OPEN", 8)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server = Server(0, {"healthz": lambda: Response(b"ok\n")}, tls=tls)
    with contextlib.ExitStack() as peers:
        peers.callback(server.close)
        silent = [
            peers.enter_context(socket.create_connection(("127.0.0.1", server.port), 10)) for _ in range(3 * 8 + 1)
        ]
        assert [peer.recv(1) for peer in silent[: 2 * 8 + 1]] == [b""] * (2 * 8 + 1), "the oldest are cut"
        context = ssl.create_default_context(cafile=certificate)
        connection = HTTPSConnection("127.0.0.1", server.port, timeout=30, context=context)
        context.check_hostname = False
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b"ok\n"
        connection.close()
        silent[-1].settimeout(0.2)
        with pytest.raises(TimeoutError):
            silent[-1].recv(1)


def test_a_request_that_comes_letter_by_letter_is_cut(metrics, monkeypatch):
    monkeypatch.setattr(page_server, "_WITHIN", 0.5)
    server = page.serve_metrics(0, metrics)
    try:
        with socket.create_connection(("127.0.0.1", server.port), 5) as peer:
            bound = Bound(10)
            with contextlib.suppress(ConnectionError):
                while not bound.over():
                    peer.sendall(b"G")
                    time.sleep(0.1)
            assert not bound.over()
    finally:
        server.close()


def test_an_answer_that_is_not_taken_is_cut(monkeypatch):
    monkeypatch.setattr(page_server, "_WITHIN", 0.5)
    server = Server(0, {"large": lambda: Response(bytes(64 << 20))})
    try:
        with socket.create_connection(("127.0.0.1", server.port), 5) as peer:
            peer.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(1.5)
            with contextlib.suppress(ConnectionResetError):
                assert sum(len(part) for part in iter(lambda: peer.recv(1 << 20), b"")) < 64 << 20
    finally:
        server.close()


def test_health_is_answered_while_all_else_is_busy():
    go, busy = threading.Event(), threading.Semaphore(0)

    def slow():
        busy.release()
        go.wait(200)
        return Response(b"done")

    server = Server(0, {"metrics": slow, "healthz": lambda: Response(b"well")})
    peers = [socket.create_connection(("127.0.0.1", server.port), 5) for _ in range(8)]
    try:
        for peer in peers:
            peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert busy.acquire(timeout=100)
        assert ask(server, "/metrics")[0].status == 503
        assert ask(server, "/healthz")[1] == b"well"
    finally:
        go.set()
        for peer in peers:
            peer.close()
        server.close()


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
    server = Server(0, {"": lambda: Response(b"")})
    try:
        for port in (server.port, 99_999):
            with pytest.raises(UsageError, match=f"port {port} on 127.0.0.1: "):
                Server(port, {})
    finally:
        server.close()


@needs_chromium
@pytest.mark.parametrize("width", [390, 1200], ids=["phone", "desk"])
def test_the_page_in_a_browser(preview, tmp_path, width):
    with browser() as chromium, window(chromium) as page:
        page.set_viewport_size({"width": width, "height": 1400})
        page.goto(preview.address)
        for words in (
            "Market square",
            "degraded: sink rtsp://***@10.0.0.9",
            "420 ms",
            "1 face",
            "still tracked",
            "//***@10.0.0.9",
            "connection refused",
        ):
            expect(page.locator("body")).to_contain_text(words)
        expect(page.locator("img")).to_be_visible()
        page.wait_for_function("document.querySelector('img').naturalWidth > 0")
        page.screenshot(path=tmp_path / "page.png")
        assert page.url == f"http://127.0.0.1:{preview.port}/", "the token is gone from the address"
        assert "geheim" not in page.content()
    picture = cv2.imread(str(tmp_path / "page.png"))
    assert picture is not None
    assert picture.shape[1] == width
    top = picture[70 : 70 + width // 4, 20 : width // 3]
    assert top.std() > 10, "the camera's picture is not on the page"


@needs_chromium
def test_what_was_released_before_a_zone_leaves_the_page_at_once_in_chromium(metrics, monkeypatch, tmp_path):
    """Of a camera that sends nothing further: the last picture stayed, with what is to be hidden."""
    monkeypatch.setenv(page.TOKEN, TOKEN)
    sink = page.Preview()
    server = page.serve_preview(0, sink, metrics)

    def shown(name):
        window_.screenshot(path=tmp_path / name)
        picture = cv2.imread(str(tmp_path / name))
        return picture[80:240, 80:400]  # of the camera's picture, without words

    try:
        with browser() as chromium, window(chromium) as window_:
            window_.goto(server.address, wait_until="domcontentloaded")  # its picture is still to come
            sink.write(next(iter(frames(1))))
            width = "document.querySelector('img').naturalWidth"
            until(lambda: window_.evaluate(width), 20, "the one picture is there, without another after it")
            assert shown("before.png").std() > 10
            sink.forget()
            until(lambda: shown("after.png").std() < 5, 20, "and gone")
            sink.write(next(iter(frames(1))))
            until(lambda: shown("next.png").std() > 10, 20, "until the next one")
    finally:
        sink.close(1)
        server.close()
