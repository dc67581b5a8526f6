"""Every kind of metadata that FFmpeg can hold, put into otherwise good videos of ours, is found."""

from fractions import Fraction
from pathlib import Path

import pytest

from anonymize.errors import DamagedInput
from anonymize.settings import Codec, Output
from anonymize.verify.containers import isobmff, matroska
from anonymize.verify.containers.bitstream import _walker
from tests.helpers import planting as p
from tests.helpers.elements import element
from tests.helpers.media import BT709, HDR10, make_video
from tests.helpers.planting import Plant, appended, in_moov, patched

SOURCES: dict[str, dict[str, object]] = {
    "plain.mp4": {"audio": True, "color": BT709, "rotation": 90, "sar": Fraction(4, 3)},
    "plain.mov": {"audio": True},
    "plain.mkv": {"audio": "flac"},
    "plain.webm": {"audio": True},
    "plain.ts": {"audio": True},
    "hevc.mp4": {"codec": "libx265", "pix_fmt": "yuv420p10le", "color": HDR10, "audio": True},
    "av1.mkv": {"codec": "libx265", "pix_fmt": "yuv420p10le", "size": (128, 96)},
}
OUTPUTS = {"av1.mkv": Output(codec=Codec.AV1, speed="ultrafast")}
PLACE_QUICKTIME = p.box(b"\xa9xyz", b"\0\x12\x15\xc7+59.9139+010.7522/")
PLACE_3GPP = p.box(b"loci", bytes(6) + b"home\0" + bytes(13) + b"earth\0\0")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of outputs of ours, one of each container."""
    folder = tmp_path_factory.mktemp("good")
    for name, options in SOURCES.items():
        make_video(folder / f"in-{name}", frames=6, **options)  # type: ignore[arg-type]
        p.carried(folder / f"in-{name}", folder / name, OUTPUTS.get(name, Output(speed="ultrafast")))
    return folder


def tagged(**tags: str) -> Plant:
    return lambda path, target: p.remuxed(path, target, tags=tags)


def any_tag(**tags: str) -> Plant:
    """Tags that MP4 and MOV take only when asked."""
    return lambda path, target: p.remuxed(path, target, tags=tags, options={"movflags": "use_metadata_tags"})


def remuxed(**extras: object) -> Plant:
    return lambda path, target: p.remuxed(path, target, **extras)  # type: ignore[arg-type]


def first_nal(extra: bytes) -> Plant:
    return lambda path, target: p.remuxed(path, target, change=lambda packet: extra + packet)


def with_timecode(_: Path, target: Path) -> Path:
    """FFmpeg makes a track of it only while it encodes."""
    return make_video(target, frames=6, stream_metadata={"timecode": "09:41:22:01"})


VIDEO: list[tuple[str, str, Plant]] = [
    *(
        (f"{name}-{key}", name, tagged(**{key: "at home"}))
        for name in ("plain.mp4", "plain.mkv")
        for key in ("title", "artist", "album", "comment", "copyright", "description", "genre", "synopsis", "show")
    ),
    ("mp4-date", "plain.mp4", tagged(date="2026-05-17")),
    ("mp4-created", "plain.mp4", tagged(creation_time="2026-05-17T09:41:22Z")),
    ("mkv-created", "plain.mkv", tagged(creation_time="2026-05-17T09:41:22Z")),
    ("mp4-place", "plain.mp4", tagged(location="+59.9139+010.7522/")),
    ("mov-place", "plain.mov", any_tag(**{"com.apple.quicktime.location.ISO6709": "+59.9139+010.7522/"})),
    ("mov-phone", "plain.mov", any_tag(**{"com.apple.quicktime.make": "Phones", "com.apple.quicktime.model": "12"})),
    ("mp4-phone", "plain.mp4", any_tag(make="Phones", model="12", **{"com.android.version": "16"})),
    ("mkv-place", "plain.mkv", tagged(LOCATION="+59.9139+010.7522/")),
    ("webm-title", "plain.webm", tagged(title="at home")),
    ("mp4-encoder", "plain.mp4", remuxed(bitexact=False)),
    ("mp4-handler", "plain.mp4", remuxed(stream_tags={"handler_name": "Alex's camera"})),
    ("mkv-track-name", "plain.mkv", remuxed(stream_tags={"title": "Alex's camera"})),
    ("mov-timecode", "plain.mov", with_timecode),
    ("mp4-timecode", "plain.mp4", with_timecode),
    ("mp4-chapters", "plain.mp4", remuxed(chapters=True)),
    ("mkv-chapters", "plain.mkv", remuxed(chapters=True)),
    ("mp4-subtitle", "plain.mp4", remuxed(subtitle="mov_text")),
    ("mkv-subtitle", "plain.mkv", remuxed(subtitle="subrip")),
    ("webm-subtitle", "plain.webm", remuxed(subtitle="webvtt")),
    ("mp4-cover", "plain.mp4", remuxed(cover=True)),
    ("mkv-attachment", "plain.mkv", remuxed(attachment=True)),
    ("ts-data", "plain.ts", remuxed(data=True)),
    ("ts-service", "plain.ts", tagged(service_name="Alex's balcony", service_provider="Alex Example")),
    ("ts-private-table", "plain.ts", appended(p.ts_packet(0x321, b"\0" + p.SECRET))),
    ("ts-trailing", "plain.ts", appended(p.SECRET)),
    ("ts-empty-packet", "plain.ts", appended(p.ts_packet(0x1FFF, p.SECRET, start=False))),
    ("ts-adaptation", "plain.ts", appended(p.ts_private(p.SECRET))),
    ("ts-program", "plain.ts", lambda f, t: p.with_program_descriptor(f, t, 0x40, p.SECRET)),
    ("ts-program-registered", "plain.ts", lambda f, t: p.with_program_descriptor(f, t, 0x05, b"Alex")),
    ("mp4-uuid-xmp", "plain.mp4", appended(p.box(b"uuid", p.UUID + b"<x:xmpmeta/>"))),
    ("mp4-free", "plain.mp4", appended(p.box(b"free", p.SECRET))),
    ("mp4-skip", "plain.mp4", appended(p.box(b"skip", p.SECRET))),
    ("mp4-meta", "plain.mp4", appended(p.box(b"meta", bytes(4) + p.box(b"xml ", p.SECRET)))),
    ("mp4-unknown", "plain.mp4", appended(p.box(b"Alex", p.SECRET))),
    ("mp4-second-mdat", "plain.mp4", appended(p.box(b"mdat", p.SECRET))),
    ("mp4-trailing", "plain.mp4", appended(b"Alex")),
    ("mp4-udta-place", "plain.mp4", in_moov(p.box(b"udta", PLACE_QUICKTIME))),
    ("mp4-udta-3gpp", "plain.mp4", in_moov(p.box(b"udta", PLACE_3GPP))),
    ("mp4-track-udta", "plain.mp4", in_moov(p.box(b"udta", p.box(b"name", p.SECRET)), (b"trak",))),
    ("mp4-thumbnail", "plain.mp4", in_moov(p.box(b"udta", p.box(b"thmb", bytes(8) + p.SECRET)))),
    ("mov-uuid", "plain.mov", appended(p.box(b"uuid", p.UUID + p.SECRET))),
    ("mp4-modified", "plain.mp4", patched(b"mvhd", b"\xe6\x01\x02\x03", offset=12)),
    ("mp4-compressor", "plain.mp4", patched(b"avc1\0\0\0\0\0\0\0\1", b"\x04Alex", offset=46)),
    ("mkv-void", "plain.mkv", appended(b"\xec" + bytes([0x80 | len(p.SECRET)]) + p.SECRET)),
    ("mkv-unknown", "plain.mkv", appended(b"\xfd" + bytes([0x80 | len(p.SECRET)]) + p.SECRET)),
    ("h264-sei", "plain.mp4", lambda f, t: p.with_sei(f, t, "Alex Example")),
    ("h264-sei-raw", "plain.mp4", first_nal(p.sei(5, p.UUID + p.SECRET))),
    ("h264-captions", "plain.mp4", first_nal(p.sei(4, p.CAPTIONS))),
    ("h264-unit", "plain.mp4", first_nal(b"\0\0\0\x05\x18Alex")),
    ("h264-filler", "plain.mp4", first_nal(b"\0\0\0\x06\x0cAlex\x80")),
    ("hevc-sei", "hevc.mp4", first_nal(p.sei(5, p.UUID + p.SECRET, hevc=True))),
    ("hevc-captions", "hevc.mp4", first_nal(p.sei(4, p.CAPTIONS, hevc=True))),
    ("hevc-rpu", "hevc.mp4", first_nal(b"\0\0\0\x06\x7c\x01Alex")),
    ("av1-t35", "av1.mkv", first_nal(bytes([0x2A, 2 + len(p.CAPTIONS), 4]) + p.CAPTIONS + b"\x80")),
]


@pytest.mark.parametrize("name", SOURCES)
def test_good_outputs_pass(good: Path, name: str) -> None:
    assert p.complaints(good / name, good / f"in-{name}") == ""
    assert p.complaints(good / name, None) == ""


@pytest.mark.parametrize(("name", "plant"), [pytest.param(name, plant, id=case) for case, name, plant in VIDEO])
def test_what_is_planted_is_found(good: Path, tmp_path: Path, name: str, plant: Plant) -> None:
    assert "still in" in p.complaints(plant(good / name, tmp_path / name), None)


NUMBERS = {
    "of the header": "4286 42F7 42F2 42F3 4287 4285",
    "of places": "53AB 53AC A7 AB B3 F7 F1 F0 B2 5378",
    "of times": "2AD7B1 4489 E7 9B FB 23E383 56BB",
    "of tracks": "D7 73C5 83 B9 88 55AA 55AB 55AC 55AD 55AE 55AF 9C 63A2 55EE 6DE7 6DF8 BF",
    "of pictures": "B0 BA 54B0 54BA 54B2 54B3 54AA 54BB 54CC 54DD 9A 9D 53B8 53C0 2EB524",
    "of colours": "55B1 55B2 55B3 55B4 55B5 55B6 55B7 55B8 55B9 55BA 55BB 55BC 55BD",
    "of a mastering display": "55D1 55D2 55D3 55D4 55D5 55D6 55D7 55D8 55D9 55DA",
    "of projections": "7671 7673 7674 7675",
    "of sound": "B5 78B5 9F 6264",
    "of blocks and encodings": "A3 A1 5031 5032 5033",
    "of tags": "68CA 63C5 4484",
}
"""Matroska's elements that are numbers or the media themselves (RFC 9559, 5.1)."""


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_that_matroska_has_are_no_complaint_and_other_elements_are(tmp_path: Path, name: str) -> None:
    path = tmp_path / "made.mkv"
    path.write_bytes(b"".join(element(int(word, 16), b"\1") for word in NUMBERS[name].split()))
    assert list(matroska.foreign(path)) == []
    for unknown in (0x42F4, 0x9E, 0x55DB, 0x7672, 0x54B1):
        path.write_bytes(element(unknown, b"\1"))
        assert list(matroska.foreign(path)) == [f"an element {unknown:X}"]


