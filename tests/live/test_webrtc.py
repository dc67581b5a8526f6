"""Watching by `webrtc:` without a browser: who may, what leaves the port, and what a viewer can do to others."""

import asyncio
import socket
import ssl
import stat
import struct
import threading
import time
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from pylibsrtp import Error

from anonymize.errors import UsageError
from anonymize.live.log import Logger
from anonymize.live.metrics import Metrics
from anonymize.live.protocols import Picture
from anonymize.live.sinks.encode import LiveEncoder
from anonymize.live.sinks.fan import Fan
from anonymize.live.sinks.open import Options, open_sinks
from anonymize.live.supervisor.config import Camera
from anonymize.live.webrtc import hub, place, rtp, sdp, stun, viewer
from anonymize.live.webrtc.app import app
from anonymize.live.webrtc.port import Port
from anonymize.live.webrtc.secure import Identity
from anonymize.live.webrtc.viewers import Viewers
from anonymize.web.server import Server
from tests.helpers.servers import free_port, until
from tests.helpers.whep import Watcher, ask, certificate_in, logged, offer
from tests.live.test_sinks import frames

ANNA, BEN = "a-token-of-annas-own", "a-token-of-bens-own!"
PICTURE = Picture(64, 48, Fraction(25))
REQUEST = bytes.fromhex(  # RFC 5769, 2.1
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff"
    "80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249"
    "c1b571a280280004e57a3bcf"
)


@dataclass
class Coded:
    data: bytes
    pts: int
    key: bool
    at: float = 0.0


@pytest.fixture
def file(tmp_path):
    return tokens(tmp_path)


def tokens(folder, **extra):
    path = folder / "viewers.toml"
    path.touch(0o600)
    lines = {"anna": ANNA, "ben": BEN, **extra}
    path.write_text("".join(f'{name} = "{token}"\n' for name, token in lines.items() if token))
    return path


class Served(Port):
    """A port as a sink has it, and what it said."""

    def __init__(self, file, *tls):
        self.metrics = Metrics()
        super().__init__(place.parse("webrtc:0", file, *tls), "market", "webrtc:0", self.metrics)
        self.number = self._hub.port
        self.keys: list[float] = []
        self.states: list[tuple[str, ...]] = []
        self.begin(lambda *state: self.states.append(state), lambda: self.keys.append(time.monotonic()))

    def state(self):
        """What it said last, once what is under way is said."""
        self._look()
        return self.states[-1][1]


@pytest.fixture
def port(file):
    made = Served(file)
    yield made
    made.close()


def picture(number, size=3000, key=True):
    head = b"\0\0\0\1\x67abc\0\0\1\x65" if key else b"\0\0\0\1\x41"
    return Coded(head + bytes([1 + number % 250]) * size, 3600 * number, key)


# ---- TLS


def test_a_renewed_certificate_is_taken_up_and_a_bad_one_keeps_the_one_before(file, tmp_path, log):
    certificate, key = certificate_in(tmp_path)
    first = certificate.read_text()
    serving = Served(file, certificate, key)

    def shown():
        return ssl.get_server_certificate(("127.0.0.1", serving.number))

    try:
        assert shown() == first
        certificate.write_text("no certificate")
        assert shown() == first, "whoever comes meanwhile is served on"
        assert "the previous TLS certificate is kept: " in serving.state(), "and it is said where the sink's state is"
        assert len([one for one in log if "kept the previous one" in one]) == 1
        certificate.unlink()
        assert shown() == first
        certificate.write_text(first)
        until(lambda: serving.state() == "viewers: none", 30, "looked at without anybody who comes")

        made = tmp_path / "renewed"
        made.mkdir()
        renewed, renewed_key = certificate_in(made, serial=2)
        certificate.write_text(renewed.read_text())
        assert shown() == first, "its key is not there yet"
        renewed_key.replace(key)
        assert shown() == renewed.read_text() != first
        assert serving.state() == "viewers: none"
    finally:
        serving.close()


