"""Choose the encoder and the container of an output, and say why they differ from the source's."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import av

from anonymize.errors import UnsupportedInput, UsageError
from anonymize.media.frames.pixels import Layout, required_layout
from anonymize.media.protocols import AudioInfo, FieldOrder, MediaInfo
from anonymize.media.video.encoders import BY_NAME, FFV1, PRORES, VP9, X264, X264_RGB, X265, Encoder
from anonymize.settings import Audio, Codec, Output

MUXERS = {"mp4": "mp4", "m4v": "mp4", "mov": "mov", "mkv": "matroska", "webm": "webm", "ts": "mpegts"}
"""Output containers by suffix, with FFmpeg's name of the muxer."""

_CODECS_IN = {
    "mp4": {"h264", "hevc", "av1", "vp9"},
    "m4v": {"h264", "hevc"},
    "mov": {"h264", "hevc", "prores"},
    "mkv": {"h264", "hevc", "av1", "vp9", "ffv1", "prores"},
    "webm": {"vp9", "av1"},
    "ts": {"h264", "hevc"},
}
_TS_AUDIO = {"aac", "mp2", "mp3", "ac3", "eac3", "dts", "opus"}
_UNCOPIED = {"amr_nb", "amr_wb"}
"""Audio codecs whose packets FFmpeg cannot split the way its own MOV muxer requires."""
_NOT_IN_MOV = {"flac", "opus", "truehd"}
"""Audio codecs that FFmpeg's MOV muxer lists but refuses."""
ALIASES = {"m2ts": "ts", "mts": "ts", "qt": "mov", "matroska": "mkv"}


@dataclass(frozen=True, slots=True)
class Target:
    """The container, encoder and pixel format of an output."""

    container: str
    """Suffix without dot, a key of `MUXERS`."""
    encoder: Encoder
    pixel_format: str
    """Of the frames handed to the encoder."""
    notes: tuple[str, ...] = ()

    def carries(self, track: AudioInfo) -> bool:
        """Whether the sound in `track` is copied as it is; if not, it is re-encoded losslessly as FLAC."""
        return not track.recoded and holds_audio(self.container, track.codec)


def choose(info: MediaInfo, output: Output, suffix: str = "") -> Target:
    """The encoder and container for `info`.

    Args:
        info: the source.
        output: what the user asked for.
        suffix: of the output file if the user named one; it takes precedence over `output.container`.

    Raises:
        UsageError: the container is not one that can be written.
        UnsupportedInput: the requested codec or container cannot hold this video or its sound unchanged.
    """
    preset, wanted = _container_name(output.container), _container_name(suffix or output.container)
    source = ALIASES.get(info.container, info.container)
    layout = required_layout(info.pixel_format, info.name)
    candidates = _candidates(info, output, wanted or source, layout)
    encoder = _first_fit(info, candidates, layout, wanted, output)
    notes = [] if encoder is candidates[0] else [_encoder_note(info, encoder, layout, candidates[0])]
    tracks = () if output.audio is Audio.MUTE else info.audio
    sound = tuple("flac" if track.recoded else track.codec for track in tracks)
    container = wanted or _container(source, encoder, sound, info)
    if not _says_all(container, encoder, info):
        raise UnsupportedInput(
            f".{container} cannot say how its {encoder.codec} picture is turned or stretched; name the output .mp4",
            info.name,
        )
    recoded = ", ".join(dict.fromkeys(track.recoded for track in tracks if track.recoded))
    if recoded and not holds_audio(container, "flac"):
        raise UnsupportedInput(
            f"its sound cannot be carried over as it is ({recoded}), and .{container} cannot hold it "
            "decoded; name the output .mkv",
            info.name,
        )
    lacking = [codec for codec in sound if not holds_audio(container, codec)]
    if "unknown" in lacking:
        raise UnsupportedInput(
            "its sound is in a codec that cannot be carried over; give --audio mute to drop it", info.name
        )
    if lacking and not holds_audio(container, "flac"):
        raise UnsupportedInput(
            f".{container} cannot hold its sound ({', '.join(lacking)}); name the output .mkv", info.name
        )
    # The user did not ask for this suffix: the caller took it from an earlier result of this function.
    if container != source and not output.container and container == _container(source, encoder, sound, info):
        notes.append(_container_note(source, container, encoder, sound))
    if preset and container != preset:
        notes.append(f".{container}, as the output's name says, and not .{preset}, as the settings say")
    if recoded:
        notes.append(f"the sound became FLAC (lossless): {recoded}")
    if lacking:
        notes.append(f"the sound became FLAC (lossless): .{container} cannot hold {', '.join(sorted(set(lacking)))}")
    if info.hdr is not None and not encoder.static_hdr:
        notes.append(f"the mastering display's metadata is not carried: {encoder.codec} has no place for it")
    if info.chroma_location not in ("unspecified", "left") and not says_chroma(encoder.name, container, info):
        where = f"the position of the chroma samples ({info.chroma_location})"
        notes.append(f"{where} is not carried: {encoder.codec} in .{container} has no place for it")
    return Target(container, encoder, encoder.formats[layout.name], tuple(notes))


def says_chroma(encoder: str, container: str, info: MediaInfo) -> bool:
    """Whether the output of `encoder` in `container` can signal the chroma sample location of `info`.

    Matroska can signal the middle and the top of a pixel pair, but not the bottom.
    """
    said = encoder in ("libx264", "libx265")
    return said or (container in ("mkv", "webm") and info.chroma_location in ("center", "topleft", "top"))


