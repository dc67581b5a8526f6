"""Encoders of graphics cards: what is not there is refused; what is there is skipped, as there is nothing to refuse."""

import subprocess
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from anonymize import media
from anonymize.batch.inputs import only_item
from anonymize.errors import OutputError, UnsupportedInput
from anonymize.media.frames.pixels import EXACT
from anonymize.media.video import encoders, hardware
from anonymize.media.video.encoders import Encoder
from anonymize.recorded import job
from anonymize.report import doctor
from anonymize.settings import Codec, Output, Settings
from tests.cli.test_cli import anonymize
from tests.helpers.carry import carry
from tests.helpers.media import make_video, probe
from tests.media.test_sink import fields

HARDWARE = hardware.hardware()
FAMILIES = sorted({hardware.family(encoder) for encoder in HARDWARE.values()})


def absent(codec: Codec) -> Encoder:
    encoder = HARDWARE[codec]
    settings = hardware.options(encoder, 20, 5)
    if hardware.why_not(encoder, encoder.formats["yuv420p"], (1280, 720), settings) is None:
        pytest.skip(f"{codec.value} works on this machine: nothing to refuse; CI has no card")
    return encoder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("clips") / "in.mp4", frames=5)


def test_every_family_has_encoders_and_says_what_it_needs() -> None:
    assert set(FAMILIES) == set(hardware.NEEDS)
    assert {codec.value.rpartition("-")[2] for codec in HARDWARE} == set(FAMILIES)
    assert hardware.family(encoders.X264) == hardware.family(encoders.X265) == hardware.family(encoders.FFV1) == ""


@pytest.mark.parametrize("codec", HARDWARE)
def test_hardware_that_is_not_there_is_refused_in_plain_words(codec: Codec, clip: Path) -> None:
    encoder = absent(codec)
    with media.open_source(clip) as source, pytest.raises(OutputError) as refused:
        media.check_output(source, Output(codec=codec))
    message = str(refused.value)
    assert f"--codec {codec.value} cannot encode" in message
    assert hardware.NEEDS[hardware.family(encoder)] in message
    assert "Nothing else is taken in its place" in message
    with av.logging.Capture() as said:
        VideoReformatter().reformat(av.VideoFrame(16, 16, "rgb24"), format="yuvj420p")  # FFmpeg warns of it
    assert not said, "FFmpeg is as quiet as before"


def test_it_is_refused_before_any_detection(clip: Path, tmp_path: Path) -> None:
    absent(Codec.H264_NVENC)
    seen: list[object] = []
    target = tmp_path / "safe.mp4"
    settings = Settings(output=Output(codec=Codec.H264_NVENC))
    with pytest.raises(OutputError, match="h264-nvenc"):
        job.run(only_item(str(clip), str(target)), settings, detectors=[], on_progress=seen.append)
    assert seen == []
    assert list(tmp_path.iterdir()) == []


def test_the_command_refuses_it(clip: Path, tmp_path: Path) -> None:
    absent(Codec.H265_QSV)
    done = anonymize("run", clip, "-o", tmp_path / "safe.mp4", "--codec", "h265-qsv")
    assert done.returncode == OutputError.exit_code
    assert "--codec h265-qsv cannot encode" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("codec", "suffix", "made", "words"),
    [
        ("h264-nvenc", ".webm", {}, "h264-nvenc in .webm cannot hold this"),
        ("h264-qsv", ".mp4", {"pix_fmt": "yuv420p10le"}, "yuv420p10le"),
        ("av1-amf", ".mp4", {"pix_fmt": "yuv422p"}, "yuv422p"),
        ("h265-nvenc", ".mp4", {"size": (63, 47), "pix_fmt": "yuv420p", "codec": "libvpx-vp9"}, "63 x 47"),
    ],
)
def test_what_it_cannot_hold_unchanged_is_refused_before_any_detection(
    codec: str, suffix: str, made: dict[str, Any], words: str, tmp_path: Path
) -> None:
    source = make_video(tmp_path / "in.mp4", frames=3, **({"options": {}} | made))
    seen: list[object] = []
    settings = Settings(output=Output(codec=Codec(codec)))
    with pytest.raises(UnsupportedInput, match=words):
        job.run(only_item(str(source), str(tmp_path / f"o{suffix}")), settings, detectors=[], on_progress=seen.append)
    assert seen == []


def test_a_software_codec_that_does_not_fit_is_refused_as_early(clip: Path, tmp_path: Path) -> None:
    seen: list[object] = []
    settings = Settings(output=Output(codec=Codec.VP9))
    with pytest.raises(UnsupportedInput, match=r"vp9 in \.mov"):
        job.run(only_item(str(clip), str(tmp_path / "out.mov")), settings, detectors=[], on_progress=seen.append)
    assert seen == []


