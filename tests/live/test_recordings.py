"""Recordings found again: by time of capture, whatever became of their index; exported without being coded anew."""

import itertools
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from anonymize import report as reports
from anonymize.errors import DamagedInput, OutputError, UnreadableInput, UnsupportedInput, UsageError
from anonymize.kinds import Verdict
from anonymize.live.chain.canvas import Canvas
from anonymize.live.protocols import Picture
from anonymize.live.recordings import checking, custody, files, folder, holding, index, retention, times
from anonymize.live.recordings.export import Account, export
from anonymize.live.recordings.folder import Gap, look, stretches
from anonymize.live.recordings.hold import Hold
from anonymize.live.recordings.lock import InUse, locked
from anonymize.live.sinks.encode import LiveEncoder
from anonymize.live.sinks.recording import Keep, Recording
from anonymize.live.supervisor.config import Camera
from anonymize.media.frames.orient import Orientation
from anonymize.report import Report
from anonymize.report.sign import check_file, keygen
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from anonymize.verify.structure import TimeComparison, of_video
from tests.helpers import sync
from tests.helpers.media import pattern, read_video, time_of
from tests.helpers.pace import slowdown
from tests.helpers.servers import anonymize
from tests.live.test_sinks import PICTURE, SIZE, frames, quiet

NOON = 1_795_953_600.25
"""29 November 2026, 12:00:00.25 UTC: when the first picture was captured."""
TEN = 250
"""Pictures in ten seconds."""


def packets(count, start=0.0, picture=PICTURE, quality=23):
    """An encoder and its packets, of pictures from `start` seconds after noon on."""
    encoder = LiveEncoder(picture, quality, sound=False)
    made = [packet for frame in frames(count, start=start) for packet in encoder.picture(frame)]
    return encoder, [replace(packet, at=NOON + packet.time) for packet in made]


def record(place, *spans, segment=2.0, quality=23, camera="gate"):
    """Record `spans` (from, pictures) into `place`, each by a recorder of its own."""
    for start, count in spans:
        encoder, made = packets(count, start, quality=quality)
        recording = Recording(place, encoder.streams, Keep(segment=segment, room=0), quiet, camera=camera)
        for packet in made:
            recording.write(packet)
        recording.close()
    return place


@pytest.fixture(scope="module")
def ten(tmp_path_factory):
    """Ten seconds in five segments."""
    return record(tmp_path_factory.mktemp("ten") / "rec", (0.0, TEN))


@pytest.fixture
def kept(ten, tmp_path):
    """A copy of those, with the times of the files."""
    return shutil.copytree(ten, tmp_path / "rec")


def spans(found):
    """From and to of each segment, in seconds since noon."""
    return [(round(one.began - NOON, 3), round(one.ended - NOON, 3)) for one in found.segments]


FIVE = [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]


# what is there


def test_segments_have_the_times_of_capture_the_camera_and_their_hash(kept):
    found = look(kept)
    assert spans(found) == FIVE
    assert {one.camera for one in found.segments} == {"gate"}
    assert all(one.exact and not one.changed and one.pictures == 50 for one in found.segments)
    assert [one.sha256 for one in found.segments] == [reports.sha256(kept / one.name) for one in found.segments]
    assert (found.gaps, found.notes) == ((), ())
    assert found.size == sum(path.stat().st_size for path in kept.glob("*.mp4"))


def _lost(path):
    path.unlink()


def _noise(path):
    path.write_bytes(os.urandom(8192))


def _half(path):
    path.write_bytes(path.read_bytes()[:5000])


def _empty(path):
    path.write_bytes(b"")


def _foreign(path):
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE segment (name)")


def _newer(path):
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 9")


def _crafted(path):
    with sqlite3.connect(path) as database:
        database.execute("UPDATE segment SET seconds = -5.0")


def _outside(path):
    with sqlite3.connect(path) as database:
        database.execute("UPDATE segment SET name = '../2026-11-29T12-00-00Z.mp4' WHERE began < ?", (NOON + 1,))


@pytest.mark.parametrize("harm", [_lost, _noise, _half, _empty, _foreign, _newer, _crafted, _outside])
def test_an_index_that_is_missing_or_damaged_is_made_anew_with_exact_times(kept, harm):
    harm(kept / index.NAME)
    for _ in range(2):
        found = look(kept)
        assert spans(found) == FIVE
        assert all(one.exact for one in found.segments)
        assert (found.gaps, found.notes) == ((), ())
    assert set(index.read(kept)) == {one.name for one in found.segments}


def test_a_recorder_goes_on_with_an_index_that_is_damaged(kept):
    _noise(kept / index.NAME)
    record(kept, (10.0, 50))
    assert spans(look(kept)) == [*FIVE, (10, 12)]
    assert [one.camera for one in look(kept).segments] == [*[""] * 5, "gate"]


