"""Carrying the sound over, packet by packet, in step with the picture."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.audio.codeccontext import AudioCodecContext
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Discard, Stream

from anonymize.errors import UnsupportedInput
from anonymize.media.choose import Target
from anonymize.media.flac import FlacTrack
from anonymize.media.presentation import move
from anonymize.media.video import VideoSource
from anonymize.media.vorbis import without_comments


class SoundCopy:
    """All sound tracks of `source`, copied into `output` as far as the picture has come.

    Sound before time zero (an encoder's run-in) is kept where the container can say so, and dropped elsewhere.
    """

    def __init__(self, source: VideoSource, output: OutputContainer, target: Target, origin: Fraction) -> None:
        self._output = output
        self._place, self._origin = source.presentation.placing(), origin
        self._below_zero = target.container in ("mp4", "m4v", "mov")
        self._input: InputContainer = source.opened()
        own = source.sound_of(self._input)
        self._tracks: dict[int, Stream | FlacTrack] = {}
        for stream in self._input.streams:
            if stream not in own:
                stream.discard = Discard.all
            elif target.carries(stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"):
                self._tracks[stream.index] = self._copy_of(stream, source.name)
            else:
                self._tracks[stream.index] = FlacTrack(stream, output)
        self._packets = self._demux()
        self._next: Packet[Stream] | None = next(self._packets, None)
        self._last_dts: dict[int, int] = {}

    def _copy_of(self, stream: Stream, name: str) -> Stream:
        copy = self._output.add_stream_from_template(stream, opaque=True)
        copy.time_base = stream.time_base
        copy.disposition = stream.disposition & 1
        context, made = stream.codec_context, copy.codec_context
        # AVI says how many channels there are, not which; MP4 must be told.
        if isinstance(made, AudioCodecContext) and made.layout.name == "2 channels":
            made.layout = "stereo"
        if context.codec.canonical_name == "vorbis":
            made.extradata = _untagged(stream, name)
        return copy

    def _demux(self) -> Iterator[Packet[Stream]]:
        streams = [self._input.streams[index] for index in self._tracks]
        if not streams:
            return
        try:
            for packet in self._input.demux(streams):
                self._place(packet)
                # What an edit list cuts away is not carried over; the run-in before zero is: decoders need it.
                if packet.size and not (packet.is_discard and _start(packet) >= 0):
                    yield packet
        except av.error.FFmpegError:
            return  # the pass over the pictures has told of it

    def up_to(self, time: Fraction) -> None:
        """Write all sound that begins at or before `time`, in seconds."""
        while self._next is not None and _start(self._next) <= time:
            self._write(self._next)
            self._next = next(self._packets, None)

    def rest(self) -> None:
        """Write what is left."""
        while self._next is not None:
            self._write(self._next)
            self._next = next(self._packets, None)
        for track in self._tracks.values():
            if isinstance(track, FlacTrack):
                track.finish()

    def close(self) -> None:
        """Close the source."""
        self._input.close()

    def _write(self, packet: Packet[Stream]) -> None:
        track = self._tracks[packet.stream.index]
        if _start(packet) < 0 and not self._below_zero:
            return
        move(packet, self._origin)
        if isinstance(track, FlacTrack):
            track.write(packet)
            return
        self._keep_rising(packet)
        packet.stream = track
        self._output.mux(packet)

    def _keep_rising(self, packet: Packet[Stream]) -> None:
        """Muxers insist on rising decoding times; recordings with a hiccup do not have them."""
        if packet.dts is None:
            packet.dts = packet.pts
        if packet.dts is None:
            return
        index = packet.stream.index
        last = self._last_dts.get(index)
        if last is not None and packet.dts <= last:
            packet.dts = last + 1
            packet.pts = max(packet.pts if packet.pts is not None else packet.dts, packet.dts)
        self._last_dts[index] = packet.dts


def _start(packet: Packet[Stream]) -> Fraction:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return Fraction(0) if stamp is None else stamp * packet.time_base


def _untagged(stream: Stream, name: str) -> bytes:
    """What a Vorbis decoder needs, without the tags in it. Raises `UnsupportedInput` where it is not understood."""
    try:
        return without_comments(stream.codec_context.extradata or b"")
    except (ValueError, IndexError) as error:
        raise UnsupportedInput(f"{name}: its Vorbis sound is malformed; give --audio mute to drop it") from error
