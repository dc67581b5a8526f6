"""Open a file by its content, without following references in it, and with error messages for people."""

from __future__ import annotations

import errno
import io
import os
import stat
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import av
from av.codec.context import Flags
from av.container import InputContainer
from av.video.stream import VideoStream

from anonymize.errors import InputError, UnreadableInput
from anonymize.media.no_media import no_media
from anonymize.storage import Steady, opened
from anonymize.text.words import near, system

if TYPE_CHECKING:
    from anonymize.storage import Place

Input: TypeAlias = "Place | bytes"
"""A file, or the whole content of one (standard input)."""

MAX_PIXELS = 48_000_000
"""Larger frames are refused before memory is allocated: decoding and encoding take about 40 bytes per pixel, and the
limit is 2 GiB."""

# These open other files or addresses, run scripts, render text files as images, or (mjpeg) take any file that holds
# JPEG pictures, such as a document or an archive, for a film of them: none of them is footage.
_NOT_FOOTAGE = (
    "adf,alias_pix,applehttp,avisynth,bin,bluray,brender_pix,concat,dash,ffmetadata,hls,idf,image2,image2pipe,imf,lavfi,"
    "libopenmpt,mjpeg,mlv,nsp,rtp,rtsp,sap,sdp,tedcaptions,tty,vapoursynth,vobsub,webm_dash_manifest,xbin"
)


@cache
def _footage_formats() -> str:
    """FFmpeg's format whitelist: all formats but `_NOT_FOOTAGE` and single images."""
    barred = set(_NOT_FOOTAGE.split(","))
    return ",".join(
        sorted(
            name for name in av.formats_available if not barred & set(name.split(",")) and not name.endswith("_pipe")
        )
    )


def input_name(source: Input) -> str:
    """The name of `source` in messages."""
    return "standard input" if isinstance(source, bytes) else source.name


def open_container(source: Input, instead: io.RawIOBase | None = None) -> InputContainer:
    """Open `source` with FFmpeg. No other file is opened, whatever its content refers to.

    Args:
        source: a file, or the whole content of one.
        instead: read in place of the file: the same content, made readable for FFmpeg.

    Raises:
        UnreadableInput: it is missing, empty, not a regular file, not readable, or not media.
    """
    name = input_name(source)
    check_readable(source)
    if what := no_media(head_of(source)):  # FFmpeg would find a film in some of these
        raise UnreadableInput(what, name)
    options = {"format_whitelist": _footage_formats()}
    if instead is not None:
        target: str | io.BytesIO | io.RawIOBase | Steady = instead
    elif isinstance(source, Path):
        options["protocol_whitelist"] = "file"
        target = f"file:{source.absolute()}"
    else:
        target = io.BytesIO(source) if isinstance(source, bytes) else Steady(source, name)
    try:
        form = "mpegts" if _is_short_transport_stream(source) else None
        return av.open(target, "r", form, container_options=options, metadata_errors="replace")
    except InputError:
        raise
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise UnreadableInput(_why_unreadable(source, error), name) from error


def _is_short_transport_stream(source: Input) -> bool:
    """Whether `source` is a transport stream of too few packets for FFmpeg to recognise."""
    head = head_of(source, 2040)
    return 0 < len(head) < 2040 and len(head) % 188 == 0 and set(head[::188]) == {0x47}


def check_readable(source: Input) -> None:
    """Raise `UnreadableInput` unless `source` is a readable file that is not empty."""
    name = input_name(source)
    if isinstance(source, bytes):
        if not source:
            raise UnreadableInput("nothing came in; pipe a video or a picture into it", name)
        return
    try:
        facts = source.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise UnreadableInput(_why_no_file(source), name)
        if not stat.S_ISREG(facts.st_mode):
            raise UnreadableInput("this is a device or a pipe, not a file; use - to read from a pipe", name)
        if facts.st_size == 0:
            raise UnreadableInput("the file is empty (0 bytes)", name)
        with opened(source):
            pass
    except InputError:
        raise
    except FileNotFoundError as error:
        link = isinstance(source, Path) and source.is_symlink()
        what = "a link that leads nowhere" if link else f"no such file{near(Path(name))}"
        raise UnreadableInput(f"{what}", name) from error
    except PermissionError as error:
        raise UnreadableInput("no permission to read it", name) from error
    except OSError as error:
        raise UnreadableInput(f"cannot be read ({system(error)})", name) from error