def test_interlaced_video_is_refused(tmp_path: Path) -> None:
    pictures = [fields(np.full((48, 64, 3), 40 * i, np.uint8), "tff") for i in range(4)]
    source = make_video(tmp_path / "in.mp4", frames=pictures, options={"preset": "ultrafast", "flags": "+ildct+ilme"})
    with media.open_source(source) as opened, pytest.raises(UnsupportedInput, match="interlaced"):
        media.check_output(opened, Output(codec=Codec.H264_NVENC))


def test_graded_hdr_is_refused_where_its_metadata_would_be_lost(tmp_path: Path) -> None:
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    source = make_video(
        tmp_path / "in.mp4",
        frames=3,
        codec="libx265",
        pix_fmt="yuv420p10le",
        options={"preset": "ultrafast", "x265-params": f"log-level=none:master-display={display}"},
    )
    with media.open_source(source) as opened, pytest.raises(UnsupportedInput, match=r"h265-nvenc.*mastering display"):
        media.check_output(opened, Output(codec=Codec.H265_NVENC))


def pairs() -> set[tuple[str, str]]:
    return {pair for encoder in HARDWARE.values() for pair in encoder.formats.items()}


@pytest.mark.parametrize(("planar", "packed"), sorted(pairs()))
def test_repacking_for_hardware_changes_no_sample(planar: str, packed: str) -> None:
    rng, repack = np.random.default_rng(0), VideoReformatter()
    deep = planar.endswith("10le")
    frame = av.VideoFrame(64, 48, planar)
    for plane in frame.planes:
        samples = rng.integers(0, 1024 if deep else 256, plane.buffer_size // (1 + deep))
        plane.update(samples.astype(np.uint16 if deep else np.uint8).tobytes())
    there = repack.reformat(frame, format=packed, interpolation=EXACT, threads=1)
    back = repack.reformat(there, format=planar, interpolation=EXACT, threads=1)
    assert there.format.name == packed
    for before, after in zip(frame.planes, back.planes, strict=True):
        one, other = (
            np.frombuffer(bytes(p), np.uint8).reshape(p.height, -1)[:, : p.width * (1 + deep)] for p in (before, after)
        )
        assert np.array_equal(one, other)


def test_a_semi_planar_encoder_gets_its_pictures_unchanged(clip: Path, tmp_path: Path, monkeypatch) -> None:
    """The way of every hardware encoder through the sink; x264 takes the same format, and is everywhere."""
    monkeypatch.setitem(encoders.BY_NAME, Codec.H264, (Encoder("libx264", "h264", {"yuv420p": "nv12"}),))
    done = carry(clip, tmp_path / "out.mp4", Output(codec=Codec.H264))
    assert done.failures == []
    assert probe(done.path).pix_fmt == "yuv420p"


@pytest.mark.parametrize("codec", HARDWARE)
def test_settings_follow_quality_and_speed(codec: Codec) -> None:
    encoder = HARDWARE[codec]
    names = {"cq", "qp_i", "qp_p", "global_quality"}
    best = hardware.options(encoder, 0, 5)
    levels = [
        [int(value) for name, value in sorted(hardware.options(encoder, quality, 5).items()) if name in names]
        for quality in range(52)
    ]
    rising = levels if hardware.family(encoder) != "videotoolbox" else levels[::-1]
    assert rising == sorted(rising)
    assert levels[0] != levels[20] != levels[51]
    assert all(value > 0 or name.startswith("qp") for name, value in ((n, int(best[n])) for n in names & set(best)))
    assert all(hardware.options(encoder, 20, speed) for speed in range(9))


def documented(name: str) -> str:
    """What a build of FFmpeg says of an encoder's options; empty if it lacks it."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-h", f"encoder={name}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize("codec", HARDWARE)
def test_the_options_are_ones_that_ffmpeg_knows(codec: Codec) -> None:
    encoder = HARDWARE[codec]
    told = documented(encoder.name)
    if "AVOptions" not in told:
        pytest.skip(
            f"this system's FFmpeg has no {encoder.name}; macOS has VideoToolbox's, Linux and Windows the others'"
        )
    general = {"b", "global_quality", "flags"}
    for speed in range(9):
        for name, value in hardware.options(encoder, 30, speed).items():
            assert name in general or f"  -{name} " in told, name
            assert value.lstrip("-").isdigit() or f" {value} " in told, value


def test_doctor_lists_them() -> None:
    (detail,) = (finding.detail for finding in doctor.examine() if finding.name == "hardware")
    assert all(codec.value in detail for codec in HARDWARE)


def test_a_quality_of_av1_is_that_of_x264_on_a_scale_of_63() -> None:
    assert [hardware._of_63(quality) for quality in (0, 20, 45, 46, 51)] == [6, 31, 62, 63, 63]
