"""An output that no detector scanned is called not checked, wherever its result is reported."""

from pathlib import Path

import pytest
from PIL import Image

from anonymize import report
from anonymize.batch import run as batch
from anonymize.batch.inputs import only_item
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from tests.cli.test_cli import anonymize
from tests.conftest import face_pictures
from tests.helpers.media import make_image, make_video

QUICK = {"output": {"speed": "ultrafast"}, "targets": ["face"], "detect": {"detectors": ["centerface"]}}
ZONE = ("--hide-zone", "0,0 20,0 20,20", "--targets", "none")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "one.mp4", "two.gif"])
def test_a_picture_and_a_short_film_are_scanned_completely(name: str, tmp_path: Path) -> None:
    made = tmp_path / name
    frames = {"one.mp4": 1, "two.gif": 2}.get(name, 1)
    if name == "one.mp4":
        make_video(made, frames=face_pictures(1))
    elif name == "two.gif":
        first, second = (Image.fromarray(picture) for picture in face_pictures(2))
        first.save(made, save_all=True, append_images=[second], duration=40)
    else:
        make_image(made, picture=face_pictures(1)[0])
    settings = from_mapping(Settings, {**QUICK, "verify": {"look_every": 9.0}}, Settings())
    (outcome,) = batch.run([only_item(str(made), str(tmp_path / f"safe{made.suffix}"))], settings)
    assert outcome.exit_code == 0, outcome.report.error
    assert (outcome.report.verified["looked_frames"], outcome.report.verified["of_frames"]) == (frames, frames)


def test_an_output_that_was_not_scanned_is_nowhere_called_passed(tmp_path: Path) -> None:
    clip = make_video(tmp_path / "a.mp4", frames=4)
    done = anonymize("run", clip, "-o", tmp_path / "safe.mp4", *ZONE, "--report", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "4 frames, not checked for faces or plates" in done.stdout, done.stdout[:600]
    page = (tmp_path / "safe.mp4.report.html").read_text()
    assert "were not checked: no detector scanned" in page
    assert "passed" not in page
    anonymize("report", "dpia", tmp_path / "safe.mp4.report.json", "-o", tmp_path / "dpia")
    text = (tmp_path / "dpia.md").read_text()
    assert "| not checked | 1 |" in text
    assert "| pass |" not in text
    anonymize("detect", clip, "-o", tmp_path / "plan.jsonl", *ZONE)
    checked = anonymize("verify", tmp_path / "safe.mp4", "--plan", tmp_path / "plan.jsonl")
    assert "safe.mp4: NOT CHECKED" in checked.stdout
    assert report.read(tmp_path / "safe.mp4.report.json")["verified"]["not_checked"]
    bare = anonymize("run", clip, "-o", tmp_path / "bare.mp4", *ZONE, "--publish-unverified")
    assert "4 frames, not checked" in bare.stdout
