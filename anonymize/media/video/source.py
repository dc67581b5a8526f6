"""Read a video file, in one pass or in segments, and report what of it is lost."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Self

import av
from av.container import InputContainer
from av.stream import Stream
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from anonymize.aspect import upright
from anonymize.data import Silence, Timestamps
from anonymize.errors import DamagedInput, UnreadableInput, UnsupportedInput
from anonymize.media.clock.edits import edit_lists, played_from
from anonymize.media.clock.moments import Timestamper
from anonymize.media.clock.presentation import Presentation, written_origin
from anonymize.media.clock.restarts import counts, joins_of
from anonymize.media.damage import complaints
from anonymize.media.damage.losses import Damage
from anonymize.media.damage.second_decoder import Second
from anonymize.media.frames import transparency
from anonymize.media.frames.crop import Crop
from anonymize.media.frames.frame import VideoPicture, View
from anonymize.media.frames.orient import Orientation
from anonymize.media.frames.pixel_shape import PixelShape, doubtful
from anonymize.media.frames.pixels import required_layout
from anonymize.media.frames.transparency import Ground
from anonymize.media.misnamed import misnamed
from anonymize.media.protocols import FieldOrder, MediaInfo
from anonymize.media.video.inspect import (
    describe,
    display_matrix,
    field_order_of,
    is_empty,
    refuse_encrypted,
    side_data,
    side_data_words,
)
from anonymize.media.video.joined import before_zero, refuse_joined
from anonymize.media.video.mpegts import Spliced, packet_size, spliced
from anonymize.media.video.open import Input, check_size, input_name, main_video, open_container
from anonymize.media.video.options import threads_for
from anonymize.media.video.segments import OVERLAP, CannotCut, Cut, PassTraits, Segment, checksum, enter
from anonymize.media.video.unchanged import change

CROPPED = "parts of the picture that players do not show"
LEADING_FRAMES = 12
"""Frames inspected when a file is opened: the first may lack what a later one has (captions, fields)."""

_PARTLY = "parts of it are silenced"


class VideoSource:
    """A `anonymize.media.protocols.Source` on a video file, which is opened again for every pass.

    Args:
        source: a file, or the whole content of one.
        allow_damaged: whether `frames` ends without an error if part of the input is lost.
        pixel_aspect: width over height of an upright pixel; overrides the file's.
        also: further pixel aspect ratios it may be shown with.

    Raises:
        UnreadableInput: it has no video, or no frame can be decoded.
        UnsupportedInput: it cannot be carried over without changing it.
    """

    def __init__(
        self,
        source: Input,
        *,
        allow_damaged: bool = False,
        pixel_aspect: Fraction | None = None,
        also: tuple[Fraction, ...] = (),
    ) -> None:
        self.input = source
        self.name = input_name(source)
        self.allow_damaged = allow_damaged
        self.pixel_aspect, self.also = pixel_aspect, also
        self.threads = 0
        """Decoder threads, at most; 0 for the number of cores."""
        self._traits = PassTraits()
        self._cropped = False
        self._thumbnails = VideoReformatter()
        self._transparent = False
        self._whole = False
        self._broken: list[bool] | None = None
        self._whole_segments: set[int] = set()
        self.losses: list[str] = []
        self._pauses = 0
        self._beginning = ""
        self.notes: tuple[str, ...] = ()
        """What is unusual in the file; complete after the first full pass."""
        self.silences: tuple[Silence, ...] = ()
        """What is not heard of it in an output; set by `silence`."""
        self._spliced: Spliced | None = None
        self._begins: Fraction | None = None
        """When the edit list starts to play, in seconds on the container's clock."""
        self.presentation = Presentation()
        """How timestamps of the container map to times of the presentation."""
        self._info = self._describe()
        self._view = View(
            layout=required_layout(self._info.pixel_format, self.name),
            orientation=Orientation.of_matrix(self._info.display_matrix),
        )

    @property
    def info(self) -> MediaInfo:
        """Its description; `removed`, `field_order` and `pixel_aspects` are complete after the first full pass."""
        cropped = [CROPPED] if self._cropped else []
        transparent = [transparency.WORDS] if self._transparent else []
        attached = sorted(side_data_words(self._traits.side_data))
        removed = dict.fromkeys([*self._info.removed, *cropped, *transparent, *attached])
        aspects = dict.fromkeys(aspect for each in self._traits.aspects for aspect in each)
        return replace(
            self._info,
            removed=tuple(removed),
            field_order=self._traits.field_order,
            pixel_aspects=tuple(aspects),
        )

    def timed_as_output_of(self, source: MediaInfo) -> None:
        """Use the presentation clock of `source`, of which this is an output, even if its sound was dropped."""
        origin = written_origin(source, self._info.container)
        self._info = replace(self._info, start=self._info.start + self._info.origin - origin, origin=origin)
        self.presentation = replace(self.presentation, origin=origin)

    def silence(self, silences: Sequence[Silence]) -> None:
        """Leave parts of the sound out of outputs; its packets cannot be copied then."""
        self.silences = tuple(silences)
        if silences:
            audio = tuple(replace(track, recoded=track.recoded or _PARTLY) for track in self._info.audio)
            self._info = replace(self._info, audio=audio)

    def opened(self) -> InputContainer:
        """Open the file for a pass."""
        renumbered = self._spliced.opened(self.input, self.name) if self._spliced and self._spliced.parts else None
        return open_container(self.input, renumbered)

    def sound_of(self, container: InputContainer, *, empty: bool = False) -> list[Stream]:
        """The audio streams of `container` that belong to the video; with `empty`, those without data so far."""
        own = self._spliced.sound if self._spliced else None
        return [s for s in container.streams.audio if (own is None or s.id in own) and is_empty(s) is empty]

    def announced(self) -> Timestamps | None:
        """Presentation timestamps of all frames, read from the packets without decoding; None where any is missing."""
        times = Timestamps()
        try:
            with self.opened() as container:
                stream, place = main_video(container, self.name), self.presentation.placing()
                for packet in container.demux():
                    place(packet)
                    if packet.stream.index != stream.index:
                        continue
                    if packet.pts is not None:
                        times.pts.append(packet.pts)
                    elif packet.size:
                        return None
                times.time_base = Fraction(stream.time_base or 1)
        except av.error.FFmpegError:
            return None  # a full pass reports what is lost
        times.pts = array("q", sorted(set(times.pts)))
        return times

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing stays open between passes."""

    def frames(self) -> Iterator[VideoPicture]:
        """Every frame in presentation order; see `Source.frames`."""
        self.losses = []
        broken = self._broken_pictures() if self.allow_damaged else []
        damage = Damage(self.input, self.presentation.origin)
        clock = Timestamper()
        index = 0
        opened, followed, damage.torn = complaints.opened(self.opened)
        with opened as container:
            stream = main_video(container, self.name)
            shape = PixelShape(container, stream, self.pixel_aspect, self.also)
            damage.found(followed=followed)
            for picture in self._decode(container, stream, damage, inspect=self.allow_damaged or not self._whole):
                self._check_unchanged(picture)
                picture.pts = clock.stamp(picture)
                noted = self._noted(picture, index, shape, self._traits)
                yield noted.blacked() if broken and broken[index] else noted
                index += 1
            damage.finish(container, stream)
            self._pauses, self._beginning = damage.pauses(), damage.beginning()
            self._note_sound(container, damage)
        self.losses = damage.words()
        self._whole = not self.losses
        self.notes = self._odd(clock.repaired)
        if index == 0:
            raise UnreadableInput("none of its frames could be decoded: the file is damaged or encrypted", self.name)
        if self.losses and not self.allow_damaged:
            raise DamagedInput(f"{'; '.join(self.losses)}; --allow-damaged writes what is readable", self.name)

    def part(self, segment: Segment, traits: PassTraits, *, inspect: bool = True) -> Iterator[VideoPicture]:
        """The frames of one segment of `cut_up`, in presentation order; their properties are added to `traits`.

        Args:
            segment: which frames.
            traits: of the pass.
            inspect: look closely for damage, which takes twice as long; some pass has to before anything is released.

        Raises:
            CannotCut: they differ from the frames of a pass over the whole file.
            UnsupportedInput: the picture changes size, orientation or pixel format.
        """
        damage = Damage(self.input, self.presentation.origin)
        count, seen = segment.end - segment.first, 0
        with self.opened() as container:
            stream = main_video(container, self.name)
            enter(container, stream, segment)
            shape = PixelShape(container, stream, self.pixel_aspect, self.also)
            closely = inspect and segment.number not in self._whole_segments
            for picture in self._decode(container, stream, damage, inspect=closely):
                if picture.pts is not None and picture.pts < segment.pts[0]:
                    continue  # belongs to the segment before
                if picture.pts != segment.pts[seen]:
                    raise CannotCut
                made = self._noted(picture, segment.first + seen, shape, traits if seen < count else PassTraits())
                if seen < OVERLAP and traits.compared:
                    traits.head = checksum(made, traits.head)
                if seen < count:
                    self._check_unchanged(picture)
                    yield made
                else:
                    traits.tail = checksum(made, traits.tail)
                seen += 1
                if seen == len(segment.pts):
                    break
        if seen != len(segment.pts) or damage.words():
            raise CannotCut
        if inspect:
            self._whole_segments.add(segment.number)

    def excerpt(self, entry: int, start: int) -> Iterator[VideoPicture]:
        """Frames from `start` on, in presentation order, as decoded after a seek.

        Args:
            entry: timestamp to seek to, on the container's clock.
            start: presentation timestamp of the first frame.
        """
        with self.opened() as container:
            stream = main_video(container, self.name)
            if start > 0:
                container.seek(entry, stream=stream)
            shape = PixelShape(container, stream, self.pixel_aspect, self.also)
            damage = Damage(self.input, self.presentation.origin)
            for index, picture in enumerate(self._decode(container, stream, damage, inspect=False)):
                if picture.pts is not None and picture.pts >= start and not change(self._info, picture):
                    yield self._noted(picture, index, shape, PassTraits())

    def joined(self, cut: Cut, parts: Sequence[PassTraits]) -> None:
        """Take over from passes over all segments, in order, what a pass over the whole file would have found.

        Raises:
            CannotCut: two segments differ in the frames that they share.
        """
        if any(before.tail != after.head for before, after in pairwise(parts)):
            raise CannotCut
        with self.opened() as container:
            self._note_sound(container, cut.packets)
        self._pauses = cut.packets.pauses()
        self.losses, self.notes = [], self._odd(0)
        for traits in parts:
            self._traits.side_data |= traits.side_data
            self._traits.aspects |= traits.aspects
            if self._traits.field_order is FieldOrder.PROGRESSIVE:
                self._traits.field_order = traits.field_order

    def _decode(
        self, container: InputContainer, stream: VideoStream, damage: Damage, *, inspect: bool
    ) -> Iterator[av.VideoFrame]:
        """All frames that can be decoded; damage is recorded in `damage`.

        Args:
            container: just opened.
            stream: its video.
            damage: of this pass.
            inspect: evaluate the decoder's messages and compare with a second decoder, with a single thread.
                Otherwise several threads decode.
        """
        crop = Crop.of(self.input, container, stream, self.name)
        self._cropped = crop is not None
        second = None
        if inspect:
            complaints.listen_to(stream.codec_context)
            second = Second(stream)
        else:
            stream.thread_type = "AUTO"
            most = threads_for(stream.width, stream.height)
            stream.thread_count = min(self.threads, most) if self.threads else most
        refuse_encrypted(stream, self.name)
        ground = Ground(stream, self.name)
        try:
            place = self.presentation.placing()
            for packet, followed in complaints.demuxed(container):
                # Where clocks restart, decoding timestamps are not unique.
                if not self.presentation.joins and (packet.stream_index, packet.dts) in damage.torn:
                    packet.is_corrupt = True
                place(packet)
                if packet.is_corrupt and self._spliced and self._spliced.is_whole(packet.pos):
                    packet.is_corrupt = False
                enters = damage.count(packet, stream, followed=followed)
                if packet.stream.index != stream.index:  # a flush marker's own stream_index is always 0
                    continue
                if not packet.size and counts(packet):
                    continue  # an empty packet repeats the frame before it
                if packet.has_sidedata("encryption_info"):
                    raise UnreadableInput("the video is encrypted; decrypt it first", self.name)
                if enters and stream.codec_context.is_open:
                    # Otherwise FFmpeg makes H.265's leading pictures, of which no player shows any, from missing ones.
                    stream.codec_context.flush_buffers()
                    if second is not None:
                        second.begin()
                got = complaints.decode(stream, packet, listen=inspect)
                agreed = second is None or second.agrees(packet, got.pictures)
                damage.decoded(stream, whole=got.whole and agreed, failed=got.failed)
                ground.take(packet)
                for picture in got.pictures:
                    if self._hidden(picture):
                        damage.passed_over(picture, stream)
                        continue
                    check_size(picture.width, picture.height, self.name)
                    if damage.shows(picture, stream, whole=agreed):
                        laid = ground.lay(picture)
                        yield laid if crop is None else crop.cut(laid)
                        self._transparent |= ground.transparent
        except av.error.FFmpegError as error:
            damage.broken_off(error)
        except IndexError:  # PyAV knows only the streams present at the start
            raise UnsupportedInput(
                "another stream of video or sound starts partway through; cut the file there and give the parts",
                self.name,
            ) from None

    def _timed(self) -> Callable[[VideoStream, Sequence[Stream]], Presentation]:
        """Read all packets for joins and restarting clocks; return a function from streams to their `Presentation`.

        Raises:
            UnsupportedInput: parts were joined that cannot be read as one.
        """
        with self.opened() as container:
            stream = main_video(container, self.name)
            refuse_joined(self.input, container.format.name, self.name)
            if container.format.name == "mpegts" and packet_size(self.input):
                self._spliced = spliced(self.input, self.name, stream.id)
        with self.opened() as container:
            stream = main_video(container, self.name)
            seams = self._spliced.seams if self._spliced else ()
            joins = joins_of(container, stream, self.sound_of(container), self.name, seams)
        early: dict[int, int] = {}
        with self.opened() as container:
            stream = main_video(container, self.name)
            first = next((packet for packet in container.demux(stream) if packet.size), None)
            if first is not None and first.pts is None and container.format.name.startswith("matroska"):
                early = before_zero(self.input)
        lists = edit_lists(self.input)
        return lambda video, sound: Presentation.of(video, sound, lists, joins, early)

    def _hidden(self, picture: av.VideoFrame) -> bool:
        """Whether `picture` ends before the edit list starts to play (FFmpeg does not handle that for fragments)."""
        if self._begins is None or picture.pts is None or not picture.duration:
            return False
        over = (picture.pts + picture.duration) * Fraction(picture.time_base or 0)
        return over + self.presentation.origin <= self._begins

    def _broken_pictures(self) -> list[bool]:
        """Per frame, whether it must be blacked out: known only once the damage after it has been seen."""
        if self._broken is None:
            damage = Damage(self.input, self.presentation.origin)
            opened, followed, damage.torn = complaints.opened(self.opened)
            damage.found(followed=followed)
            with opened as container:
                stream = main_video(container, self.name)
                for _ in self._decode(container, stream, damage, inspect=True):
                    continue
                damage.finish(container, stream)
            self._broken = damage.broken()
        return self._broken

    def _describe(self) -> MediaInfo:
        timed = self._timed()
        with self.opened() as container:
            stream = main_video(container, self.name)
            self.presentation = timed(stream, self.sound_of(container))
            lists = edit_lists(self.input)
            if stream.id in lists:
                self._begins = played_from(lists[stream.id])
            pictures = self._decode(container, stream, Damage(self.input, self.presentation.origin), inspect=False)
            first = next(pictures, None)
            if first is None:
                raise UnreadableInput(
                    "none of its frames could be decoded: the file is damaged or encrypted", self.name
                )
            begun = self.presentation.begun_by(first, stream)
            if begun != self.presentation:
                self.presentation, first.pts = begun, 0
            side = side_data(first, self._thumbnails)
            info = describe(
                self.input, container, stream, first, side, self.sound_of(container), self.presentation.origin
            )
            if self.pixel_aspect is not None:
                turned = Orientation.of_matrix(info.display_matrix).transposed
                info = replace(info, sample_aspect_ratio=upright(self.pixel_aspect, transposed=turned))
            self._take_note(first, self._traits)
            with suppress(StopIteration):
                for _ in range(LEADING_FRAMES):
                    self._take_note(next(pictures), self._traits)
        return info

    def _odd(self, repaired: int) -> tuple[str, ...]:
        times = f"{repaired} frames had no usable timestamp and were given one" if repaired else ""
        pauses = (
            f"after {self._pauses} of its frames the next one is late for its frame rate: some were lost, or "
            "never recorded"
            if self._pauses and not self.presentation.joins
            else ""
        )
        shape = "its pixel aspect ratio changes; the output has that of the beginning throughout"
        changes = shape if len(self._traits.aspects) > 1 else doubtful(self._info, tuple(self._traits.aspects))
        called = misnamed(self.input, self._info.container)
        return tuple(filter(None, (called, self._beginning, times, pauses, changes, *self.presentation.notes)))

    def _note_sound(self, container: InputContainer, damage: Damage) -> None:
        """Add to the description how much sound was read."""
        indices = [s.index for s in self.sound_of(container)]
        counted = [damage.sound(index) for index in indices]
        audio = [
            replace(a, packets=c[0], begin=c[1], end=c[2], recoded=a.recoded or damage.recoded(index))
            for a, c, index in zip(self._info.audio, counted, indices, strict=False)
        ]
        self._info = replace(self._info, audio=tuple(audio))

    def _noted(self, picture: av.VideoFrame, index: int, shape: PixelShape, traits: PassTraits) -> VideoPicture:
        """`picture` as a frame, after its properties were added to `traits`."""
        self._take_note(picture, traits)
        aspects = shape.of(picture, transposed=self._view.orientation.transposed)
        traits.aspects[aspects] = None
        return VideoPicture(picture, index, self._view, aspects=aspects)

    def _take_note(self, picture: av.VideoFrame, traits: PassTraits) -> None:
        """Add the side data and field order of `picture` to `traits`."""
        traits.side_data.update(side_data(picture, self._thumbnails))
        if traits.field_order is FieldOrder.PROGRESSIVE and picture.interlaced_frame:
            traits.field_order = field_order_of(picture)

    def _check_unchanged(self, picture: av.VideoFrame) -> None:
        """Raise `UnsupportedInput` if the size, format, colour tags or orientation of `picture` differ from `info`."""
        info = self._info
        if changed := change(info, picture):
            raise UnsupportedInput(f"{changed}; cut the file there and give the parts", self.name)
        if picture.rotation % 360 == info.rotation:
            return
        side = side_data(picture, self._thumbnails)
        # A display orientation SEI message of a key frame holds until the next one.
        held = not picture.key_frame and "DISPLAYMATRIX" not in side
        if not held and display_matrix(side) != info.display_matrix:
            raise UnsupportedInput(
                "its orientation changes: the coded stream turns some frames by another angle than others"
                " (display orientation SEI message); cut the file there and give the parts",
                self.name,
            )
