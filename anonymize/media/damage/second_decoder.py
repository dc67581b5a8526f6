"""Compare with a second decoder, where the first one cannot tell a damaged frame from an intact one.

VP8, VP9 and H.265 have no checksums, and FFmpeg's decoders do not check that a frame's data end where the frame does.
Decoded in another way, intact frames come out the same and damaged ones do not:

    VP8, VP9    by libvpx, which notices when it reads past the end
    H.265       each row of blocks from the offset in the slice header, not from where the row above ended
                (only in streams that have these offsets: wavefronts)
    MJPEG       by libjpeg, which continues differently after an error
"""

from __future__ import annotations

import hashlib
import io
import zlib
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from anonymize.media.damage import complaints
from anonymize.media.damage.hevc import spoiled, wavefronts
from anonymize.media.still.parts import jpeg_scans

_LIBVPX = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_ENDS = tuple(hashlib.shake_128(bytes([n])).digest(16).replace(b"\0", b"\x55") for n in range(3))
"""Noise to replace a frame's last bytes, which every decoder needs."""
_LAST_OF_JPEG = 8
"""Bytes at the end of an image that every decoder needs."""
_MORE = b"\x2a" * 64
"""Coded data after the end, which an intact image does not use."""
_ROWS = 256
"""Rows compared at a time: a multiple of `_BLOCK`."""
_BLOCK, _DIFFERENCE = 16, 24
"""Side of a block in pixels; largest difference of its mean between two JPEG decoders, which round differently."""


class Second:
    """Decodes the packets of a stream again and compares the frames with the first decoder's.

    Args:
        stream: the video; its own decoder has one thread.
    """

    def __init__(self, stream: VideoStream) -> None:
        context = stream.codec_context
        self._codec = context.codec.canonical_name
        self._extradata = bytes(context.extradata or b"")
        self._decoder: VideoCodecContext | None = None
        self._undecided = self._codec == "hevc"
        if self._codec in _LIBVPX:
            self._decoder = _opened(_LIBVPX[self._codec], self._extradata)

    def begin(self) -> None:
        """Forget the packets so far."""
        if self._decoder is not None and self._decoder.is_open:
            self._decoder.flush_buffers()

    def agrees(self, packet: Packet[Stream], pictures: list[av.VideoFrame]) -> bool:
        """Whether the second decoder agrees with the `pictures` that the first one returned for `packet`."""
        if self._codec == "mjpeg":
            return len(pictures) != 1 or jpeg_agrees(bytes(packet), pictures[0])
        if self._undecided and packet.size:
            self._undecided = False
            if wavefronts(self._extradata, bytes(packet)):
                self._decoder = _opened("hevc", self._extradata, rows=True)
        if self._decoder is None:
            return True
        second = complaints.decode(self._decoder, packet)
        if not second.whole:
            return False
        return len(second.pictures) == len(pictures) and all(map(_same, pictures, second.pictures))


@dataclass(frozen=True, slots=True)
class _Digest:
    """Width and height of a frame, and a checksum of each of its planes."""

    size: tuple[int, int]
    planes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Alone:
    """The result of decoding a packet by itself: its frames, and whether the decoder reported no damage."""

    pictures: list[av.VideoFrame]
    whole: bool

    def digest(self) -> tuple[_Digest, ...]:
        """Equal for equal frames; empty if any is damaged, or there is none.

        Compare these rather than hold two results: each may take half a GiB.
        """
        return tuple(_digest(picture) for picture in self.pictures) if self.whole else ()


def decoded_alone(name: str, data: bytes, extradata: bytes = b"", *, rows: bool = False) -> Alone:
    """Decode a packet by itself, including the pixels that the stream crops.

    Args:
        name: FFmpeg's name of the decoder.
        data: the packet, which refers to no other.
        extradata: the stream's codec data.
        rows: H.265: decode each row of blocks from the offset in the slice header.
    """
    context = _opened(name, extradata, rows=rows)
    context.options |= {"apply_cropping": "0"}
    first, rest = complaints.decode(context, Packet(data)), complaints.decode(context, Packet())
    return Alone(first.pictures + rest.pictures, first.whole and rest.whole)


