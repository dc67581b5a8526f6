import itertools
import re
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anonymize.data import Frame
from anonymize.errors import OutputError, UnsupportedInput, UsageError
from anonymize.media import FieldOrder, open_sink, open_source
from anonymize.media.frames.orient import Orientation
from anonymize.media.frames.pixels import required_layout
from anonymize.media.video import options
from anonymize.media.video.choose import choose
from anonymize.media.video.encoders import VP9, X265, Encoder
from anonymize.settings import Audio, Codec, Output
from tests.helpers.carry import carry
from tests.helpers.formats import documented
from tests.helpers.media import BT601, BT709, BT709_FULL, HDR10, HLG, Picture, make_video, pattern, probe, read_video
from tests.media.test_pixels import MATRICES, noise

FAST = Output(speed="ultrafast")


def cover(box: tuple[int, int, int, int], frame: Frame) -> None:
    """Paint a box of upright pixels black, chroma rounded outward: what redaction does, in its simplest form."""
    for plane in frame.planes:
        spans = []
        for low, high, step, offset in zip(box[:2], box[2:], plane.step, plane.offset, strict=True):
            spans.append(slice((low + offset) // step, -(-(high + offset) // step)))
        plane.pixels[spans[1], spans[0]] = plane.black


def fields(picture: Picture, mark: str) -> av.VideoFrame:
    """`picture` marked as interlaced, `tff` or `bff`."""
    graph = av.filter.Graph()
    frame = av.VideoFrame.from_ndarray(picture).reformat(format="yuv420p")
    frame.time_base = Fraction(1, 25)
    start = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    setfield, end = graph.add("setfield", mark), graph.add("buffersink")
    start.link_to(setfield)
    setfield.link_to(end)
    graph.configure()
    graph.push(frame)
    marked = graph.pull()
    assert isinstance(marked, av.VideoFrame)
    return marked


def stored_planes(path: Path) -> list[list[np.ndarray]]:
    """Every frame's planes as they are stored, read with plain PyAV."""
    out = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            planes = []
            for plane in frame.planes:
                wide = frame.format.components[0].bits > 8
                samples = np.frombuffer(memoryview(plane), np.uint16 if wide else np.uint8)
                planes.append(samples.reshape(plane.height, -1)[:, : plane.width].copy())
            out.append(planes)
    return out


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_lossless_run_equals_the_source_to_the_bit_outside_the_regions(tmp_path: Path, data: st.DataObject) -> None:
    chroma = data.draw(st.sampled_from(["420", "422", "444"]))
    name = f"yuv{chroma}p{data.draw(st.sampled_from(['', '10le']))}"
    width, height = data.draw(st.integers(2, 41)), data.draw(st.integers(2, 41))
    matrix = data.draw(st.sampled_from(MATRICES))
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    target.unlink(missing_ok=True)
    with av.open(str(source), "w") as container:
        stream = container.add_stream("ffv1", rate=5, options={"level": "1"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, name
        stream.set_display_matrix(matrix)
        for index in range(2):
            drawn = noise(width, height, name, index)
            drawn.pts, drawn.time_base = index, Fraction(1, 5)
            container.mux(stream.encode(drawn))
        container.mux(stream.encode(None))
    upright = Orientation.of_matrix(matrix).pair(width, height)
    x0, y0 = data.draw(st.integers(0, upright[0] - 1)), data.draw(st.integers(0, upright[1] - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, upright[0])), data.draw(st.integers(y0 + 1, upright[1]))
    done = carry(source, target, edit=lambda frame: cover((x0, y0, x1, y1), frame))
    assert done.failures == []
    before, after = stored_planes(source), stored_planes(target)
    with open_source(source) as opened:
        frames = list(opened.frames())
    for index, (frame, old, new) in enumerate(zip(frames, before, after, strict=True)):
        for part, plane in enumerate(frame.planes):
            rows = np.arange(plane.pixels.shape[0])
            columns = np.arange(plane.pixels.shape[1])
            inside_y = (rows * plane.step[1] - plane.offset[1] < y1) & (
                (rows + 1) * plane.step[1] - plane.offset[1] > y0
            )
            inside_x = (columns * plane.step[0] - plane.offset[0] < x1) & (
                (columns + 1) * plane.step[0] - plane.offset[0] > x0
            )
            inside = inside_y[:, None] & inside_x[None, :]
            turn = Orientation.of_matrix(matrix).apply
            assert (turn(new[part])[inside] == plane.black).all(), (index, part)
            np.testing.assert_array_equal(turn(new[part])[~inside], turn(old[part])[~inside])


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".ts"])
def test_every_container_keeps_times_sound_and_frames(tmp_path: Path, suffix: str) -> None:
    pts = [0, 40, 70, 130, 131, 200, 400, 410, 500, 600, 1234, 1300]
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    source = make_video(
        tmp_path / f"in{suffix}",
        frames=len(pts),
        pts=pts,
        time_base=Fraction(1, 1000),
        codec=codec,
        audio="libopus" if suffix == ".webm" else "aac",
    )
    done = carry(source, tmp_path / f"out{suffix}")
    assert done.failures == []
    assert done.notes == ()
    assert probe(done.path).times == probe(source).times


@pytest.mark.parametrize(
    ("suffix", "codec", "audio", "target"),
    [
        (".avi", "mpeg4", "pcm_s16le", ""),
        (".flv", "libx264", "aac", ""),
        (".mpg", "mpeg2video", "mp2", ""),
        (".wmv", "wmv2", False, ""),
        (".ogv", "libvpx", False, ""),
        (".mkv", "libx264", "libopus", ".mp4"),
        (".mkv", "ffv1", "pcm_s24le", ""),
        (".mp4", "libx264", "aac", ".mkv"),
        (".mp4", "libx264", "aac", ".mov"),
        (".mp4", "libx264", "ac3", ".ts"),
        (".ts", "libx264", "aac", ""),
        (".webm", "libvpx-vp9", "libopus", ".mp4"),
        (".mov", "libx264", "pcm_s16le", ".mp4"),
    ],
)
def test_from_one_container_to_another(tmp_path: Path, suffix: str, codec: str, audio: str | bool, target: str) -> None:
    """With pictures coded out of order, from time zero on."""
    source = make_video(tmp_path / f"in{suffix}", frames=30, codec=codec, audio=audio, options={})
    done = carry(source, tmp_path / f"out{target}", Output(speed="medium"))
    assert done.failures == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_start_later_than_zero_stays(tmp_path: Path, suffix: str) -> None:
    pts = [7001 + 3003 * i for i in range(30)]
    source = make_video(
        tmp_path / f"in{suffix}",
        frames=30,
        pts=pts,
        time_base=Fraction(1, 90_000),
        audio="aac",
        audio_delay=0.25,
        options={"preset": "medium"},  # with pictures coded out of order
    )
    done = carry(source, tmp_path / f"out{suffix}", Output(speed="medium"))
    assert done.failures == []
    assert probe(done.path).times == probe(source).times
    assert probe(done.path).times[0] > 0
    assert done.times[0] == 0, "sound begins later: playing begins with the first picture"


@pytest.mark.parametrize("time_base", [Fraction(1001, 24000), Fraction(1, 600), Fraction(1, 11988), Fraction(1, 90000)])
def test_mp4_times_are_exact(tmp_path: Path, time_base: Fraction) -> None:
    pts = list(itertools.accumulate([1, 3, 1, 1, 7, 2, 1, 1, 1, 5]))
    source = make_video(tmp_path / "in.mp4", frames=10, pts=pts, time_base=time_base, audio=True)
    done = carry(source, tmp_path / "out.mp4", Output(speed="medium"))
    assert done.failures == []
    assert probe(done.path).times == probe(source).times == tuple(done.times)


def test_the_last_frame_keeps_its_duration(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", frames=10, rate=10)
    done = carry(source, tmp_path / "out.mp4", Output(speed="medium"))
    with av.open(str(source)) as before, av.open(str(done.path)) as after:
        assert before.duration == after.duration == 1_000_000


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation_stays_in_the_container(tmp_path: Path, suffix: str, rotation: int) -> None:
    source = make_video(tmp_path / f"in{suffix}", frames=3, rotation=rotation)
    done = carry(source, tmp_path / f"out{suffix}")
    assert done.failures == []
    assert probe(done.path).rotation % 360 == rotation
    assert (done.info.width, done.info.height) == ((48, 64) if rotation != 180 else (64, 48))


@pytest.mark.parametrize("colour", [BT709, BT709_FULL, BT601])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_colours_and_pixel_shape_stay(tmp_path: Path, suffix: str, colour: object) -> None:
    source = make_video(tmp_path / f"in{suffix}", frames=3, color=colour, sar=Fraction(4, 3))  # type: ignore[arg-type]
    done = carry(source, tmp_path / f"out{suffix}")
    assert done.failures == []
    assert (probe(done.path).colour, probe(done.path).sar) == (colour, Fraction(4, 3))


@pytest.mark.parametrize("colour", [HDR10, HLG])
def test_ten_bit_hdr_stays(tmp_path: Path, colour: object) -> None:
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    params = f"log-level=none:master-display={display}:max-cll=1000,400"
    source = make_video(
        tmp_path / "in.mp4",
        frames=3,
        codec="libx265",
        pix_fmt="yuv420p10le",
        color=colour,  # type: ignore[arg-type]
        options={"preset": "ultrafast", "x265-params": params},
    )
    done = carry(source, tmp_path / "out")
    assert done.failures == []
    assert done.info.hdr is not None
    assert done.info.hdr.light_level == (1000, 400)
    with open_source(done.path) as again:
        assert again.info.hdr == done.info.hdr
        assert again.info.depth == 10
        assert again.info.codec == "hevc"


@pytest.mark.parametrize(
    ("name", "codec", "suffix", "size", "became"),
    [
        ("yuv420p", "libx264", ".mp4", (64, 48), "h264"),
        ("yuv422p", "libx264", ".mp4", (64, 48), "h264"),
        ("yuv444p", "libx264", ".mp4", (63, 47), "h264"),
        ("gray", "libx264", ".mp4", (64, 48), "h264"),
        ("yuv420p", "libvpx-vp9", ".webm", (63, 47), "vp9"),
        ("yuv420p", "libvpx-vp9", ".mp4", (63, 47), "vp9"),
        ("yuv420p10le", "libx264", ".mkv", (64, 48), "hevc"),
        ("yuv422p10le", "prores_ks", ".mov", (64, 48), "prores"),
        ("yuva444p10le", "prores_ks", ".mov", (64, 48), "ffv1"),
        ("yuv411p", "ffv1", ".mkv", (64, 48), "ffv1"),
        ("bgr0", "ffv1", ".mkv", (63, 47), "ffv1"),
        ("rgb24", "libx264rgb", ".mp4", (63, 47), "h264"),
        ("rgba", "png", ".mov", (63, 47), "h264"),
        ("rgb24", "png", ".mov", (64, 48), "h264"),
        ("rgb48be", "png", ".mov", (64, 48), "ffv1"),
        ("yuv422p", "huffyuv", ".avi", (64, 48), "h264"),
        ("yuyv422", "rawvideo", ".avi", (64, 48), "h264"),
        ("bgr24", "rawvideo", ".avi", (62, 46), "h264"),
        ("yuvj422p", "mjpeg", ".avi", (64, 48), "h264"),
        ("yuv420p", "mpeg4", ".avi", (64, 48), "h264"),
    ],
)
def test_formats_go_to_an_encoder_that_takes_them_unchanged(
    tmp_path: Path, name: str, codec: str, suffix: str, size: tuple[int, int], became: str
) -> None:
    source = make_video(tmp_path / f"in{suffix}", frames=3, codec=codec, pix_fmt=name, size=size, options={})
    done = carry(source, tmp_path / "out")
    assert done.failures == []
    assert probe(done.path).codec in (became, f"lib{became}", "libvpx-vp9")


def test_interlaced_video_stays_interlaced(tmp_path: Path) -> None:
    for order, mark in ((FieldOrder.TOP_FIRST, "tff"), (FieldOrder.BOTTOM_FIRST, "bff")):
        source = make_video(
            tmp_path / f"{mark}.mp4",
            frames=[fields(pattern(i), mark) for i in range(6)],
            options={"preset": "ultrafast", "flags": "+ildct+ilme"},
        )
        done = carry(source, tmp_path / f"out_{mark}.mp4")
        assert done.info.field_order is order
        assert done.failures == []


def test_sound_is_copied_packet_for_packet(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", frames=25, audio=True)
    done = carry(source, tmp_path / "out.mp4")

    def packets(path: Path) -> list[tuple[int | None, bytes]]:
        with av.open(str(path)) as container:
            pieces = [(p.pts, bytes(p)) for p in container.demux(audio=0) if p.size]
        # FFmpeg's encoder signs its name between the samples of the first.
        return [(pts, re.sub(rb"Lavc[\d.]+|\0{12,13}", b"", piece)) for pts, piece in pieces]

    assert packets(source) == packets(done.path)


def test_mute_drops_the_sound(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", frames=5, audio=True)
    done = carry(source, tmp_path / "out.mp4", Output(speed="ultrafast", audio=Audio.MUTE))
    assert done.failures == []
    assert probe(done.path).streams == ("video",)


def test_sound_that_no_container_holds_becomes_flac(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.avi", frames=25, audio="adpcm_ima_wav")
    done = carry(source, tmp_path / "out")
    assert done.failures == []
    assert any("FLAC" in note for note in done.notes)
    assert probe(done.path).audio_codec == "flac"
    assert probe(done.path).audio_seconds == pytest.approx(probe(source).audio_seconds, abs=0.1)


def test_the_tags_inside_vorbis_sound_are_gone(tmp_path: Path) -> None:
    source = tmp_path / "in.webm"
    video = "testsrc=size=64x48:rate=25:duration=1"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", video, "-f", "lavfi", "-i"]
    command += ["sine=duration=1", "-c:v", "libvpx-vp9", "-c:a", "libvorbis", "-metadata:s:a", "artist=Tante Erna"]
    subprocess.run([*command, str(source)], check=True, timeout=60)
    assert b"Xiph" in source.read_bytes()
    done = carry(source, tmp_path / "out.webm")
    assert done.failures == []
    assert not re.search(rb"Erna|Xiph|libVorbis|Lavc|encoder=", done.path.read_bytes())
    assert probe(done.path).audio_seconds == pytest.approx(probe(source).audio_seconds, abs=0.03)


@pytest.mark.parametrize(("codec", "suffix"), [("libvpx-vp9", ".webm"), ("ffv1", ".mkv"), ("prores_ks", ".mov")])
def test_wide_pixels_stay_wide(tmp_path: Path, codec: str, suffix: str) -> None:
    """PyAV does not tell Matroska's writer of them, so the source is made as MP4 or MOV."""
    source = make_video(
        tmp_path / ("in.mov" if codec == "prores_ks" else "in.mp4"),
        frames=3,
        size=(96, 80),
        sar=Fraction(16, 11),
        codec="libx264" if codec == "ffv1" else codec,
        pix_fmt="yuv422p10le" if codec == "prores_ks" else "yuv420p",
        options={},
    )
    wish = {"ffv1": Codec.FFV1, "libvpx-vp9": Codec.VP9}.get(codec, Codec.AUTO)
    done = carry(source, tmp_path / "out", Output(codec=wish, speed="ultrafast"))
    assert done.failures == []
    assert probe(done.path).sar == Fraction(16, 11)
    if codec == "libvpx-vp9":
        with pytest.raises(UnsupportedInput, match=r"\.webm cannot say how its vp9 picture is turned or stretched"):
            carry(source, tmp_path / "out.webm")


def test_nothing_else_of_the_source_is_carried(tmp_path: Path) -> None:
    secret = "Tante Erna"
    source = make_video(
        tmp_path / "in.mkv",
        frames=10,
        audio=True,
        subtitle=[(0.0, 0.3, secret)],
        chapters=[(0.0, 0.2, secret)],
        attachment=secret.encode(),
        extra_video=True,
        metadata={"title": secret, "location": "+52.5+13.4/", "creation_time": "2026-01-01T00:00:00Z", "make": secret},
        stream_metadata={"title": secret},
    )
    done = carry(source, tmp_path / "out.mkv")
    assert done.failures == []
    whole = done.path.read_bytes()
    assert secret.encode() in source.read_bytes()
    assert secret.encode() not in whole
    assert not re.search(rb"x264|x265|Lavc|2026|libav", whole)
    said = " ".join(done.info.removed)
    for word in ("GPS", "creation time", "device", "titles", "chapters", "subtitle", "attachment", "further video"):
        assert word in said
    assert secret not in said


def test_user_data_in_the_stream_is_gone(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", frames=3)  # x264 signs its name in one
    done = carry(source, tmp_path / "out.mp4")
    assert any("SEI" in what for what in done.info.removed)
    assert b"x264" in source.read_bytes()
    assert b"x264" not in done.path.read_bytes()
    with av.open(str(done.path)) as container:
        for packet in container.demux(video=0):
            assert 6 not in nal_types(bytes(packet))


def nal_types(packet: bytes) -> list[int]:
    """H.264 unit types in an MP4 packet (length-prefixed)."""
    types, at = [], 0
    while at + 5 <= len(packet):
        types.append(packet[at + 4] & 31)
        at += 4 + int.from_bytes(packet[at : at + 4], "big")
    return types


def test_a_codec_that_is_asked_for_is_used_or_refused(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", frames=3, size=(64, 64))
    for codec, found in ((Codec.H265, "hevc"), (Codec.VP9, "vp9"), (Codec.FFV1, "ffv1"), (Codec.AV1, "av1")):
        done = carry(source, tmp_path / codec.value, Output(codec=codec, speed="ultrafast"))
        assert done.failures == []
        with open_source(done.path) as again:
            assert again.info.codec == found
    with pytest.raises(UnsupportedInput, match=r"prores.*cannot hold this yuv420p video .* leave --codec out"):
        carry(source, tmp_path / "no", Output(codec=Codec.PRORES))


def test_a_container_that_cannot_hold_it_is_refused(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", frames=3)
    with pytest.raises(UsageError, match=r"cannot write \.avi files: use one of mp4"):
        carry(source, tmp_path / "out.avi")
    odd = make_video(tmp_path / "odd.webm", frames=3, size=(63, 47))
    with pytest.raises(UnsupportedInput, match="cannot hold this yuv420p video of 63 x 47"):
        carry(odd, tmp_path / "out.ts")


def test_another_container_is_noted(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.avi", frames=3)
    done = carry(source, tmp_path / "out")
    assert done.path.suffix == ".mp4"
    assert done.notes == ("the file became .mp4: .avi is not written",)


def write_all(source: Path, target: Path, output: Output) -> None:
    """Write every frame as the decoder gives it, straight to `target`."""
    with open_source(source) as opened, open_sink(target, opened, output) as sink:
        for frame in opened.frames():
            sink.write(frame)
        sink.finish()


def test_a_full_disk_is_reported_in_one_line(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    source = make_video(tmp_path / "in.mkv", frames=60, size=(320, 240))
    target = tmp_path / "out.mkv"
    target.symlink_to(full)
    with pytest.raises(OutputError, match=r"^in.mkv: its output cannot be written: the disk is full"):
        write_all(source, target, Output(quality=0))


def test_a_folder_that_vanishes_is_reported(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", frames=3)
    with pytest.raises(OutputError, match="the folder to write into is gone"):
        write_all(source, tmp_path / "gone" / "out.mp4", FAST)


def test_frames_of_the_decoder_itself_may_be_written(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", frames=[pattern(i) for i in range(4)], codec="ffv1")
    target = tmp_path / "out.mkv"
    write_all(source, target, FAST)
    for old, new in zip(stored_planes(source), stored_planes(target), strict=True):
        for before, after in zip(old, new, strict=True):
            np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".ts"])
@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_a_few_pictures_are_enough(tmp_path: Path, codec: Codec, suffix: str, frames: int) -> None:
    """x265 makes up when one or two are decoded; FFmpeg takes a transport stream of ten packets for something else."""
    clip = make_video(tmp_path / f"in{suffix}", frames=frames)
    write_all(clip, tmp_path / f"out{suffix}", Output(speed="ultrafast", codec=codec))
    with av.open(str(tmp_path / f"out{suffix}")) as made:  # as everybody opens it
        packets = [packet for packet in made.demux(video=0) if packet.size]
        times = [packet.dts for packet in packets if packet.dts is not None]  # Matroska does not hold them
        assert len(packets) == frames
        assert max(times, default=0) - min(times, default=0) < 100_000
    assert len(read_video(tmp_path / f"out{suffix}")) == frames


def test_a_transport_stream_of_ten_packets_is_read(tmp_path: Path) -> None:
    """FFmpeg takes it for something else."""
    clip = make_video(tmp_path / "in.ts", frames=1)
    data = clip.read_bytes()
    content = [data[at : at + 188] for at in range(0, len(data), 188)]
    (tmp_path / "short.ts").write_bytes(b"".join(content[1:]))  # without the name of the service
    assert len(content) == 11
    with open_source(tmp_path / "short.ts") as source:
        assert sum(1 for _ in source.frames()) == 1


@pytest.mark.parametrize(
    ("codec", "key", "planning"),
    [
        ("h264", "x264-params", "sliced-threads=1:rc-lookahead=0:sync-lookahead=0:mbtree=0"),
        ("h265", "x265-params", "rc-lookahead=0:bframes=0:ref=1"),
        ("av1", "svtav1-params", "pred-struct=1:lookahead=0:lp=1"),
    ],
)
def test_pictures_over_4k_are_coded_one_by_one(tmp_path: Path, codec: str, key: str, planning: str) -> None:
    with open_source(make_video(tmp_path / "a.mp4", frames=2)) as source:
        info = source.info
    for width, height in ((4096, 2304), (7680, 3840)):
        large = replace(info, width=width, height=height)
        asked = Output(codec=Codec(codec))
        chosen = options.options(large, choose(large, asked, ".mkv"), asked)
        assert (planning in chosen.get(key, "")) == (width > 4096)


@documented(
    "video",
    "frames over 5120 x 2880 pixels with `--codec vp9`",
    "refused before the first frame, since the encoder takes over 2 GiB of memory: give `--codec h264`. WebM of that "
    "size becomes H.264 in MP4",
)
@pytest.mark.parametrize(("width", "height"), [(5120, 2882), (7680, 4320), (4320, 7680)])
def test_vp9_is_refused_where_it_takes_over_2_gib(tmp_path: Path, width: int, height: int) -> None:
    with open_source(make_video(tmp_path / "a.mp4", frames=2)) as source:
        info = replace(source.info, width=width, height=height)
    for suffix, remedy in (("", ""), (".mkv", ""), (".webm", " and name the output .mp4")):
        with pytest.raises(UnsupportedInput, match=rf"vp9 takes more than 2 GiB .* give --codec h264{remedy}$"):
            choose(info, Output(codec=Codec.VP9), suffix)
        assert choose(info, Output(codec=Codec.H264), suffix.replace("webm", "mp4")).encoder.codec == "h264"
    with pytest.raises(UnsupportedInput, match=r"give --codec h264 and name the output \.mp4$"):
        choose(info, Output(), ".webm")
    chosen = choose(replace(info, container="webm", codec="vp9"), Output())
    assert (chosen.encoder.codec, chosen.container) == ("h264", "mp4")
    assert chosen.notes[0] == f"the video became H264: VP9 takes over 2 GiB for {info.width} x {info.height}"


@documented(
    "video",
    "frames over 7680 x 3840 pixels with `--codec h265` (6144 x 3456 with 10 bits)",
    "refused before the first frame in the same way; a video with 10 bits that would become H.265 becomes H.264",
)
@pytest.mark.parametrize(
    ("pixels", "size", "fits"),
    [
        ("yuv420p", (7680, 3840), True),
        ("yuv420p", (7680, 4320), False),
        ("yuv420p10le", (6144, 3456), True),
        ("yuv420p10le", (7680, 3840), False),
        ("yuv444p", (6144, 3456), True),
        ("yuv444p", (7680, 3840), False),
        ("yuv444p10le", (4096, 2304), True),
        ("yuv444p10le", (5120, 2880), False),
    ],
)
def test_h265_is_refused_where_it_takes_over_2_gib(
    tmp_path: Path, pixels: str, size: tuple[int, int], fits: bool
) -> None:
    with open_source(make_video(tmp_path / "a.mp4", frames=2)) as source:
        info = replace(source.info, width=size[0], height=size[1], pixel_format=pixels)
    if fits:
        assert choose(info, Output(codec=Codec.H265)).encoder.codec == "hevc"
        return
    with pytest.raises(UnsupportedInput, match=r"hevc takes more than 2 GiB .* give --codec h264$"):
        choose(info, Output(codec=Codec.H265))
    assert choose(info, Output(codec=Codec.H264)).encoder.codec == "h264"
    chosen = choose(info, Output())
    assert chosen.encoder.codec == "h264"
    if pixels.endswith("10le"):
        assert chosen.notes[0] == f"the video became H264: HEVC takes over 2 GiB for {size[0]} x {size[1]}"


def test_the_remedy_for_12_bits_holds_them(tmp_path: Path) -> None:
    with open_source(make_video(tmp_path / "a.mp4", frames=2)) as source:
        info = replace(source.info, width=7680, height=4320, pixel_format="yuv420p12le")
    with pytest.raises(UnsupportedInput, match=r"give --codec ffv1 and name the output \.mkv$"):
        choose(info, Output(), ".mp4")
    assert choose(info, Output(codec=Codec.FFV1), ".mkv").encoder.codec == "ffv1"


def test_large_frames_get_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thread holds frames of its own: memory must not grow with the cores of the machine."""
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert [options.threads_for(*size) for size in ((1280, 720), (1920, 1080), (3840, 2160), (7680, 4320))] == [
        16,
        8,
        4,
        2,
    ]


def test_vp9_encodes_5k(tmp_path: Path) -> None:
    with open_source(make_video(tmp_path / "a.mp4", frames=2)) as source:
        info = replace(source.info, width=5120, height=2880)
    assert choose(info, Output(codec=Codec.VP9)).encoder.codec == "vp9"
    assert choose(replace(info, container="webm", codec="vp9"), Output()).encoder.codec == "vp9"


def test_the_options_of_pictures_over_4k_are_the_encoders_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "_huge", lambda _: True)
    clip = make_video(tmp_path / "a.mp4", frames=12, size=(128, 96))
    for codec in ("h264", "h265", "av1"):
        made = carry(clip, tmp_path / codec, Output(codec=Codec(codec))).path
        assert len(read_video(made)) == 12


@pytest.mark.parametrize("encoder", [X265, VP9], ids=["x265", "vp9"])
def test_wide_and_high_pictures_are_too_large_for_an_encoder_by_their_pixels(tmp_path: Path, encoder: Encoder) -> None:
    with open_source(make_video(tmp_path / "in.mp4", frames=1)) as source:
        info = source.info
    plain, deep = (required_layout(name, "in.mp4") for name in ("yuv420p", "yuv444p10le"))
    long = 65_535
    short = int(encoder.most_pixels) // long
    for width, height in ((long, short), (short, long)):
        assert not encoder.is_too_large(replace(info, width=width, height=height), plain)
        assert encoder.is_too_large(replace(info, width=width + 1, height=height + 1), plain)
        assert encoder.is_too_large(replace(info, width=width, height=height), deep)
