"""Describe a video file, including what it carries besides picture and sound."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import cast

import av
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.stream import Stream
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from anonymize.errors import UnreadableInput, UnsupportedInput
from anonymize.media.audio.languages import is_strange, language_code
from anonymize.media.audio.trims import why_not_as_is
from anonymize.media.clock.edits import Edit, edit_lists, refuse_unplayable
from anonymize.media.damage import complaints
from anonymize.media.frames.orient import Orientation
from anonymize.media.frames.pixels import required_layout
from anonymize.media.protocols import AudioInfo, Colour, FieldOrder, Hdr, MediaInfo
from anonymize.media.video.open import Input, head_of, input_name, is_cover

# What a tag is called in reports, by words in its name; first match wins. Empty: structural, not written by a person.
_TAGS = (
    ("", ("major_brand", "minor_version", "compatible_brands", "duration", "bps", "number_of_", "_stat", "language")),
    ("GPS position", ("location", "iso6709", "gps", "xyz", "latitude", "longitude")),
    ("creation time", ("creation", "date", "time", "year")),
    (
        "device and software names",
        ("make", "model", "software", "android", "encoder", "device", "vendor", "camera", "handler", "writing"),
    ),
)
# Values that muxers write by default.
_BY_ITSELF = {
    *(("handler_name", f"{kind}Handler") for kind in ("Video", "Sound", "Subtitle", "Data")),
    ("handler_name", ""),
    ("vendor_id", "[0][0][0][0]"),
    ("vendor_id", "FFMP"),
    ("encoder", "Lavf"),
}
_CARRIED = {"DISPLAYMATRIX", "MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"}
_SIDE_DATA = {
    "A53_CC": "closed captions",
    "SEI_UNREGISTERED": "user data in the video stream (SEI)",
    "GOP_TIMECODE": "timecodes in the video stream",
    "S12M_TIMECODE": "timecodes in the video stream",
    "DYNAMIC_HDR_PLUS": "HDR10+ dynamic metadata",
    "DYNAMIC_HDR_VIVID": "HDR Vivid dynamic metadata",
    "DOVI_METADATA": "Dolby Vision dynamic metadata",
    "DOVI_RPU_BUFFER": "Dolby Vision dynamic metadata",
    "AFD": "active format description",
    "STEREO3D": "stereo 3D marking",
    "SPHERICAL": "360 degree marking",
    "ICC_PROFILE": "ICC profile in the video stream",
    "AMBIENT_VIEWING_ENVIRONMENT": "ambient viewing environment",
}
_SUFFIXES = {
    "mpegts": "ts",
    "mpegvideo": "mpg",
    "mpeg": "mpg",
    "asf": "wmv",
    "h264": "h264",
    "hevc": "hevc",
    "yuv4mpegpipe": "y4m",
}


def describe(
    source: Input,
    container: InputContainer,
    stream: VideoStream,
    first: av.VideoFrame,
    side: Mapping[str, bytes],
    sound: Sequence[Stream],
    origin: Fraction,
) -> MediaInfo:
    """The `MediaInfo` of `stream`.

    Args:
        source: the file.
        container: the open file.
        stream: its video stream.
        first: the first decoded frame, with its presentation timestamp.
        side: the side data of `first`, by FFmpeg's name.
        sound: the audio streams that belong to the video.
        origin: time on the container's clock at which the presentation begins, in seconds.

    Raises:
        UnsupportedInput: the pixel format or an edit list is one that cannot be carried over unchanged.
    """
    name = input_name(source)
    layout = required_layout(first.format.name, name)
    _refuse_dolby_vision_5(side, name)
    lists = edit_lists(source)
    refuse_unplayable(lists, name)
    matrix = display_matrix(side)
    width, height = Orientation.of_matrix(matrix).pair(first.width, first.height)
    context = stream.codec_context
    time_base = Fraction(stream.time_base or first.time_base or 0)
    return MediaInfo(
        name=name,
        container=container_suffix(source, container),
        codec=context.codec.canonical_name,
        pixel_format=first.format.name,
        width=width,
        height=height,
        time_base=time_base,
        depth=layout.depth,
        rotation=first.rotation % 360,
        display_matrix=matrix,
        sample_aspect_ratio=stream.sample_aspect_ratio or None,
        average_rate=_rate(stream),
        frame_count=_frame_count(stream, container),
        start=(first.pts or 0) * time_base,
        origin=origin,
        duration=_duration(stream, container),
        colour=colour_of(first),
        chroma_location=chroma_location_of(first),
        hdr=_hdr(side),
        field_order=field_order_of(first),
        audio=tuple(_audio(track, lists.get(track.id, ())) for track in sound),
        removed=tuple(_removed(container, stream, sound)),
    )


def container_suffix(source: Input, container: InputContainer) -> str:
    """The canonical suffix of the actual container format, whatever the file is called."""
    name = container.format.name
    if name.startswith("mov"):
        brand = container.metadata.get("major_brand", "qt  ").strip().lower()
        return {"qt": "mov", "m4v": "m4v"}.get(brand, "3gp" if brand.startswith("3g") else "mp4")
    if name.startswith("matroska"):
        return "webm" if b"webm" in head_of(source, 256) else "mkv"
    return _SUFFIXES.get(name, name.split(",")[0])


def side_data(frame: av.VideoFrame, scaler: VideoReformatter) -> dict[str, bytes]:
    """The side data of `frame` by FFmpeg's name; only `unnamed` if one of them has a type that PyAV does not know."""
    # PyAV's side data makes a reference cycle that keeps the frame until the garbage collector runs: a thumbnail with
    # the same side data costs less memory.
    small = thumbnail(frame, scaler)
    try:
        # PyAV's stub declares a mapping, but iterating yields the values.
        return {data.type.name: bytes(data) for data in cast("Iterable[SideData]", small.side_data)}
    except ValueError:
        return {"unnamed": b""}


