"""Properties of H.265 streams that FFmpeg does not expose (ITU-T H.265)."""

from __future__ import annotations

from collections.abc import Iterator

from anonymize.media.damage.bits import of_unit, units

_LEADING, _PARAMETERS = (8, 9), 32
"""NAL unit types: skipped leading pictures (RASL); the first type that is not a slice."""
_PPS, _SEI, _ALPHA = 34, 39, 165
"""NAL unit types of picture parameter sets and SEI; SEI type of alpha channel information."""


def wavefronts(extradata: bytes, packet: bytes) -> bool:
    """Whether an H.265 stream uses wavefronts (entropy_coding_sync_enabled_flag): slices say where each row starts."""
    return any(_synced(unit) for unit in _units(extradata, packet) if unit[0] >> 1 & 0x3F == _PPS)


def has_alpha_layer(extradata: bytes, packet: bytes) -> bool:
    """Whether an H.265 stream has an alpha layer (alpha_channel_info, F.14.2.8)."""
    return any(unit[0] >> 1 & 0x3F == _SEI and unit[2:3] == bytes([_ALPHA]) for unit in _units(extradata, packet))


def is_leading(extradata: bytes, packet: bytes) -> bool:
    """Whether a frame may refer to frames before the last key frame; only frames of this type refer to it."""
    kinds = (unit[0] >> 1 & 0x3F for unit in units(packet, _length(extradata)))
    return next((kind for kind in kinds if kind < _PARAMETERS), None) in _LEADING


def spoiled(extradata: bytes, packet: bytes, end: bytes) -> bytes:
    """`packet` with the last bytes of its last slice replaced by `end`; empty if the slice is too short for that.

    Units after that slice are dropped.
    """
    length = _length(extradata)
    held = list(units(packet, length))
    if not length:
        held = [unit.rstrip(b"\0") for unit in held]
    while held and (not held[-1] or held[-1][0] >> 1 & 0x3F >= _PARAMETERS):
        held.pop()
    if not held or len(held[-1]) < 2 * len(end):
        return b""
    held[-1] = held[-1][: -len(end)] + end
    return b"".join((len(unit).to_bytes(length, "big") if length else b"\0\0\1") + unit for unit in held)


def _units(extradata: bytes, packet: bytes) -> list[bytes]:
    """The NAL units in a stream's codec data and in a packet."""
    length = _length(extradata)
    return [*(_in_header(extradata) if length else units(extradata)), *units(packet, length)]


def _length(extradata: bytes) -> int:
    """Size in bytes of the length field before each unit; 0 if start codes are used."""
    return (extradata[21] & 3) + 1 if extradata[:1] == b"\1" and len(extradata) > 22 else 0


def _in_header(extradata: bytes) -> Iterator[bytes]:
    """The parameter sets in the codec data of MP4 or Matroska (ISO/IEC 14496-15, hvcC)."""
    at = 23
    for _ in range(extradata[22]):
        count, at = int.from_bytes(extradata[at + 1 : at + 3], "big"), at + 3
        for _ in range(count):
            size, at = int.from_bytes(extradata[at : at + 2], "big"), at + 2
            if size and at < len(extradata):
                yield extradata[at : at + size]
            at += size


def _synced(pps: bytes) -> bool:
    """entropy_coding_sync_enabled_flag of a picture parameter set (ITU-T H.265, 7.3.2.3.1)."""
    bits = of_unit(pps, 2)
    try:
        bits.numbers(2)  # the IDs of this set and of its sequence parameter set
        bits.skip(1 + 1 + 3 + 1 + 1)
        bits.numbers(3)  # default references, initial quantiser
        bits.skip(1 + 1)
        if bits.take():
            bits.numbers(1)
        bits.numbers(2)
        bits.skip(1 + 1 + 1 + 1 + 1)  # chroma offsets, weights, transquant bypass, tiles
        return bool(bits.take())
    except StopIteration:
        return False