def holds_audio(container: str, codec: str) -> bool:
    """Whether `container` can hold audio in `codec` without re-encoding."""
    if container == "ts":
        return codec in _TS_AUDIO
    if container == "mov" and codec in _NOT_IN_MOV:
        return False
    return codec in _muxable(MUXERS[container]) and codec not in _UNCOPIED


@cache
def _muxable(muxer: str) -> frozenset[str]:
    with av.open(io.BytesIO(), "w", format=muxer) as probe:
        names = probe.supported_codecs
    return frozenset(_canonical(name) for name in names)


def _canonical(name: str) -> str:
    modes: tuple[Literal["r", "w"], ...] = ("r", "w")
    for mode in modes:
        try:
            return av.codec.Codec(name, mode).canonical_name
        except ValueError:
            continue
    return name


def _container_name(asked: str) -> str:
    name = asked.lower().lstrip(".")
    name = ALIASES.get(name, name)
    if name and name not in MUXERS:
        raise UsageError(f"cannot write .{name} files: use one of {', '.join(MUXERS)}")
    return name


def _candidates(info: MediaInfo, output: Output, container: str, layout: Layout) -> Sequence[Encoder]:
    """Encoders to try, in order of preference."""
    if output.codec is not Codec.AUTO:
        return BY_NAME[output.codec]
    if info.codec == "ffv1":
        return (FFV1,)
    if info.codec == "prores":
        return (PRORES, FFV1)
    if container == "webm":
        if info.hdr is not None:
            return (X265, FFV1)
        # H.264 takes half the memory of H.265.
        large = VP9.is_too_large(info, layout) and layout.depth == 8
        return (VP9, X264, X265, FFV1) if large else (VP9, X265, X264, FFV1)
    if layout.rgb:
        return (X264_RGB, FFV1)
    if info.field_order is not FieldOrder.PROGRESSIVE:
        return (X264, FFV1)
    if layout.depth > 8 or info.is_hdr or info.hdr is not None:
        return (X265, X264, FFV1)
    return (X264, VP9, FFV1)


def _first_fit(info: MediaInfo, candidates: Sequence[Encoder], layout: Layout, wanted: str, output: Output) -> Encoder:
    for encoder in candidates:
        if encoder.fits(info, layout) and (not wanted or _holds_video(wanted, encoder, info)):
            return encoder
    if candidates[0].is_too_large(info, layout):
        instead = "--codec h264" if X264.fits(info, layout) else "--codec ffv1 and name the output .mkv"
        raise UnsupportedInput(
            f"{candidates[0].codec} takes more than 2 GiB of memory for {layout.name} frames of {info.width} x "
            f"{info.height}; give {instead}{' and name the output .mp4' if wanted == 'webm' else ''}",
            info.name,
        )
    asked = output.codec.value if output.codec is not Codec.AUTO else candidates[0].codec
    remedy = (
        "name the output .mkv" if output.codec is Codec.AUTO else "leave --codec out, or give ffv1 and an .mkv file"
    )
    interlaced = "interlaced " if info.field_order is not FieldOrder.PROGRESSIVE else ""
    graded = " with the data of its mastering display" if info.hdr is not None else ""
    raise UnsupportedInput(
        f"{asked}{f' in .{wanted}' if wanted else ''} cannot hold this {interlaced}{layout.name} video of "
        f"{info.width} x {info.height}{graded} unchanged; {remedy}",
        info.name,
    )


def _container(source: str, encoder: Encoder, sound: Sequence[str], info: MediaInfo) -> str:
    """The source's container if it can hold everything, else the first that can, else the first that can hold FLAC."""
    able = [
        name
        for name in dict.fromkeys((source, "mp4", "mkv", "mov"))
        if _holds_video(name, encoder, info) and _says_all(name, encoder, info)
    ]
    whole = (name for name in able if all(holds_audio(name, codec) for codec in sound))
    return next(whole, None) or next(name for name in able if holds_audio(name, "flac"))


def _holds_video(container: str, encoder: Encoder, info: MediaInfo) -> bool:
    """Whether `container` can hold `info` encoded by `encoder`. MP4 gets FFV1 only to keep a pixel aspect ratio."""
    if encoder is FFV1 and container == "mp4":
        return info.sample_aspect_ratio not in (None, 1)
    return encoder.codec in _CODECS_IN.get(container, ())


def _says_all(container: str, encoder: Encoder, info: MediaInfo) -> bool:
    """Whether `container` can signal the rotation of `info`, and it or the stream the pixel aspect ratio.

    FFmpeg's Matroska muxer could store the latter, but PyAV cannot set it.
    """
    if container == "ts" and info.display_matrix is not None:
        return False
    return info.sample_aspect_ratio in (None, 1) or encoder.pixel_shape or container in ("mp4", "m4v", "mov")


def _encoder_note(info: MediaInfo, encoder: Encoder, layout: Layout, preferred: Encoder) -> str:
    size = f"{info.width} x {info.height}"
    if preferred.is_too_large(info, layout):
        return f"the video became {encoder.codec.upper()}: {preferred.codec.upper()} takes over 2 GiB for {size}"
    return f"the video became {encoder.codec.upper()}: it holds {size} {layout.name} unchanged"


def _container_note(source: str, container: str, encoder: Encoder, sound: Sequence[str]) -> str:
    if source not in MUXERS:
        return f"the file became .{container}: .{source} is not written"
    if encoder.codec not in _CODECS_IN[source]:
        return f"the file became .{container}: .{source} cannot hold {encoder.codec.upper()}"
    if not all(holds_audio(source, codec) for codec in sound):
        return f"the file became .{container}: .{source} cannot hold sound in {', '.join(sorted(set(sound)))}"
    return f"the file became .{container}: .{source} cannot say how the picture is turned or stretched"
