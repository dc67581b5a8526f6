"""Re-encode sound as FLAC, sample for sample the same, where its packets cannot be copied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from numpy.typing import NDArray

from anonymize.data import Silence
from anonymize.errors import UnsupportedInput
from anonymize.media.audio.silence import silenced
from anonymize.media.clock.edits import Played

_DEEP = ("s32", "s32p", "flt", "fltp", "dbl", "dblp", "s64", "s64p")
_MOST_CHANNELS = 8
_BLOCK = 4096
"""Samples per channel in a packet."""
_SLACK = Fraction(3, 50)
"""Seconds by which timestamps of decoded frames may deviate (coarse clocks, bit reservoirs) and the frames still count
as contiguous."""
_EXACT = Fraction(1, 1000)
"""The same where an edit list defines what is played to the sample."""

Samples = NDArray[Any]
"""(samples, channels), int16 or int32."""


class FlacTrack:
    """One sound track, decoded and re-encoded losslessly (floating-point samples are rounded to 24 bits).

    Gaps are filled with silence, so that it stays in sync however a player handles gaps.

    Args:
        stream: the source's.
        output: the container to write to.
        played: which part of the track is played.
        name: of the file, for messages.
        silences: what is not heard of it.

    Raises:
        UnsupportedInput: it has more channels than FLAC can hold; from `write`: its channels or sample rate change.
    """

    def __init__(
        self,
        stream: Stream,
        output: OutputContainer,
        played: Played,
        name: str,
        silences: Sequence[Silence] = (),
    ) -> None:
        assert isinstance(stream, AudioStream)
        self._silences = silences
        self._output, self._name = output, name
        self._source = stream
        context = stream.codec_context
        if context.channels > _MOST_CHANNELS:
            raise UnsupportedInput(
                f"its sound has {context.channels} channels and would have to become FLAC, which holds at most "
                f"{_MOST_CHANNELS}; give --audio mute to drop it",
                name,
            )
        self._rate = context.sample_rate
        if context.format is None:
            raise UnsupportedInput("a sound track has an unknown format; give --audio mute to drop all sound", name)
        self._form = "s32" if context.format.name in _DEEP else "s16"
        self._layout = {"1 channels": "mono", "2 channels": "stereo"}.get(context.layout.name, context.layout.name)
        self.stream = output.add_stream("flac", rate=self._rate)
        assert isinstance(self.stream, AudioStream)
        self.stream.codec_context.layout = self._layout
        self.stream.codec_context.format = self._form
        self.stream.time_base = Fraction(1, self._rate)
        self._channels = context.channels
        self._resampler = AudioResampler(format=self._form, layout=self._layout, rate=self._rate)
        self._begin = round(played.zero * self._rate)
        self._zero = max(0, self._begin)
        self._seams = [round(seam * self._rate) for seam in played.seams]
        self._slack = round((_EXACT if len(played.seams) > 2 else _SLACK) * self._rate)
        self._held = np.zeros((0, self._channels), np.int32 if self._form == "s32" else np.int16)
        self._at: int | None = None
        """Position of `_held` in samples."""
        self._waiting: list[Samples] = []
        self._count = 0
        self._written = 0

    def write(self, packet: Packet[Any]) -> None:
        """Append the sound in `packet`; what cannot be decoded becomes silence."""
        self._decode(packet)

    def finish(self) -> None:
        """Write what is pending in the decoder, in this object and in the encoder."""
        self._decode(None)
        if self._at is not None:
            end = self._at + len(self._held)
            last = self._seams[-1] if self._seams else end
            self._append(self._at, self._held[: max(0, last - self._at)])
        self._encode(last=True)
        self._output.mux(self.stream.encode(None))

    def _decode(self, packet: Packet[Any] | None) -> None:
        try:
            frames = self._source.codec_context.decode(packet)
        except av.error.FFmpegError:
            return
        for frame in frames:
            time = None if frame.pts is None else frame.pts * Fraction(frame.time_base or self._source.time_base or 0)
            for samples in self._converted(frame):
                self._place(samples, None if time is None else round(time * self._rate))
                time = None

    def _converted(self, frame: av.AudioFrame) -> Iterator[Samples]:
        frame.pts = None
        try:
            converted = self._resampler.resample(frame)
        except ValueError:
            raise UnsupportedInput(
                "its sound changes its channels or sample rate; cut the file there and give the "
                "parts, or give --audio mute to drop it",
                self._name,
            ) from None
        for made in converted:
            yield made.to_ndarray().reshape(-1, self._channels)

    def _place(self, samples: Samples, at: int | None) -> None:
        """Append `samples`, which start at position `at`; at an edit list's cut, both sides are trimmed to the seam."""
        if self._at is None:
            self._held, self._at = samples, at or 0
            return
        end = self._at + len(self._held)
        if at is None or abs(at - end) <= self._slack:
            at = end
        seam = next((s for s in self._seams[1:-1] if min(at, end) <= s <= max(at, end)), None)
        if seam is not None:
            self._held = self._held[: max(0, seam - self._at)]
            end = min(end, seam)
        if at < end or (seam is not None and at < seam):
            samples, at = samples[max(end, seam or end) - at :], max(end, seam or end)
        self._append(self._at, self._held)
        self._held, self._at = samples, at

    def _append(self, at: int, samples: Samples) -> None:
        """Queue `samples` for the encoder, after silence up to `at`; what precedes the presentation is dropped."""
        now = self._written + self._count
        if self._written == self._count == 0:
            now = self._written = max(self._zero, at)
        if at < now:
            samples, at = samples[now - at :], now
        while at > now:
            silence = np.zeros((min(at - now, _BLOCK), self._channels), samples.dtype)
            self._queue(silence)
            now += len(silence)
        self._queue(samples)

    def _queue(self, samples: Samples) -> None:
        if len(samples):
            self._waiting.append(samples)
            self._count += len(samples)
        if self._count >= _BLOCK:
            self._encode()

    def _encode(self, *, last: bool = False) -> None:
        if not self._count:
            return
        whole = np.concatenate(self._waiting)
        usable = len(whole) if last else len(whole) // _BLOCK * _BLOCK
        for start in range(0, usable, _BLOCK):
            own = whole[start : min(start + _BLOCK, usable)]
            heard = silenced(own, self._written - self._begin, self._rate, self._silences)
            block = np.ascontiguousarray(heard).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format=self._form, layout=self._layout)
            frame.rate, frame.time_base, frame.pts = self._rate, Fraction(1, self._rate), self._written
            self._written += block.shape[1] // self._channels
            self._output.mux(self.stream.encode(frame))
        self._waiting = [whole[usable:]]
        self._count = len(whole) - usable
