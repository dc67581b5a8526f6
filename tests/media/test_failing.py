import io
import os
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from anonymize.batch.inputs import only_item
from anonymize.errors import AnonymizeError, DamagedInput, UnreadableInput, UnsupportedInput
from anonymize.media import open_sink, open_source
from anonymize.media.video.open import MAX_PIXELS, check_size
from anonymize.recorded import job
from anonymize.settings import Output, Settings
from tests.helpers.carry import carry
from tests.helpers.media import corrupt, make_image, make_video, pattern, truncate
from tests.helpers.pace import Bound


@pytest.fixture(autouse=True)
def within_a_minute() -> Iterator[None]:
    bound = Bound(60)
    yield
    assert not bound.over()


def refused(path: Path, kind: type[AnonymizeError], *, words: str) -> None:
    """Opening and reading `path` ends in one plain line of this kind."""
    with pytest.raises(kind, match=words) as caught, open_source(path) as source:
        for _ in source.frames():
            pass
    message = str(caught.value)
    assert message.startswith(f"{path.name}: ")
    assert "\n" not in message
    assert "Traceback" not in message


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"")
    refused(path, UnreadableInput, words="the file is empty")


def test_nothing_on_standard_input() -> None:
    with pytest.raises(UnreadableInput, match=r"^standard input: nothing came in"):
        open_source(b"")


@pytest.mark.parametrize("content", [b"hello world, this is a text\n" * 50, bytes(range(256)) * 40, b"\0" * 5000])
@pytest.mark.parametrize("name", ["a.mp4", "a.txt", "a.h264"])
def test_not_media(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    refused(path, UnreadableInput, words="not a video or picture|could be decoded|no video in it")


def test_missing_folder_and_device(tmp_path: Path) -> None:
    refused(tmp_path / "none.mp4", UnreadableInput, words="no such file")
    refused(tmp_path, UnreadableInput, words="this is a folder")
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    refused(pipe, UnreadableInput, words="a device or a pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", frames=2)
    path.chmod(0)
    refused(path, UnreadableInput, words="no permission")


@pytest.mark.parametrize("flags", ["", "+faststart"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_truncated_mp4(tmp_path: Path, suffix: str, flags: str) -> None:
    path = make_video(
        tmp_path / f"a{suffix}", frames=50, size=(160, 120), container_options={"movflags": flags} if flags else None
    )
    truncate(path, 0.5)
    if flags:
        refused(path, DamagedInput, words=r"of 50 pictures are missing.*--allow-damaged")
    else:
        refused(path, UnreadableInput, words="its index .* is missing")


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_truncated_matroska(tmp_path: Path, suffix: str, share: float) -> None:
    path = truncate(make_video(tmp_path / f"a{suffix}", frames=100, audio=True), share)
    refused(path, DamagedInput, words=r"it ends at .* s, and|the end of the file is missing|could not be decoded")


@pytest.mark.parametrize("suffix", [".avi", ".flv"])
def test_truncated_avi_and_flv(tmp_path: Path, suffix: str) -> None:
    codec = "mpeg4" if suffix == ".avi" else "libx264"
    path = truncate(make_video(tmp_path / f"a{suffix}", frames=100, codec=codec), 0.5)
    refused(path, DamagedInput, words=r"it ends at|the end of the file is missing|could not be decoded|damaged")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi", ".ts", ".mov"])
def test_whole_files_are_whole(tmp_path: Path, suffix: str) -> None:
    path = make_video(tmp_path / f"a{suffix}", frames=100, audio=True)
    with open_source(path) as source:
        assert sum(1 for _ in source.frames()) == 100
        assert source.losses == []


def test_corrupt_pictures_are_counted(tmp_path: Path) -> None:
    path = corrupt(make_video(tmp_path / "a.mp4", frames=60, size=(160, 120), options={"g": "10"}), share=0.2)
    refused(path, DamagedInput, words=r"could not be decoded|are damaged")
    with open_source(path, allow_damaged=True) as source:
        assert 0 < sum(1 for _ in source.frames()) <= 60
        assert source.losses
        first = list(source.losses)
        for _ in source.frames():
            pass
        assert source.losses == first


def test_sound_only(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 4800), np.float32), format="fltp", layout="stereo")
        frame.rate = 48000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    refused(path, UnreadableInput, words=r"there is no video in it \(only audio\)")


def test_cover_only(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        sound = out.add_stream("aac", rate=48000)
        cover = out.add_stream("mjpeg", rate=25)
        assert isinstance(cover, av.VideoStream)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 4800), np.float32), format="fltp", layout="stereo")
        frame.rate = 48000
        out.mux(cover.encode(av.VideoFrame.from_ndarray(pattern(0)).reformat(format="yuvj420p")))
        out.mux(cover.encode(None))
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    refused(path, UnreadableInput, words=r"there is no video in it \(only a cover picture\)")


