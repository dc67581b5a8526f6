"""One film of a span of recordings: cut at key pictures, packets copied as they are, with an account of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from anonymize import report as reports
from anonymize.errors import DamagedInput, UnsupportedInput, UsageError, VerificationError
from anonymize.kinds import Verdict
from anonymize.live.recordings import custody, files, times
from anonymize.live.recordings.folder import Gap, RecordedSegment, Recordings, there
from anonymize.media import check_target, pending
from anonymize.media.video.packets import BITEXACT
from anonymize.report import Report
from anonymize.report.files import write_values
from anonymize.report.sign import sign

_OVERLAP = 0.1
"""Seconds by which a segment may be moved behind the one before it without a word."""
CHECK = "copy"


@dataclass(frozen=True, slots=True)
class Account:
    """Where the account of an export goes, and who vouches for it.

    Args:
        folder: for the report; beside the export if None.
        key: a private key that signs it; none if None.
        passphrase: of the key.
        by: who exports, for the custody log; the user of the system if empty.
        title: of the report.
    """

    folder: Path | None = None
    key: Path | None = None
    passphrase: str = ""
    by: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Export:
    """What was exported. Times are seconds since the epoch.

    Args:
        path: the film.
        report: the file of the account.
        start, end: when its first picture was captured, and when its last one ends.
        pictures: in it.
        segments: it was copied from.
        gaps: times that were asked for, and of which there are no pictures.
        notes: what else a person should know.
        key: that signed the account, 64 hex digits; empty for none.
    """

    path: Path
    report: Path
    start: float
    end: float
    pictures: int
    segments: tuple[RecordedSegment, ...]
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...]
    key: str = ""


def export(folder: Path, span: tuple[float, float], output: Path, account: Account, *, force: bool = False) -> Export:
    """Write what `folder` holds of `span` to `output`.

    It begins at the last key picture at or before the start, and ends with the last picture before the end. Pictures
    keep the distance at which they were captured, over gaps too. Every act is noted in the custody log first.

    Args:
        folder: of the recordings.
        span: from and to, in seconds since the epoch.
        output: an .mp4 file.
        account: where the report goes, and whose key signs it.
        force: replace an existing file.

    Raises:
        UsageError: nothing was recorded then, the output has another suffix, or the key cannot be used.
        UnreadableInput, DamagedInput: a segment cannot be read, or was changed since it was recorded.
        UnsupportedInput: the picture or the sound changes format within the span.
        OutputError: the film, its report or the custody log cannot be written.
        VerificationError: what was written is not what was copied.
    """
    if output.suffix.lower() != ".mp4":
        raise UsageError("recordings are exported as they are, which is .mp4: name such a file", output)
    if files.is_segment(output.name) and output.absolute().parent.samefile(folder):
        raise UsageError("there it would be taken for a recording: give another name", output)
    check_target(output, force=force)
    reports.check_title(account.title)
    if account.key is not None:
        sign({}, account.key, account.passphrase)  # before the work that it is for
    found = there(folder, *span)
    _refuse_unusable(folder, found)
    place = reports.path_for(account.folder or output.parent, Path(output.name))
    reports.prepare(place.parent)
    with pending(output, force=force) as temporary:
        copy = _copied(folder, found.segments, span, temporary)
        _check(temporary, copy)
        sha256 = reports.sha256(temporary)
        facts = {"from": times.show(copy.start), "to": times.show(copy.end), "sha256": sha256}
        asked = {"asked_from": times.show(span[0]), "asked_to": times.show(span[1])}
        line = custody.note(folder, "export", account.by, **facts, **asked, segments=[one.name for one in copy.used])
    made = Export(output, place, copy.start, copy.end, len(copy.shown), tuple(copy.used), found.gaps, tuple(copy.notes))
    values = _values(made, copy, sha256, line, span, account.title)
    if account.key is not None:
        values = sign(values, account.key, account.passphrase)
        made = replace(made, key=values["signature"]["key"])
    write_values(values, place)
    return made


def _refuse_unusable(folder: Path, found: Recordings) -> None:
    for segment in found.segments:
        if segment.broken:
            raise DamagedInput(f"{segment.broken}: export the time before it and after it", folder / segment.name)
        if segment.changed:
            raise _changed(folder, segment)


def _changed(folder: Path, segment: RecordedSegment) -> DamagedInput:
    return DamagedInput(
        "this segment was changed since it was recorded: export the time before it and after it", folder / segment.name
    )


@dataclass(slots=True)
class _Copy:
    """What was copied.

    `shown` are the presentation times of the pictures in the output, in seconds; `digests` the hash over the packets of
    each track; `hashes` the SHA-256 of each segment used.
    """

    start: float = 0.0
    end: float = 0.0
    size: tuple[int, int] = (0, 0)
    shown: list[Fraction] = field(default_factory=list)
    digests: list[Any] = field(default_factory=list)
    used: list[RecordedSegment] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _copied(folder: Path, segments: Sequence[RecordedSegment], span: tuple[float, float], to: Path) -> _Copy:
    """Copy the packets of `span` from `segments` to the file `to`."""
    copy = _Copy()
    with av.open(to, "w", format="mp4", options={"movflags": "faststart", "empty_hdlr_name": "1"}) as output:
        output.flags |= BITEXACT
        writer = _Writer(output, copy)
        for segment in segments:
            with files.opened(folder, segment.name) as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                if segment.sha256 not in ("", sha256):
                    raise _changed(folder, segment)
                file.seek(0)
                try:
                    with av.open(file, "r", format="mp4") as source:
                        if writer.take(segment, source, span):
                            copy.used.append(segment)
                            copy.hashes.append(sha256)
                except av.error.FFmpegError as error:
                    raise DamagedInput("this segment is damaged", folder / segment.name) from error
                except UnsupportedInput as error:
                    raise UnsupportedInput(error.message, folder / segment.name) from None
    if not copy.shown:
        raise UsageError("no picture was captured in this time", folder).coded("nothing-recorded")
    return copy


class _Writer:
    """Appends segments to an open container."""

    def __init__(self, output: OutputContainer, copy: _Copy) -> None:
        self._output, self._copy = output, copy
        self._tracks: list[Stream] = []
        self._formats: list[tuple[Any, ...]] = []
        self._last: list[Fraction | None] = []
        self._step = Fraction(0)

    def take(self, segment: RecordedSegment, source: InputContainer, span: tuple[float, float]) -> bool:
        """Append what `segment` has of `span`; whether it has anything."""
        streams: list[VideoStream | AudioStream] = [source.streams.video[0], *source.streams.audio[:1]]
        start = _key_before(streams[0], span[0] - segment.began)
        end = span[1] - segment.began
        first = not self._tracks
        if first and start >= end:
            return False
        self._match(streams)
        copy = self._copy
        if first:
            copy.start = segment.began + float(start)
        offset = self._offset(segment, start)
        any_ = False
        for packet in source.demux(*streams):
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue  # the end
            at = packet.pts * packet.time_base
            if not start <= at < end:
                continue
            number = 0 if packet.stream.type == "video" else 1
            any_ = self._put(packet, number, offset) or any_
            if number == 0:
                copy.end = max(copy.end, segment.began + float(at))
        copy.end = min(max(copy.end, segment.ended), span[1]) if any_ else copy.end
        return any_

    def _offset(self, segment: RecordedSegment, start: Fraction) -> Fraction:
        """Seconds to add to the times of `segment`, so that the export begins at zero and pictures do not overlap."""
        copy = self._copy
        offset = Fraction(segment.began - copy.start).limit_denominator(1_000_000)
        last = self._last[0]
        if last is not None and offset + start <= last:
            late = last + self._step - offset - start
            offset += late
            if late > _OVERLAP:
                copy.notes.append(
                    f"the pictures from {times.show(segment.began)} on overlap in time with those before them (the "
                    f"clock was set back, or their time is known to the second only): they come {float(late):.1f} s "
                    "late"
                )
        return offset

    def _match(self, streams: Sequence[VideoStream | AudioStream]) -> None:
        """Make the tracks, or compare `streams` with them."""
        formats = [_format(stream) for stream in streams]
        if not self._tracks:
            self._tracks = [self._output.add_stream_from_template(stream) for stream in streams]
            self._formats = formats
            self._last = [None] * len(streams)
            self._copy.digests = [hashlib.sha256() for _ in streams]
            video = streams[0]
            assert isinstance(video, VideoStream)
            self._copy.size = video.width, video.height
        if formats != self._formats:
            raise UnsupportedInput(
                "from here on the recording is of another format (size of the picture, sound): export the time before "
                "it and from it on into two files"
            )

    def _put(self, packet: Packet[Any], number: int, offset: Fraction) -> bool:
        """Append a packet to track `number`; False for sound that overlaps with what was there."""
        base = Fraction(packet.time_base or 0)
        at = packet.pts * base + offset if packet.pts is not None else Fraction(0)
        last = self._last[number]
        if number and (at < 0 or (last is not None and at <= last)):
            return False
        if not number:
            self._step = at - last if last is not None else Fraction(0)
            self._copy.shown.append(at)
        self._last[number] = at
        self._copy.digests[number].update(bytes(packet))
        shift = round(offset / base)
        packet.pts, packet.dts = (packet.pts or 0) + shift, (packet.dts or 0) + shift
        packet.stream = self._tracks[number]
        self._output.mux(packet)
        return True


def _format(stream: VideoStream | AudioStream) -> tuple[Any, ...]:
    """What must not change within a track; parameter sets may, since every key picture has its own."""
    context = stream.codec_context
    if isinstance(stream, VideoStream):
        return stream.type, context.name, stream.width, stream.height, stream.sample_aspect_ratio, stream.time_base
    return stream.type, context.name, stream.rate, stream.layout.name, context.extradata, stream.time_base


def _key_before(stream: Stream, seconds: float) -> Fraction:
    """The time of the last key picture at or before `seconds` of a segment's video, which begins with one."""
    base = Fraction(stream.time_base or 0)
    keys = [entry.timestamp * base for entry in stream.index_entries if entry.is_keyframe]
    return max((key for key in keys if key <= seconds), default=min(keys, default=Fraction(0)))


