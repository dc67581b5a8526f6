"""Copy the sound packet by packet, in step with the video, without the parts that are not played."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from fractions import Fraction

import av
from av.audio.codeccontext import AudioCodecContext
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Discard, Stream

from anonymize.errors import UnsupportedInput
from anonymize.media.audio.flac import FlacTrack
from anonymize.media.audio.languages import written_code
from anonymize.media.audio.trims import RUN_IN, trimmed
from anonymize.media.audio.vorbis import without_comments
from anonymize.media.clock.edits import Played, edit_lists
from anonymize.media.clock.presentation import move
from anonymize.media.video.choose import Target
from anonymize.media.video.source import VideoSource

_KEPT_FLAGS = {"mkv": 1 | 4 | 8 | 64 | 128 | 256, "webm": 1 | 4 | 8 | 64 | 128 | 256, "ts": 1 | 128 | 256}
"""FFmpeg's disposition flags that each container keeps: default (1, kept everywhere), original (4), commentary (8),
forced (64), hearing impaired (128), visually impaired (256)."""
_NAMES = {
    "aac": re.compile(rb"Lavc[\d.]+"),
    "mp3": re.compile(rb"LAME\d[\w.]*|Lavc[\d.]+"),
}
"""Encoder names that encoders write between the coded samples. That of libfaac stays: FFmpeg derives the encoder delay
from it."""


class SoundCopy:
    """Copies all sound tracks of `source` into `output`, up to the position of the video.

    Args:
        source: the file.
        output: the container to write to.
        target: its format and codec.
        origin: time on the output's clock at which the presentation begins, in seconds.

    Raises:
        UnsupportedInput: a track cannot be copied or re-encoded; also from `up_to` and `flush`.
    """

    def __init__(self, source: VideoSource, output: OutputContainer, target: Target, origin: Fraction) -> None:
        self._place, self._origin = source.presentation.placing(), origin
        self._input: InputContainer = source.opened()
        own = source.sound_of(self._input)
        self._tracks: dict[int, CopiedTrack | FlacTrack] = {}
        edits = edit_lists(source.input)
        known = iter(source.info.audio)
        self._name = source.name
        self._empty = [stream.index for stream in source.sound_of(self._input, empty=True)]
        for stream in self._input.streams:
            if stream.index in self._empty:
                continue
            if stream not in own:
                stream.discard = Discard.all
                continue
            info = next(known)
            played = Played.by(edits.get(stream.id, ()), source.presentation.origin, origin)
            track: CopiedTrack | FlacTrack
            if target.carries(info):
                matroska = self._input.format.name.startswith("matroska")
                track = CopiedTrack(stream, output, target, played, source.name, matroska=matroska)
            else:
                track = FlacTrack(stream, output, played, source.name, source.silences)
            self._tracks[stream.index] = track
            track.stream.disposition = stream.disposition & _KEPT_FLAGS.get(target.container, 1)
            if language := written_code(info.language, target.container):
                track.stream.metadata["language"] = language
        self._packets = self._demux()
        self._next: Packet[Stream] | None = next(self._packets, None)

    def _demux(self) -> Iterator[Packet[Stream]]:
        streams = [self._input.streams[index] for index in (*self._tracks, *self._empty)]
        if not streams:
            return
        try:
            for packet in self._input.demux(streams):
                if packet.size and packet.stream.index in self._empty:
                    raise UnsupportedInput(
                        "a sound track starts so late that its format is unknown at the start; "
                        "cut off what is before it, or give --audio mute",
                        self._name,
                    )
                self._place(packet)
                if packet.size:
                    yield packet
        except av.error.FFmpegError:
            return  # the pass over the video has reported it

    def up_to(self, time: Fraction) -> None:
        """Write all packets that start at or before `time`, in seconds of the presentation."""
        while self._next is not None and (_start(self._next) or 0) <= time:
            self._write(self._next)

    def flush(self) -> None:
        """Write the remaining sound."""
        while self._next is not None:
            self._write(self._next)
        for track in self._tracks.values():
            track.finish()

    def close(self) -> None:
        """Close the source."""
        self._input.close()

    def _write(self, packet: Packet[Stream]) -> None:
        move(packet, self._origin)
        self._tracks[packet.stream.index].write(packet)
        self._next = next(self._packets, None)


class CopiedTrack:
    """One sound track whose packets are copied as they are, except those that are not played.

    Of what is hidden before the first audible sample, one packet is kept: decoders need it to be exact. MP4 and MOV
    hide it again, as Matroska does with Opus pre-skip; elsewhere, packets that start before zero are dropped.

    Args:
        stream: the source's.
        output: the container to write to.
        target: its format and codec.
        played: which part of the track is played.
        name: of the file, for messages.
        matroska: whether the source is Matroska.
    """

    def __init__(
        self,
        stream: Stream,
        output: OutputContainer,
        target: Target,
        played: Played,
        name: str,
        *,
        matroska: bool,
    ) -> None:
        self._output = output
        context = stream.codec_context
        codec = context.codec.canonical_name
        self._movie = target.container in ("mp4", "m4v", "mov")
        # Matroska stores the codec delay: FFmpeg knows that of Opus, and what it has read from Matroska.
        self._below_zero = self._movie or (target.container in ("mkv", "webm") and (matroska or codec == "opus"))
        self._matroska = matroska
        self._uncoded = codec.startswith("pcm_")
        self._adts = codec == "aac" and target.container != "ts"
        self._adts_header, self._name = b"", name
        self._names = _NAMES.get(codec)
        self._played = played
        self._tick = Fraction(1, int(getattr(context, "sample_rate", 0) or 0) or 90_000)
        self._start = self._end = Fraction(0)
        self._last: int | None = None
        self.stream = output.add_stream_from_template(stream, opaque=True)
        self.stream.time_base = stream.time_base
        made = self.stream.codec_context
        # AVI stores the number of channels but not the layout, which MP4 needs.
        if isinstance(made, AudioCodecContext) and made.layout.name == "2 channels":
            made.layout = "stereo"
        if codec == "vorbis":
            made.extradata = _untagged(stream, name)

    def _check_same(self, packet: Packet[Stream]) -> None:
        """Raise `UnsupportedInput` if the sample rate or channels in AAC's ADTS headers change.

        Containers other than MPEG-TS store them once for the whole track.
        """
        header = bytes(packet)[:4] if self._adts else b""
        if len(header) < 4 or header[0] != 0xFF or header[1] & 0xF0 != 0xF0:
            return
        key = bytes((header[2] & 0xFD, header[3] & 0xC0))  # profile, rate, channels
        self._adts_header = self._adts_header or key
        if key != self._adts_header:
            raise UnsupportedInput(
                "its sound changes its sample rate or channels; name the output .ts, or cut "
                "the file there and give the parts",
                self._name,
            )

    def write(self, packet: Packet[Stream]) -> None:
        """Append `packet` if any of it is played, or needed to decode what is played."""
        self._check_same(packet)
        start, lasts = _start(packet), (packet.duration or 0) * packet.time_base
        if start is None:
            start = self._end
            packet.pts = packet.dts = round(start / packet.time_base)
        if not lasts and self._movie:  # MP4 would not play a last packet without a duration
            lasts = max(start - self._start, self._tick)
        self._start, self._end = start, start + lasts
        if self._uncoded:
            packet, start, lasts = self._cut(packet, start, lasts)
        if not packet.size or self._hidden(packet, start, lasts):
            return
        if self._names is not None:
            _blank(packet, self._names)
        if self._movie:
            packet = self._measured(packet, start, lasts)
        self._keep_rising(packet)
        packet.stream = self.stream
        self._output.mux(packet)

    def finish(self) -> None:
        """Nothing is pending."""

    def _cut(
        self, packet: Packet[Stream], start: Fraction, lasts: Fraction
    ) -> tuple[Packet[Stream], Fraction, Fraction]:
        """The part of an uncompressed `packet` that is played, and its start and duration in seconds."""
        ends = self._played.ends
        early = min(max(self._played.begins - start, Fraction(0)), lasts)
        late = min(max(start + lasts - ends, Fraction(0)), lasts) if ends is not None else Fraction(0)
        samples = round(lasts / self._tick)
        if not (early or late) or not samples or packet.size % samples:
            return packet, start, lasts
        width = packet.size // samples
        first, last = round(early / self._tick), samples - round(late / self._tick)
        kept: Packet[Stream] = Packet(bytes(packet)[first * width : max(first, last) * width])
        kept.time_base, kept.is_keyframe = self._tick, True
        kept.pts = kept.dts = round(start / self._tick) + first
        kept.duration = max(0, last - first)
        return kept, start + first * self._tick, kept.duration * self._tick

    def _measured(self, packet: Packet[Stream], start: Fraction, lasts: Fraction) -> Packet[Stream]:
        """`packet` with the duration that is played, which MP4 stores for the last packet."""
        end = trimmed(packet)[1]
        if end:  # without its side data: the muxer would trim it again
            bare: Packet[Stream] = Packet(bytes(packet))
            bare.pts, bare.dts, bare.is_keyframe = packet.pts, packet.dts, packet.is_keyframe
            bare.time_base = packet.time_base
            packet = bare
            if self._matroska:  # Ogg's durations are trimmed already
                lasts -= end * self._tick
        if self._played.ends is not None:
            lasts = min(lasts, self._played.ends - start)
        packet.duration = max(1, round(lasts / packet.time_base))
        return packet

    def _hidden(self, packet: Packet[Stream], start: Fraction, lasts: Fraction) -> bool:
        begins, ends = self._played.begins, self._played.ends
        if start < self._played.zero and not self._below_zero:
            return True
        if start + lasts <= begins and start < begins:  # after a pause there is no way to hide it
            return (self._movie and begins > 0) or begins - start > RUN_IN * lasts
        return packet.is_discard or (ends is not None and start >= ends)

    def _keep_rising(self, packet: Packet[Stream]) -> None:
        """Make decoding timestamps strictly increasing, as muxers require: packets may be shorter than a tick."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        ticks = math.floor((stamp or 0) * packet.time_base / self._tick + Fraction(1, 2))  # as muxers round
        if self._last is not None and ticks <= self._last:
            ticks = self._last + 1
            packet.time_base = self._tick
            packet.duration = 0
            packet.pts = packet.dts = ticks
        self._last = ticks


def _blank(packet: Packet[Stream], names: re.Pattern[bytes]) -> None:
    """Overwrite matches of `names` in `packet` with zeros."""
    content = bytes(packet)
    if names.search(content):
        packet.update(names.sub(lambda found: bytes(len(found[0])), content))


def _start(packet: Packet[Stream]) -> Fraction | None:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None else stamp * packet.time_base


def _untagged(stream: Stream, name: str) -> bytes:
    """The codec data of a Vorbis stream without its tags. Raises `UnsupportedInput` if it is malformed."""
    try:
        return without_comments(stream.codec_context.extradata or b"")
    except (ValueError, IndexError) as error:
        raise UnsupportedInput("its Vorbis sound is malformed; give --audio mute to drop it", name) from error
