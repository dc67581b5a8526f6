"""Whom the tool missed, and what verification made of them: on made-up finds, and once on a clip."""

from dataclasses import replace

import pytest

from anonymize.data import Kind
from anonymize.evaluate.truth import FrameTruth, Subject, write_truth
from anonymize.kinds import Verdict
from anonymize.recorded import passes
from anonymize.settings import Doubts, Settings
from anonymize.verify import By, Find, Verified
from benchmarks import page
from benchmarks.clips import Clip
from benchmarks.verify import judged, measure, row
from tests.conftest import FRAMES, SIZE, face_box, face_pictures
from tests.helpers.media import make_video

ANN, BEN, CAR = ("face", 1), ("face", 2), ("plate", 1)
BOXES = {ANN: (100.0, 100.0, 140.0, 150.0), BEN: (300.0, 100.0, 340.0, 150.0), CAR: (100.0, 100.0, 140.0, 150.0)}
TRUTH = [
    FrameTruth(i, i / 25, (640, 480), tuple(Subject(n, Kind.of(k), BOXES[k, n], 50.0) for k, n in BOXES))
    for i in range(3)
]


def find(kind, box, frame=1):
    return Find(0, kind, 0.0, 0.1, box, 50.0, 0.6, By.LOOK, frame, places=((frame, box),))


def strict():
    return replace(Settings(), verify=replace(Settings().verify, doubts=Doubts.FAIL))


def test_leak_doubt_and_nothing_are_told_apart():
    leak, doubt = find(Kind.FACE, (104, 104, 138, 148)), find(Kind.FACE, (302, 98, 344, 155))
    verified = Verified(Verdict.FAIL, leaks=(leak,), doubts=(doubt,))
    outcome = judged("a", 3, [ANN, BEN, CAR], TRUTH, verified, Settings())
    assert outcome.missed == {ANN: "stopped", BEN: "doubts", CAR: "passed"}
    assert outcome.failed
    figures = row("crowds", "default", [outcome])
    assert (figures["missed"], figures["stopped"], figures["doubts"], figures["passed"]) == (3, 1, 1, 1)
    assert figures["passed_in_failed"] == 1


def test_a_doubt_stops_the_output_where_the_preset_says_so():
    verified = Verified(Verdict.PASS_WITH_DOUBTS, doubts=(find(Kind.FACE, BOXES[BEN]),))
    assert judged("a", 3, [ANN, BEN], TRUTH, verified, Settings()).missed == {ANN: "passed", BEN: "doubts"}
    assert not judged("a", 3, [ANN, BEN], TRUTH, verified, Settings()).failed
    outcome = judged("a", 3, [ANN, BEN], TRUTH, verified, strict())
    assert outcome.missed == {ANN: "passed", BEN: "stopped"}
    assert outcome.failed


def test_a_find_beside_a_missed_face_does_not_count_for_it():
    verified = Verified(Verdict.FAIL, leaks=(find(Kind.FACE, (180, 100, 220, 150)), find(Kind.PLATE, BOXES[BEN], 2)))
    assert judged("a", 3, [ANN, BEN], TRUTH, verified, Settings()).missed == {ANN: "passed", BEN: "passed"}


