"""Transparency in video: frames are composited onto black, as players do, and the output has no alpha.

The colours under transparent pixels may show anything, for instance a face that was cut out, and dropping the alpha
would reveal them. So frames are composited before detection and encoding.
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
"""Codecs with separate alpha frames, in WebM -> their decoder."""
_UNREAD = (
    "it has transparency beside its {} frames, which cannot be read; export it on a background from its own program"
)


class Ground:
    """Composites the frames of one stream onto black.

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
        """Whether any frame so far had an alpha channel."""
        self._layer, self._undecided = False, codec == "hevc"
        self._name = name
        modes = [value for key, value in stream.metadata.items() if key.lower() == "alpha_mode"]
        if modes and modes != ["0"]:
            if not self._may:
                raise UnsupportedInput(f"{_UNREAD.format(codec)}", name)
            self._open()

    def take(self, packet: Packet[Stream]) -> None:
        """Decode the alpha of a packet, before its frame comes out."""
        if self._may and self._beside is None and packet.has_sidedata("matroska_block_additional"):
            self._open()
        if self._undecided and packet.size:
            self._undecided = False
            self._layer = has_alpha_layer(bytes(self._context.extradata or b""), bytes(packet))
        if self._beside is not None:
            for picture in complaints.decode(self._beside, packet).pictures:
                self._alphas[picture.pts] = picture

    def lay(self, picture: av.VideoFrame) -> av.VideoFrame:
        """`picture` composited onto black; itself if it has no alpha."""
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
        if not (self._raw and not alpha.any()):  # in raw AVI, the fourth byte of a pixel is often unused
            _lay(made, opaque, alpha, layout.depth)
        return made

    def _with(self, picture: av.VideoFrame, beside: av.VideoFrame | None) -> av.VideoFrame:
        layout = layout_of(picture.format.name)
        held = layout_of(beside.format.name) if beside is not None else None
        if layout is None or (beside is None and not self.transparent):
            return picture
        if beside is None:  # it lacks the alpha that the others have
            return blacked(picture, layout)
        if held is None or not held.alpha:  # the additional data are not alpha
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
    """The planar format `name` without alpha."""
    return name.replace("yuva", "yuv").replace("gbrap", "gbrp")


def _lay(picture: av.VideoFrame, layout: Layout, alpha: NDArray[Any], depth: int) -> None:
    """Composite `picture` onto black in place.

    Args:
        picture: without an alpha plane.
        layout: its layout.
        alpha: (height, width) of the same size.
        depth: bits per sample of `alpha`.
    """
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
    """`alpha` at the resolution of a subsampled plane: the minimum over each sample, so none shows through."""
    across, down = 1 << shifts[0], 1 << shifts[1]
    rows, columns = shape
    padded = np.pad(alpha, ((0, rows * down - alpha.shape[0]), (0, columns * across - alpha.shape[1])), mode="edge")
    return np.asarray(padded.reshape(rows, down, columns, across).min((1, 3)), np.int64)
