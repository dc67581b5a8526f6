"""What a run that is refused says of itself."""

from dataclasses import replace
from pathlib import Path

import pytest

import anonymize
from anonymize import plan
from anonymize.errors import PlanError
from anonymize.plan import Plan, Regions
from anonymize.recorded.release import Known
from anonymize.settings import Settings
from anonymize.text.mapping import to_mapping
from tests.conftest import FRAMES
from tests.helpers.leaks import good_plan


def test_the_account_of_a_failure_says_with_which_settings() -> None:
    account = Known(settings=Settings(), plan="given").account("it broke")
    assert (account.error, account.settings, account.plan) == ("it broke", to_mapping(Settings()), "given")
    assert Known().account("it broke").settings == {}


@pytest.mark.parametrize("frames", [FRAMES - 3, FRAMES + 1])
def test_a_plan_of_more_or_fewer_frames_is_refused(face_clip: Path, tmp_path: Path, frames: int) -> None:
    about = replace(good_plan(face_clip).about, frames=frames)
    plan.write(Plan(about, Regions([])), tmp_path / "plan.jsonl")
    with pytest.raises(PlanError, match=f"covers {frames} frames, the video has"):
        anonymize.render_plan(face_clip, tmp_path / "plan.jsonl", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
