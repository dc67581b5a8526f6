"""A viewer without a browser: asks by WHEP, shakes hands, and takes pictures; or does one of these wrong."""

from __future__ import annotations

import hmac
import json
import re
import secrets
import socket
import struct
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp import Policy, Session

from anonymize.live.webrtc.secure import Identity
from anonymize.live.webrtc.stun import COOKIE

LABEL = b"EXTRACTOR-dtls_srtp"


def offer(fingerprint: str = "AB:" * 31 + "CD", codec: str = "H264", extra: str = "") -> str:
    """An offer to receive video."""
    return (
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
        f"{extra}m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n"
        f"a=ice-ufrag:them\r\na=ice-pwd:{'p' * 24}\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\n"
        f"a=rtpmap:96 VP8/90000\r\na=rtpmap:97 {codec}/90000\r\n"
        "a=fmtp:97 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
    )


def ask(port: int, method: str, path: str, body: str | None = None, token: str = "", **headers: str) -> Any:
    """The response, with its `content`."""
    sent = {"Content-Type": "application/sdp"} if body is not None else {}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body, {**sent, **headers})
        answer: Any = connection.getresponse()
        answer.content = answer.read().decode()
        return answer


class Watcher:
    """A viewer that has asked, and may connect.

    Args:
        port: of the sink.
        token: of the viewer.
        promised: the certificate that the offer names; another one than is shown is refused.
    """

    def __init__(self, port: int, token: str, promised: Identity | None = None) -> None:
        self._shown = Identity()
        answer = ask(port, "POST", "/whep", offer((promised or self._shown).fingerprint), token)
        assert answer.status == 201, answer.content
        self.port, self.token, self.place = port, token, answer.headers["Location"]
        self.answer: str = answer.content
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0.2)
        self._in: Session | None = None
        self._out: Session | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def value(self, name: str) -> str:
        """The value of an attribute of the answer."""
        found = re.search(rf"^a={name}:(.+?)\r?$", self.answer, re.MULTILINE)
        assert found, self.answer
        return found[1]

    def bind(self, password: str | None = None, user: str | None = None, *, by: socket.socket | None = None) -> bytes:
        """Send a binding request that settles on this path; return the response, empty if there is none.

        Args:
            password, user: others than those of the answer.
            by: another path, which is only tried.
        """
        name = f"{user or self.value('ice-ufrag')}:them".encode()
        body = struct.pack("!HH", 6, len(name)) + name + bytes(-len(name) % 4)
        body += b"" if by else struct.pack("!HH", 0x25, 0)
        head = struct.pack("!HHI12s", 1, len(body) + 24, COOKIE, secrets.token_bytes(12))
        digest = hmac.digest((password or self.value("ice-pwd")).encode(), head + body, "sha1")
        request = head + body + struct.pack("!HH", 8, 20) + digest
        if by is not None:
            by.sendto(request, ("127.0.0.1", self.port))
            return by.recv(2048)
        self.send(request)
        return self.receive(lambda data: data[0] < 4)

    def send(self, data: bytes) -> None:
        """Send a datagram."""
        self.socket.sendto(data, ("127.0.0.1", self.port))

    def receive(self, wanted: Any, within: float = 2.0) -> bytes:
        """The next datagram that is wanted; empty if none comes."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            try:
                data = self.socket.recv(2048)
            except TimeoutError:
                continue
            if wanted(data):
                return data
        return b""

    def shake_hands(self, within: float = 10.0) -> bool:
        """Make the connection; False if it is refused."""
        connection = SSL.Connection(self._shown.context, None)
        connection.set_connect_state()
        until = time.monotonic() + within
        while time.monotonic() < until:
            try:
                connection.do_handshake()
            except SSL.WantReadError:
                pass
            except SSL.Error:
                return False
            else:
                self._keys(connection)
                self._drain(connection)
                return True
            self._drain(connection)
            if data := self.receive(lambda data: 20 <= data[0] < 64, 0.5):
                connection.bio_write(data)
        return False

    def _drain(self, connection: SSL.Connection) -> None:
        try:
            while True:
                left = connection.bio_read(1 << 16)
                while left:
                    size = 13 + int.from_bytes(left[11:13], "big")
                    self.send(left[:size])
                    left = left[size:]
        except SSL.WantReadError:
            pass

    def _keys(self, connection: SSL.Connection) -> None:
        made = connection.export_keying_material(LABEL, 56)  # AES-128 in GCM: 16 bytes of key, 12 of salt
        assert connection.get_selected_srtp_profile() == b"SRTP_AEAD_AES_128_GCM"
        profile = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
        mine, theirs = made[:16] + made[32:44], made[16:32] + made[44:]
        self._in = Session(Policy(theirs, Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        self._out = Session(Policy(mine, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))

    def packet(self, within: float = 5.0) -> bytes:
        """The next packet of video, decrypted; empty if none comes."""
        assert self._in is not None
        data = self.receive(lambda data: 128 <= data[0] < 192 and not 192 <= data[1] < 224, within)
        return self._in.unprotect(data) if data else b""

    def ask_again(self, *numbers: int) -> None:
        """Ask for packets once more (NACK)."""
        assert self._out is not None
        items = b"".join(struct.pack("!HH", number, 0) for number in numbers)
        head = struct.pack("!BBHII", 0x81, 205, 2 + len(numbers), 1, int(self.value("ssrc").split()[0]))
        self.send(self._out.protect_rtcp(head + items))

    def ask_key(self) -> None:
        """Ask for a key picture (PLI)."""
        assert self._out is not None
        self.send(self._out.protect_rtcp(struct.pack("!BBHII", 0x81, 206, 2, 1, int(self.value("ssrc").split()[0]))))


def logged(text: str) -> list[dict[str, Any]]:
    """The lines of a log of viewers."""
    return [json.loads(line) for line in text.splitlines()]


def certificate_in(folder: Path, serial: int = 1) -> tuple[Path, Path]:
    """A certificate for this machine, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(serial).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(*form))
    return paths
