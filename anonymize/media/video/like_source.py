"""Find the quality at which an output becomes about as large as its source, by encoding short runs of its frames.

How many bits per pixel a quality takes depends on the content, on the source's encoder and on ours, so it is measured:
up to seven runs of 16 frames, at one quality, and at a second one if the first was far off. The runs depend only on
the file, so the quality does too, and all segments are encoded with it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import cast

from av.stream import Stream

from anonymize.media.frames.frame import VideoPicture
from anonymize.media.video.choose import Target, choose
from anonymize.media.video.coder import Head, coded
from anonymize.media.video.open import main_video
from anonymize.media.video.options import MIDDLE
from anonymize.media.video.source import VideoSource
from anonymize.settings import Audio, Output

BEST, WORST = 16, 32
"""Limits on x264's scale: better than the first is not visible; worse than the second, text becomes unreadable."""
_STEPS = 5.0
"""Steps of quality that are assumed to double the size while only one quality has been tried."""
_POOR = 24
_FAR = 4.0
"""If the estimate is this many steps away from the first quality, it is tried as well."""
_SHARE, _SHARE_OF_NEWER = 0.92, 1.2
"""Target size as a share of the source's; the second where H.264 replaces a more efficient codec."""
_NEWER = frozenset(("hevc", "av1", "vp9", "vvc"))
_LOSSLESS = frozenset(("ffv1", "prores"))
RUN = 16
"""Frames per run."""
_LATE = 48
"""A run starts at most this many frames after a key frame, so that few frames are decoded only to be dropped."""
_LONG = 1500
"""Frames from which on a video gets more runs."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An estimate of an output's size and time, from short runs of unredacted frames.

    Args:
        pictures, sound: bytes of all frames and of all sound.
        seconds: time to read and encode one frame.
    """

    pictures: int
    sound: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Packet:
    pts: int
    size: int
    key: bool
    entry: int
    """Timestamp on the container's clock to seek to."""


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Bytes of a run's first frame (in the first run a key frame), and of its other frames."""

    key: int
    others: int


def settled(source: VideoSource, output: Output, suffix: str = "") -> Output:
    """`output` with a quality: its own, or the one at which the output becomes about as large as `source`.

    Args:
        source: a video that has been read to its end.
        output: what the user asked for.
        suffix: of the output file if the user named one.

    Raises:
        UnsupportedInput: no encoder can hold this video unchanged.
        OutputError: the encoder cannot be used.
    """
    if output.quality is not None:
        return output
    target = choose(source.info, output, suffix)
    packets = [] if target.encoder.codec in _LOSSLESS else _packets(source)
    quality = _like(source, output, target, packets) if packets else MIDDLE
    return replace(output, quality=quality)


def trial(source: VideoSource, output: Output, suffix: str = "") -> Trial:
    """Estimate the size and time of encoding `source` as `output`.

    Args:
        source: a video that has been read to its end.
        output: with a quality.
        suffix: of the output file if the user named one.

    Raises:
        UnsupportedInput: no encoder can hold this video unchanged.
        OutputError: the encoder cannot be used.
    """
    target = choose(source.info, output, suffix)
    packets, waits, begun = _packets(source), list[float](), time.perf_counter()
    ratio = _ratio(source, packets, target, output, waits) if packets else 0.0
    encoding = time.perf_counter() - begun - sum(waits)
    seconds = median(waits) + encoding / len(waits) if waits else 0.0
    sound = 0
    if output.audio is Audio.KEEP:
        with source.opened() as container:
            sound = sum(packet.size for packet in container.demux(*container.streams.audio))
    return Trial(round((ratio or 1.0) * sum(packet.size for packet in packets)), sound, seconds)


def _like(source: VideoSource, output: Output, target: Target, packets: Sequence[_Packet]) -> int:
    newer = source.info.codec in _NEWER and target.encoder.codec not in _NEWER
    aim = _SHARE_OF_NEWER if newer else _SHARE

    def excess(quality: int) -> float | None:
        """Binary logarithm of size over target size at `quality`; None if no run can be encoded."""
        ratio = _ratio(source, packets, target, replace(output, quality=quality))
        return math.log2(ratio / aim) if ratio else None

    first = excess(MIDDLE)
    if first is None:
        return MIDDLE
    guess = _within(MIDDLE + _STEPS * first)
    if abs(guess - MIDDLE) < _FAR:
        return guess
    second = excess(guess)
    if second is None:
        return guess
    slope = min(0.3, max(0.1, (first - second) / (guess - MIDDLE)))
    return _within(guess + second / slope)