@pytest.fixture
def log(monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(Logger, "_log", lambda *given: said.append(given[2]))
    return said


# ---- what it is made of


def test_binding_requests_are_read_as_the_standard_has_them():
    found = stun.binding(REQUEST)
    assert found is not None
    assert found.local == "evtj"
    assert found.is_from("VOkJxbRl1RmTxUk/WvJxBt")
    assert not found.is_from("VOkJxbRl1RmTxUk/WvJxBT")
    assert not found.nominates
    for end in range(len(REQUEST)):
        assert stun.binding(REQUEST[:end]) is None
    changed = bytearray(REQUEST)
    changed[66] ^= 1  # within the user name
    other = stun.binding(bytes(changed))
    assert other is not None
    assert not other.is_from("VOkJxbRl1RmTxUk/WvJxBt")


@pytest.mark.parametrize("address", [("192.0.2.1", 32853), ("2001:db8:1234:5678:11:2233:4455:6677", 32853)])
def test_responses_name_the_address_and_are_signed(address):
    found = stun.binding(REQUEST)
    assert found is not None
    made = found.response(address, "VOkJxbRl1RmTxUk/WvJxBt")
    family, port = struct.unpack_from("!xBH", made, 24)
    assert port ^ 0x2112 == 32853
    mask = (bytes.fromhex("2112a442") + REQUEST[8:20])[: 4 if family == 1 else 16]
    packed = bytes(a ^ b for a, b in zip(made[28 : 28 + len(mask)], mask, strict=True))
    assert socket.inet_ntop(socket.AF_INET if family == 1 else socket.AF_INET6, packed) == address[0]
    assert int.from_bytes(made[2:4], "big") == len(made) - 20


STARTS = (b"\0\0\0\1", b"\0\0\1", b"\0\0\1")


def test_pictures_are_cut_into_packets_and_put_together_again():
    units = [b"\x67" + b"s" * 20, b"\x68" + b"p" * 5, b"\x65" + np.arange(5000, dtype=np.uint16).tobytes()]
    units[2] = units[2].replace(b"\0\0", b"\1\2")
    made = rtp.payloads(b"".join(start + unit for start, unit in zip(STARTS, units, strict=True)))
    assert max(map(len, made)) <= rtp.PAYLOAD
    assert made[:2] == units[:2]
    fragments = made[2:]
    assert [(part[0] & 0x1F, part[1] >> 6) for part in fragments] == [
        (28, 2),
        *[(28, 0)] * (len(fragments) - 2),
        (28, 1),
    ]
    assert bytes([fragments[0][0] & 0xE0 | fragments[0][1] & 0x1F]) + b"".join(p[2:] for p in fragments) == units[2]


def test_what_viewers_ask_for_is_understood_and_nothing_else():
    assert rtp.asked(struct.pack("!BBHII", 0x81, 206, 2, 1, 2)).key
    assert rtp.asked(struct.pack("!BBHIIHH", 0x81, 205, 3, 1, 2, 65535, 0b101)).again == [65535, 0, 2]
    report = rtp.sender_report(1, "name", 1.5, 90_000, 3, 4)
    assert len(report) % 4 == 0
    assert rtp.asked(report + struct.pack("!BBHII", 0x84, 206, 2, 1, 2)).key
    for junk in (b"", b"\x81", b"\x81\xce\xff\xff", bytes(40)):
        assert rtp.asked(junk) == rtp.Asked()


def test_an_answer_takes_the_video_and_declines_all_else():
    audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:sound\r\na=rtpmap:111 opus/48000/2\r\n"
    read = sdp.offer(offer(extra=audio))
    assert (read.video, read.payload_type) == (1, 97)
    ours = sdp.Ours("user", "pass", "AA:BB", ("127.0.0.1", 8443), 7, "name")
    lines = sdp.answer(read, ours).split("\r\n")
    assert "m=audio 0 UDP/TLS/RTP/SAVPF 111" in lines
    assert "m=video 8443 UDP/TLS/RTP/SAVPF 97" in lines
    assert "a=group:BUNDLE 0" in lines
    assert [line for line in lines if "candidate" in line] == [
        "a=candidate:1 1 udp 2130706431 127.0.0.1 8443 typ host",
        "a=end-of-candidates",
    ]
    assert "a=ice-lite" in lines


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a session description"),
        ("v=0\r\n", "takes no H.264"),
        (offer(codec="AV1"), "takes no H.264"),
        (offer("12:34"), "expected a fingerprint"),
        ("v=0" + "x" * (64 << 10), "expected a session description"),
    ],
)
def test_offers_that_cannot_be_answered(text, words):
    with pytest.raises(UsageError, match=words):
        sdp.offer(text)