def h265_agrees(extradata: bytes, data: bytes) -> bool:
    """Whether an H.265 image seems intact; `extradata` is its codec data, `data` the coded image."""
    found = decoded_alone("hevc", data, extradata).digest()
    if not found:
        return False
    if wavefronts(extradata, data) and decoded_alone("hevc", data, extradata, rows=True).digest() != found:
        return False
    ends = (spoiled(extradata, data, end) for end in _ENDS)
    return not all(end and decoded_alone("hevc", end, extradata).digest() == found for end in ends)


def jpeg_is_whole(data: bytes) -> bool:
    """Whether a JPEG image seems intact: FFmpeg reports no damage, libjpeg agrees, and its data end where it does.

    Truncated files, and kinds of JPEG that FFmpeg does not decode, are not judged (True).
    """
    try:
        scans = jpeg_scans(data)
    except ValueError:
        return True
    got = decoded_alone("mjpeg", data)
    if not got.pictures:
        return True
    if not got.whole or not jpeg_agrees(data, got.pictures[0]):
        return False
    if len(scans) != 1:  # the last of several may not add anything visible
        return True
    found = got.digest()
    del got  # before the next is decoded
    ((_, end),) = scans
    less, more = data[: end - _LAST_OF_JPEG] + data[end:], data[:end] + _MORE + data[end:]
    return decoded_alone("mjpeg", less).digest() != found and decoded_alone("mjpeg", more).digest() == found


def jpeg_agrees(data: bytes, picture: av.VideoFrame) -> bool:
    """Whether libjpeg decodes `data` to what `picture` shows; True if it cannot be compared."""
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            if image.mode not in ("L", "YCbCr", "RGB") or image.size != (picture.width, picture.height):
                return True
            image.draft("L", image.size)
            form = picture.format.name
            if not form.startswith("yuvj") and form != "gray":
                return True
            luma = _luma(picture)
            for y in range(0, image.height, _ROWS):
                part = image.crop((0, y, image.width, min(y + _ROWS, image.height)))
                if differs(luma[y : y + _ROWS], np.asarray(part if part.mode == "L" else part.convert("L"))):
                    return False
    except (OSError, SyntaxError, ValueError):
        return True  # no tables of its own (AVI), or two fields: rely on the first decoder
    return True


def differs(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether two grey images, (rows, columns) of the same size, differ in a block by more than rounding."""
    rows, columns = (side - side % _BLOCK for side in one.shape)
    apart = np.abs(one[:rows, :columns].astype(np.int16) - other[:rows, :columns])
    blocks = apart.reshape(rows // _BLOCK, _BLOCK, columns // _BLOCK, _BLOCK).mean((1, 3))
    return bool(blocks.size) and float(blocks.max()) > _DIFFERENCE


def _luma(picture: av.VideoFrame) -> NDArray[np.uint8]:
    plane = picture.planes[0]
    samples = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return samples[: picture.height, : picture.width]


def _opened(name: str, extradata: bytes, *, rows: bool = False) -> VideoCodecContext:
    context = av.CodecContext.create(name, "r")
    assert isinstance(context, VideoCodecContext)
    if extradata:
        context.extradata = extradata
    complaints.listen_to(context)
    context.flags |= Flags.unaligned  # like the first decoder: see `anonymize.media.video.open.main_video`
    if rows:  # with one thread, the offsets of rows are ignored
        context.thread_type, context.thread_count = "SLICE", 2
    return context


def _same(one: av.VideoFrame, other: av.VideoFrame) -> bool:
    first, second = _digest(one), _digest(other)
    planes = zip(first.planes, second.planes, strict=False)  # libvpx's fourth plane is transparency
    return (one.pts, first.size) == (other.pts, second.size) and all(a == b for a, b in planes)


def _digest(picture: av.VideoFrame) -> _Digest:
    size = 1 if picture.format.components[0].bits <= 8 else 2
    return _Digest((picture.width, picture.height), tuple(_checksum(plane, size) for plane in picture.planes))


def _checksum(plane: Any, size: int) -> int:
    """CRC-32 of a plane with samples of `size` bytes, without line padding."""
    samples = np.frombuffer(memoryview(plane), np.uint8)[: plane.height * plane.line_size]
    lines, found = samples.reshape(plane.height, plane.line_size), 0
    for y in range(0, plane.height, _ROWS):
        found = zlib.crc32(np.ascontiguousarray(lines[y : y + _ROWS, : plane.width * size]).data, found)
    return found