def photos(count: int) -> list[Image.Image]:
    return [Image.effect_noise((160, 120), 60 + 9 * number).convert("RGB") for number in range(count)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("scans.pdf", "this is a PDF; save the pictures"),
        ("photos.tar", "this is a tar archive; unpack it"),
        ("photos.zip", "this is a ZIP archive; unpack it"),
        ("mail.eml", "not a video or picture that can be read"),
    ],
)
def test_photos_within_another_file_are_no_film(tmp_path: Path, name: str, words: str) -> None:
    """FFmpeg takes whatever holds JPEG pictures of one size for a film of them, and leaves out the rest."""
    path = tmp_path / name
    first, *rest = photos(3)
    if name == "scans.pdf":
        first.save(path, save_all=True, append_images=rest)
    else:
        for number, photo in enumerate([first, *rest]):
            photo.save(tmp_path / f"{number}.jpg")
        made = sorted(tmp_path.glob("*.jpg"))
        if name == "photos.tar":
            with tarfile.open(path, "w") as tar:
                for one in made:
                    tar.add(one, one.name)
        elif name == "photos.zip":
            with zipfile.ZipFile(path, "w") as archive:
                for one in made:
                    archive.write(one, one.name)
        else:
            path.write_bytes(b"From: a@example.org\r\n\r\n".join([b"", *(one.read_bytes() for one in made)]))
    refused(path, UnreadableInput, words=words)