# ---- where it is served, and to whom


@pytest.mark.parametrize(
    ("address", "files", "words"),
    [
        ("webrtc:", {}, "expected webrtc:PORT"),
        ("webrtc:70000", {}, "expected webrtc:PORT"),
        ("webrtc:camera.example:8443", {}, "expected webrtc:PORT"),
        ("webrtc:0.0.0.0:8443", {"viewers": "v"}, "over an open line"),
        ("webrtc:192.0.2.7:8443", {"viewers": "v"}, "over an open line"),
        ("webrtc:[::]:8443", {"viewers": "v"}, "over an open line"),
        ("webrtc:0.0.0.0:8443", {"certificate": "c", "key": "k"}, "name who may watch"),
        ("webrtc:8443", {"certificate": "c"}, "belong together"),
        ("webrtc:8443", {"key": "k"}, "belong together"),
    ],
)
def test_nobody_is_served_in_the_clear_or_without_a_name_from_elsewhere(address, files, words):
    with pytest.raises(UsageError, match=words):
        place.parse(address, **files).check()


@pytest.mark.parametrize("address", ["webrtc:8443", "webrtc:127.0.0.1:8443", "webrtc:[::1]:0"])
def test_this_machine_alone_needs_nothing(address):
    place.parse(address).check()


def test_an_extra_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install '\.\[webrtc\]'"):
        place.parse("webrtc:8443").check()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nobody may watch"),
        ("anna", "not a file of viewers"),
        ('anna = "short"', "viewer anna: expected a token of at least 16"),
        ("anna = 1234567890123456", "viewer anna: expected a token"),
        (f'anna = "{ANNA}"\nben = "{ANNA}"', "two viewers have the same token"),
        (f'"a\\u001bb" = "{ANNA}"', "a viewer's name"),
    ],
)
def test_files_of_viewers_that_are_refused(text, words, tmp_path):
    path = tokens(tmp_path)
    path.write_text(text)
    with pytest.raises(UsageError, match=words) as refused:
        Viewers(path)
    assert ANNA not in str(refused.value)
    assert str(path) in str(refused.value)


def test_files_that_cannot_be_used_are_refused_before_anything_is_served(file, tmp_path):
    place.parse("webrtc:8443", file).check()
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    for files, words in (((file, broken, broken), "cannot be used"), ((file, tmp_path / "none", file), "cannot read")):
        with pytest.raises(UsageError, match=words):
            place.parse("webrtc:8443", *files).check()
    file.write_text("anna")
    with pytest.raises(UsageError, match="not a file of viewers"):
        Camera("rtsp://h/1", ("webrtc:8443",), "gate", viewers=str(file)).resolved()


