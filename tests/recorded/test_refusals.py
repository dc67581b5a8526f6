"""What a run that is refused says of itself."""

from dataclasses import replace
from pathlib import Path

import pytest

import anonymize
from anonymize import plan
from anonymize.batch.inputs import only_item
from anonymize.errors import PlanError, UnsupportedInput, UsageError
from anonymize.plan import Plan, Regions
from anonymize.progress import Progress
from anonymize.recorded import job
from anonymize.recorded.release import Known
from anonymize.settings import Settings
from anonymize.text.mapping import to_mapping
from tests.conftest import FRAMES
from tests.helpers.leaks import good_plan
from tests.helpers.media import make_video
from tests.helpers.runs import settings


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


@pytest.mark.parametrize(
    ("name", "codec", "why"),
    [
        ("safe.webm", "h264", r"h264 in \.webm cannot hold"),
        ("safe.ts", "auto", r"\.ts cannot hold its sound"),
        ("safe.mp4", "ffv1", r"ffv1 in \.mp4 cannot hold"),
    ],
)
def test_an_output_that_cannot_be_made_is_refused_before_a_frame_is_read(
    tmp_path: Path, name: str, codec: str, why: str
) -> None:
    clip = make_video(tmp_path / "in.mkv", frames=2, audio="flac")
    wanted = settings(output={"codec": codec, "speed": "ultrafast"})
    item, news = only_item(str(clip), str(tmp_path / name)), list[Progress]()
    with pytest.raises(UnsupportedInput, match=why):
        job.run(item, wanted, on_progress=news.append)
    with pytest.raises(UnsupportedInput, match=why):
        job.forecast(item, wanted, [], on_progress=news.append)
    made = good_plan(clip)
    with pytest.raises(UnsupportedInput, match=why):
        job.render(item, made, wanted, on_progress=news.append)
    assert news == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"show_persons": [{"point": [10, 10], "at": "5", "reason": "form 12"}]},
        {"zones": [{"polygon": [[0, 0], [20, 0], [20, 20]], "span": {"start": "5"}}]},
        {"spared": [{"polygon": [[0, 0], [20, 0], [20, 20]], "span": {"start": "5"}}]},
        {"only": [{"start": "5"}]},
        {"obscured": [{"start": "5"}]},
    ],
    ids=lambda wanted: next(iter(wanted)),
)
def test_a_time_that_the_film_does_not_have_is_refused_before_a_frame_is_read(
    tmp_path: Path, wanted: dict[str, object]
) -> None:
    clip = make_video(tmp_path / "in.mp4", frames=60)
    item, news = only_item(str(clip), str(tmp_path / "safe.mp4")), list[Progress]()
    with pytest.raises(UsageError):
        job.run(item, settings(**wanted), on_progress=news.append)
    assert news == []
