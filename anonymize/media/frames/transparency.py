"""Transparency in video: what is transparent becomes black, as players show it, and the output has none.

The colours under it may be anything, a face that its maker cut out among them, and who drops the transparency brings
them back. So pictures are laid on black before anybody looks at them or writes them.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from anonymize.errors import UnsupportedInput
from anonymize.media.damage import complaints
from anonymize.media.damage.hevc import has_alpha_layer
from anonymize.media.frames.pixels import EXACT, Layout, blacked, layout_of, to_planar, view

WORDS = "transparency (what was transparent is black)"
_BESIDE = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Codecs whose pictures have their transparency beside them, in WebM, and who decodes it."""
_UNREAD = (
    "it has transparency beside its {} pictures, which cannot be read; lay it on a ground with the program that made it"
)


class Ground:
    """Lays the pictures of one stream on black.

    Args:
        stream: the video.
        name: of the file, for messages.

    Raises:
        UnsupportedInput: it has transparency that cannot be read.
    """

    def __init__(self, stream: VideoStream, name: str) -> None:
        codec = stream.codec_context.codec.canonical_name
        self._raw = codec == "rawvideo"
        self._scaler = VideoReformatter()
        self._beside: VideoCodecContext | None = None
        self._alphas: dict[int | None, av.VideoFrame] = {}
        self._may = codec in _BESIDE
        self._context = stream.codec_context
        self.transparent = False
        """Whether the pictures so far can be transparent."""
        self._layer, self._undecided = False, codec == "hevc"
        self._name = name
        modes = [value for key, value in stream.metadata.items() if key.lower() == "alpha_mode"]
        if modes and modes != ["0"]:
            if not self._may:
                raise UnsupportedInput(f"{_UNREAD.format(codec)}", name)
            self._open()

    def take(self, packet: Packet[Stream]) -> None:
        """Take the transparency that a packet has beside its picture, before that comes."""
        if self._may and self._beside is None and packet.has_sidedata("matroska_block_additional"):
            self._open()
        if self._undecided and packet.size:
            self._undecided = False
            self._layer = has_alpha_layer(bytes(self._context.extradata or b""), bytes(packet))
        if self._beside is not None:
            for picture in complaints.decode(self._beside, packet).pictures:
                self._alphas[picture.pts] = picture

    def lay(self, picture: av.VideoFrame) -> av.VideoFrame:
        """`picture` on black; itself where it cannot be transparent."""
        if self._beside is not None:
            return self._with(picture, self._alphas.pop(picture.pts, None))
        layout = layout_of(picture.format.name)
        if layout is None or not layout.alpha:
            if self._layer:
                raise UnsupportedInput(f"{_UNREAD.format('hevc')}", self._name)
            return picture
        self.transparent = True
        planar = to_planar(picture, layout, self._scaler)
        alpha = view(planar, layout, len(layout.shifts) - 1)
        opaque = layout_of(_opaque(layout.name))
        assert opaque is not None
        made = self._scaler.reformat(planar, format=opaque.name, interpolation=EXACT, threads=1)
        if not (self._raw and not alpha.any()):  # four bytes a pixel in AVI: the fourth often means nothing
            _lay(made, opaque, alpha, layout.depth)
        return made

    def _with(self, picture: av.VideoFrame, beside: av.VideoFrame | None) -> av.VideoFrame:
        layout = layout_of(picture.format.name)
        held = layout_of(beside.format.name) if beside is not None else None
        if layout is None or (beside is None and not self.transparent):
            return picture
        if beside is None:  # one that lacks what the others have
            return blacked(picture, layout)
        if held is None or not held.alpha:  # something else stands beside the pictures
            return picture
        self.transparent = True
        alpha = view(beside, held, 3)
        made = self._scaler.reformat(picture, format=layout.name, interpolation=EXACT, threads=1)
        if made is picture:
            made.make_writable()
        _lay(made, layout, alpha, held.depth)
        return made

    def _open(self) -> None:
        codec = self._context.codec.canonical_name
        decoder = av.CodecContext.create(_BESIDE[codec], "r")
        assert isinstance(decoder, VideoCodecContext)
        complaints.listen_to(decoder)
        self._beside = decoder


def _opaque(name: str) -> str:
    """The planar format `name` without transparency."""
    return name.replace("yuva", "yuv").replace("gbrap", "gbrp")


def _lay(picture: av.VideoFrame, layout: Layout, alpha: NDArray[Any], depth: int) -> None:
    """Mix black into `picture` where `alpha`, of `depth` bits and its size, is less than all."""
    most = (1 << depth) - 1
    if int(alpha.min()) == most:
        return
    for plane, step in enumerate(layout.shifts):
        samples = view(picture, layout, plane)
        black = layout.black(plane, picture.color_range)
        weight = _least(alpha, step, samples.shape)
        mixed = (samples.astype(np.int64) - black) * weight
        samples[...] = black + np.rint(mixed / most).astype(np.int64)


def _least(alpha: NDArray[Any], shifts: tuple[int, int], shape: tuple[int, ...]) -> NDArray[Any]:
    """`alpha` for samples of several pixels: the least of theirs, so that nothing transparent shows."""
    across, down = 1 << shifts[0], 1 << shifts[1]
    rows, columns = shape
    padded = np.pad(alpha, ((0, rows * down - alpha.shape[0]), (0, columns * across - alpha.shape[1])), mode="edge")
    return np.asarray(padded.reshape(rows, down, columns, across).min((1, 3)), np.int64)
