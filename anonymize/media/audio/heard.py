"""The sound of a video as it is heard: any part of it, decoded in memory; all of its tracks at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Stream
from numpy.typing import NDArray

from anonymize.media.video.source import VideoSource

RATE = 48_000
"""Samples a second."""
_LEAD = Fraction(1, 2)
"""Seconds that are decoded before those that are wanted: decoders need them to be exact."""
_APART = RATE * 3 // 2
"""Samples by which tracks may be stored apart."""
_SLACK = Fraction(3, 50)
"""Seconds by which timestamps may deviate from a steady flow of samples."""

Block = tuple[int, NDArray[np.int16]]
"""Position in samples, and (N,) samples."""


class Heard:
    """The sound of `source`, mono at `RATE`, each track of 16 bits, all of them added.

    What follows on what was asked for last is decoded on from there, so that no seam is heard.

    Args:
        source: the video.
    """

    def __init__(self, source: VideoSource) -> None:
        self._source = source
        self._apart = _APART if len(source.info.audio) > 1 else 0
        self._lock = threading.Lock()
        self._blocks: Iterator[Block] = iter(())
        self._waiting: list[Block] = []
        self._next = self._reached = -1
        """Position of the sample after the last one asked for, and of the latest block."""

    def samples(self, first: int, count: int) -> NDArray[np.int32]:
        """The samples ``first <= i < first + count`` of the presentation; zeros where there is no sound."""
        with self._lock:
            if first != self._next:
                self._blocks, self._waiting, self._reached = blocks(self._source, first), [], first
            self._next = first + count
            while self._reached < self._next + self._apart and (read := next(self._blocks, None)):
                self._waiting.append(read)
                self._reached = max(self._reached, read[0])
            mixed: NDArray[np.int32] = np.zeros(count, np.int32)
            for at, block in self._waiting:
                low, high = max(at, first), min(at + len(block), self._next)
                if low < high:
                    mixed[low - first : high - first] += block[low - at : high - at]
            self._waiting = [(at, block) for at, block in self._waiting if at + len(block) > self._next]
            return mixed

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._blocks, self._waiting, self._next = iter(()), [], -1


def blocks(source: VideoSource, first: int = 0) -> Iterator[Block]:
    """Blocks of all sound tracks, each track's in order, which together hold all samples from `first` on."""
    begins = Fraction(max(first, 0), RATE) - _LEAD
    with source.opened() as container:
        if begins > 0 and not source.presentation.joins and _seek(source, container, begins):
            yield from _read(source, container, begins)
            return
    with source.opened() as container:
        yield from _read(source, container, begins)


def _seek(source: VideoSource, container: InputContainer, begins: Fraction) -> bool:
    """Go to where the sound from `begins` on is stored; False where that cannot be told."""
    tracks = source.sound_of(container)
    if not tracks:
        return False
    ticks = int((begins + source.presentation.origin) / Fraction(tracks[0].time_base or 1))
    try:
        container.seek(ticks, stream=tracks[0])
        packet = next(packet for packet in container.demux(tracks) if packet.size)
        source.presentation.placing()(packet)
        landed = _start(packet)
        if landed is None or landed > begins:
            return False
        container.seek(ticks, stream=tracks[0])
    except (av.error.FFmpegError, StopIteration):
        return False
    return True


def _read(source: VideoSource, container: InputContainer, begins: Fraction) -> Iterator[Block]:
    """Blocks from where `container` is.

    Args:
        source: the video.
        container: of it.
        begins: packets that end before are passed over.
    """
    own = source.sound_of(container)
    tracks = {stream.index: _Track(stream) for stream in own if isinstance(stream, AudioStream)}
    for stream in container.streams:
        if stream.index not in tracks:
            stream.discard = Discard.all
    place = source.presentation.placing()
    try:
        for packet in container.demux(own) if tracks else ():
            place(packet)
            if not packet.size or packet.stream_index not in tracks:
                continue
            start = _start(packet)
            if start is None or start + (packet.duration or 0) * packet.time_base >= begins:
                yield from tracks[packet.stream_index].decoded(packet)
    except av.error.FFmpegError:
        pass  # the pass over the pictures has said what is wrong
    for track in tracks.values():
        yield from track.rest()


class _Track:
    """One sound track, decoded and placed in time."""

    def __init__(self, stream: AudioStream) -> None:
        self._stream = stream
        self._resampler: AudioResampler | None = None
        self._at = 0
        """Position of the next sample."""

    def decoded(self, packet: Packet[Any] | None) -> Iterator[Block]:
        """The blocks in `packet`; None for what the decoder still holds. What cannot be decoded is left out."""
        try:
            frames = self._stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            return
        for frame in frames:
            yield from self._placed(frame)

    def rest(self) -> Iterator[Block]:
        """The blocks after the last packet."""
        yield from self.decoded(None)
        yield from self._resampled(None)

    def _placed(self, frame: av.AudioFrame) -> Iterator[Block]:
        if frame.pts is not None:
            at = round(frame.pts * Fraction(frame.time_base or self._stream.time_base or 0) * RATE)
            if self._resampler is None or abs(at - self._at) > _SLACK * RATE:
                yield from self._resampled(None)
                self._at = at
        frame.pts = None
        try:
            yield from self._resampled(frame)
        except ValueError:  # its rate or its channels change
            self._resampler = None
            yield from self._resampled(frame)

    def _resampled(self, frame: av.AudioFrame | None) -> Iterator[Block]:
        """`frame` as blocks; None for what is still held, after which another run begins."""
        if self._resampler is None:
            if frame is None:
                return
            self._resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        made = self._resampler.resample(frame)
        if frame is None:
            self._resampler = None
        for one in made:
            block: NDArray[np.int16] = one.to_ndarray().reshape(-1).astype(np.int16, copy=False)
            yield self._at, block
            self._at += len(block)


def _start(packet: Packet[Stream]) -> Fraction | None:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None else stamp * packet.time_base
