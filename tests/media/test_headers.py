"""Headers that damage is judged by, made here bit by bit as the standards say: no encoder at hand writes all kinds."""

from __future__ import annotations

import pytest

from anonymize.media.damage.breaks import _goes_on, _payloads
from anonymize.media.damage.h264 import Order
from anonymize.media.damage.lineage import _has_sequence

PLAIN = (66, 77, 88)
HIGH = (44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244)
"""Profiles whose sequence parameter sets say how chroma is stored (H.264, 7.3.2.1.1)."""


def golomb(value: int) -> str:
    """An unsigned Exp-Golomb code."""
    bits = f"{value + 1:b}"
    return "0" * (len(bits) - 1) + bits


def unit(kind: int, bits: str, reference: int = 3) -> bytes:
    """A NAL unit with a start code."""
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    payload = int(bits, 2).to_bytes(len(bits) // 8, "big")
    for low in range(4):
        payload = payload.replace(bytes([0, 0, low]), bytes([0, 0, 3, low]))
    return b"\0\0\1" + bytes([reference << 5 | kind]) + payload


def parameters(profile: int, *, chroma: int = 1, gaps: bool = False) -> bytes:
    """A sequence parameter set with frame numbers of 8 bits, and a picture parameter set."""
    bits = f"{profile:08b}{0:08b}{40:08b}" + golomb(0)
    if profile in HIGH:
        bits += golomb(chroma) + "0" * (chroma == 3) + golomb(0) + golomb(0) + "0" + "0"
    bits += golomb(4) + golomb(2) + golomb(1) + str(int(gaps))
    return unit(7, bits) + unit(8, golomb(0) + golomb(0))


def coded(number: int, kind: int = 1, slice_type: int = 5, reference: int = 3) -> bytes:
    """The begin of a slice of the frame with this number."""
    return unit(kind, golomb(0) + golomb(slice_type) + golomb(0) + f"{number:08b}" + golomb(300), reference)


def supplement(*messages: tuple[int, bytes]) -> bytes:
    """An SEI unit: messages of any type and length (7.3.2.3.1)."""
    payload = b""
    for kind, body in messages:
        payload += (
            b"\xff" * (kind // 255) + bytes([kind % 255]) + b"\xff" * (len(body) // 255) + bytes([len(body) % 255])
        )
        payload += body
    return b"\0\0\1\x06" + payload + b"\x80"


@pytest.mark.parametrize("profile", [*PLAIN, *HIGH])
def test_frames_are_numbered_in_every_profile(profile: int) -> None:
    order = Order(parameters(profile))
    facts = [order.next(coded(number, 5 if number == 0 else 1)) for number in (0, 1, 2, 4, 5)]
    assert [(one.number, one.numbers, one.follows) for one in facts if one] == [
        (0, 256, True),
        (1, 256, True),
        (2, 256, True),
        (4, 256, False),
        (5, 256, True),
    ]


def test_numbers_begin_again_at_their_end_and_gaps_may_be_allowed() -> None:
    order = Order(parameters(100))
    assert [one.follows for number in (254, 255, 0, 1) if (one := order.next(coded(number)))] == [True] * 4
    gaps = Order(parameters(100, gaps=True))
    assert [one.follows for number in (3, 9, 200) if (one := gaps.next(coded(number)))] == [True] * 3


RECOVERY = (6, bytes([0b01010000]))
"""After one frame everything is exact."""


@pytest.mark.parametrize(
    ("messages", "frames"),
    [
        ([RECOVERY], 1),
        ([(6, bytes([0b10000000]))], 0),
        ([(6, bytes([0b01000000]))], None),
        ([(5, bytes(range(1, 40))), RECOVERY], 1),
        ([(5, b"\x07" * 300), RECOVERY], 1),
        ([(300, b"\x07" * 3), RECOVERY], 1),
        ([(600, b"\x07" * 700), (4, b"\x09"), RECOVERY], 1),
        ([(5, b"\x06\x01\x48")], None),
    ],
    ids=["alone", "at once", "only nearly", "after another", "after a long one", "type", "type and length", "in text"],
)
def test_where_decoding_may_start_is_read_wherever_it_stands(
    messages: list[tuple[int, bytes]], frames: int | None
) -> None:
    order = Order(parameters(100))
    facts = order.next(supplement(*messages) + coded(0))
    assert facts is not None
    assert facts.recovery == frames


def obu(kind: int, body: bytes, *, sized: bool = True, extended: bool = False) -> bytes:
    """A unit of AV1 (5.3.2), its length in as many bytes as it takes."""
    head = bytes([kind << 3 | extended << 2 | sized << 1]) + b"\x20" * extended
    length = len(body)
    size = b""
    while sized:
        size += bytes([length & 127 | (128 if length > 127 else 0)])
        length >>= 7
        if not length:
            break
    return head + size + body


@pytest.mark.parametrize("length", [0, 1, 127, 128, 300, 16_383, 16_384, 70_000])
@pytest.mark.parametrize("extended", [False, True])
def test_a_sequence_header_is_found_behind_units_of_any_length(length: int, extended: bool) -> None:
    before = obu(2, b"") + obu(5, b"\x0a" * length, extended=extended)
    assert _has_sequence(before + obu(1, b"\1" * 11))
    assert _has_sequence(before + obu(1, b"\1" * 11, sized=False))
    assert not _has_sequence(before + obu(6, b"\x0a" * 40))
    assert not _has_sequence(before + obu(6, b"\x0a" * 40, sized=False) + obu(1, b"\1" * 11))


def asf(number: int, *objects: bytes) -> bytes:
    """An ASF packet with one compressed payload: objects that share it, each after its length (5.2.3.4)."""
    held = b"".join(bytes([len(one)]) + one for one in objects)
    head = b"\x82\0\0" + b"\x08\x5d" + b"\x00" + bytes(6)
    return head + bytes([1, number]) + (0).to_bytes(4, "little") + b"\x01" + b"\x28" + held


@pytest.mark.parametrize("counts", [(1, 1, 1), (2, 3, 1), (5, 1, 4)])
def test_objects_that_share_a_payload_are_counted(counts: tuple[int, ...]) -> None:
    known: dict[int, object] = {}
    number = 250
    for count in counts:
        ((stream, piece),) = _payloads(asf(number % 256, *[b"\x33" * (10 + i) for i in range(count)]))
        assert (stream, piece.whole) == (1, count)
        assert _goes_on(known, stream, piece)  # type: ignore[arg-type]
        number += count
    ((stream, late),) = _payloads(asf((number + 1) % 256, b"\x33"))
    assert not _goes_on(known, stream, late)  # type: ignore[arg-type]
