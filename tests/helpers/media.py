"""Small media files for tests, made in-process: any pixel format, timing, rotation, sound, subtitles, metadata.

Everything here is a plain function over a path. The container follows the suffix (``.mp4 .mov .mkv .webm .avi .ts
.gif``) and the video codec follows the container unless one is named. Pictures are H x W x 3 RGB arrays; times are
seconds.

    make_video(tmp_path / "a.mp4", frames=3, pts=[0, 40, 90], time_base=Fraction(1, 1000), rotation=90, audio=True)
    facts = probe(tmp_path / "a.mp4")
    pictures = read_video(tmp_path / "a.mp4")
"""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream
from PIL import ExifTags, Image

from anonymize.media.video.in_turn import open_encoder

Picture = npt.NDArray[np.uint8]
AnyPicture = npt.NDArray[Any]

VIDEO_CODECS = {".webm": "libvpx-vp9", ".gif": "gif", ".avi": "mpeg4"}
AUDIO_CODECS = {
    ".webm": "libopus",
    ".avi": "pcm_s16le",
    ".mov": "pcm_s16le",
    ".mpg": "mp2",
    ".vob": "mp2",
    ".ogv": "libopus",
}
SUBTITLE_CODECS = {".mp4": "mov_text", ".mov": "mov_text", ".webm": "webvtt"}
FAST = {"libx264": {"preset": "ultrafast"}, "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"}}
AUDIO_RATE = 48_000
ASS_HEADER = b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n\n[Events]\n"


@dataclass(frozen=True)
class Colour:
    """Colour tags as FFmpeg numbers them; the default is 8-bit BT.709, limited range."""

    primaries: int = 1
    trc: int = 1
    space: int = 1
    range: int = 1


BT709 = Colour()
BT709_FULL = Colour(range=2)
BT601 = Colour(primaries=6, trc=6, space=6)
HDR10 = Colour(primaries=9, trc=16, space=9)
HLG = Colour(primaries=9, trc=18, space=9)


@dataclass(frozen=True)
class Facts:
    """What a finished file holds, as decoding it showed; sizes are coded (before rotation), pts in ``time_base``."""

    format: str
    codec: str
    pix_fmt: str
    width: int
    height: int
    pts: tuple[int, ...]
    time_base: Fraction
    rotation: int
    sar: Fraction | None
    colour: Colour
    streams: tuple[str, ...]
    audio_codec: str | None
    audio_seconds: float
    metadata: dict[str, str]
    stream_metadata: tuple[dict[str, str], ...]
    chapters: int

    @property
    def frames(self) -> int:
        """Decoded frames in the first video stream."""
        return len(self.pts)

    @property
    def times(self) -> tuple[Fraction, ...]:
        """Presentation times in exact seconds."""
        return tuple(p * self.time_base for p in self.pts)


