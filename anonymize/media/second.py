"""A second decoder, where the first one cannot tell a damaged picture from a whole one.

VP8, VP9 and H.265 hold no checksums, and FFmpeg's decoders do not look whether the data of a picture end where the
picture does. Read in another way, whole pictures come out the same and damaged ones do not:

    VP8, VP9    by libvpx, which notices when it reads past the end
    H.265       each row of blocks from where the slice header says that it begins, not from where the row above ended
                (only in streams with such rows: "wavefronts")
    MJPEG       by libjpeg, which goes on in another way after an error
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import av
import numpy as np
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from anonymize.media import complaints

_LIBVPX = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_PPS = 34
"""A picture parameter set's number among the units of H.265."""
_BLOCK, _DIFFERENCE = 16, 24
"""Pixels of a block's side, and by how much its mean may differ between two decoders of JPEG, which round apart."""


class Second:
    """Decodes the packets of a stream once more and holds the pictures against the first decoder's.

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

    def agrees(self, packet: Packet[Stream], pictures: list[av.VideoFrame]) -> bool:
        """Whether nothing speaks against the `pictures` that the first decoder gave after `packet`."""
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


def jpeg_agrees(data: bytes, picture: av.VideoFrame) -> bool:
    """Whether libjpeg sees in `data` what `picture` shows; True where it cannot tell."""
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            if image.mode not in ("L", "YCbCr", "RGB") or image.size != (picture.width, picture.height):
                return True
            image.draft("L", image.size)
            grey = np.asarray(image.convert("L"))
    except (OSError, SyntaxError, ValueError):
        return True  # no tables of its own (AVI), two fields: the first decoder told what it thought
    form = picture.format.name
    if not form.startswith("yuvj") and form != "gray":
        return True
    return not differs(_luma(picture), grey)


def differs(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether two grey pictures, (rows, columns) of one size, differ in a block by more than rounding."""
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
    if rows:  # one thread would take no notice of where rows begin
        context.thread_type, context.thread_count = "SLICE", 2
    return context


def _same(one: av.VideoFrame, other: av.VideoFrame) -> bool:
    if (one.pts, one.width, one.height) != (other.pts, other.width, other.height):
        return False
    planes = zip(one.planes, other.planes, strict=False)  # libvpx's fourth plane is transparency
    size = 1 if one.format.components[0].bits <= 8 else 2
    return all(_checksum(a, size) == _checksum(b, size) for a, b in planes)


def _checksum(plane: Any, size: int) -> int:
    """Of a plane's samples of `size` bytes, without what fills up its lines."""
    samples = np.frombuffer(memoryview(plane), np.uint8)[: plane.height * plane.line_size]
    lines = samples.reshape(plane.height, plane.line_size)
    return zlib.crc32(np.ascontiguousarray(lines[:, : plane.width * size]).data)


def wavefronts(extradata: bytes, packet: bytes) -> bool:
    """Whether an H.265 stream says where each row of blocks begins (entropy_coding_sync_enabled_flag)."""
    if extradata[:1] == b"\1" and len(extradata) > 22:
        length = (extradata[21] & 3) + 1
        units = [*_in_header(extradata), *_prefixed(packet, length)]
    else:
        units = [unit for data in (extradata, packet) for unit in data.split(b"\0\0\1")]
    return any(_synced(unit) for unit in units if unit and unit[0] >> 1 & 0x3F == _PPS)


def _in_header(extradata: bytes) -> Iterator[bytes]:
    """The parameter sets in an MP4's or Matroska's header (ISO/IEC 14496-15, hvcC)."""
    at = 23
    for _ in range(extradata[22]):
        count, at = int.from_bytes(extradata[at + 1 : at + 3], "big"), at + 3
        for _ in range(count):
            size, at = int.from_bytes(extradata[at : at + 2], "big"), at + 2
            yield extradata[at : at + size]
            at += size


def _prefixed(packet: bytes, length: int) -> Iterator[bytes]:
    at = 0
    while at + length <= len(packet):
        size, at = int.from_bytes(packet[at : at + length], "big"), at + length
        yield packet[at : at + size]
        at += size


def _synced(pps: bytes) -> bool:
    """The flag in a picture parameter set (ITU-T H.265, 7.3.2.3.1)."""
    bits = _Bits(pps[2:].replace(b"\0\0\3", b"\0\0"))
    try:
        bits.numbers(2)  # the set's own number and its sequence's
        bits.skip(1 + 1 + 3 + 1 + 1)
        bits.numbers(3)  # default references, initial quantiser
        bits.skip(1 + 1)
        if bits.take():
            bits.numbers(1)
        bits.numbers(2)
        bits.skip(1 + 1 + 1 + 1 + 1)  # chroma offsets, weights, transquant bypass, tiles
        return bool(bits.take())
    except StopIteration:
        return False


class _Bits:
    def __init__(self, data: Iterable[int]) -> None:
        self._bits = (byte >> shift & 1 for byte in data for shift in range(7, -1, -1))

    def take(self) -> int:
        return next(self._bits)

    def skip(self, count: int) -> None:
        for _ in range(count):
            next(self._bits)

    def numbers(self, count: int) -> None:
        """Pass over numbers in Exp-Golomb code."""
        for _ in range(count):
            zeros = 0
            while not self.take():
                zeros += 1
            self.skip(zeros)