def rows(number):
    """What an index has of so many segments."""
    return [
        index.Row(f"{files.stamp(NOON + i)}.mp4", "gate", NOON + i, 1, 1.0, 25, "[]", 9, 9, "") for i in range(number)
    ]


def test_a_write_costs_the_same_whatever_the_number_of_rows(tmp_path, monkeypatch):
    """All rows were checked at each: a tenth of a second for ten thousand."""
    checked, was, segments = [], index._checked, rows(50)

    def counted(values):
        checked.append(values["name"])
        return was(values)

    monkeypatch.setattr(index, "_checked", counted)
    index.write(tmp_path, segments[:40], recorded=True)
    for segment in segments[40:]:
        index.write(tmp_path, [segment], gone=[segments[0].name], recorded=True)
    assert checked == []
    assert set(index.read(tmp_path)) == {one.name for one in segments[1:]}


@pytest.mark.parametrize("harm", [_lost, _noise, _half, _empty, _foreign, _newer, _crafted, _outside])
def test_an_index_that_somebody_changes_between_two_writes_is_begun_anew(tmp_path, harm):
    segments = rows(150)
    index.write(tmp_path, segments[:149], recorded=True)
    time.sleep(0.02)  # the clock of the file system ticks
    harm(tmp_path / index.NAME)
    index.write(tmp_path, segments[149:], recorded=True)
    assert set(index.read(tmp_path)) == {segments[149].name}


def test_damage_that_shows_in_nothing_but_the_rows_is_found_by_readers_and_mended(kept, monkeypatch):
    """As by a disk that gives back something else than was written."""
    monkeypatch.setattr(index, "_version", lambda _: (0, 0, 0, 0, 0))
    one = next(iter(index.read(kept).values()))
    index.write(kept, [one], recorded=True)
    _crafted(kept / index.NAME)
    assert spans(look(kept)) == FIVE
    assert len(index.read(kept)) == 5