def _check(path: Path, copy: _Copy) -> None:
    """Compare the file at `path` with what was copied. Raises `VerificationError`."""
    digests = [hashlib.sha256() for _ in copy.digests]
    shown = []
    with av.open(path, "r") as container:
        for packet in container.demux():
            if not packet.size or packet.pts is None or packet.time_base is None:
                continue
            digests[packet.stream.index].update(bytes(packet))
            if packet.stream.index == 0:
                shown.append(packet.pts * packet.time_base)
    same = [one.digest() for one in digests] == [one.digest() for one in copy.digests]
    if not same or len(shown) != len(copy.shown):
        raise VerificationError("the film does not hold what was recorded: it was deleted; try another disk")
    if any(abs(one - other) > Fraction(1, 1000) for one, other in zip(shown, copy.shown, strict=True)):
        raise VerificationError("the film's pictures are not at the times of the recording: it was deleted")


def _values(made: Export, copy: _Copy, sha256: str, line: str, span: tuple[float, float], title: str) -> dict[str, Any]:
    """The JSON values of the report on an export."""
    check = {
        "name": CHECK,
        "passed": True,
        "detail": f"read back: {made.pictures} pictures, packets and times as in the recording",
    }
    width, height = copy.size
    seconds = made.end - made.start
    report = Report(
        Verdict.PASS,
        source={"frames": made.pictures, "duration": seconds, "width": width, "height": height},
        output={"sha256": sha256, "container": "mp4", "codec": "h264", "notes": list(made.notes)},
        verified={"verdict": Verdict.PASS, "checks": [check], "not_checked": ["faces and plates: `anonymize verify`"]},
        title=title,
    )
    segments = [
        {
            "from": times.show(one.began),
            "to": times.show(one.ended),
            "pictures": one.pictures,
            "sha256": sha256,
            "as_recorded": bool(one.sha256),
            "exact": one.exact,
        }
        for one, sha256 in zip(copy.used, copy.hashes, strict=True)
    ]
    recording = {
        "cameras": sorted({one.camera for one in copy.used} - {""}),
        "asked": {"from": times.show(span[0]), "to": times.show(span[1])},
        "from": times.show(made.start),
        "to": times.show(made.end),
        "segments": segments,
        "gaps": [{"from": times.show(gap.start), "to": times.show(gap.end)} for gap in made.gaps],
        "custody": line,
    }
    return report.as_dict() | {"recording": recording}