def pattern(index: int, size: tuple[int, int] = (64, 48), *, seed: int = 0) -> Picture:
    """Draw frame ``index`` of a test picture, ``size`` (width, height): textured ground, a bright square that moves.

    Every frame differs from the others, so a dropped, doubled or swapped frame shows.
    """
    width, height = size
    rng = np.random.default_rng(seed)
    ground = rng.integers(60, 160, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
    picture = np.repeat(np.repeat(ground, 4, axis=0), 4, axis=1)[:height, :width].copy()
    side = max(2, min(size) // 4)
    x, y = (3 * index) % max(1, width - side), (2 * index) % max(1, height - side)
    picture[y : y + side, x : x + side] = (235, 235 - (5 * index) % 200, 20)
    return picture


def time_of(item: "av.frame.Frame | av.Packet[Any]") -> Fraction:
    """The presentation time of a frame or packet, in exact seconds."""
    assert item.pts is not None
    assert item.time_base is not None
    return item.pts * item.time_base


def solid(colour: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> Picture:
    """One colour, ``size`` (width, height)."""
    return np.full((size[1], size[0], 3), colour, np.uint8)


def tone(seconds: float, *, rate: int = AUDIO_RATE, channels: int = 2, hertz: float = 440.0) -> npt.NDArray[np.float32]:
    """Make a sine of shape (channels, samples) at a quarter of full scale."""
    t = np.arange(round(seconds * rate)) / rate
    wave = (0.25 * np.sin(2 * np.pi * hertz * t)).astype(np.float32)
    return np.broadcast_to(wave, (channels, wave.size)).copy()


def make_video(
    path: Path,
    *,
    frames: int | Iterable[AnyPicture | av.VideoFrame] = 10,
    size: tuple[int, int] = (64, 48),
    pix_fmt: str | None = None,
    codec: str | None = None,
    rate: Fraction | int = 25,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    rotation: int = 0,
    sar: Fraction | None = None,
    color: Colour | None = None,
    audio: bool | str | npt.NDArray[np.float32] = False,
    audio_delay: float = 0.0,
    subtitle: bool | Sequence[tuple[float, float, str]] = False,
    chapters: Sequence[tuple[float, float, str]] = (),
    attachment: bytes | None = None,
    data: bytes | None = None,
    extra_video: bool = False,
    metadata: Mapping[str, str] | None = None,
    stream_metadata: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
) -> Path:
    """Write a small video and return ``path``.

    Args:
        path: where; the suffix chooses the container.
        frames: how many `pattern` frames, or the pictures: RGB uint8 (H, W, 3), RGB uint16 for more than 8 bits, or
            ``av.VideoFrame`` (taken plane for plane when it already has ``pix_fmt``).
        size: (width, height) of the `pattern` frames; pictures bring their own.
        pix_fmt: pixel format in the file, ``yuv420p`` unless the codec wants another (gif: ``rgb8``).
        codec: FFmpeg encoder, for example ``libx264 libx265 libvpx-vp9 libsvtav1 ffv1 prores_ks mjpeg``.
        rate: nominal frames per second.
        pts: presentation times in ``time_base`` units, rising: variable frame rate. Even spacing when left out.
        time_base: seconds a tick; ``1 / rate`` when left out. The container may store another; times stay the same.
        rotation: display rotation, degrees counter-clockwise, as ``VideoFrame.rotation`` reads it back (mp4, mov, mkv).
        sar: sample (pixel) aspect ratio.
        color: colour tags, `HDR10` for instance; untagged when left out.
        audio: True for a stereo tone as long as the picture, an encoder's name for that codec, or float32
            (channels, samples) at 48 kHz, or False.
        audio_delay: seconds by which the sound starts later than the picture.
        subtitle: True for one line, or (start, end, text) in seconds.
        chapters: (start, end, title) in seconds.
        attachment: bytes of a file attached to the container (mkv only).
        data: bytes of one packet on a data stream (ts only).
        extra_video: add a second video stream, same codec, half the size (mp4, mov, mkv).
        metadata: container tags, such as ``title``, ``creation_time``, ``location`` (mp4 and mov keep only known keys,
            unless ``container_options`` has ``{"movflags": "use_metadata_tags"}``).
        stream_metadata: tags of the first video stream.
        options: encoder options; libx264 and libx265 default to their fastest preset.
        container_options: muxer options, such as ``{"movflags": "+faststart"}``.
    """
    suffix = path.suffix.lower()
    pictures = [pattern(i, size) for i in range(frames)] if isinstance(frames, int) else list(frames)
    codec = codec or VIDEO_CODECS.get(suffix, "libx264")
    pix_fmt = pix_fmt or ("rgb8" if codec == "gif" else "yuv420p")
    time_base = time_base or 1 / Fraction(rate)
    stamps = list(pts) if pts is not None else [round(i / Fraction(rate) / time_base) for i in range(len(pictures))]
    if len(stamps) != len(pictures):
        raise ValueError(f"expected one pts for each of {len(pictures)} frames, got {len(stamps)}")
    made = [_frame(picture, pix_fmt, color) for picture in pictures]
    seconds = float(stamps[-1] * time_base + 1 / Fraction(rate)) if stamps else 1.0

    with av.open(str(path), "w", container_options=dict(container_options or {})) as out:
        out.metadata.update(metadata or {})
        look = (codec, pix_fmt, rate, time_base, dict(FAST.get(codec, {}) | dict(options or {})))
        video = _video_stream(out, (made[0].width, made[0].height), *look)
        video.metadata.update(stream_metadata or {})
        _tag_colour(video, color)
        if sar is not None:
            video.codec_context.sample_aspect_ratio = sar
        if rotation:
            video.set_display_rotation(rotation)
        half = (made[0].width // 4 * 2, made[0].height // 4 * 2)
        pictures_in = [video, _video_stream(out, half, *look)] if extra_video else [video]
        writers = [
            _sound(out, suffix, audio, seconds, audio_delay),
            _captions(out, suffix, [(0.0, seconds, "a subtitle line")] if subtitle is True else subtitle or ()),
            _payload(out, data),
        ]
        if attachment is not None:
            out.add_attachment("secret.txt", "text/plain", attachment)
        if chapters:
            out.set_chapters([_chapter(i, *c) for i, c in enumerate(chapters)])
        for stream in pictures_in:
            open_encoder(stream.codec_context)
        for write in writers:
            write()
        for frame, stamp in zip(made, stamps, strict=True):
            for stream in pictures_in:
                own = frame if stream is video else frame.reformat(stream.width, stream.height)
                own.pts, own.time_base = stamp, time_base
                out.mux(stream.encode(own))
        for stream in pictures_in:
            out.mux(stream.encode(None))
    return path


def make_image(
    path: Path,
    *,
    picture: Picture | None = None,
    orientation: int = 1,
    gps: bool = False,
    comment: str = "",
) -> Path:
    """Write a still (``.jpg .png .webp .tif``), if wanted with EXIF orientation 1-8, GPS position, description."""
    exif = Image.Exif()
    if orientation != 1:
        exif[ExifTags.Base.Orientation] = orientation
    if comment:
        exif[ExifTags.Base.ImageDescription] = comment
    if gps:
        exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (59.0, 54.0, 50.0), 3: "E", 4: (10.0, 45.0, 8.0)}
    Image.fromarray(pattern(0) if picture is None else picture).save(path, exif=exif.tobytes())
    return path


def truncate(path: Path, share: float) -> Path:
    """Cut ``path`` to its first ``share`` (0-1) of bytes, in place: a download or recording that broke off."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path


def corrupt(path: Path, *, share: float = 0.05, seed: int = 0) -> Path:
    """Overwrite a run of bytes in the middle, ``share`` (0-1) of the file, with noise, in place."""
    whole = bytearray(path.read_bytes())
    length = max(1, int(len(whole) * share))
    start = len(whole) // 2
    whole[start : start + length] = np.random.default_rng(seed).bytes(min(length, len(whole) - start))
    path.write_bytes(bytes(whole))
    return path


def read_video(path: Path, *, pix_fmt: str = "rgb24") -> list[AnyPicture]:
    """Decode the first video stream, unrotated, each frame as an array in ``pix_fmt``."""
    with av.open(str(path)) as source:
        return [frame.to_ndarray(format=pix_fmt) for frame in source.decode(video=0)]


def read_audio(path: Path) -> npt.NDArray[np.float32]:
    """Decode the first audio stream as float32 (channels, samples)."""
    with av.open(str(path)) as source:
        resampler = av.AudioResampler(format="fltp")
        blocks = [f.to_ndarray() for frame in source.decode(audio=0) for f in resampler.resample(frame)]
    return np.concatenate(blocks, axis=1).astype(np.float32)


def probe(path: Path) -> Facts:
    """Decode ``path`` fully and say what is in it."""
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        frames = [(f.pts, f.rotation, _colour_of(f), f.format.name) for f in source.decode(stream)]
        audio = source.streams.audio[0] if source.streams.audio else None
        facts = Facts(
            format=source.format.name,
            codec=stream.codec_context.name,
            pix_fmt=frames[0][3],
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            pts=tuple(int(p) for p, *_ in frames if p is not None),
            time_base=Fraction(stream.time_base or 0),
            rotation=frames[0][1],
            sar=stream.sample_aspect_ratio,
            colour=frames[0][2],
            streams=tuple(s.type for s in source.streams),
            audio_codec=audio.codec_context.name if audio else None,
            audio_seconds=0.0,
            metadata=dict(source.metadata),
            stream_metadata=tuple(dict(s.metadata) for s in source.streams),
            chapters=len(source.chapters()),
        )
    if audio is None:
        return facts
    return Facts(**(vars(facts) | {"audio_seconds": _audio_seconds(path)}))


def _frame(picture: AnyPicture | av.VideoFrame, pix_fmt: str, color: Colour | None) -> av.VideoFrame:
    if isinstance(picture, av.VideoFrame):
        frame = picture if picture.format.name == pix_fmt else picture.reformat(format=pix_fmt)
    else:
        rgb = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(picture), format="rgb48le" if picture.dtype == np.uint16 else "rgb24"
        )
        matrix, span = (color.space, color.range) if color else (6, 1)
        frame = rgb.reformat(format=pix_fmt, dst_colorspace=_matrix(matrix), dst_color_range=span)
    if color is not None:
        frame.colorspace, frame.color_range = color.space, color.range
        frame.color_primaries, frame.color_trc = color.primaries, color.trc
    return frame


def _matrix(space: int) -> int:
    return {1: 1, 9: 9, 10: 9}.get(space, 5)


def _video_stream(
    out: OutputContainer,
    size: tuple[int, int],
    codec: str,
    pix_fmt: str,
    rate: Fraction | int,
    time_base: Fraction,
    options: dict[str, str],
) -> VideoStream:
    stream = out.add_stream(codec, rate=rate, options=options)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = size
    stream.pix_fmt = pix_fmt
    stream.codec_context.time_base = time_base
    return stream


def _tag_colour(stream: VideoStream, color: Colour | None) -> None:
    if color is None:
        return
    context = stream.codec_context
    context.color_primaries, context.color_trc = color.primaries, color.trc
    context.colorspace, context.color_range = color.space, color.range


def _sound(
    out: OutputContainer, suffix: str, audio: bool | str | npt.NDArray[np.float32], seconds: float, delay: float
) -> Callable[[], None]:
    """Add an audio stream, if one is wanted, and return what writes it once all streams are there."""
    if audio is False:
        return _nothing
    samples = audio if isinstance(audio, np.ndarray) else tone(max(seconds - delay, 0.1))
    layout = "mono" if samples.shape[0] == 1 else "stereo"
    codec = audio if isinstance(audio, str) else AUDIO_CODECS.get(suffix, "aac")
    stream = out.add_stream(codec, rate=AUDIO_RATE, layout=layout)
    assert isinstance(stream, AudioStream)

    def write() -> None:
        for start in range(0, samples.shape[1], 960):
            block = np.ascontiguousarray(samples[:, start : start + 960])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.rate, frame.time_base = AUDIO_RATE, Fraction(1, AUDIO_RATE)
            frame.pts = start + round(delay * AUDIO_RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))

    return write


def _captions(out: OutputContainer, suffix: str, lines: Sequence[tuple[float, float, str]]) -> Callable[[], None]:
    """Add a subtitle stream, if there are lines, and return what writes it once all streams are there."""
    if not lines:
        return _nothing
    stream = out.add_stream(SUBTITLE_CODECS.get(suffix, "subrip"))
    assert isinstance(stream, SubtitleStream)
    stream.codec_context.subtitle_header = ASS_HEADER
    stream.codec_context.time_base = Fraction(1, 1000)

    def write() -> None:
        for start, end, text in lines:
            body = text.encode()
            packet = av.Packet(len(body).to_bytes(2, "big") + body if suffix in (".mp4", ".mov") else body)
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = round(start * 1000)
            packet.duration = round((end - start) * 1000)
            out.mux(packet)

    return write


def _payload(out: OutputContainer, data: bytes | None) -> Callable[[], None]:
    """Add a data stream, if there are data, and return what writes it once all streams are there."""
    if data is None:
        return _nothing
    stream = out.add_data_stream("bin_data")

    def write() -> None:
        packet = av.Packet(data)
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 90_000)
        out.mux(packet)

    return write


def _nothing() -> None:
    """Write nothing."""


def _chapter(index: int, start: float, end: float, title: str) -> Any:
    return {
        "id": index,
        "start": round(start * 1000),
        "end": round(end * 1000),
        "time_base": Fraction(1, 1000),
        "metadata": {"title": title},
    }


def _colour_of(frame: av.VideoFrame) -> Colour:
    return Colour(frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range)


def _audio_seconds(path: Path) -> float:
    with av.open(str(path)) as source:
        return sum(frame.samples / frame.sample_rate for frame in source.decode(audio=0))


def as_bytes(picture: Picture, suffix: str = ".png") -> bytes:
    """Encode a picture as the bytes of an image file."""
    target = io.BytesIO()
    Image.fromarray(picture).save(target, format=suffix[1:])
    return target.getvalue()