def _within(quality: float) -> int:
    """`quality` within the limits; a little better for a poor source, so that it does not lose as much again."""
    return min(WORST, max(BEST, round(quality - min(1.5, max(0.0, (quality - _POOR) / 2)))))


def _packets(source: VideoSource) -> list[_Packet]:
    """The video packets of `source`, in file order; packets without a timestamp are left out."""
    found = []
    with source.opened() as container:
        stream = main_video(container, source.name)
        by_dts = container.format.name.startswith("mov")
        place = source.presentation.placing()
        for packet in container.demux(cast("Stream", stream)):
            entry = packet.dts if by_dts else packet.pts
            place(packet)
            pts = packet.pts if packet.pts is not None else packet.dts
            if packet.size and pts is not None:
                found.append(_Packet(pts, packet.size, packet.is_keyframe, pts if entry is None else entry))
    return found


def _starts(packets: Sequence[_Packet]) -> list[tuple[_Packet, int]]:
    """Start of each run: the key frame to seek to, and the pts of its first frame; the first starts the video."""
    count = len(packets)
    further = 6 if count >= _LONG else min(3, count // (3 * RUN))
    keys = [number for number, packet in enumerate(packets) if packet.key] or [0]
    starts = {keys[0]: packets[keys[0]]}
    for number in range(1, further + 1):
        wanted = count * number // (further + 1)
        key = max((key for key in keys if key <= wanted), default=keys[0])
        start = min(wanted, key + _LATE)
        if start + RUN <= count and start - max(starts) >= RUN:
            starts[start] = packets[key]
    return [(key, packets[start].pts) for start, key in starts.items()]


def _ratio(
    source: VideoSource,
    packets: Sequence[_Packet],
    target: Target,
    output: Output,
    waits: list[float] | None = None,
) -> float:
    """The estimated size of the output over that of `source`; 0 if no run could be encoded.

    The first run counts only for itself, since many encoders spend more at the beginning. Its key frame represents the
    later key frames that our encoder will have too; the other runs, without their first frames, represent the rest.

    Args:
        source: a video that has been read to its end.
        packets: its video packets.
        target: container and encoder.
        output: with a quality.
        waits: collects the seconds it took to read each frame.
    """
    sizes = {packet.pts: packet.size for packet in packets}
    ours, theirs = [], []
    for key, start in _starts(packets):
        shown: list[int] = []
        coder = coded(
            _noting(_run(source, key, start), shown, waits if waits is not None else []), source.info, target, output
        )
        made = [len(packet.data) for news in coder if not isinstance(news, Head) for packet in news]
        if made:
            ours.append(_Sizes(made[0], sum(made[1:])))
            theirs.append(_Sizes(sizes.get(shown[0], 0), sum(sizes.get(pts, 0) for pts in shown[1:])))
    if not theirs or not theirs[0].key:
        return 0.0
    whole = sum(sizes.values())
    begun, keys = theirs[0].key + theirs[0].others, _later_keys(packets)
    some = slice(1, None) if len(theirs) > 1 else slice(None)
    rest = sum(size.others for size in theirs[some])
    share = sum(size.others for size in ours[some]) / rest if rest else 1.0
    expected = ours[0].key + ours[0].others + ours[0].key / theirs[0].key * keys + share * max(0, whole - begun - keys)
    return expected / whole


def _later_keys(packets: Sequence[_Packet]) -> int:
    """Bytes of the key frames after the first, without those that come more often than our encoder's."""
    keys = [number for number, packet in enumerate(packets) if packet.key]
    return sum(packets[after].size for before, after in pairwise(keys) if after - before > 3 * RUN)


def _run(source: VideoSource, key: _Packet, start: int) -> Iterator[VideoPicture]:
    for number, picture in enumerate(source.excerpt(key.entry, start)):
        if number == RUN:
            return
        yield picture


def _noting(pictures: Iterator[VideoPicture], shown: list[int], waits: list[float]) -> Iterator[VideoPicture]:
    begun = time.perf_counter()
    for picture in pictures:
        waits.append(time.perf_counter() - begun)
        shown.append(picture.pts)
        yield picture
        begun = time.perf_counter()
