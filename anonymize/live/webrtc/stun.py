"""STUN (RFC 8489) as far as ICE lite (RFC 8445, 2.5) needs it: binding requests are checked and answered.

Nothing is ever sent to an address that has not proved first, by the password of an answer, that it was given one.
"""

from __future__ import annotations

import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass

COOKIE = 0x2112A442
_REQUEST, _SUCCESS = 0x0001, 0x0101
_USERNAME, _INTEGRITY, _XOR_ADDRESS, _USE_CANDIDATE, _FINGERPRINT = 0x0006, 0x0008, 0x0020, 0x0025, 0x8028
_HEAD = struct.Struct("!HHI12s")
_XOR_CRC = 0x5354554E
_DIGEST = 20


@dataclass(frozen=True, slots=True)
class Binding:
    """A binding request, not checked yet.

    Args:
        transaction: to be repeated in the response.
        local: the part of its user name that our answer gave out.
        nominates: whether its sender settles on this path.
        signed: what its integrity covers, with the length that it was computed with.
        integrity: HMAC-SHA1 of it.
    """

    transaction: bytes
    local: str
    nominates: bool
    signed: bytes
    integrity: bytes

    def is_from(self, password: str) -> bool:
        """Whether its sender knows the password; compared in constant time."""
        return hmac.compare_digest(hmac.digest(password.encode(), self.signed, "sha1"), self.integrity)

    def response(self, address: tuple[str, int], password: str) -> bytes:
        """The response to it, which came from `address`."""
        place = ipaddress.ip_address(address[0])
        if isinstance(place, ipaddress.IPv6Address) and place.ipv4_mapped:
            place = place.ipv4_mapped
        mask = (COOKIE.to_bytes(4, "big") + self.transaction)[: len(place.packed)]
        value = struct.pack("!xBH", 1 if place.version == 4 else 2, address[1] ^ COOKIE >> 16)
        body = _attribute(_XOR_ADDRESS, value + bytes(a ^ b for a, b in zip(place.packed, mask, strict=True)))
        signed = self._head(len(body) + 4 + _DIGEST) + body
        body += _attribute(_INTEGRITY, hmac.digest(password.encode(), signed, "sha1"))
        checked = self._head(len(body) + 8) + body
        return checked + _attribute(_FINGERPRINT, (zlib.crc32(checked) ^ _XOR_CRC).to_bytes(4, "big"))

    def _head(self, length: int) -> bytes:
        return _HEAD.pack(_SUCCESS, length, COOKIE, self.transaction)


def binding(data: bytes) -> Binding | None:
    """The binding request in a datagram; None if it is none, or has no user name or integrity."""
    if len(data) < _HEAD.size:
        return None
    kind, length, cookie, transaction = _HEAD.unpack_from(data)
    if kind != _REQUEST or cookie != COOKIE or length != len(data) - _HEAD.size:
        return None
    name, nominates, at = "", False, _HEAD.size
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("!HH", data, at)
        value = data[at + 4 : at + 4 + length]
        if len(value) < length:
            return None
        if kind == _INTEGRITY:  # what follows is not covered by it, and does not count
            signed = _HEAD.pack(_REQUEST, at - _HEAD.size + 4 + _DIGEST, COOKIE, transaction) + data[_HEAD.size : at]
            local = name.partition(":")[0]
            return Binding(transaction, local, nominates, signed, value) if local and length == _DIGEST else None
        if kind == _USERNAME:
            name = value.decode("latin-1")
        nominates = nominates or kind == _USE_CANDIDATE
        at += 4 + length + -length % 4
    return None


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)
