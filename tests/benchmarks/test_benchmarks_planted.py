"""The benchmark of planted leaks, in small: on a made clip, with plan and source."""

from dataclasses import replace
from pathlib import Path

import pytest

from anonymize.data import Kind
from anonymize.detect import build
from anonymize.evaluate.truth import FrameTruth, Subject, write_truth
from anonymize.kinds import Verdict
from anonymize.settings import Settings
from benchmarks.clips import Clip
from benchmarks.planted import SPANS, Case, Good, cases, examined, folder_clips, found, good_plan, plant
from tests.conftest import FRAMES, SIZE, face_box, face_pictures
from tests.helpers.media import make_video


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Good:
    folder = tmp_path_factory.mktemp("clips")
    video = make_video(folder / "00.mp4", frames=face_pictures(), options={"crf": "12"})
    boxes = [tuple(map(float, face_box(index))) for index in range(FRAMES)]
    truth = [
        FrameTruth(i, i / 25, SIZE, (Subject(3, Kind.FACE, box, box[3] - box[1]),))  # type: ignore[arg-type]
        for i, box in enumerate(boxes)
    ]
    write_truth(folder / "00.jsonl", truth)
    assert folder_clips(folder) == [Clip(video, video.with_suffix(".jsonl"))]
    settings = Settings()
    return good_plan(folder_clips(folder)[0], settings, build(["centerface"], {Kind.FACE}))


def test_cases_lie_within_the_clip_and_are_always_the_same(good: Good) -> None:
    drawn = cases([good], 10)
    assert drawn == cases([good], 10)
    assert {case.frames for case in drawn} == {span for span in SPANS if span <= FRAMES}
    assert all(case.first + case.frames <= FRAMES and case.subject == 3 for case in drawn)


def test_what_is_planted_is_found_and_a_good_output_passes(good: Good, tmp_path: Path) -> None:
    settings = Settings(output=replace(Settings().output, speed="ultrafast"))
    target = tmp_path / "output.mp4"
    plant(good, None, target, settings)
    nothing = Case(0, 3, 5, 1, 52.0)
    verified = examined(good, target, settings, [], blind=False)
    assert verified.verdict is Verdict.PASS
    assert not found(verified, good, nothing)
    for case in cases([good], 10):
        plant(good, case, target, settings)
        verified = examined(good, target, settings, [], blind=False)
        assert found(verified, good, case), case
        assert not found(verified, good, replace(case, first=(case.first + 10) % FRAMES))