@pytest.mark.parametrize("suffix", [".mjpeg", ".MJPG"])
def test_a_film_of_jpeg_pictures_is_not_read_as_its_first(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a film{suffix}"
    with path.open("wb") as file:
        for photo in photos(3):
            photo.save(file, "JPEG")
    refused(path, UnsupportedInput, words="without times is not supported; give it some, as with `ffmpeg -framerate 25")


def test_absurd_dimensions() -> None:
    check_size(8000, 6000, "a.mp4")
    large = (
        r"^a.mp4: its pictures are too large \(8001 x 6000 pixels, 48.0 megapixels\): at most 48 megapixels of a video"
    )
    with pytest.raises(UnreadableInput, match=large):
        check_size(8001, 6000, "a.mp4")
    with pytest.raises(UnreadableInput, match="scale it down"):
        check_size(65535, 65535, "a.mp4")
    with pytest.raises(UnreadableInput, match="no picture size"):
        check_size(0, 100, "a.mp4")
    assert MAX_PIXELS > 8192 * 4320


def test_a_header_that_claims_absurd_dimensions(tmp_path: Path) -> None:
    path = tmp_path / "a.y4m"
    path.write_bytes(b"YUV4MPEG2 W60000 H60000 F25:1 C420\nFRAME\n" + bytes(100))
    refused(path, UnreadableInput, words="its pictures are too large .60000 x 60000|not a video")


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", frames=3)
    wrong = path.rename(tmp_path / "a.mp4")
    with open_source(wrong) as source:
        assert source.info.container == "mkv"
        assert sum(1 for _ in source.frames()) == 3
    assert carry(wrong, tmp_path / "out").notes == ("the file is called .mp4 but contains mkv: it was read as mkv",)
    picture = make_image(tmp_path / "b.jpg").rename(tmp_path / "b.mp4")
    with open_source(picture) as source:
        assert source.info.container == "jpg"


def test_standard_input_is_read_like_a_file(tmp_path: Path) -> None:
    content = make_video(tmp_path / "a.mp4", frames=7, audio=True).read_bytes()
    with open_source(content) as source:
        assert source.info.name == "standard input"
        assert [frame.index for frame in source.frames()] == list(range(7))
        assert [frame.index for frame in source.frames()] == list(range(7))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{url}\n#EXT-X-ENDLIST\n"),
        ("a.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{url}\n#EXT-X-ENDLIST\n"),
        ("a.mkv", "ffconcat version 1.0\nfile {url}\n"),
        ("a.txt", "ffconcat version 1.0\nfile 'real.mp4'\n"),
        ("a.mpd", '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{url}</BaseURL></MPD>'),
        (
            "a.sdp",
            "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        ),
    ],
)
@pytest.mark.parametrize("url", ["real.mp4", "file:real.mp4", "http://127.0.0.1:{port}/real.ts"])
def test_a_list_of_other_files_opens_none_of_them(tmp_path: Path, name: str, text: str, url: str) -> None:
    real = make_video(tmp_path / "real.mp4", frames=3)
    assert real.exists()  # whoever followed the list would find pictures
    path = tmp_path / name
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        path.write_text(text.format(url=url.format(port=server.getsockname()[1])))
        refused(path, UnreadableInput, words="a list of other files|not a video or picture")
        with pytest.raises(BlockingIOError):  # nobody called
            server.accept()