THUMBNAIL = (16, 2)


def thumbnail(frame: av.VideoFrame, scaler: VideoReformatter) -> av.VideoFrame:
    """A grey frame of `THUMBNAIL` columns and rows with the properties and the side data of `frame`."""
    return scaler.reformat(frame, *THUMBNAIL, "gray", interpolation=Interpolation.POINT, threads=1)


def side_data_words(names: Iterable[str]) -> set[str]:
    """How `MediaInfo.removed` describes side data of these types."""
    return {_SIDE_DATA.get(name, "other data attached to pictures") for name in names if name not in _CARRIED}


def display_matrix(side: Mapping[str, bytes]) -> tuple[int, ...] | None:
    """The nine values of the display matrix; None if there is none, or if it is the identity."""
    raw = side.get("DISPLAYMATRIX", b"")
    if len(raw) != 36:
        return None
    matrix = struct.unpack("<9i", raw)
    return None if matrix[:2] + matrix[3:5] == (65536, 0, 0, 65536) else matrix


def colour_of(frame: av.VideoFrame) -> Colour:
    """The colour tags of `frame`; a `yuvj` format means full range."""
    full = frame.format.name.startswith("yuvj")
    return Colour(
        int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace), 2 if full else int(frame.color_range)
    )


def field_order_of(frame: av.VideoFrame) -> FieldOrder:
    """The field order of `frame`."""
    if not frame.interlaced_frame:
        return FieldOrder.PROGRESSIVE
    # PyAV does not expose which field comes first; FFmpeg's select filter does.
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    top = graph.add("select", r"eq(interlace_type\,TOPFIRST)")
    sink = graph.add("buffersink")
    source.link_to(top)
    top.link_to(sink)
    graph.configure()
    graph.push(frame)
    try:
        graph.pull()
    except (BlockingIOError, EOFError):
        return FieldOrder.BOTTOM_FIRST
    return FieldOrder.TOP_FIRST


def chroma_location_of(frame: av.VideoFrame) -> str:
    """The chroma sample location of a 4:2:0 frame, by FFmpeg's name; `unspecified` for other formats."""
    if [frame.format.chroma_width(64), frame.format.chroma_height(64)] != [32, 32]:
        return "unspecified"
    # PyAV does not expose it; FFmpeg's showinfo filter does.
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    info, sink = graph.add("showinfo"), graph.add("buffersink")
    source.link_to(info)
    info.link_to(sink)
    graph.configure()

    def pass_through() -> None:
        graph.push(frame)
        graph.pull()

    found = (re.search(r"\bcl:(\w+)", text) for text in complaints.info_messages(pass_through))
    return next((match[1] for match in found if match), "unspecified")


def _hdr(side: Mapping[str, bytes]) -> Hdr | None:
    mastering, light = side.get("MASTERING_DISPLAY_METADATA", b""), side.get("CONTENT_LIGHT_LEVEL", b"")
    primaries = luminance = level = None
    if len(mastering) >= 88:
        raw = struct.unpack("<22i", mastering[:88])
        values = [Fraction(raw[i], raw[i + 1] or 1) for i in range(0, 20, 2)]
        if raw[20]:
            primaries = tuple((values[i], values[i + 1]) for i in range(0, 8, 2))
        if raw[21]:
            luminance = (values[8], values[9])
    if len(light) >= 8:
        level = struct.unpack("<2I", light[:8])
    if primaries is None and luminance is None and level is None:
        return None
    return Hdr(primaries, luminance, level)