def test_tokens_that_others_may_read_are_refused(file):
    file.chmod(0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        Viewers(file)


def test_names_are_known_by_their_tokens_and_read_again(file, tmp_path):
    known = Viewers(file)
    assert [known.name_of(token) for token in (ANNA, BEN, "", ANNA + "x")] == ["anna", "ben", None, None]
    tokens(tmp_path, anna="", carla="a-token-of-carlas-own")
    assert [known.name_of(token) for token in (ANNA, "a-token-of-carlas-own")] == [None, "carla"]
    file.write_text("nonsense")
    assert known.name_of(BEN) == "ben"


def test_requests_without_a_token_or_with_another_are_refused(port, caplog):
    for token in ("", "wrong", ANNA[:-1]):
        answer = ask(port.number, "POST", "/whep", offer(), token)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    answer = ask(port.number, "POST", "/whep", offer(), ANNA)
    assert answer.status == 201
    assert answer.headers["Content-Type"].startswith("application/sdp")
    place = answer.headers["Location"]
    assert ask(port.number, "DELETE", place, token=BEN).status == 404
    assert ask(port.number, "DELETE", place).status == 404
    assert len(port._hub._all) == 1
    assert ask(port.number, "DELETE", place, token=ANNA).status == 200
    assert len(port._hub._all) == 0
    assert ask(port.number, "DELETE", place, token=ANNA).status == 200  # it was over already


def test_wrong_tokens_do_not_fill_the_log(port, monkeypatch):
    said = []
    monkeypatch.setattr(Logger, "warning", lambda _, event, **facts: said.append((event, facts["times"])))
    for _ in range(30):
        assert ask(port.number, "POST", "/whep", offer(), "guessed").status == 401
    assert said[0] == ("viewer refused", 1)
    assert len(said) < 5


def test_what_is_no_offer_and_no_method_is_refused(port):
    assert ask(port.number, "POST", "/whep", "nonsense", ANNA).status == 400
    assert ask(port.number, "POST", "/whep", offer(codec="AV1"), ANNA).status == 400
    assert ask(port.number, "POST", "/whep", offer(), ANNA, **{"Content-Type": "text/plain"}).status == 415
    assert ask(port.number, "GET", "/whep", token=ANNA).status == 405
    assert ask(port.number, "PATCH", "/whep/x", "", ANNA).status == 405
    assert ask(port.number, "GET", "/", Host="elsewhere.example").status == 421


# ---- what leaves


def connected(port, token=ANNA):
    watcher = Watcher(port.number, token)
    assert watcher.bind()
    assert watcher.shake_hands()
    return watcher


def feed(port, stop, key_every=25):
    """Pictures at 25 a second, until `stop`."""
    for number in range(100_000):
        if stop.wait(0.04):
            return
        port.send(picture(number, key=number % key_every == 10))


@pytest.fixture
def feeding(port):
    stop = threading.Event()
    thread = threading.Thread(target=feed, args=(port, stop))
    thread.start()
    yield port
    stop.set()
    thread.join()


def test_pictures_reach_a_viewer_whole_and_in_order(feeding):
    with connected(feeding) as watcher:
        packets = [watcher.packet() for _ in range(120)]
    numbers = [int.from_bytes(packet[2:4], "big") for packet in packets]
    assert numbers == [(numbers[0] + i) & 0xFFFF for i in range(120)]
    assert packets[0][12:] == b"\x67abc"  # nothing before a key picture
    assert packets[0][1] & 0x7F == 97
    marked = [i for i, packet in enumerate(packets) if packet[1] & 0x80]
    assert {b - a for a, b in pairwise(marked)} == {3, 4}  # three fragments, and the head of a key picture
    times = [int.from_bytes(packets[i][4:8], "big") for i in marked]
    assert {b - a for a, b in pairwise(times)} == {3600}


def test_nothing_leaves_to_who_does_not_prove_to_have_the_answer(feeding):
    with Watcher(feeding.number, ANNA) as watcher, connected(feeding, BEN) as other:
        assert watcher.bind(password="x" * 32) == b""
        assert watcher.bind(user="nobody") == b""
        watcher.send(b"\x16\xfe\xfd" + bytes(60))  # a handshake, of a place that has proved nothing
        watcher.send(bytes(range(128, 168)))
        assert watcher.receive(lambda _: True, 1.0) == b""
        assert other.packet()


def test_a_path_that_is_only_tried_gets_no_pictures(feeding):
    with connected(feeding) as watcher, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.settimeout(1)
        assert watcher.bind(by=other)[:2] == b"\x01\x01"
        with pytest.raises(TimeoutError):
            other.recv(2048)
        assert watcher.packet()


def test_the_places_of_a_viewer_are_bounded_and_it_keeps_that_of_its_pictures():
    one = viewer.Viewer("anna", ANNA, sdp.offer(offer()), Identity(), ("127.0.0.1", 1), lambda *_: True)
    known: Any = SimpleNamespace(is_from=lambda _: True, nominates=False, response=lambda *_: b"yes")
    for port in range(1, 200):
        one.bind(known, ("192.0.2.1", port))
        assert one.hears(("192.0.2.1", port))
    assert len(one._places) == viewer.PLACES
    assert one.hears(("192.0.2.1", 1))
    assert not one.hears(("192.0.2.1", 2))


@pytest.mark.parametrize(
    ("host", "named"), [("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8::1", "2001:db8::1"), ("192.0.2.7", "192.0.2.7")]
)
def test_an_answer_names_the_address_that_the_viewer_knows(host, named, file):
    def answer(text, token, place):
        places.append(place)
        return "ident", "answer"

    places: list[tuple[str, int]] = []
    answers: Any = SimpleNamespace(answer=answer)
    served = app(answers, Viewers(file))
    headers = [(b"authorization", f"Bearer {ANNA}".encode()), (b"content-type", b"application/sdp")]
    scope = {"type": "http", "method": "POST", "path": "/whep", "headers": headers, "query_string": b""}

    async def receive():
        return {"type": "http.request", "body": b"offer"}

    async def send(_):
        pass

    asyncio.run(served({**scope, "server": (host, 8443)}, receive, send))
    assert places == [(named, 8443)]


def test_a_file_of_viewers_that_is_missing_is_said_once(file, caplog):
    known, text = Viewers(file), file.read_bytes()
    said = lambda: sum("viewers not read again" in one.getMessage() for one in caplog.records)  # noqa: E731
    for times in (1, 2):
        file.unlink()
        for _ in range(5):
            assert known.name_of(ANNA) == "anna"
        assert said() == times
        file.touch(0o600)
        file.write_bytes(text)
        assert known.name_of(ANNA) == "anna"


def test_another_certificate_than_that_of_the_offer_is_refused(feeding, file):
    with Watcher(feeding.number, ANNA, promised=Identity()) as watcher:
        assert watcher.bind()
        watcher.shake_hands(3)
        until(lambda: "not that of its offer" in (file.parent / "viewers.toml.watched.jsonl").read_text(), 10)
        assert watcher.receive(lambda data: data[0] >= 128, 0.5) == b""


@pytest.mark.parametrize("way", ["protect", "protect_rtcp"])
@pytest.mark.parametrize("error", [Error, ValueError])
def test_what_cannot_be_encrypted_for_one_viewer_ends_that_one_alone(feeding, file, monkeypatch, way, error):
    """As once the numbers of its packets or reports are used up. It ended the camera."""

    class Spent:
        def __init__(self, session):
            self._session = session

        def __getattr__(self, name):
            return fails if name == way else getattr(self._session, name)

    def fails(_):
        raise error("srtp_err_status_key_expired")

    with connected(feeding) as anna, connected(feeding, BEN) as ben:
        assert anna.packet()
        assert ben.packet()
        (one,) = (each for each in feeding._hub._all.values() if each.name == "anna")
        monkeypatch.setattr(viewer, "_REPORT", 0.0)
        one._tunnel._out = Spent(one._tunnel._out)
        until(lambda: "nothing more can be encrypted for it" in watched(file), 10)
        feeding_on = [ben.packet() for _ in range(40)]
    assert all(feeding_on)
    (left,) = (line for line in logged(watched(file)) if "nothing more" in line.get("why", ""))
    assert left["by"] == "anna"


def watched(file):
    """The log of who watched."""
    return (file.parent / "viewers.toml.watched.jsonl").read_text()


def test_packets_that_were_lost_are_sent_again(feeding):
    with connected(feeding) as watcher:
        first = [watcher.packet() for _ in range(8)]
        number = int.from_bytes(first[3][2:4], "big")
        watcher.ask_again(number)
        assert watcher.receive(lambda data: data[0] == 128 and int.from_bytes(data[2:4], "big") == number, 3)


def test_a_viewer_asks_for_key_pictures(feeding):
    with connected(feeding) as watcher:
        until(lambda: feeding.keys, 10, "one when it came")
        feeding.keys.clear()
        watcher.ask_key()
        until(lambda: feeding.keys, 10, "one when it asked")


def test_who_watched_is_written_down_and_shown(feeding, file):
    with connected(feeding) as watcher, connected(feeding, BEN):
        watcher.packet()
        until(lambda: ("ok", "viewers: anna, ben") in feeding.states, 10)
        assert b'anonymize_viewers{camera="camera",sink="webrtc:0"} 2.0' in feeding.metrics.text()
        assert ask(feeding.number, "DELETE", watcher.place, token=ANNA).status == 200
        until(lambda: feeding.states[-1] == ("ok", "viewers: ben"), 10)
    log = file.with_name("viewers.toml.watched.jsonl")
    lines = logged(log.read_text())
    assert [(line["act"], line["by"], line["camera"]) for line in lines] == [
        ("began to watch", "anna", "market"),
        ("began to watch", "ben", "market"),
        ("stopped watching", "anna", "market"),
    ]
    assert (lines[2]["why"], lines[2]["saw_pictures"], lines[2]["view"]) == ("left", True, lines[0]["view"])
    assert lines[1]["previous"] != ""
    assert ANNA not in log.read_text()


def test_who_watched_is_for_the_owner_of_the_file_alone(file):
    Viewers(file).note("began to watch", "anna")
    assert stat.S_IMODE(file.with_name("viewers.toml.watched.jsonl").stat().st_mode) == 0o600


def test_nobody_watches_where_it_cannot_be_written_down(port, file):
    file.with_name("viewers.toml.watched.jsonl").mkdir()
    answer = ask(port.number, "POST", "/whep", offer(), ANNA)
    assert answer.status == 500
    assert "log of viewers cannot be written" in answer.content


def test_who_is_taken_out_of_the_file_sees_no_more(feeding, file, tmp_path):
    with connected(feeding) as watcher, connected(feeding, BEN) as other:
        assert watcher.packet()
        tokens(tmp_path, anna="")
        until(lambda: feeding.states[-1] == ("ok", "viewers: ben"), 10)
        assert other.packet()
    assert "not allowed any more" in file.with_name("viewers.toml.watched.jsonl").read_text()


def test_a_viewer_that_falls_silent_is_over_and_holds_nobody_up(feeding, file, monkeypatch):
    monkeypatch.setattr(viewer, "SILENT", 2.0)
    with connected(feeding) as silent, connected(feeding, BEN) as other:
        assert silent.packet()
        took = []
        for _ in range(100):
            began = time.monotonic()
            feeding.send(picture(0))
            took.append(time.monotonic() - began)
            other.bind()
        assert sorted(took)[90] < 0.05
        until(lambda: "gone silent" in file.with_name("viewers.toml.watched.jsonl").read_text(), 10)
        other.bind()
        assert other.packet()


def test_there_are_as_many_viewers_as_there_may_be(port):
    for _ in range(hub.MOST_OF_ONE):
        assert ask(port.number, "POST", "/whep", offer(), ANNA).status == 201
    answer = ask(port.number, "POST", "/whep", offer(), ANNA)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert ask(port.number, "POST", "/whep", offer(), BEN).status == 201


def test_who_never_connects_is_forgotten(port, file, monkeypatch):
    monkeypatch.setattr(viewer, "SILENT", 0.5)
    assert ask(port.number, "POST", "/whep", offer(), ANNA).status == 201
    until(lambda: "never connected" in file.with_name("viewers.toml.watched.jsonl").read_text(), 10)


def test_a_port_that_is_taken_is_named(port):
    with pytest.raises(UsageError, match=f"port {port.number}"):
        Port(place.parse(f"webrtc:{port.number}"), "market", "webrtc", Metrics())


def test_any_free_port_is_free_for_both(monkeypatch):
    taken = []

    class Busy(Server):
        def __init__(self, port, *rest, **options):
            taken.append(port)
            if len(taken) < 3:
                raise UsageError("taken")
            super().__init__(port, *rest, **options)

    monkeypatch.setattr("anonymize.live.webrtc.port.Server", Busy)
    made = Port(place.parse("webrtc:0"), "market", "webrtc:0", Metrics())
    made.close()
    assert made._hub.port == taken[2]
    taken.clear()
    with pytest.raises(UsageError, match="taken"):
        Port(place.parse(f"webrtc:{free_port()}"), "market", "webrtc", Metrics())


def test_without_a_file_each_start_has_a_token_of_its_own():
    made = [Port(place.parse("webrtc:0"), "market", "webrtc:0", Metrics()) for _ in range(2)]
    try:
        assert len({port.address.partition("#")[2] for port in made}) == 2
        for port in made:
            number, token = port._hub.port, port.address.partition("#")[2]
            assert ask(number, "POST", "/whep", offer(), token).status == 201
    finally:
        for port in made:
            port.close()


# ---- as a sink


def test_streams_for_browsers_are_of_the_plain_profile_and_have_key_pictures_when_asked_for():
    encoder = LiveEncoder(PICTURE, 23, sound=False, plain=True)
    packets = []
    for number, frame in enumerate(frames(40)):
        if number == 10:
            encoder.want_key()
        packets += encoder.picture(frame)
    assert [i for i, packet in enumerate(packets) if packet.key] == [0, 10]
    (sps,) = [unit for unit in rtp._START.split(packets[0].data) if unit and unit[0] & 0x1F == 7]
    assert sps[1] == 66  # baseline
    assert sps[2] & 0x40  # constrained


def test_key_pictures_that_are_asked_for_are_apart():
    packets: list[Any] = []
    ask_key: list[Any] = []

    class Kept:
        name = "kept"
        offer = packets.append

        def close(self, within):
            pass

    def feeders(_, want_key):
        ask_key.append(want_key)
        return [Kept()]

    fan = Fan(PICTURE, 23, Metrics(), feeders)
    for number, frame in enumerate(frames(40)):
        if number in (10, 12, 14):
            ask_key[0]()
        fan.write(frame)
        until(partial(lambda number: len(packets) > number, number), 10)
    fan.close(5)
    keys = [i for i, packet in enumerate(packets) if packet.key]
    assert keys[:2] == [0, 10]
    assert len(keys) <= 3  # and on a machine that is so busy that a second passes, one more


def test_a_sink_sends_to_viewers_beside_a_recording(file, tmp_path):
    metrics = Metrics()
    port = Port(place.parse("webrtc:0", file), "market", "webrtc:0", metrics)
    try:
        options = Options(ports={"webrtc:0": port})
        (sink,) = open_sinks(["webrtc:0", f"record:{tmp_path}/kept"], PICTURE, metrics, options)
        with Watcher(port._hub.port, ANNA) as watcher:
            assert watcher.bind()
            assert watcher.shake_hands()
            for frame in frames(100):
                sink.write(frame)
                time.sleep(0.01)
            assert watcher.packet()[12:14] == bytes((0x67, 66))  # of the baseline profile
        sink.close(10)
        assert metrics.snapshot()["stages"]["sink webrtc:0"]["state"] == "stopped"
        (kept,) = (tmp_path / "kept").glob("*.mp4")
        with av.open(str(kept)) as recording:
            assert sum(1 for _ in recording.decode(video=0)) == 100
    finally:
        port.close()
