"""Session descriptions (RFC 8866): reading a viewer's offer, and answering that it gets one stream of H.264."""

from __future__ import annotations

import re
from dataclasses import dataclass

from anonymize.errors import UsageError

LONGEST = 64 << 10
"""The most characters of an offer."""
BASELINE = "42e01f"
"""Profile and level of H.264 that every browser plays (RFC 7742): constrained baseline."""
_WORD = re.compile(r"[!-~]{1,256}")
_MAP = re.compile(r"rtpmap:(\d{1,3}) ([A-Za-z0-9-]+)/(\d+)")
_FORMAT = re.compile(r"fmtp:(\d{1,3}) (.+)")


@dataclass(frozen=True, slots=True)
class Section:
    """One medium of an offer, or what is said before the first.

    Args:
        line: its first line, without ``m=``; empty for what is before the first.
        attributes: its lines that begin with ``a=``, without that.
    """

    line: str
    attributes: list[str]

    def value(self, name: str) -> str:
        """The value of an attribute; empty if it is not there."""
        return next((one[len(name) + 1 :] for one in self.attributes if one.startswith(f"{name}:")), "")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a viewer offers to receive.

    Args:
        sections: all media, in order.
        video: the index of that which takes H.264.
        payload_type: of H.264 in it.
        fingerprint: SHA-256 of the certificate that the viewer will show.
    """

    sections: list[Section]
    video: int
    payload_type: int
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Ours:
    """What this end is known by to one viewer.

    Args:
        user, password: of ICE.
        fingerprint: SHA-256 of our certificate, as hexadecimal pairs.
        address: of the port that answers, as the viewer reached it.
        source: SSRC of the stream.
        name: of the sender, for RTCP.
    """

    user: str
    password: str
    fingerprint: str
    address: tuple[str, int]
    source: int
    name: str


def offer(text: str) -> Offer:
    """The offer in `text`.

    Raises:
        UsageError: it is none, or takes no H.264.
    """
    if len(text) > LONGEST or not text.startswith("v=0"):
        raise UsageError("expected a session description (SDP)")
    shared, sections = Section("", []), list[Section]()
    for line in text.splitlines():
        if line.startswith("m="):
            sections.append(Section(line[2:], []))
        elif line.startswith("a="):
            (sections[-1] if sections else shared).attributes.append(line[2:])
    for number, section in enumerate(sections):
        kind = _h264(section) if section.line.startswith("video ") else None
        if kind is not None:
            return Offer(sections, number, kind, _fingerprint(section, shared))
    raise UsageError("this viewer takes no H.264, which is all that is sent")


def _h264(section: Section) -> int | None:
    """The payload type of H.264, in packets of any size, of the profile closest to ours; None if there is none."""
    maps = [found for one in section.attributes if (found := _MAP.match(one))]
    formats = {int(found[1]): found[2].lower() for one in section.attributes if (found := _FORMAT.match(one))}
    kinds = [int(found[1]) for found in maps if (found[2].upper(), found[3]) == ("H264", "90000")]
    fitting = [kind for kind in kinds if kind < 128 and "packetization-mode=1" in formats.get(kind, "")]
    return next((kind for kind in fitting if "profile-level-id=42e0" in formats[kind]), next(iter(fitting), None))


def _fingerprint(section: Section, shared: Section) -> bytes:
    kind, _, digits = (section.value("fingerprint") or shared.value("fingerprint")).partition(" ")
    try:
        digest = bytes.fromhex(digits.strip().replace(":", ""))
    except ValueError:
        digest = b""
    if kind.lower() != "sha-256" or len(digest) != 32:
        raise UsageError("expected a fingerprint by SHA-256 in the session description")
    return digest


def answer(offered: Offer, ours: Ours) -> str:
    """The answer: video is sent to whoever asks from anywhere; all else in the offer is declined."""
    mids = [section.value("mid") for section in offered.sections]
    if not all(not mid or _WORD.fullmatch(mid) for mid in mids):
        raise UsageError("expected identifiers of media without blanks")
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite", "a=msid-semantic: WMS *"]
    if mids[offered.video]:
        lines.append(f"a=group:BUNDLE {mids[offered.video]}")
    for number, (section, mid) in enumerate(zip(offered.sections, mids, strict=True)):
        lines += _video(offered.payload_type, ours) if number == offered.video else _declined(section)
        if mid:
            lines.append(f"a=mid:{mid}")
    return "\r\n".join([*lines, ""])


def _video(kind: int, ours: Ours) -> list[str]:
    host, port = ours.address
    version = "IP6" if ":" in host else "IP4"
    return [
        f"m=video {port} UDP/TLS/RTP/SAVPF {kind}",
        f"c=IN {version} {host}",
        f"a=ice-ufrag:{ours.user}",
        f"a=ice-pwd:{ours.password}",
        f"a=fingerprint:sha-256 {ours.fingerprint}",
        "a=setup:passive",
        "a=sendonly",
        "a=rtcp-mux",
        f"a=rtpmap:{kind} H264/90000",
        f"a=fmtp:{kind} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={BASELINE}",
        f"a=rtcp-fb:{kind} nack",
        f"a=rtcp-fb:{kind} nack pli",
        f"a=rtcp-fb:{kind} ccm fir",
        f"a=ssrc:{ours.source} cname:{ours.name}",
        f"a=ssrc:{ours.source} msid:{ours.name} picture",
        f"a=msid:{ours.name} picture",
        f"a=candidate:1 1 udp 2130706431 {host} {port} typ host",
        "a=end-of-candidates",
    ]


def _declined(section: Section) -> list[str]:
    parts = section.line.split()
    if len(parts) < 4 or not all(map(_WORD.fullmatch, parts)):
        raise UsageError("expected media with a port, a protocol and formats in the session description")
    return [f"m={parts[0]} 0 {parts[2]} {parts[3]}", "c=IN IP4 0.0.0.0", "a=inactive"]