def test_without_index_and_file_times_the_second_is_known_and_said(kept):
    (kept / index.NAME).unlink()
    for path in kept.glob("*.mp4"):
        os.utime(path)
    found = look(kept)
    assert [one.began for one in found.segments] == [NOON // 1 + later for later in (0, 2, 4, 6, 8)]
    assert not any(one.exact for one in found.segments)
    assert found.gaps == ()


def test_a_copy_of_the_folder_without_file_times_keeps_exact_ones_by_its_index(kept):
    for path in kept.glob("*.mp4"):
        os.utime(path)
    assert spans(look(kept)) == FIVE


def test_whatever_else_lies_there_is_passed_over(kept, tmp_path):
    names = sorted(path.name for path in kept.glob("*.mp4"))
    (kept / "holiday.mp4").write_bytes(b"x")
    (kept / "2026-13-45T00-00-00Z.mp4").write_bytes(b"no such day")
    (kept / "2026-11-29T13-00-00Z.mp4").symlink_to(kept / names[0])
    (kept / "2026-11-29T14-00-00Z.mp4").mkdir()
    os.mkfifo(kept / "2026-11-29T15-00-00Z.mp4")
    found = look(kept)
    assert [one.name for one in found.segments] == names
    assert found.gaps == ()


def test_a_file_of_a_segments_name_that_is_none_is_listed_as_such(kept):
    (kept / "2026-11-29T11-00-00Z.mp4").write_bytes(b"x" * 1000)
    found = look(kept)
    assert "damaged, or no recording" in found.segments[0].broken
    assert spans(found)[1:] == FIVE
    assert found.gaps == (), "it tells no time that it ends"


def test_what_was_deleted_by_hand_is_a_gap_and_leaves_the_index(kept):
    (gone,) = [one.name for one in look(kept).segments if one.began == NOON + 4]
    (kept / gone).unlink()
    found = look(kept)
    assert [(gap.start - NOON, gap.end - NOON) for gap in found.gaps] == [(4, 6)]
    assert gone not in index.read(kept)


def test_gaps_at_both_ends_of_what_was_asked_for_and_within_a_segment_are_told(tmp_path):
    encoder, made = packets(TEN)
    recording = Recording(tmp_path, encoder.streams, Keep(segment=60, room=0), quiet)
    for packet in made:
        if not 3.0 <= packet.time < 6.0:  # as when the disk cannot follow
            recording.write(packet)
    recording.close()
    found = look(tmp_path, NOON - 5, NOON + 12)
    assert [(round(gap.start - NOON, 2), round(gap.end - NOON, 2)) for gap in found.gaps] == [
        (-5, 0),
        (3, 6),
        (10, 12),
    ]
    (tmp_path / index.NAME).unlink()
    again = look(tmp_path, NOON - 5, NOON + 12).gaps
    assert len(again) == 3
    for one, other in zip(again, found.gaps, strict=True):
        assert (one.start, one.end) == pytest.approx((other.start, other.end), abs=1e-3)


def test_a_step_of_half_a_second_is_no_gap_and_a_longer_one_is(tmp_path):
    record(tmp_path, (0.0, 50), (2.48, 50), (5.0, 50))
    assert [(round(gap.start - NOON, 2), round(gap.end - NOON, 2)) for gap in look(tmp_path).gaps] == [(4.48, 5)]


@pytest.mark.parametrize(
    ("start", "end", "which"), [(None, None, 5), (2.0, 4.0, 1), (1.99, 4.01, 3), (9.99, None, 1), (10.0, None, 0)]
)
def test_a_span_has_the_segments_that_share_any_time_with_it(kept, start, end, which):
    found = look(kept, *(None if at is None else NOON + at for at in (start, end)))
    assert len(found.segments) == which


def test_an_index_that_cannot_be_used_is_a_note(kept, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"precious")
    (kept / index.NAME).unlink()
    (kept / index.NAME).symlink_to(tmp_path / "elsewhere")
    found = look(kept)
    assert spans(found) == FIVE
    assert "link" in found.notes[0]
    record(kept, (10.0, 50))  # goes on, too
    assert len(look(kept).segments) == 6
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"


def test_an_index_that_another_program_has_locked_is_a_note(kept, monkeypatch):
    monkeypatch.setattr(index, "PATIENCE", 0.1)
    with sqlite3.connect(kept / index.NAME, isolation_level=None) as database:
        database.execute("BEGIN EXCLUSIVE")
        found = look(kept)
        assert spans(found) == FIVE
        assert "another program has locked it" in found.notes[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk can only be mounted by root: CI runs this as root")
def test_a_full_disk_is_read_and_nothing_is_exported_from_it_without_a_line_in_the_log(ten, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "none", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        for path in ten.glob("*.mp4"):
            shutil.copy2(path, disk)
        with suppress(OSError):
            (disk / "ballast").write_bytes(b"x" * 400_000)
        found = look(disk)
        assert spans(found) == FIVE
        assert "the disk is full" in found.notes[0]
        with pytest.raises(OutputError, match="the disk is full"):
            export(disk, (NOON, NOON + 2), tmp_path / "x.mp4", Account())
        assert not (tmp_path / "x.mp4").exists()
        assert (disk / custody.NAME).read_bytes() == b""
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_recorder_and_readers_at_once_lose_no_row(tmp_path):
    encoder, made = packets(500)
    recording = Recording(tmp_path, encoder.streams, Keep(segment=1, room=0), quiet, camera="gate")
    done = threading.Event()
    errors: list[object] = []

    def read():
        while not done.is_set():
            try:
                errors.extend(look(tmp_path).notes)
            except Exception as error:  # noqa: BLE001 - whatever it is, it fails the test
                errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for packet in made:
        recording.write(packet)
    recording.close()
    done.set()
    for reader in readers:
        reader.join()
    assert errors == []
    assert [(one.camera, bool(one.sha256)) for one in look(tmp_path).segments] == [("gate", True)] * 10


def test_a_missing_folder_is_an_error_in_words(tmp_path):
    with pytest.raises(UnreadableInput, match="no such file or folder"):
        look(tmp_path / "gone")


def test_a_segment_that_is_being_written_is_told(tmp_path):
    encoder, made = packets(10)
    recording = Recording(tmp_path, encoder.streams, Keep(room=0), quiet)
    recording.write(made[0])
    assert folder.being_written(tmp_path) == ["2026-11-29T12-00-00Z"]
    (part,) = tmp_path.glob(".*.part")
    os.utime(part, (time.time() - 11,) * 2)  # as a killed process leaves it
    assert folder.being_written(tmp_path) == []
    os.utime(part)
    recording.abandon()
    assert folder.being_written(tmp_path) == []


# times


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-29T12:00:00.25Z", NOON),
        ("2026-11-29 12:00:00.250", NOON),
        ("2026-11-29T13:00:00.25+01:00", NOON),
        ("2026-11-29T12:00Z", NOON - 0.25),
        ("2026-11-29T12-00-00Z", NOON - 0.25),
        ("2026-11-29", NOON - 0.25 - 43200),
    ],
)
def test_times_are_read_as_people_write_them(text, at):
    assert times.read(text) == at


@pytest.mark.parametrize("text", ["", "noon", "12:00", "2026-11-29T", "2026-02-30", "29.11.2026", "2026-11-29T25:00"])
def test_what_is_no_time_is_refused_in_words(text):
    with pytest.raises(UsageError, match="expected a date and a time"):
        times.read(text)


def test_times_are_shown_to_the_millisecond_and_a_span_goes_forward():
    assert times.show(NOON - 0.0004) == "2026-11-29T12:00:00.250Z"
    for end in ("2026-11-29T12:00Z", "12:00", "11:59:59.9"):
        with pytest.raises(UsageError, match="does not come after"):
            times.span("2026-11-29T12:00Z", end)


def test_an_end_may_be_a_time_of_the_same_day_where_the_start_is():
    assert times.asked("2026-11-29T13:00+01:00", "13:00:00.25") == (NOON - 0.25, NOON)
    assert times.span(None, None) == (None, None)
    with pytest.raises(UsageError, match="expected a date"):
        times.span(None, "12:00")


# export


def pictures(path):
    """Every picture of a film, and when it is shown."""
    with av.open(str(path)) as container:
        shown = [time_of(frame) for frame in container.decode(video=0)]
    return read_video(path), shown


def test_an_export_is_the_recording_packet_by_packet_from_the_key_picture_before(kept, tmp_path):
    made = export(kept, (NOON + 3.5, NOON + 6.5), tmp_path / "out.mp4", Account())
    assert (made.start, round(made.end - NOON, 3), made.pictures, made.gaps) == (NOON + 2, 6.5, 113, ())
    found, shown = pictures(made.path)
    wanted = [picture for path in sorted(kept.glob("*.mp4"))[1:4] for picture in read_video(path)]
    assert len(found) == 113
    assert all(np.array_equal(one, other) for one, other in zip(found, wanted, strict=False))
    assert [float(at) for at in shown] == pytest.approx([n / 25 for n in range(113)], abs=1e-4)


def test_an_export_over_a_gap_keeps_the_times_and_says_so(kept, tmp_path):
    sorted(kept.glob("*.mp4"))[2].unlink()
    made = export(kept, (NOON + 2, NOON + 9), tmp_path / "out.mp4", Account())
    assert [(gap.start - NOON, gap.end - NOON) for gap in made.gaps] == [(4, 6)]
    shown = [float(at) for at in pictures(made.path)[1]]
    assert shown == pytest.approx([n / 25 for n in (*range(50), *range(100, 175))], abs=1e-4)
    told = json.loads(made.report.read_text())["recording"]
    assert told["gaps"] == [{"from": "2026-11-29T12:00:04.250Z", "to": "2026-11-29T12:00:06.250Z"}]
    assert "2026-11-29T12:00:04.250Z – 2026-11-29T12:00:06.250Z" in made.report.with_suffix(".html").read_text()


def test_a_recorder_that_was_started_again_with_another_quality_is_exported_whole(tmp_path):
    place = record(tmp_path / "rec", (0.0, 50))
    record(place, (2.0, 50), quality=40)
    made = export(place, (NOON, NOON + 4), tmp_path / "out.mp4", Account())
    wanted = [picture for path in sorted(place.glob("*.mp4")) for picture in read_video(path)]
    assert all(np.array_equal(one, other) for one, other in zip(pictures(made.path)[0], wanted, strict=True))


def test_a_picture_of_another_size_is_refused_in_words(tmp_path):
    place = record(tmp_path / "rec", (0.0, 50))
    size = SIZE[0] * 2, SIZE[1] * 2
    encoder, canvas = LiveEncoder(Picture(*size, Fraction(25)), 23, sound=False), Canvas(*size)
    other = []
    for number in range(50):
        drawn = av.VideoFrame.from_ndarray(pattern(number, size), "rgb24")
        other += encoder.picture(canvas.frame(drawn, Orientation(), number, number * 3600))
    other = [replace(packet, at=NOON + 2 + packet.time) for packet in other]
    recording = Recording(place, encoder.streams, Keep(room=0), quiet)
    for packet in other:
        recording.write(packet)
    recording.close()
    with pytest.raises(UnsupportedInput, match="into two files"):
        export(place, (NOON, NOON + 4), tmp_path / "out.mp4", Account())
    assert not list(tmp_path.glob("*.mp4"))
    assert export(place, (NOON + 2, NOON + 4), tmp_path / "out.mp4", Account()).pictures == 50


def test_a_clock_that_was_set_back_moves_pictures_and_is_told(tmp_path):
    place = record(tmp_path / "rec", (0.0, 100), (2.0, 50), segment=60)
    made = export(place, (NOON, NOON + 9), tmp_path / "out.mp4", Account())
    shown = pictures(made.path)[1]
    assert len(shown) == 150
    assert all(one < other for one, other in itertools.pairwise(shown))
    assert "come 2.0 s late" in made.notes[0]


def test_pictures_that_were_lost_at_the_end_of_a_segment_move_nothing(tmp_path):
    encoder, made = packets(100)
    recording = Recording(tmp_path / "rec", encoder.streams, Keep(segment=2, room=0), quiet)
    for packet in made:
        if not 1.5 < packet.time < 1.99:
            recording.write(packet)
    recording.close()
    done = export(tmp_path / "rec", (NOON, NOON + 4), tmp_path / "out.mp4", Account())
    assert done.notes == ()
    assert [float(at) for at in pictures(done.path)[1]] == pytest.approx(
        [packet.time for packet in made if not 1.5 < packet.time < 1.99], abs=1e-3
    )


def test_a_report_has_hashes_a_signature_and_a_line_of_the_custody_log(kept, tmp_path):
    keygen(tmp_path / "key")
    account = Account(tmp_path / "reports", tmp_path / "key", by="desk 2", title="Gate")
    made = export(kept, (NOON + 3, NOON + 5), tmp_path / "out.mp4", account)
    assert made.report == tmp_path / "reports" / "out.mp4.report.json"
    assert check_file(made.report, tmp_path / "key.pub", output=made.path).key == made.key
    told = reports.read(made.report)
    hashes = [reports.sha256(path) for path in sorted(kept.glob("*.mp4"))]
    assert [one["sha256"] for one in told["recording"]["segments"]] == hashes[1:3]
    assert told["recording"]["asked"] == {"from": "2026-11-29T12:00:03.250Z", "to": "2026-11-29T12:00:05.250Z"}
    assert (told["recording"]["cameras"], told["title"]) == (["gate"], "Gate")
    (line,) = (kept / custody.NAME).read_text().splitlines()
    noted = json.loads(line)
    assert (noted["act"], noted["by"], noted["sha256"]) == ("export", "desk 2", told["output"]["sha256"])
    assert told["output"]["sha256"] == reports.sha256(made.path)
    assert told["recording"]["custody"] == _sha256(line)
    assert "out.mp4" not in made.report.read_text()


def _sha256(text):
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def test_an_export_holds_what_an_output_may_hold_and_no_more(kept, tmp_path):
    from anonymize import media

    made = export(kept, (NOON, NOON + 4), tmp_path / "out.mp4", Account())
    with media.open_source(made.path) as source:
        comparison = TimeComparison(None)
        for frame in source.frames():
            comparison.see(frame)
        assert of_video(made.path, source.info, None) == []
    assert list(comparison.failures()) == []


def test_a_segment_that_was_changed_is_not_exported(kept, tmp_path):
    changed = sorted(kept.glob("*.mp4"))[1]
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    with pytest.raises(DamagedInput, match="changed since it was recorded"):
        export(kept, (NOON, NOON + 4), tmp_path / "out.mp4", Account())
    changed.write_bytes(content + b"more")
    assert [one.changed for one in look(kept).segments] == [False, True, False, False, False]
    with pytest.raises(DamagedInput, match="changed since it was recorded"):
        export(kept, (NOON, NOON + 4), tmp_path / "out.mp4", Account())
    assert not (tmp_path / "out.mp4").exists()
    assert not (kept / custody.NAME).exists()
    assert export(kept, (NOON, NOON + 2), tmp_path / "out.mp4", Account()).pictures == 50


@pytest.mark.parametrize(
    ("span", "name", "error", "words"),
    [
        ((20, 30), "out.mp4", UsageError, "it has 2026-11-29T12:00:00.250Z to 2026-11-29T12:00:10.250Z"),
        ((0, 2), "out.mkv", UsageError, ".mp4"),
        ((0, 2), "rec/2026-11-29T18-00-00Z.mp4", UsageError, "taken for a recording"),
        ((0, 2), "gone/out.mp4", OutputError, "does not exist"),
        ((0, 2), "there.mp4", OutputError, "--force"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_words(kept, tmp_path, span, name, error, words):
    (tmp_path / "there.mp4").write_bytes(b"x")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(error, match=words):
        export(kept, (NOON + span[0], NOON + span[1]), tmp_path / name, Account())
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


# what is kept


def names(place):
    """The segments in a folder, as seconds since noon."""
    return [round(one.began - NOON) for one in look(place).segments]


def acts(place):
    """The acts in the custody log, and the number of segments of each."""
    lines = (place / custody.NAME).read_text().splitlines()
    return [(json.loads(line)["act"], len(json.loads(line)["segments"])) for line in lines]


def test_what_is_held_says_by_whom_since_when_and_why(kept):
    change = holding.place(kept, (NOON + 3, NOON + 5), "case 12\nsee rtsp://a:hunter22@b/c", "desk 2")
    assert [one.began - NOON for one in change.segments] == [2, 4]
    held = [one.held for one in look(kept).segments]
    assert [one is not None for one in held] == [False, True, True, False, False]
    assert held[1] is not None
    assert held[1].reason.startswith("case 12 see rtsp://")
    assert (held[1].by, held[1].at[-1]) == ("desk 2", "Z")
    assert not any("hunter22" in path.read_text(errors="replace") for path in kept.iterdir() if path.suffix != ".mp4")
    again = holding.place(kept, (NOON + 5, NOON + 7), "case 13")
    assert ([one.began - NOON for one in again.segments], again.before) == ([6], 1)
    assert look(kept).segments[2].held == held[2], "the first reason stays"
    assert acts(kept) == [("hold", 2), ("hold", 1)]


def test_what_is_too_much_goes_oldest_first_and_held_segments_stay(kept):
    sizes = [one.size for one in look(kept).segments]
    holding.place(kept, (NOON, NOON + 1), "case 12")
    retention.expire(kept, None, sum(sizes[2:]), NOON)
    assert names(kept) == [0, 4, 6, 8]
    retention.expire(kept, None, sum(sizes[2:]), NOON)
    assert names(kept) == [0, 4, 6, 8]
    retention.expire(kept, None, sum(sizes[2:]) - 1, NOON)
    assert names(kept) == [0, 6, 8]
    retention.expire(kept, None, 1, NOON)
    assert names(kept) == [0, 8], "the newest stays"
    assert acts(kept) == [("hold", 1), ("delete", 1), ("delete", 1), ("delete", 1)]
    assert look(kept).notes == ()


def test_whichever_comes_first_deletes(kept):
    sizes = [one.size for one in look(kept).segments]
    retention.expire(kept, 100.0, sum(sizes[1:]), NOON + 103.9)
    assert names(kept) == [2, 4, 6, 8], "the first is old; what is left is small enough"
    retention.expire(kept, 100.0, sum(sizes[2:]), NOON + 103.9)
    assert names(kept) == [4, 6, 8]
    retention.expire(kept, 100.0, None, NOON + 106.1)
    assert names(kept) == [6, 8]
    retention.expire(kept, 100.0, None, NOON + 999)
    assert names(kept) == []


def test_what_was_released_goes_when_it_is_due(kept):
    holding.place(kept, (NOON, NOON + 9), "case 12")
    retention.expire(kept, 1.0, None, NOON + 999)
    assert names(kept) == [0, 2, 4, 6, 8]
    holding.release(kept, (NOON, NOON + 3), "closed", "desk 2")
    retention.expire(kept, 1.0, None, NOON + 999)
    assert names(kept) == [4, 6, 8]
    (kept / index.NAME).unlink()
    retention.expire(kept, 1.0, None, NOON + 999)
    assert names(kept) == [4, 6, 8], "holds outlast the index"
    assert acts(kept) == [("hold", 5), ("release", 2), ("delete", 2)]
    with pytest.raises(UsageError, match="no recording"):
        holding.release(kept, (NOON, NOON + 3), "closed")
    with pytest.raises(UsageError, match="nothing is held"):
        holding.release(record(kept, (10.0, 50)), (NOON + 10, NOON + 12), "closed")


@pytest.mark.parametrize("kind", ["link", "folder", "noise"])
def test_whatever_has_the_name_of_a_hold_holds(kept, tmp_path, kind):
    name = look(kept).segments[0].name
    place = kept / f"{name}.hold"
    if kind == "link":
        place.symlink_to(tmp_path / "nowhere")
    elif kind == "folder":
        place.mkdir()
    else:
        place.write_bytes(b"\xff\x00")
    retention.expire(kept, 1.0, None, NOON + 999)
    assert names(kept) == [0]
    assert look(kept).segments[0].held == Hold()


def test_a_held_segment_that_is_gone_is_told(kept):
    holding.place(kept, (NOON, NOON + 1), "case 12")
    name = look(kept).segments[0].name
    (kept / name).unlink()
    assert f"{name} is held, but gone" in look(kept).notes[0]


@pytest.mark.parametrize("reason", ["", " \n"])
def test_a_hold_needs_a_reason(kept, reason):
    for act in (holding.place, holding.release):
        with pytest.raises(UsageError, match="a reason is missing"):
            act(kept, (NOON, NOON + 1), reason)


def test_nothing_is_held_or_released_without_a_line_in_the_log(kept, tmp_path):
    (kept / custody.NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="custody log"):
        holding.place(kept, (NOON, NOON + 9), "case 12")
    assert not list(kept.glob("*.hold"))
    (kept / custody.NAME).unlink()
    holding.place(kept, (NOON, NOON + 9), "case 12")
    (kept / custody.NAME).unlink()
    (kept / custody.NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="custody log"):
        holding.release(kept, (NOON, NOON + 9), "closed")
    assert len(list(kept.glob("*.hold"))) == 5
    assert not (tmp_path / "elsewhere").exists()


def test_nothing_is_deleted_while_somebody_places_a_hold(kept):
    with locked(kept):
        retention.expire(kept, 1.0, None, NOON + 999)
        with pytest.raises(InUse), locked(kept, patience=0.0):
            pass
    assert names(kept) == [0, 2, 4, 6, 8]
    retention.expire(kept, 1.0, None, NOON + 999)
    assert names(kept) == []


def test_what_is_being_written_is_said_not_to_be_held(kept):
    encoder, made = packets(10, 10.0)
    recording = Recording(kept, encoder.streams, Keep(room=0), quiet)
    recording.write(made[0])
    assert "is not held yet" in holding.place(kept, (NOON + 8, NOON + 12), "case 12").notes[0]
    assert holding.place(kept, (NOON + 8, NOON + 10), "case 12").notes == ()
    recording.abandon()


@pytest.mark.parametrize(
    ("text", "age", "size"),
    [
        ("", None, None),
        ("7d", 604_800.0, None),
        ("200GB", None, 200 * 10**9),
        ("36h, 1.5 tb", 129_600.0, 15 * 10**11),
        ("500MB,2w", 1_209_600.0, 5 * 10**8),
    ],
)
def test_age_and_size_are_read_from_one_option(text, age, size):
    kept = Camera(source="x", to=("record:y",), keep=text).retention
    assert (kept.age, kept.size) == (age, size)


@pytest.mark.parametrize("text", ["7d,8d", "1GB,2GB", "0GB", "200", "GB", "7d;2GB", "-1GB", "9999999TB", "nanGB"])
def test_what_is_neither_age_nor_size_is_refused(text):
    with pytest.raises(UsageError):
        Camera(source="x", to=("record:y",), keep=text)


# checks


QUICK = from_mapping(
    Settings, {"detect": {"behind": 0.2}, "targets": [], "zones": [{"polygon": [[0, 0], [9, 0], [9, 9]]}]}
)
"""Structure and hash are examined, and nothing is looked for."""


def checked(place, start=None, end=None):
    """What came of an examination: its verdict, its complaints, and the verdict on each segment."""
    found = checking.chosen(place, start, end)
    told = {}

    def on_segment(segment, news):
        if isinstance(news, Report):
            told[segment.name] = news

    done = checking.check(place, found.segments, QUICK, [], on_segment, "desk 2")
    assert list(told) == [one.name for one in found.segments]
    return done, list(told.values())


def test_recordings_pass_and_the_check_is_in_the_custody_log(kept):
    done, reports_ = checked(kept, NOON + 3, NOON + 5)
    assert (done.verdict, done.complaints) == (Verdict.PASS, ())
    assert [report.verified["checks"][-1]["name"] for report in reports_] == [checking.HASH] * 2
    assert {report.settings["detect"]["behind"] for report in reports_} == {0}, "live hides heads from all sides"
    line = json.loads((kept / custody.NAME).read_text())
    assert (line["act"], line["by"], line["verdict"], line["failed"]) == ("verify", "desk 2", "pass", [])
    assert (line["from"], line["to"]) == ("2026-11-29T12:00:02.250Z", "2026-11-29T12:00:06.250Z")


def test_a_segment_that_was_changed_fails_and_so_do_all_of_them(kept):
    changed = sorted(kept.glob("*.mp4"))[1]
    content = bytearray(changed.read_bytes())
    at = content.index(b"mdat") + 2000
    content[at] ^= 1
    changed.write_bytes(content)
    done, (_, bad, _) = checked(kept, NOON, NOON + 5)
    assert done.verdict is bad.verdict is Verdict.FAIL
    assert "changed since it was recorded" in bad.error
    assert json.loads((kept / custody.NAME).read_text())["failed"] == [changed.name]
    changed.write_bytes(b"no film")
    assert checked(kept, NOON + 2, NOON + 4)[0].verdict is Verdict.FAIL


def test_a_segment_that_is_sound_but_not_the_one_that_was_recorded_fails(kept):
    with sqlite3.connect(kept / index.NAME) as database:
        database.execute("UPDATE segment SET sha256 = ?", ("0" * 64,))
    done, (one,) = checked(kept, NOON, NOON + 1)
    assert done.verdict is one.verdict is Verdict.FAIL
    assert one.error == "the segment was changed since it was recorded"


def test_a_segment_whose_hash_is_lost_is_examined_and_says_so(kept):
    (kept / index.NAME).unlink()
    done, (one,) = checked(kept, NOON, NOON + 1)
    assert done.verdict is Verdict.PASS
    assert "is lost" in one.verified["checks"][-1]["detail"]


def test_a_custody_log_that_was_changed_is_told(kept):
    holding.place(kept, (NOON, NOON + 1), "case 12")
    holding.release(kept, (NOON, NOON + 1), "closed")
    log = kept / custody.NAME
    log.write_text(log.read_text().replace("case 12", "case 13"))
    done, _ = checked(kept, NOON, NOON + 1)
    assert (done.verdict, len(done.complaints)) == (Verdict.PASS, 1)
    with pytest.raises(UsageError, match="no recording of that time"):
        checking.chosen(kept, NOON + 50, None)


# the custody log


def test_a_custody_log_shows_what_was_changed(tmp_path):
    for number in range(3):
        custody.note(tmp_path, "export", "desk 2", number=number)
    assert list(custody.complaints(tmp_path)) == []
    lines = (tmp_path / custody.NAME).read_text().splitlines(keepends=True)
    (tmp_path / custody.NAME).write_text("".join(lines).replace('"number": 0', '"number": 7'))
    assert "line 2" in next(custody.complaints(tmp_path))
    (tmp_path / custody.NAME).write_text(lines[0] + lines[2])
    assert "line 2" in next(custody.complaints(tmp_path))
    (tmp_path / custody.NAME).write_text("".join(lines)[:-10])
    custody.note(tmp_path, "release", "desk 2")
    assert ["line 3" in one for one in custody.complaints(tmp_path)] == [True]


def test_lines_cut_off_the_end_of_a_custody_log_show_whatever_is_written_after(tmp_path):
    for number in range(5):
        custody.note(tmp_path, "export", "desk 2", number=number)
    path, head = tmp_path / custody.NAME, tmp_path / (custody.NAME + custody.HEAD)
    lines, last = path.read_text().splitlines(keepends=True), head.read_text()
    path.write_text("".join(lines[:3]))
    assert list(custody.complaints(tmp_path)) == ["custody.jsonl: lines were cut off its end: it had 5, there are 3"]
    custody.note(tmp_path, "hold", "desk 2")
    custody.note(tmp_path, "release", "desk 2")
    assert list(custody.complaints(tmp_path)) == [
        "custody.jsonl, line 4: lines before it were cut off: it was written as line 6"
    ]
    path.write_text("".join(lines))
    head.unlink()
    assert "is gone, which says how many lines" in next(custody.complaints(tmp_path))
    head.write_text(last)
    assert list(custody.complaints(tmp_path)) == []
    path.write_text("".join(lines[:4]) + lines[4].replace('"number": 4', '"number": 7'))
    assert "not the one that was written last" in next(custody.complaints(tmp_path))
    path.unlink()
    assert list(custody.complaints(tmp_path)) == ["custody.jsonl is gone: it had 5 lines"]


def test_a_custody_log_of_before_is_gone_on_with(tmp_path):
    """Its lines have no numbers, and nothing says which was the last."""
    custody.note(tmp_path, "export")
    path = tmp_path / custody.NAME
    line = json.loads(path.read_text())
    del line["line"]
    path.write_text(json.dumps(line) + "\n")
    (tmp_path / (custody.NAME + custody.HEAD)).unlink()
    assert list(custody.complaints(tmp_path)) == []
    custody.note(tmp_path, "hold")
    assert json.loads(path.read_text().splitlines()[1])["line"] == 2
    assert list(custody.complaints(tmp_path)) == []


def test_a_custody_log_names_a_user_and_no_password(tmp_path):
    custody.note(tmp_path, "hold", reason="see rtsp://admin:hunter22@10.0.0.5/stream1\nnow")
    text = (tmp_path / custody.NAME).read_text()
    assert "hunter22" not in text
    assert json.loads(text)["by"] == custody.user() != ""
    assert text.count("\n") == 1


def test_a_custody_log_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"precious")
    (tmp_path / custody.NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError):
        custody.note(tmp_path, "export")
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"


def test_lines_of_several_processes_form_one_chain(tmp_path):
    code = (
        "import sys; from pathlib import Path; from anonymize.live.recordings import custody\n"
        "for n in range(10): custody.note(Path(sys.argv[1]), 'export', 'desk', n=n)"
    )
    several = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(2)]
    assert [one.wait(30) for one in several] == [0, 0]
    assert len((tmp_path / custody.NAME).read_text().splitlines()) == 20
    assert list(custody.complaints(tmp_path)) == []


# sound, and many segments


def test_sound_is_in_step_in_an_export(tmp_path):
    clip = sync.flashing(tmp_path / "clip.mp4", frames=200, size=(160, 120))
    preset = tmp_path / "corner.toml"
    preset.write_text("targets = []\nzones = [{ polygon = [[0, 0], [16, 0], [16, 16], [0, 16]] }]\n")
    kept = tmp_path / "rec"
    options = ["--preset", str(preset), "--audio", "keep", "--segment", "2", "--to", f"record:{kept}"]
    assert anonymize(str(clip), *options, stderr=subprocess.DEVNULL).wait(200) == 0
    found = look(kept)
    assert len(found.segments) >= 4
    for start in (found.segments[0].began, found.segments[1].began + 0.7):
        made = export(
            kept, (start, max(one.ended for one in found.segments)), tmp_path / "out.mp4", Account(), force=True
        )
        flashes, beeps = sync.flashes(made.path), sync.beeps(made.path)
        assert len(flashes) >= 12
        assert sync.apart(flashes, beeps) < 2 * sync.LATE


def test_ten_thousand_segments_are_listed_in_a_second(tmp_path):
    rows = []
    for number in range(10_000):
        began = NOON + 60 * number
        path = tmp_path / time.strftime("%Y-%m-%dT%H-%M-%SZ.mp4", time.gmtime(began))
        path.write_bytes(b"x")
        there = path.stat()
        length = 50.0 if number % 9 == 0 else 60.0
        rows.append(index.Row(path.name, "gate", began, 1, length, 1500, "[]", 1, there.st_mtime_ns, "a" * 64))
    index.write(tmp_path, rows, recorded=True)
    used = time.process_time()
    found = look(tmp_path)
    told = list(stretches(found))
    used = time.process_time() - used
    assert (len(found.segments), sum(isinstance(one, Gap) for one in told)) == (10_000, 1111)
    assert used < 1.0 * slowdown(), f"{used:.2f} s of the processor"
