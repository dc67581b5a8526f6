"""One viewer: what it proved, what it was sent, and what it may ask for again."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence

from anonymize.live.webrtc import rtp
from anonymize.live.webrtc.sdp import Offer, Ours
from anonymize.live.webrtc.secure import Identity, Tunnel
from anonymize.live.webrtc.stun import Binding

Address = tuple[str, int]
SILENT = 10.0
"""Seconds without a proof that a viewer still wants to be sent anything, after which it is over (RFC 7675: 30)."""
PLACES = 32
"""The most addresses of a viewer that are kept; one more lets the oldest go that it is not sent pictures to."""
_KEPT = 1024
"""Packets that may be sent again: about two seconds."""
_AGAIN = 400
"""The most packets sent again in a second: what does not get through even then is too much for the line."""
_REPORT = 1.0
"""Seconds between two reports."""


class Viewer:
    """A viewer whose offer was answered. Not thread-safe.

    Args:
        name: from the file of viewers.
        token: that it showed.
        offer: what it offered.
        identity: ours.
        place: of our port, as the viewer reached it.
        send: sends a datagram; returns whether the system took it.
    """

    def __init__(
        self,
        name: str,
        token: str,
        offer: Offer,
        identity: Identity,
        place: Address,
        send: Callable[[bytes, Address], bool],
    ) -> None:
        self.name, self.token, self.offer = name, token, offer
        self.id = secrets.token_urlsafe(18)
        self.ours = Ours(
            secrets.token_hex(4), secrets.token_hex(16), identity.fingerprint, place, secrets.randbits(32), "anonymize"
        )
        self.begun = self.heard = time.monotonic()
        self.watched = False
        """Whether it was ever sent a picture."""
        self._tunnel = Tunnel(identity, offer.fingerprint)
        self._send = send
        self._places: dict[Address, None] = {}
        """Those that proved to be this viewer's, oldest first."""
        self._place: Address | None = None
        self._joined = False
        self._number, self._offset = secrets.randbits(15), secrets.randbits(31)
        self._sent: deque[tuple[int, bytes]] = deque(maxlen=_KEPT)
        self._packets = self._octets = 0
        self._reported = 0.0
        self._second, self._again = 0, 0

    @property
    def open(self) -> bool:
        """Whether pictures can be sent to it."""
        return self._tunnel.open and self._place is not None

    @property
    def over(self) -> str:
        """Why it is over; empty if it is not."""
        if self._tunnel.closed:
            return "left"
        if time.monotonic() - self.heard > SILENT:
            return "gone silent" if self.watched else "never connected"
        return ""

    @property
    def deadline(self) -> float:
        """When `wake` is due, on the monotonic clock."""
        silent = self.heard + SILENT
        return silent if self.open else min(silent, self._tunnel.deadline or silent)

    def wake(self) -> None:
        """Send again what was not acknowledged in time."""
        due = None if self.open else self._tunnel.deadline
        if due is not None and due <= time.monotonic():
            self._reply(self._tunnel.resend())

    def bind(self, binding: Binding, place: Address) -> None:
        """Answer a binding request from `place`; ignore it if its sender does not know the password."""
        if not binding.is_from(self.ours.password):
            return
        self.heard = time.monotonic()
        if place not in self._places and len(self._places) >= PLACES:
            del self._places[next(one for one in self._places if one != self._place)]
        self._places[place] = None
        if self._place is None or binding.nominates:
            self._place = place
        self._send(binding.response(place, self.ours.password), place)

    def hears(self, place: Address) -> bool:
        """Whether `place` has proved to be this viewer's."""
        return place in self._places

    def receive(self, data: bytes) -> bool:
        """Take a datagram of DTLS or SRTCP; return whether a key picture is needed.

        Raises:
            Refused: the handshake failed.
        """
        if 20 <= data[0] < 64:
            before = self.open
            self._reply(self._tunnel.receive(data))
            return self.open and not before
        if 128 <= data[0] < 192 and (plain := self._tunnel.unprotect_rtcp(data)) is not None:
            asked = rtp.asked(plain)
            self._resend(asked.again)
            return asked.key
        return False

    def picture(self, payloads: Sequence[bytes], timestamp: int, at: float, *, key: bool) -> int:
        """Send a picture.

        Args:
            payloads: of its packets.
            timestamp: in ticks of 90 kHz.
            at: when it was captured, seconds since the epoch.
            key: whether decoding can begin with it; what comes before the first such is not sent.

        Returns:
            How many packets the system did not take.
        """
        self._joined = self._joined or key
        if not self.open or not self._joined:
            return 0
        assert self._place is not None
        lost, self.watched = 0, True
        for place, payload in enumerate(payloads, 1):
            plain = rtp.packet(
                payload,
                self.offer.payload_type,
                self._number,
                timestamp + self._offset,
                self.ours.source,
                marked=place == len(payloads),
            )
            coded = self._tunnel.protect(plain)
            self._sent.append((self._number & 0xFFFF, coded))
            lost += not self._send(coded, self._place)
            self._number += 1
            self._packets += 1
            self._octets += len(payload)
        self._report(timestamp + self._offset, at)
        return lost

    def close(self) -> None:
        """Tell it that it is over."""
        self._reply(self._tunnel.close())

    def _report(self, timestamp: int, at: float) -> None:
        assert self._place is not None
        if time.monotonic() - self._reported < _REPORT:
            return
        self._reported = time.monotonic()
        report = rtp.sender_report(self.ours.source, self.ours.name, at, timestamp, self._packets, self._octets)
        self._send(self._tunnel.protect_rtcp(report), self._place)

    def _resend(self, numbers: Sequence[int]) -> None:
        """Send packets again, as far as they are kept, and as many as a line may take that loses some."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._again = second, 0
        wanted = set(numbers)
        for number, coded in self._sent if wanted else ():
            if number in wanted and self._again < _AGAIN and self._place is not None:
                self._again += 1
                self._send(coded, self._place)

    def _reply(self, datagrams: Sequence[bytes]) -> None:
        for datagram in datagrams:
            if self._place is not None:
                self._send(datagram, self._place)
