"""Cutting files into segments, and joining what is encoded apart: the same pictures at the same times as in one go."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from anonymize.media import CannotCut, Cut, PassTraits, VideoSink, VideoSource, coded, open_sink, open_source
from anonymize.media.video import segments
from anonymize.media.video.coder import EncodedPacket
from anonymize.media.video.sink import DecodingTimes
from anonymize.settings import Codec, Output
from tests.helpers.media import HDR10, corrupt, make_video, pattern, probe, read_audio, read_video, time_of, truncate
from tests.helpers.structure import check_structure

GOP = {"g": "10", "keyint_min": "10", "sc_threshold": "0"}
SIZE = (128, 96)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of 0.8 s rather than 20 s."""
    monkeypatch.setattr(segments, "LEAST", Fraction(4, 5))


def opened(path: Path) -> VideoSource:
    source = open_source(path)
    assert isinstance(source, VideoSource)
    return source


def cut_of(source: VideoSource) -> Cut:
    cut = segments.cut_up(source.input, source.name)
    assert cut is not None
    return cut


def read_apart(source: VideoSource) -> list[tuple[int, int, list[np.ndarray]]]:
    """Index, time and planes of every picture, segment by segment."""
    cut = cut_of(source)
    traits = [PassTraits() for _ in cut.segments]
    pictures = [
        (picture.index, picture.pts, [plane.pixels.copy() for plane in picture.planes])
        for segment, of in zip(cut.segments, traits, strict=True)
        for picture in source.part(segment, of)
    ]
    source.joined(cut, traits)
    assert [pts for _, pts, _ in pictures] == list(cut.times.pts)
    return pictures