def test_a_name_with_a_pattern_is_a_name(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a%03d.mp4", frames=3)
    with open_source(path) as source:
        assert sum(1 for _ in source.frames()) == 3


def test_a_change_of_size_on_the_way_is_refused(tmp_path: Path) -> None:
    parts = [make_video(tmp_path / f"{w}.ts", frames=8, size=(w, 48)) for w in (64, 96)]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    refused(path, UnsupportedInput, words=r"changes its size partway through \(from 64 x 48 to 96 x 48\)")


def outcome(path: Path) -> str:
    """What reading `path` ends with: nothing for a video, else the plain error; any other error passes through."""
    try:
        with open_source(path) as source:
            for frame in source.frames():
                frame.luma(16, 16)
    except AnonymizeError as error:
        return str(error)
    return ""


def test_many_broken_files_end_in_one_line_each(tmp_path: Path) -> None:
    """Noise over headers: whatever it does to them, the end is a plain error or a video."""
    rng = np.random.default_rng(3)
    seeds = [
        make_video(tmp_path / f"seed{s}", frames=8, audio=True).read_bytes() for s in (".mp4", ".mkv", ".avi", ".ts")
    ]
    for index in range(60):
        content = bytearray(seeds[index % 4])
        for at in rng.integers(0, len(content) if index % 3 else 1500, 25):
            content[at] = rng.integers(0, 256)
        path = tmp_path / f"broken{index}.bin"
        path.write_bytes(bytes(content))
        message = outcome(path)
        assert not message or message.startswith(path.name)
        assert "\n" not in message


def test_times_are_given_where_the_file_has_none(tmp_path: Path) -> None:
    path = tmp_path / "a.h264"
    with av.open(io.BytesIO(), "w", format="h264") as out:
        stream = out.add_stream("libx264", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = 64, 48
        packets = []
        for i in range(10):
            frame = av.VideoFrame.from_ndarray(pattern(i)).reformat(format="yuv420p")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        path.write_bytes(b"".join(bytes(p) for p in packets))
        out.mux(packets)
    done = carry(path, tmp_path / "out")
    assert done.failures == []
    assert done.path.suffix == ".mp4"
    with open_source(path) as source:
        stamps = [frame.pts * frame.time_base for frame in source.frames()]
    assert len(stamps) == 10
    assert stamps == sorted(set(stamps))


@pytest.mark.parametrize("number", [95, 5, 22, 12, 1])
@pytest.mark.parametrize("where", ["anonymize.media.video.source.side_data", "anonymize.recorded.passes.Follower"])
def test_whatever_ffmpeg_raises_is_said_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, where: str
) -> None:
    """Some of its errors have no class of their own, and come from places where nothing should go wrong."""
    path = make_video(tmp_path / "a.mp4", frames=2)

    def fails(*_: object) -> None:
        raise av.error.FFmpegError(number, "a reason") if number != 95 else av.error.OSError(95, "a reason")

    monkeypatch.setattr(where, fails)
    with pytest.raises(UnreadableInput, match=r"a\.mp4: FFmpeg cannot work on this file \(a reason\)"):
        job.run(only_item(str(path), str(tmp_path / "b.mp4")), Settings())
    assert not (tmp_path / "b.mp4").exists()


@pytest.mark.parametrize("target", [".ts", ".mkv", ".mp4"])
def test_sound_that_is_announced_and_never_comes_is_left_out(tmp_path: Path, target: str) -> None:
    """A transport stream that is cut before its first sound."""
    whole = make_video(tmp_path / "whole.ts", frames=12, codec="mpeg2video", audio="mp2").read_bytes()
    path = tmp_path / "in.ts"
    path.write_bytes(whole[: 12 * 188])
    with open_source(path) as source, open_sink(tmp_path / f"out{target}", source, Output()) as sink:
        for frame in source.frames():
            sink.write(frame)
        sink.finish()
        assert source.info.audio == ()
        assert "sound track that holds nothing" in source.info.removed
    with av.open(str(tmp_path / f"out{target}")) as made:
        assert [stream.type for stream in made.streams] == ["video"]


def test_sound_that_begins_very_late_is_not_lost_in_silence(tmp_path: Path) -> None:
    """FFmpeg looks for it in the first five megabytes."""
    noise = np.random.default_rng(1).integers(0, 255, (60, 360, 480, 3), np.uint8)
    options = {"crf": "0", "preset": "ultrafast"}
    path = make_video(tmp_path / "in.ts", frames=noise, audio=True, audio_delay=2.0, options=options)
    with open_source(path) as source, pytest.raises(UnsupportedInput, match="starts so late"):
        open_sink(tmp_path / "out.ts", source, Output())


def test_sound_that_a_cut_has_made_up_is_said(tmp_path: Path) -> None:
    """The last bytes of an FLV that breaks off may read as the beginning of a further sound track."""
    whole = make_video(tmp_path / "whole.flv", frames=12, audio="aac").read_bytes()
    path = tmp_path / "in.flv"
    header = b"\x08" + (100).to_bytes(3, "big") + (500).to_bytes(3, "big") + bytes(4) + b"\x00"  # uncoded, 5512 Hz
    path.write_bytes(whole + header)
    with open_source(path) as source, pytest.raises(UnsupportedInput, match="a sound track has an unknown format"):
        open_sink(tmp_path / "out.mp4", source, Output())


SHORT = """
import resource, sys
from pathlib import Path
from anonymize.media import open_sink, open_source
from anonymize.settings import Output
with open_source(Path(sys.argv[1])) as source, open_sink(Path(sys.argv[2]), source, Output()) as sink:
    frame = next(source.frames())
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + (60 << 20),) * 2)
    try:
        sink.write(frame)
    except MemoryError as error:
        print("memory:", type(error.__cause__).__name__)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is read from /proc")
def test_an_encoder_that_gets_no_memory_is_no_fault_of_the_file(tmp_path: Path) -> None:
    path = make_video(tmp_path / "in.mp4", frames=1, size=(3840, 2160), codec="mpeg4")
    command = [sys.executable, "-c", SHORT, str(path), str(tmp_path / "out.mp4")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "memory: ExternalError" in said.stdout, said.stderr
