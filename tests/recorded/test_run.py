"""The main job, end to end, with the real detector."""

import dataclasses
import json
import os
import re
import socket
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import anonymize
from anonymize import errors, plan
from anonymize.batch import run as batch
from anonymize.batch.inputs import only_item, plan_items
from anonymize.batch.outcome import exit_code
from anonymize.batch.reports import Reports
from anonymize.data import Kind
from anonymize.detect.scan import ScanSchedule
from anonymize.kinds import Verdict
from anonymize.media import open_source
from anonymize.media.protocols import FieldOrder
from anonymize.media.video.source import LEADING_FRAMES
from anonymize.progress import Progress
from anonymize.recorded import job, release
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from anonymize.verify import Check, Verified
from tests.conftest import FRAMES, face_box, face_pictures
from tests.helpers.media import make_image, make_video, pattern, probe, read_audio, read_video, time_of, truncate
from tests.media.test_sink import fields

NAMED = ".mp4, as the output's name says, and not .mkv, as the settings say"
ZONE_ALONE = {"targets": [], "zones": [{"polygon": [[0, 0], [20, 0], [20, 20]]}]}


def settings(**values: object) -> Settings:
    return from_mapping(Settings, {"output": {"speed": "ultrafast"}, **values}, Settings())


def detail(picture: np.ndarray, box: tuple[int, int, int, int]) -> float:
    x0, y0, x1, y1 = box
    return float(picture[y0:y1, x0:x1].astype(float).std())


def test_a_face_is_gone_on_every_frame_and_the_rest_is_not(face_clip, tmp_path):
    report = anonymize.run(face_clip, tmp_path / "safe.mp4", settings())
    before, after = read_video(face_clip), read_video(tmp_path / "safe.mp4")
    assert len(after) == FRAMES
    for index, (source, result) in enumerate(zip(before, after, strict=True)):
        assert detail(source, face_box(index)) > 30
        assert detail(result, face_box(index)) < 8
        far = np.abs(source[-30:].astype(int) - result[-30:].astype(int))
        assert far.mean() < 6
    assert report.verdict == "pass"
    assert report.redacted["tracks"]["face"] == 1
    assert report.not_looked_for == ()


@pytest.mark.parametrize(
    ("wish", "name", "container", "noted"),
    [
        ("mkv", "safe.mp4", "mov,mp4,m4a,3gp,3g2,mj2", [NAMED]),
        ("mkv", "safe.mkv", "matroska,webm", []),
        ("", "safe.mkv", "matroska,webm", []),
    ],
)
def test_the_name_that_was_given_goes_before_the_container_of_the_settings(tmp_path, wish, name, container, noted):
    clip = make_video(tmp_path / "clip.mp4", frames=2)
    wanted = settings(output={"container": wish, "speed": "ultrafast"}, **ZONE_ALONE)
    report = anonymize.run(clip, tmp_path / name, wanted)
    with av.open(str(tmp_path / name)) as made:
        assert made.format.name == container
    assert list(report.output["notes"]) == noted


def test_where_nobody_named_the_output_the_settings_choose_its_container(tmp_path):
    (tmp_path / "in").mkdir()
    make_video(tmp_path / "in" / "clip.mp4", frames=2)
    items = plan_items([str(tmp_path / "in")], str(tmp_path / "out"))
    (outcome,) = batch.run(items, settings(output={"container": "mkv", "speed": "ultrafast"}, **ZONE_ALONE))
    assert outcome.output == tmp_path / "out" / "clip.mkv"
    assert list(outcome.report.output["notes"]) == []


def test_sound_is_copied_and_what_else_was_in_the_file_is_gone_and_listed(face_clip, tmp_path):
    report = anonymize.run(face_clip, tmp_path / "safe.mp4", settings())
    assert np.array_equal(read_audio(face_clip), read_audio(tmp_path / "safe.mp4"))
    named = [re.sub(rb"Lavc[0-9.]+", lambda name: bytes(len(name[0])), p) for p in _packets(face_clip, "audio")]
    assert named == _packets(tmp_path / "safe.mp4", "audio")  # but for the encoder's name, to the bit
    content = (tmp_path / "safe.mp4").read_bytes()
    assert b"at home" not in content
    assert b"+59.9139" not in content
    with av.open(str(tmp_path / "safe.mp4")) as container:
        assert [s.type for s in container.streams] == ["video", "audio"]
    assert "title" in " ".join(report.removed)
    assert "subtitle" in " ".join(report.removed)


