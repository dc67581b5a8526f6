"""The pixel aspect ratio of every frame, from the user, the container and the coded stream."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import av
from av.container import InputContainer
from av.video.format import VideoFormat
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from anonymize.aspect import aspects_of, upright
from anonymize.data import SQUARE
from anonymize.media.protocols import MediaInfo
from anonymize.media.video.inspect import THUMBNAIL, thumbnail

_SILENT = ("mpegts", "mpeg", "mpegvideo", "h264", "hevc", "vvc", "m4v", "obu", "ivf", "dv")
"""FFmpeg's names of containers without one: for these it reports that of the start of the stream."""
_OFTEN = {
    (960, 1080): "2:1",
    (640, 720): "2:1",
    (704, 288): "6:11",
    (720, 288): "6:11",
    (352, 576): "24:11",
    (360, 576): "24:11",
    (352, 480): "20:11",
    (704, 240): "5:11",
}
"""Frame sizes in which recorders store non-square pixels, mostly without signalling them -> pixel aspect ratio."""
_UNIT = 1000
"""Columns that represent square pixels in the measuring graph."""
_MOST = 65_000
"""Columns in the measuring graph, at most: FFmpeg scales a thumbnail to some 5,000 times its width, and no further."""


def doubtful(info: MediaInfo, aspects: Sequence[tuple[Fraction, ...]]) -> str:
    """A note to the user if a video with square pixels has a size that recorders use for non-square ones."""
    often = _OFTEN.get(info.stored_size)
    if often is None or any(each != (SQUARE,) for each in aspects) or info.rotation % 180:
        return ""
    width, height = info.stored_size
    return (
        f"recorders mostly store non-square pixels in {width} x {height}, which this file does not signal: if people "
        f"look too thin or too wide, faces were missed; give --pixel-aspect {often}"
    )


class PixelShape:
    """The pixel aspect ratios of a video's frames.

    Where container and coded stream disagree, some players follow the one and some the other, so both count. Streams
    may change it, as broadcasts do between programmes.

    Args:
        container, stream: open.
        asked: the user's pixel aspect ratio (upright); it takes precedence.
        also: further ones that count.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        asked: Fraction | None = None,
        also: tuple[Fraction, ...] = (),
    ) -> None:
        self._stream = stream
        self._asked, self._also = asked, also
        names = container.format.name.split(",")
        self._contained = None if any(name in _SILENT for name in names) else stream.sample_aspect_ratio
        self._scaler = VideoReformatter()
        self._graph: av.filter.Graph | None = None
        self._known: dict[tuple[Fraction | None, bool], tuple[Fraction, ...]] = {}
        self._last: Fraction | None = None
        self._ahead: Fraction | None = None
        self._settled = False

    def of(self, picture: av.VideoFrame, *, transposed: bool) -> tuple[Fraction, ...]:
        """See `anonymize.data.Frame.aspects`; `transposed`: the frame needs a quarter turn to be upright."""
        coded = self._coded(picture)
        known = self._known.get((coded, transposed))
        if known is None:
            stated = (
                upright(Fraction(each), transposed=transposed) if each else None for each in (self._contained, coded)
            )
            known = self._known[coded, transposed] = aspects_of(self._asked, *stated, *self._also)
        return known

    def _coded(self, picture: av.VideoFrame) -> Fraction | None:
        """The pixel aspect ratio of `picture` in the coded stream; None if not stated.

        PyAV exposes the decoder's current value, which may be some frames ahead; FFmpeg's scale filter knows the
        frame's own, but treats a missing one as square. It is asked at key frames, as streams change at these alone,
        and from when the decoder's value changes until the key frame that did it is shown.
        """
        ahead = self._stream.codec_context.sample_aspect_ratio
        if ahead != self._ahead:
            self._ahead, self._settled = ahead, False
        if self._settled and not picture.key_frame:
            return self._last
        self._graph = self._graph or _measure()
        self._graph.push(thumbnail(picture, self._scaler))
        aspect = Fraction(self._graph.pull().width, _UNIT)  # type: ignore[union-attr]  # it is a frame
        self._last = aspect if aspect != 1 or ahead else None
        self._settled = bool(picture.key_frame)
        return self._last


def _measure() -> av.filter.Graph:
    """A graph that scales a thumbnail to `_UNIT` times its pixel aspect ratio columns."""
    graph = av.filter.Graph()
    width, height = THUMBNAIL
    source = graph.add_buffer(
        width=width, height=height, format=VideoFormat("gray", width, height), time_base=Fraction(1, 1000)
    )
    columns = graph.add("scale", rf"w=clip(round(sar*{_UNIT})\,1\,{_MOST}):h=2:eval=frame:flags=neighbor")
    sink = graph.add("buffersink")
    source.link_to(columns)
    columns.link_to(sink)
    graph.configure()
    return graph
