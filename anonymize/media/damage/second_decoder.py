"""A second decoder, where the first one cannot tell a damaged picture from a whole one.

VP8, VP9 and H.265 hold no checksums, and FFmpeg's decoders do not look whether the data of a picture end where the
picture does. Read in another way, whole pictures come out the same and damaged ones do not:

    VP8, VP9    by libvpx, which notices when it reads past the end
    H.265       each row of blocks from where the slice header says that it begins, not from where the row above ended
                (only in streams with such rows: "wavefronts")
    MJPEG       by libjpeg, which goes on in another way after an error
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
"""Noise in the place of a picture's last bytes, which no decoder can do without."""
_LAST_OF_JPEG = 8
"""Bytes at the end of a picture without which no decoder can do."""
_MORE = b"\x2a" * 64
"""Coded data after the end that a whole picture does not need."""
_ROWS = 256
"""Of a JPEG that are compared in one go: a multiple of a block's."""
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


@dataclass(frozen=True, slots=True)
class Alone:
    """What a packet gives that needs no other one: its pictures, and whether the decoder had nothing to complain of."""

    pictures: list[av.VideoFrame]
    whole: bool

    def same(self, other: Alone) -> bool:
        """Whether both are whole, and show the same."""
        return (
            self.whole
            and other.whole
            and len(self.pictures) == len(other.pictures)
            and all(map(_same, self.pictures, other.pictures))
        )


def decoded_alone(name: str, data: bytes, extradata: bytes = b"", *, rows: bool = False) -> Alone:
    """Decode a packet that needs no other one by FFmpeg's decoder called `name`, with what the stream crops.

    Args:
        name: FFmpeg's.
        data: the packet.
        extradata: the stream's header.
        rows: H.265: each row of blocks is decoded from where the slice header says that it begins.
    """
    context = _opened(name, extradata, rows=rows)
    context.options |= {"apply_cropping": "0"}
    first, rest = complaints.decode(context, Packet(data)), complaints.decode(context, Packet())
    return Alone(first.pictures + rest.pictures, first.whole and rest.whole)


def h265_agrees(extradata: bytes, data: bytes) -> bool:
    """Whether nothing speaks against a picture in H.265 that stands alone.

    Args:
        extradata: the stream's header.
        data: the picture.
    """
    one = decoded_alone("hevc", data, extradata)
    if not one.whole or not one.pictures:
        return False
    if wavefronts(extradata, data) and not one.same(decoded_alone("hevc", data, extradata, rows=True)):
        return False
    ends = (spoiled(extradata, data, end) for end in _ENDS)
    return not all(end and one.same(decoded_alone("hevc", end, extradata)) for end in ends)


def jpeg_is_whole(data: bytes) -> bool:
    """Whether nothing speaks against a JPEG picture: what FFmpeg thinks of it, what libjpeg sees, and where it ends.

    Of one that was cut off, and of kinds that FFmpeg does not know, nothing is told.
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
    if len(scans) != 1:  # a further one may add nothing that is seen
        return True
    ((_, end),) = scans
    less, more = data[: end - _LAST_OF_JPEG] + data[end:], data[:end] + _MORE + data[end:]
    return not got.same(decoded_alone("mjpeg", less)) and got.same(decoded_alone("mjpeg", more))


def jpeg_agrees(data: bytes, picture: av.VideoFrame) -> bool:
    """Whether libjpeg sees in `data` what `picture` shows; True where it cannot tell."""
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
        return True  # no tables of its own (AVI), two fields: the first decoder told what it thought
    return True


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
    context.flags |= Flags.unaligned  # as the first one: see `anonymize.media.video.open.main_video`
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