def test_a_clock_with_very_many_ticks_is_no_date(good: Path, tmp_path: Path) -> None:
    made = patched(b"mdhd", b"\x7f\xff\xff\xff", offset=16)(good / "plain.mp4", tmp_path / "plain.mp4")
    assert list(isobmff.foreign(made)) == []
    dated = patched(b"mdhd", b"\0\0\0\1", offset=12)(good / "plain.mp4", tmp_path / "plain.mp4")
    assert list(isobmff.foreign(dated)) == ["a date in mdhd"]


@pytest.mark.parametrize(("channels", "right"), [(1, True), (64, True), (65, False), (0, False)])
def test_sound_has_up_to_64_channels(good: Path, tmp_path: Path, channels: int, right: bool) -> None:
    made = patched(b"mp4a", channels.to_bytes(2, "big"), offset=20)(good / "plain.mp4", tmp_path / "plain.mp4")
    assert (list(isobmff.foreign(made)) == []) == right


def test_a_transport_stream_with_a_packet_that_is_none_is_not_read(good: Path, tmp_path: Path) -> None:
    with pytest.raises(DamagedInput):
        p.complaints(appended(p.SECRET.ljust(188, b" "))(good / "plain.ts", tmp_path / "plain.ts"), None)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_an_encoders_own_text_names_nobody(tmp_path: Path, codec: str) -> None:
    exact = {"fflags": "+bitexact"}
    assert p.complaints(make_video(tmp_path / "made.mkv", codec=codec, frames=4, container_options=exact), None) == ""


MESSAGE = bytes([5, 20]) + bytes(range(16)) + b"home" + b"\x80"
UNITS = {
    "h264": (b"\x06" + MESSAGE, b"\x65" + bytes([8, 7, 6])),
    "hevc": (b"\x4e\x01" + MESSAGE, b"\x26\x01" + bytes([8, 7, 6])),
}


@pytest.mark.parametrize("codec", UNITS)
@pytest.mark.parametrize("width", [0, 1, 2, 4])
def test_messages_are_found_however_units_are_told_apart(codec: str, width: int) -> None:
    """By start codes, as in transport streams, or by lengths of as many bytes as the headers say."""
    headers = b"" if not width else bytes([1]).ljust(4 if codec == "h264" else 21, b"\0") + bytes([0xFC | width - 1, 0])

    def packet(*units: bytes) -> bytes:
        return b"".join((len(unit).to_bytes(width, "big") if width else b"\0\0\0\1") + unit for unit in units)

    message, picture = UNITS[codec]
    walk = _walker(codec, headers)
    assert walk is not None
    assert list(walk(packet(picture))) == []
    assert list(walk(packet(message, picture))) == ["user data in the video stream (SEI)"]
    assert list(walk(packet(picture, message))) == ["user data in the video stream (SEI)"]
