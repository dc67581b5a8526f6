"""What a run says on its way, and of what it did or could not do."""

from dataclasses import replace
from pathlib import Path

import pytest

from anonymize import report
from anonymize.batch.inputs import only_item
from anonymize.errors import DamagedInput, OutputError
from anonymize.kinds import Verdict
from anonymize.media import Source
from anonymize.plan import Plan
from anonymize.progress import OnProgress, Progress
from anonymize.recorded import finish, job, release
from anonymize.recorded.item import Item
from anonymize.recorded.release import Known
from anonymize.settings import Settings
from anonymize.verify import Verified
from tests.helpers.media import make_video, truncate
from tests.helpers.runs import settings
from tests.recorded.test_kept import find

VERIFIED = {"publish_unverified": False, "repair": 2}


@pytest.fixture
def item(tmp_path: Path) -> Item:
    return only_item(str(make_video(tmp_path / "in.mp4", frames=4)), str(tmp_path / "safe.mp4"))


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The repairs before each verification; the first of them finds somebody, who may be hidden."""
    seen: list[int] = []

    def examine(*_: object, turn: int, **__: object) -> Verified:
        seen.append(turn)
        if len(seen) > 1:
            return Verified(Verdict.PASS, ())
        return Verified(Verdict.FAIL, (), leaks=(find(0.0, 5, size=20),))

    def repaired(made: Plan, source: Source, verified: Verified, asked: Settings, on_progress: OnProgress) -> Plan:
        on_progress(Progress("repair", 1, 4))
        return made

    monkeypatch.setattr(release, "examine", examine)
    monkeypatch.setattr(release, "repaired", repaired)
    return seen


def test_every_stage_says_how_many_repairs_may_follow(item: Item, turns: list[int]) -> None:
    news: list[Progress] = []
    job.run(item, settings(verify=VERIFIED), on_progress=news.append)
    assert news[0] == Progress("detect", 0, None, ("render", "verify"), 2)
    said = list(dict.fromkeys((one.stage, one.ahead, one.perhaps) for one in news))
    after = ("render", "verify")
    assert said == [
        ("detect", after, 2),
        ("render", after[1:], 2),
        ("repair", after, 1),
        ("render", after[1:], 1),
    ]
    assert turns == [0, 1]


def test_a_kept_plan_is_verified_as_it_was_last(item: Item, turns: list[int], tmp_path: Path) -> None:
    """A person answered what that verification asked: another look would ask other questions."""
    asked = settings(verify=VERIFIED)
    made, _ = job.detect(only_item(str(item.source), str(tmp_path / "plan.jsonl")), asked)
    job.render(item, replace(made, about=replace(made.about, repaired=1)), asked)
    assert turns == [1, 2]


def test_the_report_names_what_nobody_looked_for_and_the_source(item: Item) -> None:
    done = job.run(item, settings()).report
    assert done.not_looked_for == ("face", "plate")
    assert done.source["frames"] == 4


def test_a_plan_that_could_not_be_kept_is_noted_in_the_report(item: Item, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OutputError("the disk is full")

    doubted = Verified(Verdict.PASS_WITH_DOUBTS, (), doubts=(find(0.0, 5),))
    monkeypatch.setattr(release, "examine", lambda *_, **__: doubted)
    monkeypatch.setattr(finish, "keep", full)
    done = job.run(item, settings(verify=VERIFIED | {"repair": 0}))
    assert done.kept is None
    assert "the plan, with what is doubtful, could not be kept" in done.report.output["notes"]


def test_the_account_of_a_failure_says_what_is_known_of_the_source(tmp_path: Path) -> None:
    clip = make_video(tmp_path / "in.mkv", frames=30)
    truncate(clip, 0.6)
    known = Known()
    with pytest.raises(DamagedInput):
        job.run(only_item(str(clip), str(tmp_path / "safe.mkv")), settings(), known=known)
    about = {"sha256": report.sha256(clip), "width": 64, "height": 48, "container": "mkv", "codec": "h264"}
    assert known.account("it broke").source == about


def test_a_plan_takes_the_place_of_no_file_unless_it_is_forced(item: Item, tmp_path: Path) -> None:
    there = tmp_path / "plan.jsonl"
    there.write_text("precious")
    with pytest.raises(OutputError, match="exists"):
        job.detect(only_item(str(item.source), str(there)), settings())
    assert there.read_text() == "precious"


def test_a_run_first_ends_what_one_that_was_killed_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(job, "end_unguarded", lambda: ended.append(True))
    job.detectors_for(settings())
    assert ended == [True]