def test_who_is_named_as_a_place_is_told_apart_from_who_is_let_pass():
    """A place lies on Ann, another beside Ben; what failed the output or is a doubt goes before."""
    x0, y0, x1, y1 = BOXES[BEN]
    places = (find(Kind.FACE, BOXES[ANN]), find(Kind.FACE, (x0 + 90, y0, x1 + 90, y1)))
    verified = Verified(Verdict.PASS, faint=places, faint_places=400)
    outcome = judged("a", 3, [ANN, BEN], TRUTH, verified, Settings())
    assert outcome.missed == {ANN: "named", BEN: "passed"}
    assert (set(outcome.first), outcome.places) == ({ANN}, 400)
    figures = row("crowds", "default", [outcome, judged("b", 3, [], TRUTH, verified, Settings())])
    assert (figures["named"], figures["passed"], figures["passed_in_failed"]) == (1, 1, 0)
    assert (figures["named_first"], figures["places"], figures["outputs"]) == (1, 800, 2)
    assert "| 1 of 2 (9% to 91%); 1 | " in page.verify_table([figures])
    plates = Verified(Verdict.PASS, faint=(find(Kind.PLATE, BOXES[ANN]),), faint_places=1)
    assert judged("a", 3, [ANN], TRUTH, plates, Settings()).missed == {ANN: "passed"}
    seen = replace(verified, verdict=Verdict.PASS_WITH_DOUBTS, doubts=(find(Kind.FACE, BOXES[ANN]),))
    assert judged("a", 3, [ANN], TRUTH, seen, Settings()).missed == {ANN: "doubts"}


def test_who_is_named_late_is_not_among_the_first():
    beside = find(Kind.FACE, (400.0, 300.0, 440.0, 350.0))
    verified = Verified(Verdict.PASS, faint=(*[beside] * 5, find(Kind.FACE, BOXES[ANN])), faint_places=6)
    outcome = judged("a", 3, [ANN], TRUTH, verified, Settings())
    assert (outcome.missed, outcome.first) == ({ANN: "named"}, frozenset())
    sooner = replace(verified, faint=verified.faint[1:])
    assert judged("a", 3, [ANN], TRUTH, sooner, Settings()).first == {ANN}


def test_false_alarms_are_counted_over_outputs_without_a_miss():
    clean = judged("a", 3, [], TRUTH, Verified(Verdict.PASS), Settings())
    alarmed = judged("b", 3, [], TRUTH, Verified(Verdict.FAIL, leaks=(find(Kind.FACE, BOXES[ANN]),)), Settings())
    missed = judged("c", 3, [ANN], TRUTH, Verified(Verdict.PASS), Settings())
    figures = row("crowds", "default", [clean, alarmed, missed])
    assert (figures["clean"], figures["false_alarms"], figures["missed"], figures["subjects"]) == (2, 1, 1, 9)
    assert [one["clip"] for one in figures["by_clip"]] == ["b", "c"]
    text = page.verify_table([figures])
    passed = "| 0 of 1 (0% to 79%) | 0 of 1 (0% to 79%) | 0 of 1 (0% to 79%); 0 | 1 of 1 (21% to 100%) |"
    assert f"| 1 of 9 subjects {passed}" in text
    assert "1 of 2 outputs without a miss failed, 0 had doubts" in text
    assert "| 0 of 3 subjects | - | - | - | - |" in page.verify_table([row("a", "b", [clean])])


@pytest.mark.parametrize("drawn", [True, False])
def test_a_clip_is_detected_drawn_judged_and_examined(drawn, tmp_path, monkeypatch):
    """With the plan as it is nobody leaks; with an empty one the face does, and verification sees it."""
    video = make_video(tmp_path / "00.mp4", frames=face_pictures(), options={"crf": "12"})
    truth = []
    for i in range(FRAMES):
        x0, y0, x1, y1 = face_box(i)
        truth.append(FrameTruth(i, i / 25, SIZE, (Subject(3, Kind.FACE, (x0, y0, x1, y1), y1 - y0),)))
    write_truth(video.with_suffix(".jsonl"), truth)
    if not drawn:
        detect = passes.detect

        def nothing(*arguments):
            plan, times = detect(*arguments)
            return replace(plan, regions=type(plan.regions)([])), times

        monkeypatch.setattr(passes, "detect", nothing)
    settings = replace(Settings(targets=frozenset({Kind.FACE})), output=replace(Settings().output, speed="ultrafast"))
    outcome = measure(Clip(video, video.with_suffix(".jsonl")), settings, tmp_path)
    assert outcome.subjects == 1
    assert outcome.missed == ({} if drawn else {("face", 3): "stopped"})
    assert outcome.failed is not drawn