def _refuse_dolby_vision_5(side: Mapping[str, bytes], name: str) -> None:
    """Raise `UnsupportedInput` for Dolby Vision without a compatible base layer: colours need the dynamic metadata."""
    raw = side.get("DOVI_METADATA", b"")
    if len(raw) < 24:
        return
    header = struct.unpack_from("<Q", raw)[0]
    if header + 5 <= len(raw) and raw[header + 4] == 0:
        raise UnsupportedInput(
            "Dolby Vision profile 5 loses its colours when it is encoded again; export it as HDR10 first", name
        )


def _audio(stream: Stream, edits: Sequence[Edit]) -> AudioInfo:
    context = stream.codec_context
    language = language_code(stream.metadata.get("language", ""))
    seconds = stream.duration * stream.time_base if stream.duration and stream.time_base else None
    if context is None:
        return AudioInfo(codec="unknown", duration=seconds)
    codec = context.codec.canonical_name
    return AudioInfo(
        codec=codec,
        rate=int(getattr(context, "sample_rate", 0) or 0),
        channels=int(getattr(context, "channels", 0) or 0),
        duration=seconds,
        language=language,
        recoded=why_not_as_is(codec, stream, edits),
    )


def _duration(stream: Stream, container: InputContainer) -> Fraction | None:
    if stream.duration and stream.time_base:
        return stream.duration * stream.time_base
    return Fraction(container.duration, 1_000_000) if container.duration else None


def _frame_count(stream: VideoStream, container: InputContainer) -> int | None:
    if stream.frames:
        return stream.frames
    for key, value in stream.metadata.items():
        if key.upper().startswith("NUMBER_OF_FRAMES") and value.isdigit():
            return int(value)
    duration, rate = _duration(stream, container), _rate(stream)
    return max(1, round(duration * rate)) if duration and rate else None


def _rate(stream: VideoStream) -> Fraction | None:
    """Frames per second; None where FFmpeg's guess is just the timestamp resolution."""
    rate = stream.average_rate or stream.guessed_rate
    return rate if rate and rate < 1 / (stream.time_base or 0.001) else None


def _removed(container: InputContainer, main: VideoStream, sound: Sequence[Stream]) -> list[str]:
    """Descriptions, without values, of everything that is not carried over."""
    found: dict[str, int] = {}

    def add(what: str) -> None:
        found[what] = found.get(what, 0) + 1

    tags = [container.metadata, *(s.metadata for s in container.streams)]
    for key in sorted({key for held in tags for key, value in held.items() if (key.lower(), value) not in _BY_ITSELF}):
        kind = next((kind for kind, words in _TAGS if any(w in key.lower() for w in words)), "titles and other tags")
        if kind and kind not in found:
            add(kind)
    for stream in container.streams:
        what = "" if stream in sound else _extra_stream(stream, main)
        if what:
            add(what)
    if container.chapters():
        add("chapters")
    if any(is_strange(s.metadata.get("language", "")) for s in container.streams):
        add("language tags that name no language")
    return [what if count == 1 else f"{what} ({count})" for what, count in found.items()]


def is_empty(stream: Stream) -> bool:
    """Whether an announced audio track has no data near the start: FFmpeg found no sample rate when it probed."""
    return stream.codec_context is not None and not getattr(stream.codec_context, "sample_rate", 0)


def _extra_stream(stream: Stream, main: VideoStream) -> str:
    """What `stream` is called in `MediaInfo.removed`; empty if it is the main video."""
    if stream.index == main.index:
        return ""
    if stream.type == "audio":
        return "sound track that holds nothing" if is_empty(stream) else "sound of another program"
    if isinstance(stream, VideoStream):
        return "cover art" if is_cover(stream) else "further video stream"
    if stream.type == "data" and "timecode" in stream.metadata:
        return "timecode stream"
    return {"subtitle": "subtitle stream", "attachment": "attachment"}.get(stream.type, "data stream")


def refuse_encrypted(stream: VideoStream, name: str) -> None:
    """Raise `UnreadableInput` if the container marks `stream` as encrypted."""
    if any(key.lower() == "enc_key_id" for key in stream.metadata):
        raise UnreadableInput("the video is encrypted; decrypt it first", name)
