"""Sound that no container holds as it is, as FLAC: decoded once, then sample for sample the same."""

from __future__ import annotations

from fractions import Fraction

import av
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

_DEEP = ("s32", "s32p", "flt", "fltp", "dbl", "dblp", "s64", "s64p")


class FlacTrack:
    """One sound track, decoded and encoded again without loss (floating point is rounded to 24 bits)."""

    def __init__(self, stream: Stream, output: OutputContainer) -> None:
        assert isinstance(stream, AudioStream)
        self._output = output
        self._source = stream
        context = stream.codec_context
        form = "s32" if context.format.name in _DEEP else "s16"
        self._track = output.add_stream("flac", rate=context.sample_rate)
        assert isinstance(self._track, AudioStream)
        self._track.codec_context.layout = context.layout.name
        self._track.codec_context.format = form
        self._track.time_base = Fraction(1, context.sample_rate)
        self._resampler = AudioResampler(
            format=form, layout=context.layout.name, rate=context.sample_rate, frame_size=4096
        )

    def write(self, packet: Packet[Stream]) -> None:
        """Append the sound in `packet`; what cannot be decoded leaves a gap."""
        try:
            frames = self._source.decode(packet)
        except av.error.FFmpegError:
            return
        for frame in frames:
            self._encode(self._resampler.resample(frame))

    def finish(self) -> None:
        """Write what is pending."""
        self._encode(self._resampler.resample(None))
        self._output.mux(self._track.encode(None))

    def _encode(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            self._output.mux(self._track.encode(frame))
