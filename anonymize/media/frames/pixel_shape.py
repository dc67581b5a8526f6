"""How wide the pixels of every single picture are, whoever says so: the user, the container, the coded stream."""

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
from anonymize.media.video.inspect import thumbnail

_SILENT = ("mpegts", "mpeg", "mpegvideo", "h264", "hevc", "vvc", "m4v", "obu", "ivf", "dv")
"""FFmpeg's names of containers that say nothing of it: what it tells of them is what the stream says at first."""
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
"""Sizes in which recorders store oblong pixels, mostly without saying so, and what these are."""
_UNIT = 1000
"""Columns that stand for square pixels."""
_MOST = 65_000
"""Columns at most."""


def doubtful(info: MediaInfo, aspects: Sequence[tuple[Fraction, ...]]) -> str:
    """What is said to the user where a video of square pixels has a size that recorders use for oblong ones."""
    often = _OFTEN.get(info.stored_size)
    if often is None or any(each != (SQUARE,) for each in aspects) or info.rotation % 180:
        return ""
    width, height = info.stored_size
    return (
        f"recorders mostly store oblong pixels in {width} x {height}, and nothing says so here: if people look too "
        f"thin or too wide, faces were missed; give --pixel-aspect {often}"
    )


class PixelShape:
    """What is said of the pixels of one video's pictures.

    Where the container and the coded stream disagree, some players follow the one, some the other; then both count.
    Streams may change it on the way, as broadcasts do between programmes.

    Args:
        container, stream: open.
        asked: what the user says of an upright pixel; it goes first.
        also: what else counts of it.
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

    def of(self, picture: av.VideoFrame, *, transposed: bool) -> tuple[Fraction, ...]:
        """See `anonymize.data.Frame.aspects`; `transposed` where the picture stands upright after a quarter turn."""
        coded = self._coded(picture)
        known = self._known.get((coded, transposed))
        if known is None:
            told = (
                upright(Fraction(each), transposed=transposed) if each else None for each in (self._contained, coded)
            )
            known = self._known[coded, transposed] = aspects_of(self._asked, *told, *self._also)
        return known

    def _coded(self, picture: av.VideoFrame) -> Fraction | None:
        """What the coded stream says of `picture`; None where it says nothing.

        PyAV shows what the decoder knows by now, which may be pictures ahead; FFmpeg's scale filter knows the picture's
        own, but takes none for square.
        """
        self._graph = self._graph or _measure()
        self._graph.push(thumbnail(picture, self._scaler))
        aspect = Fraction(self._graph.pull().width, _UNIT)  # type: ignore[union-attr]  # it is a picture
        return aspect if aspect != 1 or self._stream.codec_context.sample_aspect_ratio else None


def _measure() -> av.filter.Graph:
    """A graph that makes of a thumbnail a picture as many columns wide as its pixels are, in units."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=2, height=2, format=VideoFormat("gray", 2, 2), time_base=Fraction(1, 1000))
    columns = graph.add("scale", rf"w=clip(round(sar*{_UNIT})\,1\,{_MOST}):h=2:eval=frame:flags=neighbor")
    sink = graph.add("buffersink")
    source.link_to(columns)
    columns.link_to(sink)
    graph.configure()
    return graph
