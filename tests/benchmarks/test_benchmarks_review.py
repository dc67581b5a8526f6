"""The scripted reviewer: what it answers, and once on a clip what its answers buy."""

from pathlib import Path

import pytest

from anonymize.data import Kind
from anonymize.evaluate.truth import FrameTruth, Subject, write_truth
from benchmarks import page
from benchmarks.clips import Clip
from benchmarks.review import answer, measure, row
from tests.conftest import FRAMES, SIZE, face_box, face_pictures
from tests.helpers.media import make_video
from tests.review.conftest import FAST


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((100, 100, 140, 150), "hide"),
        ((110, 110, 150, 160), "hide"),
        ((300, 100, 340, 150), "nothing"),
        ((150, 100, 190, 150), "nothing"),
    ],
)
def test_somebody_is_where_the_truth_has_them(box: tuple[int, ...], words: str) -> None:
    truth = FrameTruth(0, 0.0, (640, 480), (Subject(1, Kind.FACE, (100.0, 100.0, 140.0, 150.0), 50.0),))
    assert answer({"box": list(box)}, truth) == words
    assert answer({"box": list(box)}, FrameTruth(0, 0.0, (640, 480), ())) == "nothing"


def test_a_clip_is_measured_after_so_many_answers(tmp_path: Path) -> None:
    clip = Clip(make_video(tmp_path / "one.mp4", frames=face_pictures(), options={"crf": "12"}), tmp_path / "one.jsonl")
    write_truth(
        clip.truth,
        [
            FrameTruth(i, i / 25, SIZE, (Subject(1, Kind.FACE, tuple(map(float, face_box(i))), 52.0),))  # type: ignore[arg-type]
            for i in range(FRAMES)
        ],
    )
    found = measure(clip, FAST, tmp_path, after=(0, 1, 60))
    assert sorted(found.found) == [0, 1, 60]
    assert sum(found.given.values()) <= 60
    assert all(one.total.subjects == 1 for one in found.found.values())
    assert found.found[60].total.exposed == 0
    figures = row("faces", "default", [found, found])
    assert [one["after"] for one in figures["rows"]] == [0, 1, 60]
    assert figures["rows"][0]["subjects"] == 2
    assert "2 clips of faces" in page.review_table([figures])