def _why_no_file(folder: Place) -> str:
    """Why a folder cannot be read as a file."""
    if isinstance(folder, Path):
        if folder.is_symlink():
            return "this is a link to a folder, which is not followed"
        try:
            os.scandir(folder).close()
        except OSError as error:
            return f"this folder cannot be listed ({system(error)}): nothing in it was anonymised"
    return "this is a folder, not a file"


def head_of(source: Input, size: int = 4096) -> bytes:
    """The first `size` bytes; empty if they cannot be read."""
    if isinstance(source, bytes):
        return source[:size]
    with suppress(OSError), opened(source, size) as file:
        return file.read(size)
    return b""


def _why_unreadable(source: Input, error: Exception) -> str:
    head = head_of(source)
    if head[4:8] == b"ftyp" and not _has_box(source, b"moov"):
        return "its index (the moov box) is missing: the recording broke off, or it was cut"
    if head.startswith((b"#EXTM3U", b"ffconcat", b"<?xml")):
        return "this is a list of other files, not a video; give the files themselves"
    if _has_box(source, b"pssh") or b"encv" in head:
        return "the video is encrypted; decrypt it first"
    barred = getattr(error, "errno", 0) == errno.EINVAL  # FFmpeg's error for a format outside its whitelist
    unknown = barred or isinstance(error, av.error.InvalidDataError)
    reason = "unknown or damaged" if unknown else (getattr(error, "strerror", None) or str(error)).lower()
    return f"not a video or picture that can be read ({reason})"


def _has_box(source: Input, kind: bytes, limit: int = 1 << 20) -> bool:
    """Whether an MP4 box of `kind` occurs at top level, or anywhere in the first `limit` bytes."""
    if kind in head_of(source, limit):
        return True
    return kind in top_level_boxes(source)[0]


def top_level_boxes(source: Input) -> tuple[list[bytes], int]:
    """Types of an MP4's top-level boxes, and by how many bytes the last one extends past the end of the file."""
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    kinds: list[bytes] = []
    position = 0
    with io.BytesIO(source) if isinstance(source, bytes) else opened(source, 4096) as file:
        while position + 8 <= size and len(kinds) < 100_000:
            file.seek(position)
            header = file.read(16)
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            elif length == 0:
                length = size - position
            if length < 8:
                break
            kinds.append(header[4:8])
            position += length
    return kinds, max(0, position - size)


def main_video(container: InputContainer, name: str) -> VideoStream:
    """The main video stream: the default one or else the largest, not a cover picture; the first of equals.

    Raises:
        UnreadableInput: there is none, its decoder is missing, or its frames are too large.
    """
    streams = [s for s in container.streams.video if not is_cover(s)]
    if not streams:
        covers = any(is_cover(s) for s in container.streams.video)
        kinds = sorted({s.type for s in container.streams if s.type in ("audio", "subtitle")})
        what = "only a cover picture" if covers else f"only {' and '.join(kinds)}" if kinds else "no picture"
        raise UnreadableInput(f"there is no video in it ({what})", name)
    known = [s for s in streams if s.codec_context is not None]
    if not known:
        raise UnreadableInput("no decoder for its video; convert it to H.264 first", name)
    best = max(known, key=lambda s: (s.disposition.value & 1, s.width * s.height, -s.index))
    check_size(best.codec_context.coded_width or best.width, best.codec_context.coded_height or best.height, name)
    # Otherwise decoders keep some of the pixels cropped at the left, to align their output in memory.
    best.codec_context.flags |= Flags.unaligned
    return best


def check_size(untrusted_width: int, untrusted_height: int, name: str) -> None:
    """Refuse impossible dimensions before memory is allocated.

    Raises:
        UnreadableInput: the frame is larger than `MAX_PIXELS` or has no size.
    """
    if untrusted_width <= 0 or untrusted_height <= 0:
        raise UnreadableInput("its video has no picture size; the file is damaged or encrypted", name)
    if untrusted_width * untrusted_height > MAX_PIXELS:
        raise UnreadableInput(
            f"its pictures are too large ({untrusted_width} x {untrusted_height} pixels, "
            f"{untrusted_width * untrusted_height / 1_000_000:.1f} megapixels): at most {MAX_PIXELS // 1_000_000} "
            "megapixels of a video are read, so that memory suffices; scale it down",
            name,
        )


def is_cover(stream: VideoStream) -> bool:
    """Whether `stream` is a cover picture or a thumbnail rather than footage."""
    return bool(stream.disposition.value & (1 << 10 | 1 << 11))
