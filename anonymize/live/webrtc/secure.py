"""DTLS and SRTP with one viewer (RFC 5764): OpenSSL shakes hands, libsrtp encrypts; both by their own libraries."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp import Error, Policy, Session

from anonymize.errors import InputError

DATAGRAM = 1200
"""The most bytes of a datagram of a handshake."""
_RECORD = 13
"""Bytes of a DTLS record's head."""
_CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384"
_VALID = timedelta(days=3650)
_LABEL = b"EXTRACTOR-dtls_srtp"


@dataclass(frozen=True, slots=True)
class _Profile:
    """A way to encrypt RTP: what libsrtp calls it, and the bytes of its key and salt."""

    number: int
    key: int
    salt: int


_PROFILES = {
    b"SRTP_AEAD_AES_128_GCM": _Profile(Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    b"SRTP_AES128_CM_SHA1_80": _Profile(Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
}
"""What we take, best first."""


class Refused(InputError):
    """The viewer did not shake hands as it should, or is not the one whose offer was answered."""


class Identity:
    """A key of its own and a certificate of it, made at each start: viewers know it by its fingerprint."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, os.urandom(8).hex())])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + _VALID)
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.use_certificate(certificate)
        self.context.use_privatekey(key)
        self.context.set_cipher_list(_CIPHERS)
        self.context.set_tlsext_use_srtp(b":".join(_PROFILES))
        # Who it is shows by the fingerprint in its offer, once the handshake is over.
        self.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)


class Tunnel:
    """An encrypted connection with one viewer, who begins it. Not thread-safe.

    Args:
        identity: ours.
        fingerprint: SHA-256 of the viewer's certificate.
    """

    def __init__(self, identity: Identity, fingerprint: bytes) -> None:
        self._fingerprint = fingerprint
        self._connection = SSL.Connection(identity.context, None)
        self._connection.set_accept_state()
        self._connection.set_ciphertext_mtu(DATAGRAM)
        self._out: Session | None = None
        self._in: Session | None = None
        self.closed = False
        """Whether the viewer has ended it."""

    @property
    def open(self) -> bool:
        """Whether the handshake is over and was with the right one."""
        return self._out is not None

    @property
    def deadline(self) -> float | None:
        """When `resend` is due, on the monotonic clock; None if nothing is."""
        left = self._connection.DTLSv1_get_timeout()
        return None if left is None else time.monotonic() + left

    def resend(self) -> list[bytes]:
        """Datagrams to send again, as what they answer to was not acknowledged in time."""
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise Refused("the handshake took too long") from error
        return list(self._datagrams())

    def receive(self, datagram: bytes) -> list[bytes]:
        """Take a datagram of DTLS; return those to send.

        Raises:
            Refused: the handshake failed.
        """
        try:
            self._connection.bio_write(datagram)
            if not self.open:
                self._connection.do_handshake()
                self._set_up()
            self._connection.recv(DATAGRAM)  # nothing that is sent there counts
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.closed = True
        except (SSL.Error, Error) as error:
            raise Refused("the handshake failed") from error
        return list(self._datagrams())

    def protect(self, packet: bytes) -> bytes:
        """An RTP packet, encrypted; only once it is `open`. Raises `Refused`."""
        assert self._out is not None
        try:
            return self._out.protect(packet)
        except (Error, ValueError) as error:
            raise Refused("nothing more can be encrypted for it") from error

    def protect_rtcp(self, packet: bytes) -> bytes:
        """An RTCP packet, encrypted; only once it is `open`. Raises `Refused`."""
        assert self._out is not None
        try:
            return self._out.protect_rtcp(packet)
        except (Error, ValueError) as error:
            raise Refused("nothing more can be encrypted for it") from error

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """An RTCP packet, decrypted; None if it is none of this viewer's, or came before."""
        if self._in is None:
            return None
        try:
            return self._in.unprotect_rtcp(packet)
        except (Error, ValueError):
            return None

    def close(self) -> list[bytes]:
        """Datagrams that tell the viewer that it is over."""
        try:
            self._connection.shutdown()
        except SSL.Error:
            return []
        return list(self._datagrams())

    def _set_up(self) -> None:
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        profile = _PROFILES.get(self._connection.get_selected_srtp_profile())
        if certificate is None or profile is None:
            raise Refused("the viewer has no certificate, or encrypts in no way that we know")
        if not hmac.compare_digest(certificate.fingerprint(hashes.SHA256()), self._fingerprint):
            raise Refused("the viewer's certificate is not that of its offer")
        key, salt = profile.key, profile.salt
        made = self._connection.export_keying_material(_LABEL, 2 * (key + salt))
        theirs = made[:key] + made[2 * key : 2 * key + salt]
        ours = made[key : 2 * key] + made[2 * key + salt :]
        self._in = Session(Policy(theirs, Policy.SSRC_ANY_INBOUND, srtp_profile=profile.number))
        self._out = Session(Policy(ours, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile.number))

    def _datagrams(self) -> Iterator[bytes]:
        """What OpenSSL has to send: whole records, as many to a datagram as fit."""
        parts = []
        while True:
            try:
                parts.append(self._connection.bio_read(1 << 16))
            except SSL.WantReadError:
                break
        left, datagram = b"".join(parts), b""
        while left:
            size = _RECORD + int.from_bytes(left[_RECORD - 2 : _RECORD], "big")
            if datagram and len(datagram) + size > DATAGRAM:
                yield datagram
                datagram = b""
            datagram, left = datagram + left[:size], left[size:]
        if datagram:
            yield datagram
