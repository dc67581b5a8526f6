"""The sound of a video as it is heard: any part of it, decoded in memory; all of its tracks at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
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
"""Position in samples, and (N,) samples; or (N, C), those of every channel of every track, zeros in those of others."""


class Heard:
    """The sound of `source`, mono at `RATE`, each track of 16 bits, all of them added.

    What follows on what was asked for last is decoded on from there, so that no seam is heard.

    Args:
        source: the video.
        apart: every channel by itself; added up, what is the same in opposite phase would be silent.
    """

    def __init__(self, source: VideoSource, *, apart: bool = False) -> None:
        self._source = source
        self._channels = tuple(track.channels for track in source.info.audio) if apart else ()
        self._apart = _APART if len(source.info.audio) > 1 else 0
        self._lock = threading.Lock()
        self._blocks: Iterator[Block] = iter(())
        self._waiting: list[Block] = []
        self._next = self._reached = -1
        """Position of the sample after the last one asked for, and of the latest block."""

    def samples(self, first: int, count: int) -> NDArray[np.int32]:
        """The samples ``first <= i < first + count`` of the presentation; zeros where there is no sound.

        (N,); or (N, C) if they are `apart`, the channels of the first track first.
        """
        with self._lock:
            if first != self._next:
                self._blocks, self._waiting, self._reached = blocks(self._source, first, self._channels), [], first
            self._next = first + count
            while self._reached < self._next + self._apart and (read := next(self._blocks, None)):
                self._waiting.append(read)
                self._reached = max(self._reached, read[0])
            mixed: NDArray[np.int32] = np.zeros((count, sum(self._channels)) if self._channels else count, np.int32)
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


def blocks(source: VideoSource, first: int = 0, apart: Sequence[int] = ()) -> Iterator[Block]:
    """Blocks of all sound tracks, each track's in order, which together hold all samples from `first` on.

    Args:
        source: the video.
        first: position in samples.
        apart: how many channels each track has, to have them apart; else they are mixed.
    """
    begins = Fraction(max(first, 0), RATE) - _LEAD
    with source.opened() as container:
        if begins > 0 and not source.presentation.joins and _seek(source, container, begins):
            yield from _read(source, container, begins, apart)
            return
    with source.opened() as container:
        yield from _read(source, container, begins, apart)


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


def _read(source: VideoSource, container: InputContainer, begins: Fraction, apart: Sequence[int]) -> Iterator[Block]:
    """Blocks from where `container` is.

    Args:
        source: the video.
        container: of it.
        begins: packets that end before are passed over.
        apart: how many channels each track has, to have them apart.
    """
    own = [stream for stream in source.sound_of(container) if isinstance(stream, AudioStream)]
    befores = [sum(apart[:number]) for number in range(len(own))]
    tracks = {
        stream.index: _Track(stream, (before, sum(apart) - before) if apart else None)
        for stream, before in zip(own, befores, strict=True)
    }
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
    """One sound track, decoded and placed in time.

    Args:
        stream: the track.
        columns: how many channels are those of tracks before, and how many are not; None if all are mixed.
    """

    def __init__(self, stream: AudioStream, columns: tuple[int, int] | None) -> None:
        self._stream, self._columns = stream, columns
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
            layout = self._stream.layout if self._columns else "mono"
            self._resampler = AudioResampler(format="s16", layout=layout, rate=RATE)
        made = self._resampler.resample(frame)
        if frame is None:
            self._resampler = None
        for one in made:
            block: NDArray[np.int16] = one.to_ndarray().reshape(-1).astype(np.int16, copy=False)
            if self._columns:
                before, rest = self._columns
                own = block.reshape(one.samples, -1)
                block = np.pad(own, ((0, 0), (before, rest - own.shape[1])))
            yield self._at, block
            self._at += len(block)


def _start(packet: Packet[Stream]) -> Fraction | None:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None else stamp * packet.time_base
