"""Redirects to another host are not followed: no picture of another host is ever shown."""

import contextlib
import datetime
import io
import socket
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

import av
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from anonymize.errors import UnreadableInput
from anonymize.live.sinks.encode import Muxer
from anonymize.live.source.connection import Stream, way_to
from tests.helpers import servers
from tests.helpers.servers import free_port
from tests.live.test_sinks import coded


def _clip():
    encoder, packets = coded(30)
    made = io.BytesIO()
    muxer = Muxer(made, "mpegts", encoder.streams)
    for packet in packets:
        muxer.write(packet)
    data = made.getvalue()
    muxer.close()
    return data


@contextmanager
def camera(answers, certificate=None):
    """An HTTP server, or HTTPS with a `certificate`. `answers` by path: a redirect, or a body."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.headers["Host"].partition(":")[0], self.path))
            answer = answers[self.path]
            if isinstance(answer, str):
                self.send_response(302)
                self.send_header("Location", answer.replace("PORT", str(server.server_port)))
                self.end_headers()
                return
            body = answer.replace(b"PORT", str(server.server_port).encode())
            self.send_response(200)
            kind = "application/vnd.apple.mpegurl" if self.path.endswith("m3u8") else "video/mp2t"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def pictures(address):
    with Stream(way_to(address), 5.0, "camera") as stream:
        return len([item for item in islice(stream.items(), 5) if isinstance(item, av.VideoFrame)])


def playlist(segment, extra=""):
    head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n"
    return f"{head}{extra}#EXTINF:1.2,\n{segment}\n#EXT-X-ENDLIST\n".encode()


@pytest.mark.parametrize("no_proxy", ["", "*", "localhost,127.0.0.1"])
@pytest.mark.parametrize(
    "answers",
    [
        {"/live": "http://localhost:PORT/clip.ts"},
        {"/live": "//localhost:PORT/clip.ts"},
        {"/live": "/on", "/on": "http://localhost:PORT/clip.ts"},
        {"/live": "/live.m3u8", "/live.m3u8": playlist("http://localhost:PORT/clip.ts")},
        {"/live": "/live.m3u8", "/live.m3u8": playlist("/seg.ts"), "/seg.ts": "http://localhost:PORT/clip.ts"},
        {
            "/live": "/live.m3u8",
            "/live.m3u8": b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://localhost:PORT/sub.m3u8\n",
        },
        {
            "/live": "/live.m3u8",
            "/live.m3u8": playlist("/clip.ts", '#EXT-X-KEY:METHOD=AES-128,URI="http://localhost:PORT/key"\n'),
            "/key": b"0123456789abcdef",
        },
    ],
    ids=["redirect", "without a scheme", "second redirect", "segment", "redirected segment", "playlist", "key"],
)
def test_another_host_is_never_asked(answers, no_proxy, monkeypatch):
    monkeypatch.setenv("no_proxy", no_proxy)
    with camera(answers | {"/clip.ts": _clip(), "/sub.m3u8": playlist("/clip.ts")}) as (address, asked):
        with contextlib.suppress(UnreadableInput):  # or nothing comes
            assert pictures(f"{address}/live") == 0
        assert {host for host, _ in asked} == {"127.0.0.1"}


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"/live": "/clip.ts"},
        {"/live": "http://127.0.0.1:PORT/clip.ts"},
        {"/live": "/live.m3u8", "/live.m3u8": playlist("clip.ts")},
        {"/live": "/live.m3u8", "/live.m3u8": playlist("http://127.0.0.1:PORT/clip.ts")},
    ],
    ids=["direct", "redirect", "whole address", "playlist", "whole address in a playlist"],
)
def test_the_same_host_is_followed(answers):
    clip = _clip()
    with camera({"/live": clip, "/clip.ts": clip} | answers) as (address, _):
        assert pictures(f"{address}/live") > 0


def test_the_reason_is_reported():
    words = "camera: it redirects to another host, which is not followed"
    with (
        camera({"/live": "http://localhost:PORT/clip.ts"}) as (address, _),
        pytest.raises(UnreadableInput, match=words),
    ):
        pictures(f"{address}/live")


@pytest.fixture
def certificate(tmp_path):
    """A file with a key and a certificate that the key signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    path = tmp_path / "certificate.pem"
    form = serialization.Encoding.PEM
    private = key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.sign(key, hashes.SHA256()).public_bytes(form))
    return path


def test_an_encrypted_camera_leads_to_no_other_host(certificate):
    clip = _clip()
    same = {"/live": "https://127.0.0.1:PORT/clip.ts", "/clip.ts": clip}
    with camera(same, certificate) as (address, _):
        assert pictures(f"{address}/live") > 0
    other = {"/live": "https://localhost:PORT/clip.ts", "/clip.ts": clip}
    words = "camera: it redirects to another host, which is not followed"
    with camera(other, certificate) as (address, asked), pytest.raises(UnreadableInput, match=words):
        pictures(f"{address}/live")
    assert [path for _, path in asked] == ["/live"]


@contextmanager
def _leading(location):
    """An RTSP server that redirects to `location`."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):  # closed
            while True:
                peer, _ = server.accept()
                with peer, peer.makefile("rb") as lines:
                    while head := b"".join(iter(lines.readline, b"\r\n")):
                        number = next(line for line in head.split(b"\r\n") if line.startswith(b"CSeq"))
                        led = f"302 Found\r\nLocation: {location}" if head.startswith(b"DESCRIBE") else "200 OK"
                        peer.sendall(b"RTSP/1.0 " + led.encode() + b"\r\n" + number + b"\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"rtsp://127.0.0.1:{server.getsockname()[1]}/live"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def test_an_rtsp_camera_leads_to_no_other_host(tmp_path):
    (tmp_path / "clip.ts").write_bytes(_clip())
    with servers.rtsp_camera(tmp_path / "clip.ts", port := free_port()) as other:
        assert pictures(other) > 0
        with _leading(f"rtsp://127.0.0.1:{port}/live") as address:
            assert pictures(address) > 0
        with (
            _leading(f"rtsp://localhost:{port}/live") as address,
            pytest.raises(UnreadableInput, match="camera: it redirects to another host"),
        ):
            pictures(address)