HEVC = "log-level=none:keyint=10:min-keyint=10:scenecut=0"
SOURCES = {
    "h264 with sound": ("a.mp4", {"options": GOP | {"preset": "medium"}, "audio": True}),
    "matroska": ("a.mkv", {"options": GOP | {"preset": "medium"}}),
    "open gop": ("a.mp4", {"options": GOP | {"preset": "medium", "x264-params": "open-gop=1"}}),
    "10 bit hevc, open gop": (
        "a.mp4",
        {
            "codec": "libx265",
            "pix_fmt": "yuv420p10le",
            "color": HDR10,
            "options": {"preset": "medium", "x265-params": f"{HEVC}:open-gop=1:bframes=3"},
        },
    ),
    "variable frame rate": (
        "a.mp4",
        {"options": GOP, "pts": [40 * i + 13 * (i % 3) + 900 * (i // 25) for i in range(60)]}
        | {"time_base": Fraction(1, 1000)},
    ),
    "late start": ("a.mkv", {"options": GOP, "pts": range(1000, 61000, 1000), "time_base": Fraction(1, 25000)}),
    "turned": ("a.mov", {"options": GOP, "rotation": 90}),
    "webm": ("a.webm", {"options": {"g": "10", "deadline": "realtime", "cpu-used": "8"}}),
    "prores": ("a.mov", {"codec": "prores_ks", "pix_fmt": "yuv422p10le"}),
}


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
def test_a_segment_is_entered_at_its_own_key_frame(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is sought by when its first frame is shown: when that is decoded leads FFmpeg to the key frame before."""
    source = opened(make_video(tmp_path / name, frames=80, size=SIZE, options=GOP | {"preset": "medium"}))
    decoded: list[int | None] = []
    real = VideoSource._decode

    def counted(*arguments: Any, **named: Any) -> Iterator[av.VideoFrame]:
        for picture in real(*arguments, **named):
            decoded.append(picture.pts)
            yield picture

    monkeypatch.setattr(VideoSource, "_decode", counted)
    for inspect in (True, False):
        for segment in cut_of(source).segments:
            decoded.clear()
            assert len(list(source.part(segment, PassTraits(), inspect=inspect))) == segment.end - segment.first
            assert decoded[0] == segment.pts[0]
        assert bool(source._whole_segments) is inspect
        source._whole_segments.clear()


@pytest.mark.parametrize("name", SOURCES)
def test_segments_hold_what_the_whole_file_holds(name: str, tmp_path: Path) -> None:
    file, wanted = SOURCES[name]
    path = make_video(tmp_path / file, frames=60, size=SIZE, **wanted)  # type: ignore[arg-type]
    apart, whole = opened(path), opened(path)
    pictures = read_apart(apart)
    expected = [(p.index, p.pts, [plane.pixels.copy() for plane in p.planes]) for p in whole.frames()]
    assert len(cut_of(apart).segments) >= 2
    assert [p[:2] for p in pictures] == [p[:2] for p in expected]
    for (_, _, ours), (_, _, theirs) in zip(pictures, expected, strict=True):
        assert all((a == b).all() for a, b in zip(ours, theirs, strict=True))
    assert apart.info == whole.info
    assert apart.losses == whole.losses == []


def test_segments_are_long_enough_and_begin_with_key_frames(tmp_path: Path) -> None:
    source = opened(make_video(tmp_path / "a.mp4", frames=75, size=SIZE, options=GOP))
    assert [(s.first, s.end) for s in cut_of(source).segments] == [(0, 20), (20, 40), (40, 75)]


@pytest.mark.parametrize("suffix", [".avi", ".ts", ".gif"])
def test_containers_that_cannot_be_entered_anywhere_are_one_segment(suffix: str, tmp_path: Path) -> None:
    path = make_video(tmp_path / f"a{suffix}", frames=60, size=SIZE)
    assert segments.cut_up(path, path.name) is None


def test_what_is_short_damaged_or_without_key_frames_is_one_segment(tmp_path: Path) -> None:
    good = make_video(tmp_path / "good.mp4", frames=60, size=SIZE, options=GOP, container_options=FAST_START)
    assert segments.cut_up(good, "good") is not None
    assert segments.cut_up(good.read_bytes(), "standard input") is None
    short = make_video(tmp_path / "short.mp4", frames=35, size=SIZE, options=GOP)
    assert segments.cut_up(short, "short") is None
    one_key = make_video(tmp_path / "key.mp4", frames=60, size=SIZE, options={"g": "999", "sc_threshold": "0"})
    assert segments.cut_up(one_key, "key") is None
    assert segments.cut_up(truncate(good, 0.7), "half") is None


FAST_START = {"movflags": "+faststart"}


def test_damaged_pictures_are_no_segment(tmp_path: Path) -> None:
    """The packets look sound; that pictures in them are not shows when they are decoded."""
    path = make_video(tmp_path / "a.mp4", frames=60, size=SIZE, options=GOP, container_options=FAST_START)
    corrupt(path, share=0.2)
    source = open_source(path, allow_damaged=True)
    assert isinstance(source, VideoSource)
    assert segments.cut_up(path, "a") is None or _refused(source)
    assert sum(1 for _ in source.frames()) > 20
    assert source.losses


def _refused(source: VideoSource) -> bool:
    with pytest.raises(CannotCut):
        read_apart(source)
    return True


def test_key_frames_that_show_nothing_by_themselves_are_found_out(tmp_path: Path) -> None:
    """With a rolling intra refresh the container lists entry points at which no whole picture stands."""
    rolling = {"x264-params": "keyint=10:intra-refresh=1:scenecut=0:bframes=0", "preset": "fast"}
    path = make_video(tmp_path / "a.mp4", frames=60, size=SIZE, options=rolling)
    assert _refused(opened(path))


@pytest.mark.parametrize("number", [0, 1])
def test_segments_that_differ_where_they_overlap_are_not_joined(number: int, tmp_path: Path) -> None:
    """Both decode the first frames of the later one: where these differ, one is not what the file holds."""
    path = make_video(tmp_path / "a.mp4", frames=80, size=SIZE, options=GOP | {"preset": "medium"})
    source = opened(path)
    cut = cut_of(source)
    traits = [_traits(source, segment) for segment in cut.segments]
    assert len(traits) == 3
    assert all(one.tail == next_one.head != 0 for one, next_one in pairwise(traits))
    source.joined(cut, traits)
    traits[number].tail ^= 1
    with pytest.raises(CannotCut):
        source.joined(cut, traits)


def joined(source: VideoSource, target: Path, output: Output) -> Cut:
    """Write `source` to `target` from segments that were encoded apart."""
    cut = cut_of(source)
    source.joined(cut, [_traits(source, segment) for segment in cut.segments])
    with open_sink(target, source, output) as sink:
        assert isinstance(sink, VideoSink)
        made = (coded(source.part(s, PassTraits()), source.info, sink.target, output) for s in cut.segments)
        assert sum(1 for _ in sink.join(made, cut.times)) == len(cut.times)
        sink.finish()
    return cut


def _traits(source: VideoSource, segment: segments.Segment) -> PassTraits:
    traits = PassTraits()
    for _ in source.part(segment, traits):
        pass
    return traits


TARGETS = [
    (Codec.H264, ".mp4"),
    (Codec.H264, ".mkv"),
    (Codec.H264, ".ts"),
    (Codec.H265, ".mp4"),
    (Codec.AV1, ".mp4"),
    (Codec.VP9, ".webm"),
    (Codec.FFV1, ".mkv"),
]


@pytest.mark.parametrize(("codec", "suffix"), TARGETS)
def test_every_encoder_can_be_joined(codec: Codec, suffix: str, tmp_path: Path) -> None:
    uneven = [40 * i + 17 * (i % 3) for i in range(60)]
    path = make_video(tmp_path / "a.mp4", frames=60, size=SIZE, options=GOP, pts=uneven, time_base=Fraction(1, 1000))
    source, target = opened(path), tmp_path / f"out{suffix}"
    output = Output(codec=codec, speed="fast")
    cut = joined(source, target, output)
    assert check_structure(target, source.info, cut.times, output) == []
    before, after = read_video(path), read_video(target)
    assert len(after) == 60
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(after, before, strict=True)) < 6
    starts = {cut.times[s.first] - cut.times[0] for s in cut.segments}
    with av.open(str(target)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    first = min(map(time_of, packets))
    assert {time_of(p) - first for p in packets if p.is_keyframe} >= starts
    decoded = [p.dts for p in packets if p.dts is not None]
    assert all(a < b for a, b in pairwise(decoded))
    assert suffix == ".mkv" or all(
        p.dts is not None and p.dts * Fraction(p.time_base or 0) <= time_of(p) for p in packets
    )


def test_prores_and_interlaced_video_can_be_joined(tmp_path: Path) -> None:
    made = make_video(tmp_path / "a.mov", frames=60, size=SIZE, codec="prores_ks", pix_fmt="yuv422p10le")
    source = opened(made)
    cut = joined(source, tmp_path / "out.mov", Output())
    assert check_structure(tmp_path / "out.mov", source.info, cut.times, Output()) == []
    fields = make_video(
        tmp_path / "i.mp4", frames=60, size=SIZE, options=GOP | {"flags": "+ildct+ilme", "x264-params": "tff=1"}
    )
    source = opened(fields)
    cut = joined(source, tmp_path / "out.mp4", Output(speed="ultrafast"))
    assert check_structure(tmp_path / "out.mp4", source.info, cut.times, Output(speed="ultrafast")) == []


def test_sound_stays_with_the_picture_over_seams(tmp_path: Path) -> None:
    made = make_video(tmp_path / "a.mp4", frames=60, size=SIZE, options=GOP, audio=True, audio_delay=0.3)
    source = opened(made)
    cut = joined(source, tmp_path / "out.mp4", Output(speed="ultrafast"))
    assert check_structure(tmp_path / "out.mp4", source.info, cut.times, Output(speed="ultrafast")) == []
    assert np.array_equal(read_audio(made), read_audio(tmp_path / "out.mp4"))
    assert probe(made).times == probe(tmp_path / "out.mp4").times


def test_decoding_times_go_on_where_the_last_segment_ended() -> None:
    shown = [0, 10, 30, 31, 90, 100, 101, 140]
    first = [EncodedPacket(b"", pts, dts, 1, False) for pts, dts in ((0, -30), (31, -20), (10, 0), (30, 10))]
    times = DecodingTimes(shown)
    assert [times.of(packet, 0) for packet in first] == [-30, -20, 0, 10]
    second = [EncodedPacket(b"", pts, 0, 1, False) for pts in (90, 140, 100, 101)]
    assert [times.of(packet, 1) for packet in second] == [30, 31, 90, 100]


def test_an_encoder_that_reorders_further_than_its_first_segment_told_is_not_joined() -> None:
    times = DecodingTimes([0, 10, 20, 30, 40])
    times.of(EncodedPacket(b"", 0, 0, 1, True), 0)
    times.of(EncodedPacket(b"", 10, 10, 1, False), 0)
    times.of(EncodedPacket(b"", 40, 0, 1, True), 1)
    with pytest.raises(CannotCut):
        times.of(EncodedPacket(b"", 20, 0, 1, False), 1)


def test_parameter_sets_that_differ_are_not_joined(tmp_path: Path) -> None:
    source = opened(make_video(tmp_path / "a.mp4", frames=60, size=SIZE, options=GOP))
    cut = cut_of(source)
    with open_sink(tmp_path / "out.mp4", source, Output(speed="fast")) as sink:
        assert isinstance(sink, VideoSink)
        other = (
            coded(source.part(s, PassTraits()), source.info, sink.target, Output(speed="ultrafast"))
            for s in cut.segments
        )
        with pytest.raises(CannotCut):
            list(sink.join(other, cut.times))


def test_pattern_frames_differ() -> None:
    """What the tests above stand on: a picture in a wrong place would show."""
    assert np.abs(pattern(20, SIZE).astype(int) - pattern(21, SIZE)).mean() > 0.1
