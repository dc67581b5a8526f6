"""What players need of a container, read from the boxes of the file by the test itself."""

from fractions import Fraction
from pathlib import Path

import pytest

from anonymize.media import VideoSink, VideoSource, coded, open_sink, open_source
from anonymize.media.video import segments
from anonymize.settings import Codec, Output
from tests.helpers.boxes import Box, boxes
from tests.helpers.carry import carry
from tests.helpers.media import BT709, HDR10, make_video

FAST = Output(speed="ultrafast")
HIGH_420 = (100, 1, 8)
"""H.264's number of High, of 4:2:0, and bits a sample."""


def inside(content: bytes, *path: bytes) -> bytes:
    """The content of the first box at `path`."""
    for name in path:
        content = dict(reversed(boxes(content)))[name]
    return content


def entry(path: Path) -> Box:
    """Name and content of the picture's sample entry."""
    track = next(
        held
        for name, held in boxes(inside(path.read_bytes(), b"moov"))
        if name == b"trak" and inside(held, b"mdia", b"hdlr")[8:12] == b"vide"
    )
    (described,) = boxes(inside(track, b"mdia", b"minf", b"stbl", b"stsd")[8:])
    return described


def attached(path: Path) -> dict[bytes, bytes]:
    """The boxes in the picture's sample entry."""
    return dict(boxes(entry(path)[1][78:]))


def parameter_sets_between_pictures(path: Path) -> bool:
    """Whether the media of an H.265 file hold a parameter set (units 32 to 34), prefixed with four bytes of length."""
    media, at, kinds = inside(path.read_bytes(), b"mdat"), 0, set()
    while at < len(media):
        kinds.add(media[at + 4] >> 1 & 0x3F)
        at += 4 + int.from_bytes(media[at : at + 4], "big")
    return bool(kinds & {32, 33, 34})


TAGS = {
    ("mp4", Codec.H264): b"avc1",
    ("m4v", Codec.H264): b"avc1",
    ("mov", Codec.H264): b"avc1",
    ("mp4", Codec.H265): b"hvc1",
    ("m4v", Codec.H265): b"hvc1",
    ("mov", Codec.H265): b"hvc1",
    ("mp4", Codec.VP9): b"vp09",
    ("mp4", Codec.AV1): b"av01",
    ("mov", Codec.PRORES): b"apch",
}


@pytest.mark.parametrize(("suffix", "codec"), TAGS)
def test_players_find_the_name_of_the_sample_entry_that_they_know(tmp_path: Path, suffix: str, codec: Codec) -> None:
    source = make_video(
        tmp_path / "in.mkv", frames=4, size=(96, 64), pix_fmt="yuv422p10le" if codec is Codec.PRORES else "yuv420p"
    )
    made = carry(source, tmp_path / f"out.{suffix}", output=Output(speed="ultrafast", codec=codec)).path
    assert entry(made)[0] == TAGS[suffix, codec]


def test_hevc_of_ten_bits_has_its_parameter_sets_in_the_header_alone(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", frames=4, codec="libx265", pix_fmt="yuv420p10le", color=HDR10)
    made = carry(source, tmp_path / "out.mp4", output=FAST).path
    assert entry(made)[0] == b"hvc1"
    header = attached(made)[b"hvcC"]
    assert header[22] >= 3, "VPS, SPS and PPS"
    assert all(kind & 0x80 for kind in (header[23],)), "the list of parameter sets is complete"
    assert not parameter_sets_between_pictures(made)


def test_hevc_joined_from_segments_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "LEAST", Fraction(4, 5))
    gop = {"x265-params": "log-level=none:keyint=10:min-keyint=10:scenecut=0"}
    path = make_video(tmp_path / "in.mp4", frames=50, codec="libx265", pix_fmt="yuv420p10le", color=HDR10, options=gop)
    source = open_source(path)
    assert isinstance(source, VideoSource)
    list(source.frames())
    cut = segments.cut_up(source.input, source.name)
    assert cut is not None
    made = tmp_path / "out.mp4"
    with open_sink(made, source, FAST) as sink:
        assert isinstance(sink, VideoSink)
        parts = (
            coded(source.part(segment, segments.PassTraits()), source.info, sink.target, FAST)
            for segment in cut.segments
        )
        for _ in sink.join(parts, cut.times):
            pass
        sink.finish()
    assert entry(made)[0] == b"hvc1"
    assert not parameter_sets_between_pictures(made)


@pytest.mark.parametrize("suffix", ["mp4", "m4v", "mov"])
def test_the_index_comes_before_the_media_and_the_header_tells_colours(tmp_path: Path, suffix: str) -> None:
    source = make_video(tmp_path / "in.mp4", frames=4, color=BT709, audio=True)
    made = carry(source, tmp_path / f"out.{suffix}", output=FAST).path
    names = [name for name, _ in boxes(made.read_bytes())]
    assert names.index(b"moov") < names.index(b"mdat")
    assert attached(made)[b"colr"][4:10] == bytes((0, 1, 0, 1, 0, 1))


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "libvpx-vp9", "mjpeg"])
def test_eight_bits_with_halved_chroma_stay_so(tmp_path: Path, codec: str) -> None:
    source = make_video(
        tmp_path / "in.mkv", frames=4, codec=codec, pix_fmt="yuvj420p" if codec == "mjpeg" else "yuv420p"
    )
    header = attached(carry(source, tmp_path / "out.mp4", output=Output()).path)[b"avcC"]
    assert (header[1], header[-4] & 3, (header[-3] & 7) + 8) == HIGH_420


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
@pytest.mark.parametrize("ticks", [Fraction(1001, 30000), Fraction(1, 12800), Fraction(1, 90000)])
def test_times_are_exact_in_the_tracks_scale(tmp_path: Path, suffix: str, ticks: Fraction) -> None:
    rate = Fraction(30000, 1001) if ticks.numerator > 1 else Fraction(25)
    source = make_video(tmp_path / f"in.{suffix}", frames=4, rate=rate, time_base=ticks)
    made = carry(source, tmp_path / f"out.{suffix}", output=FAST).path
    scales = []
    for path in (source, made):
        header = inside(path.read_bytes(), b"moov", b"trak", b"mdia", b"mdhd")
        scales.append(int.from_bytes(header[12:16] if header[0] == 0 else header[20:24], "big"))
    assert scales[0] == scales[1] < 2**31