def test_muted_means_no_sound_track(face_clip, tmp_path):
    anonymize.run(face_clip, tmp_path / "safe.mp4", settings(output={"audio": "mute", "speed": "ultrafast"}))
    assert _packets(tmp_path / "safe.mp4", "audio") == []


def _packets(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as container:
        stream = next((s for s in container.streams if s.type == kind), None)
        return [bytes(p) for p in container.demux(stream) if p.size] if stream else []


@pytest.mark.parametrize("style", ["solid", "mosaic", "blur"])
def test_run_equals_detect_and_render_to_the_pixel(face_clip, tmp_path, style):
    wanted = settings(redact={"face": {"style": style}}, output={"codec": "ffv1"})
    anonymize.run(face_clip, tmp_path / "run.mkv", wanted)
    anonymize.write_plan(face_clip, tmp_path / "plan.jsonl", wanted)
    anonymize.render_plan(face_clip, tmp_path / "plan.jsonl", tmp_path / "two.mkv")
    one, two = read_video(tmp_path / "run.mkv"), read_video(tmp_path / "two.mkv")
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_a_plan_is_drawn_with_what_only_the_whole_file_tells(tmp_path):
    """The first interlaced frame comes after those that opening the file looks at: an output is coded as it needs."""
    pictures = [pattern(i, (96, 64)) for i in range(LEADING_FRAMES + 8)]
    late = [fields(picture, "prog" if i < LEADING_FRAMES + 4 else "tff") for i, picture in enumerate(pictures)]
    clip = make_video(tmp_path / "a.mkv", frames=late, codec="ffv1")
    with open_source(clip) as source:
        at_first = source.info.field_order
        list(source.frames())
        assert (at_first, source.info.field_order) == (FieldOrder.PROGRESSIVE, FieldOrder.TOP_FIRST)
    wanted = settings(**ZONE_ALONE)
    anonymize.run(clip, tmp_path / "run.mkv", wanted)
    anonymize.write_plan(clip, tmp_path / "plan.jsonl", wanted)
    anonymize.render_plan(clip, tmp_path / "plan.jsonl", tmp_path / "drawn.mkv")
    for name in ("run", "drawn"):
        with open_source(tmp_path / f"{name}.mkv") as made:
            assert made.info.field_order is FieldOrder.TOP_FIRST


def test_a_plan_of_another_file_is_refused(face_clip, empty_clip, tmp_path):
    anonymize.write_plan(face_clip, tmp_path / "plan.jsonl", settings())
    with pytest.raises(errors.PlanError, match="another file"):
        anonymize.render_plan(empty_clip, tmp_path / "plan.jsonl", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_nobody_in_the_picture(empty_clip, tmp_path):
    report = anonymize.run(empty_clip, tmp_path / "safe.mp4", settings())
    assert report.redacted["tracks"] == {"face": 0, "plate": 0}
    assert report.redacted["box_frames"]["unbracketed"] == 0


def test_one_frame(tmp_path):
    clip = make_video(tmp_path / "one.mp4", frames=face_pictures(1))
    anonymize.run(clip, tmp_path / "safe.mp4", settings())
    (only,) = read_video(tmp_path / "safe.mp4")
    assert detail(only, face_box(0)) < 8


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_detection_on_a_rotated_stream_is_upright_and_it_stays_rotated(tmp_path, rotation):
    turned = [np.rot90(p, -rotation // 90).copy() for p in face_pictures(6)]
    clip = make_video(tmp_path / "turned.mp4", frames=turned, rotation=rotation, options={"crf": "12"})
    report = anonymize.run(clip, tmp_path / "safe.mp4", settings())
    assert report.redacted["tracks"]["face"] == 1
    assert probe(tmp_path / "safe.mp4").rotation % 360 == rotation
    for index, stored in enumerate(read_video(tmp_path / "safe.mp4")):
        assert detail(np.rot90(stored, rotation // 90), face_box(index)) < 8


def test_variable_frame_rate_keeps_every_timestamp(tmp_path):
    pts = [0, 3, 40, 41, 130, 700, 705, 1800]
    clip = make_video(tmp_path / "vfr.mkv", frames=face_pictures(8), pts=pts, time_base=Fraction(1, 1000))
    anonymize.run(clip, tmp_path / "safe.mkv", settings())
    assert _times(tmp_path / "safe.mkv") == [Fraction(p, 1000) for p in pts]
    for index, result in enumerate(read_video(tmp_path / "safe.mkv")):
        assert detail(result, face_box(index)) < 8


def _times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [time_of(frame) for frame in container.decode(video=0)]


def test_frames_that_no_two_detections_bracket_are_obscured_whole(face_clip, tmp_path, monkeypatch):
    """A detector that stops answering (here: looks are not counted after the first) must not show a single frame."""
    original = ScanSchedule.due

    def stalled(self, frame, *, cut):
        return original(self, frame, cut=cut) if frame.index == 0 else []

    monkeypatch.setattr(ScanSchedule, "due", stalled)
    monkeypatch.setattr(ScanSchedule, "due_on_last", lambda _: [])
    report = anonymize.run(face_clip, tmp_path / "safe.mp4", settings())
    assert report.redacted["box_frames"]["unbracketed"] == FRAMES - 1
    for result in read_video(tmp_path / "safe.mp4")[1:]:
        assert result.std() < 3


def test_zones_spans_and_spared_areas(face_clip, tmp_path):
    zone = {"polygon": [[0, 200], [320, 200], [320, 240], [0, 240]], "span": {"end": "0.4"}}
    everywhere = {"polygon": [[0, 0], [320, 0], [320, 240], [0, 240]]}
    wanted = settings(zones=[zone], spared=[everywhere], obscured=[{"start": "0.6"}])
    report = anonymize.run(face_clip, tmp_path / "safe.mp4", wanted)
    result = read_video(tmp_path / "safe.mp4")
    assert result[2][205:].std() < 3
    assert result[12][205:].std() > 5
    assert detail(result[2], face_box(2)) < 8, "who moves in a zone left alone is no thing"
    assert report.redacted["visible"] == []
    assert all(picture.std() < 3 for picture in result[15:])
    assert report.redacted["box_frames"]["zone"] == 10


def test_a_person_who_may_be_seen_passes_the_strictest_check_and_is_named(face_clip, tmp_path):
    x0, y0, x1, y1 = face_box(10)
    chosen = {"point": [(x0 + x1) / 2, (y0 + y1) / 2], "at": "0.4", "reason": "form 12"}
    strict = {"show_persons": [chosen], "verify": {"doubts": "fail", "look_every": 0}}
    report = anonymize.run(face_clip, tmp_path / "safe.mp4", settings(**strict))
    assert report.verdict == "pass"
    named, head = report.redacted["visible"]
    assert (named["reason"], named["grounds"], named["kind"]) == ("form 12", "consent", "face")
    assert (head["reason"], head["kind"]) == ("form 12", "head")
    assert detail(read_video(tmp_path / "safe.mp4")[10], face_box(10)) > 30


def test_a_person_is_chosen_in_a_plan_as_in_the_video(face_clip, tmp_path):
    made = anonymize.write_plan(face_clip, tmp_path / "plan.jsonl", settings())
    number = next(region.track for region in made.at(10) if region.kind is Kind.FACE)
    wanted = settings(show_persons=[{"track": number, "at": "0.4", "reason": "form 12"}])
    report = anonymize.render_plan(face_clip, tmp_path / "plan.jsonl", tmp_path / "safe.mp4", wanted)
    assert [one["kind"] for one in report.redacted["visible"]] == ["face", "head"]
    assert report.redacted["visible"][0]["track"] == number
    assert detail(read_video(tmp_path / "safe.mp4")[10], face_box(10)) > 30


def test_only_within_a_span(face_clip, tmp_path):
    anonymize.run(face_clip, tmp_path / "safe.mp4", settings(only=[{"start": "0.4", "end": "0.6"}]))
    result = read_video(tmp_path / "safe.mp4")
    assert detail(result[5], face_box(5)) > 30
    assert detail(result[12], face_box(12)) < 8
    assert detail(result[17], face_box(17)) > 30


def test_zones_alone_need_no_detector(face_clip, tmp_path):
    zone = {"polygon": [[0, 0], [320, 0], [320, 240], [0, 240]]}
    report = anonymize.run(face_clip, tmp_path / "safe.mp4", settings(targets=[], zones=[zone]))
    assert report.models == {}
    assert all(picture.std() < 3 for picture in read_video(tmp_path / "safe.mp4"))


def test_plates_are_refused_by_detectors_that_find_none(face_clip, tmp_path):
    with pytest.raises(errors.ModelError, match=r"centerface cannot find plates.*--detectors centerface,argus"):
        anonymize.run(
            face_clip, tmp_path / "safe.mp4", settings(targets=["plates"], detect={"detectors": ["centerface"]})
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_pictures(tmp_path, suffix):
    photo = make_image(tmp_path / f"photo{suffix}", picture=face_pictures(1)[0], gps=True, comment="at home")
    report = anonymize.run(photo, tmp_path / f"safe{suffix}", settings())
    assert report.redacted["tracks"]["face"] == 1
    content = (tmp_path / f"safe{suffix}").read_bytes()
    assert b"at home" not in content
    assert b"Exif" not in content
    assert report.removed


def test_no_socket_is_ever_opened(face_clip, tmp_path, monkeypatch):
    def forbidden(*arguments: object, **named: object) -> None:
        raise AssertionError("the network was touched")

    for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, forbidden)
    anonymize.run(face_clip, tmp_path / "safe.mp4", settings())
    assert (tmp_path / "safe.mp4").exists()


def test_nothing_but_the_output_is_written(face_clip, tmp_path):
    before = {p: p.stat().st_mtime_ns for p in face_clip.parent.iterdir()}
    anonymize.run(face_clip, tmp_path / "safe.mp4", settings())
    assert {p: p.stat().st_mtime_ns for p in face_clip.parent.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["safe.mp4"]


def test_an_existing_output_is_replaced_only_by_force(face_clip, tmp_path):
    out = tmp_path / "safe.mp4"
    out.write_bytes(b"precious")
    with pytest.raises(errors.OutputError, match="exists"):
        anonymize.run(face_clip, out, settings())
    assert out.read_bytes() == b"precious"
    anonymize.run(face_clip, out, settings(), force=True)
    assert out.stat().st_size > 1000


def test_an_output_that_fails_its_check_is_deleted(face_clip, tmp_path, monkeypatch):
    failed = Verified(Verdict.FAIL, (Check("structure", False, "expected 20 frames, got 19"),))
    monkeypatch.setattr(release, "examine", lambda *_, **__: failed)
    with pytest.raises(errors.VerificationError, match="got 19"):
        anonymize.run(face_clip, tmp_path / "safe.mp4", settings())
    assert [path.name for path in tmp_path.iterdir()] == ["safe.mp4.plan.jsonl"]


def test_a_truncated_input_fails_and_what_was_readable_is_written_only_on_demand(tmp_path):
    clip = make_video(tmp_path / "whole.mkv", frames=face_pictures())
    truncate(clip, 0.6)
    with pytest.raises(errors.DamagedInput, match="--allow-damaged"):
        anonymize.run(clip, tmp_path / "safe.mkv", settings())
    assert not (tmp_path / "safe.mkv").exists()
    report = anonymize.run(clip, tmp_path / "safe.mkv", settings(allow_damaged=True))
    assert report.lost
    for index, result in enumerate(read_video(tmp_path / "safe.mkv")):
        assert detail(result, face_box(index)) < 8


@pytest.fixture
def footage(face_clip, empty_clip, tmp_path):
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.mp4").write_bytes(face_clip.read_bytes())
    (folder / "broken.mp4").write_bytes(b"")
    (folder / "notes.txt").write_text("who was where")
    (folder / "sub" / "b.mp4").write_bytes(empty_clip.read_bytes())
    make_image(folder / "photo.jpg", picture=pattern(3))
    return folder


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_is_mirrored_and_one_failure_leaves_the_rest_alone(footage, tmp_path, workers):
    out = tmp_path / "out"
    outcomes = batch.run(
        plan_items([str(footage)], str(out)), settings(), workers=workers, reports=Reports(tmp_path / "reports")
    )
    by_name = {o.item.relative.name: o for o in outcomes}
    files = sorted(p.relative_to(out).as_posix() for p in out.rglob("*.*"))
    assert files == [".anonymize.lock", ".anonymize.sqlite", "a.mp4", "photo.jpg", "sub/b.mp4"]
    assert by_name["broken.mp4"].exit_code == errors.UnreadableInput.exit_code
    assert by_name["notes.txt"].left_out
    assert exit_code(outcomes) == errors.PartialFailure.exit_code
    account = json.loads((tmp_path / "reports" / "sub" / "b.mp4.report.json").read_text())
    assert account["verdict"] == "pass"
    failed = json.loads((tmp_path / "reports" / "broken.mp4.report.json").read_text())
    assert failed["verdict"] == "fail"


def test_a_fault_of_ours_in_one_file_does_not_stop_the_others(footage, tmp_path, monkeypatch):
    real = job.run

    def faulty(item, *arguments, **named):
        if item.relative.name == "a.mp4":
            raise ZeroDivisionError("oops")
        return real(item, *arguments, **named)

    monkeypatch.setattr(job, "run", faulty)
    outcomes = batch.run(plan_items([str(footage)], str(tmp_path / "out")), settings())
    by_name = {o.item.relative.name: o for o in outcomes}
    assert "internal error" in by_name["a.mp4"].report.error
    assert by_name["b.mp4"].output


def test_a_worker_that_is_killed_fails_its_own_file_alone(footage, tmp_path):
    killed: list[Any] = []

    def kill_once(item, news):
        if not killed and item.relative.name == "a.mp4" and isinstance(news, Progress):
            killed.extend(_kill_workers_on(item))

    outcomes = batch.run(plan_items([str(footage)], str(tmp_path / "out")), settings(), workers=2, on_item=kill_once)
    assert killed
    failures = [o.item.relative.name for o in outcomes if "died" in o.report.error]
    assert "a.mp4" in failures
    assert len(failures) <= len(killed)
    assert sum(o.output is not None for o in outcomes) == 3 - len({"a.mp4", "b.mp4", "photo.jpg"} & set(failures))


def _kill_workers_on(item: object) -> list[int]:
    import multiprocessing
    import signal

    victims = [child.pid for child in multiprocessing.active_children() if child.pid]
    for pid in victims:  # that at work on `item` and that between two others: which is which, nobody outside can tell
        os.kill(pid, signal.SIGKILL)
    return victims


def test_reports_hold_no_path_and_no_name(face_clip, tmp_path):
    item = only_item(str(face_clip), str(tmp_path / "safe.mp4"))
    batch.run([item], settings(), reports=Reports(tmp_path))
    text = (tmp_path / "safe.mp4.report.json").read_text()
    assert str(face_clip.parent) not in text
    assert face_clip.name not in text
    assert set(json.loads(text)) >= {f.name for f in dataclasses.fields(anonymize.Report)} | {"software", "version"}


def test_a_plan_names_what_found_its_regions(face_clip, tmp_path):
    made = anonymize.write_plan(face_clip, tmp_path / "plan.jsonl", settings())
    assert plan.read(tmp_path / "plan.jsonl").about == made.about
    assert set(made.about.found_by) == {"centerface", "argus", "argus2"}
    assert made.regions.tracks()[Kind.FACE.label] == 1
