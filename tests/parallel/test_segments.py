"""Long videos, end to end: any number of workers gives the same plan and the same file, seams and all."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import anonymize
from anonymize import errors, plan
from anonymize.data import Kind, Region, Why
from anonymize.media import open_source
from anonymize.media.video import segments
from anonymize.parallel.segments import segment_runner
from anonymize.plan.faint import Faint
from anonymize.progress import Progress
from anonymize.recorded import job
from anonymize.report import sha256 as file_sha256
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from anonymize.verify import Evidence, examine
from tests.conftest import astronaut
from tests.helpers.media import Picture, make_video, pattern, read_audio, read_video

GOP = {"g": "10", "keyint_min": "10", "sc_threshold": "0", "preset": "veryfast", "crf": "14"}
SIZE = (160, 120)
FRAMES = 62


@pytest.fixture(autouse=True, scope="module")
def short() -> Iterator[None]:
    """Segments of 0.8 s rather than 20 s: they begin at frames 0, 20 and 40."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "LEAST", Fraction(4, 5))
        yield


def settings(**values: object) -> Settings:
    """Faces alone, found by one detector: quick."""
    plain = {"output": {"speed": "veryfast"}, "targets": ["face"], "detect": {"detectors": ["centerface"]}}
    return from_mapping(Settings, {**plain, **values}, Settings())


def drifting(frames: range, seed: int = 7) -> list[Picture]:
    """A face that drifts slowly over a grainy background."""
    portrait = cv2.resize(astronaut()[:256, 96:352], (80, 80), interpolation=cv2.INTER_AREA)
    grain = np.random.default_rng(seed).integers(90, 130, (SIZE[1], SIZE[0], 3), np.uint8)
    pictures = []
    for index in frames:
        picture = grain.copy()
        x, y = 10 + index, 10 + index // 3
        picture[y : y + 80, x : x + 80] = portrait
        pictures.append(picture)
    return pictures


def face(index: int) -> tuple[slice, slice]:
    """Rows and columns of eyes, nose and mouth on frame `index` of `drifting`."""
    x, y = 10 + index, 10 + index // 3
    return slice(y + 21, y + 56), slice(x + 28, x + 55)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face that is there all the time, with sound; three segments."""
    return make_video(
        tmp_path_factory.mktemp("clips") / "long.mp4", frames=drifting(range(FRAMES)), options=GOP, audio=True
    )


@pytest.fixture(scope="module")
def alone(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, dict[str, Any]]:
    """What one worker makes of `clip`: the plan, the file, and what was examined."""
    folder = tmp_path_factory.mktemp("alone")
    anonymize.write_plan(clip, folder / "plan.jsonl", settings())
    cut = segments.cut_up(clip, clip.name)
    assert cut
    assert [segment.first for segment in cut.segments] == [0, 20, 40]
    report = anonymize.run(clip, folder / "safe.mp4", settings())
    assert report.verdict == "pass"
    assert report.redacted["tracks"]["face"] == 1
    return (folder / "plan.jsonl").read_bytes(), (folder / "safe.mp4").read_bytes(), report.verified


@pytest.mark.parametrize("workers", [2, 4])
def test_any_number_of_workers_gives_the_same_plan_and_the_same_file(
    workers: int, clip: Path, alone: tuple[bytes, bytes, dict[str, Any]], tmp_path: Path
) -> None:
    anonymize.write_plan(clip, tmp_path / "plan.jsonl", settings(), workers=workers)
    assert (tmp_path / "plan.jsonl").read_bytes() == alone[0]
    report = anonymize.run(clip, tmp_path / "safe.mp4", settings(), workers=workers)
    assert report.verified == alone[2]
    assert len(report.memory) == 1 + min(workers, 3)
    assert all(peak > 50 << 20 for peak in report.memory)
    assert (tmp_path / "safe.mp4").read_bytes() == alone[1]
    anonymize.render_plan(clip, tmp_path / "plan.jsonl", tmp_path / "drawn.mp4", workers=workers)
    assert (tmp_path / "drawn.mp4").read_bytes() == alone[1]


def test_a_face_keeps_its_identity_over_seams_and_is_covered_there(
    clip: Path, alone: tuple[bytes, bytes, dict[str, Any]], tmp_path: Path
) -> None:
    made = plan.parse(alone[0].decode().splitlines(), "plan")
    for index in range(FRAMES):
        assert [region.track for region in made.at(index)] == [0]
    (tmp_path / "safe.mp4").write_bytes(alone[1])
    for index, picture in enumerate(read_video(tmp_path / "safe.mp4")):
        assert picture[face(index)].mean() < 8
    assert np.array_equal(read_audio(clip), read_audio(tmp_path / "safe.mp4"))


def test_who_is_left_visible_stays_so_over_seams_for_any_number_of_workers(clip: Path, tmp_path: Path) -> None:
    chosen = settings(show_persons=[{"point": [80, 60], "at": 1.0, "reason": "form 12"}])
    made = {}
    for workers in (1, 2):
        report = anonymize.run(clip, tmp_path / f"{workers}.mp4", chosen, workers=workers)
        (visible,) = report.redacted["visible"]
        assert (visible["track"], visible["frames"]) == (0, FRAMES)
        assert report.verdict == "pass"
        anonymize.write_plan(clip, tmp_path / f"{workers}.jsonl", chosen, workers=workers)
        made[workers] = (tmp_path / f"{workers}.mp4").read_bytes(), (tmp_path / f"{workers}.jsonl").read_bytes()
    assert made[1] == made[2]
    for before, after in zip(read_video(clip), read_video(tmp_path / "2.mp4"), strict=True):
        assert np.abs(before.astype(int) - after).mean() < 4, "something was drawn on somebody who consented"


@pytest.mark.parametrize("style", ["mosaic", "blur"])
def test_mosaics_keep_their_colours_over_seams(
    style: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three that overlap, begin in different segments and go on over seams: as drawn in one go, sample for sample."""
    rows = [
        (index, index + 1, Region((x + index, 10.0, x + index + 70, 90.0), Kind.FACE, Why.DETECTED, track))
        for track, x, frames in ((0, 5, range(FRAMES)), (1, 30, range(15, 50)), (2, -75, range(6, FRAMES)))
        for index in frames
    ]
    about = plan.About(file_sha256(clip), FRAMES, *SIZE, settings(redact={"face": {"style": style}}))
    plan.write(plan.Plan(about, plan.Regions(rows)), tmp_path / "plan.jsonl")
    exact = settings(output={"codec": "ffv1"}, verify={"publish_unverified": True})
    for name, least, workers in (("whole", "20", 1), ("one", "0.8", 1), ("two", "0.8", 2)):
        monkeypatch.setattr(segments, "LEAST", Fraction(least))
        anonymize.render_plan(clip, tmp_path / "plan.jsonl", tmp_path / f"{name}.mkv", exact, workers=workers)
    whole, one = read_video(tmp_path / "whole.mkv"), read_video(tmp_path / "one.mkv")
    assert all(np.array_equal(a, b) for a, b in zip(one, whole, strict=True))
    assert (tmp_path / "one.mkv").read_bytes() == (tmp_path / "two.mkv").read_bytes()


@pytest.mark.parametrize("style", ["solid", "mosaic"])
def test_an_examination_in_segments_finds_what_one_in_one_go_finds(style: str, clip: Path, tmp_path: Path) -> None:
    """Of an output that lacks a region which the plan has, over both seams."""
    about = plan.About(file_sha256(clip), FRAMES, *SIZE, settings(redact={"face": {"style": style}}))
    missing = [(i, i + 1, Region((10.0 + i, 10.0, 90.0 + i, 90.0), Kind.FACE, Why.DETECTED, 1)) for i in range(15, 50)]
    other = [(i, i + 1, Region((0.0, 92.0, 60.0, 120.0), Kind.FACE, Why.DETECTED, 0)) for i in range(FRAMES)]
    plan.write(plan.Plan(about, plan.Regions(other)), tmp_path / "plan.jsonl")
    unverified = settings(verify={"publish_unverified": True})
    anonymize.render_plan(clip, tmp_path / "plan.jsonl", tmp_path / "leaks.mp4", unverified)
    assert segments.cut_up(tmp_path / "leaks.mp4", "leaks.mp4", like=segments.cut_up(clip, clip.name))
    found_by, both = job.detectors_for(settings()), settings(targets=["face", "plate"])
    with open_source(clip) as source, segment_runner(source, settings(), found_by, 1) as runner:
        runner.read(lambda _: None)
        places = ((Kind.PLATE, 5, (100.0, 5.0, 130.0, 15.0)), (Kind.FACE, 25, (120.0, 60.0, 140.0, 84.0)))
        faint = tuple(Faint(n, kind, at, (box,) * 30, at + 20, 0.1, 3) for n, (kind, at, box) in enumerate(places, 1))
        evidence = Evidence(None, source, plan.Plan(about, plan.Regions([*missing, *other]), faint=faint))
        told: list[int] = []
        by_parts = examine(
            tmp_path / "leaks.mp4",
            evidence,
            both,
            found_by,
            runner=runner,
            on_progress=lambda progress: told.append(progress.done),
        )
        whole = examine(tmp_path / "leaks.mp4", evidence, both, found_by)
    assert by_parts == whole
    assert [(leak.track, leak.frames) for leak in whole.leaks if leak.track == 1]
    assert (whole.faint_places, whole.faint_unlikely) == (1, 1), "a third network saw no plate"
    assert told == list(range(1, FRAMES + 1))


@pytest.mark.parametrize("at", [19, 20, 21])
def test_a_cut_at_a_seam_or_beside_it_is_seen_and_bracketed(at: int, tmp_path: Path) -> None:
    """A face up to the cut, another scene after it: the face's last frame is covered, and nothing is hidden whole."""
    other = [pattern(index, SIZE, seed=3) for index in range(at, FRAMES)]
    made = make_video(tmp_path / "cut.mp4", frames=[*drifting(range(at)), *other], options=GOP)
    found = anonymize.write_plan(made, tmp_path / "plan.jsonl", settings())
    for index in range(at):
        assert [region.kind for region in found.at(index)] == [Kind.FACE], index
    for index in range(at, FRAMES):
        assert all(region.why is not Why.UNBRACKETED for region in found.at(index)), index
    assert not [region for region in found.at(at + 2) if region.kind is Kind.FACE]


@pytest.mark.parametrize("at", [19, 20])
def test_a_face_that_shows_on_one_side_of_a_seam_only(at: int, tmp_path: Path) -> None:
    """The other way round: nobody, then a cut to a face."""
    nobody = [pattern(index, SIZE, seed=3) for index in range(at)]
    made = make_video(tmp_path / "cut.mp4", frames=[*nobody, *drifting(range(at, FRAMES))], options=GOP)
    anonymize.run(made, tmp_path / "safe.mp4", settings())
    for index, picture in enumerate(read_video(tmp_path / "safe.mp4")):
        assert index < at or picture[face(index)].mean() < 8, index


def test_variable_frame_rate_and_rotation_survive(tmp_path: Path) -> None:
    turned = [np.ascontiguousarray(np.rot90(picture, -1)) for picture in drifting(range(FRAMES))]
    pts = [40 * i + 11 * (i % 3) for i in range(FRAMES)]
    made = make_video(tmp_path / "a.mp4", frames=turned, options=GOP, pts=pts, time_base=Fraction(1, 1000), rotation=90)
    report = anonymize.run(made, tmp_path / "safe.mp4", settings(), workers=2)
    assert report.redacted["tracks"]["face"] == 1
    for index, stored in enumerate(read_video(tmp_path / "safe.mp4")):
        assert np.rot90(stored)[face(index)].mean() < 8


def killer(deaths: int, stage: str, at: int) -> Callable[[Progress], None]:
    """Kills a worker at frame `at` of `stage`, and at the next ones, `deaths` times in all."""
    left = [deaths]

    def kill(news: Progress) -> None:
        if left[0] and news.stage == stage and news.done >= at:
            left[0] -= 1
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, signal.SIGKILL)

    return kill


@pytest.mark.parametrize(("stage", "at"), [("detect", 3), ("render", 5), ("verify", 1)])
def test_a_killed_worker_is_replaced_and_nothing_changes(
    stage: str, at: int, clip: Path, alone: tuple[bytes, bytes, dict[str, Any]], tmp_path: Path
) -> None:
    anonymize.run(clip, tmp_path / "safe.mp4", settings(), workers=2, on_progress=killer(1, stage, at))
    assert (tmp_path / "safe.mp4").read_bytes() == alone[1]


def test_workers_that_die_again_and_again_fail_the_file(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.AnonymizeError, match=r"long\.mp4.*died twice"):
        anonymize.run(clip, tmp_path / "two.mp4", settings(), workers=2, on_progress=killer(99, "detect", 1))
    assert list(tmp_path.iterdir()) == []
    assert multiprocessing.active_children() == []


def test_what_turns_out_not_to_come_in_segments_is_done_in_one_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rolling intra refresh: the entry points that the container lists show no whole picture."""
    rolling = {"x264-params": "keyint=10:intra-refresh=1:scenecut=0:bframes=0", "preset": "fast"}
    made = make_video(tmp_path / "a.mp4", frames=drifting(range(FRAMES)), options=rolling)
    assert segments.cut_up(made, "a.mp4")
    anonymize.run(made, tmp_path / "tried.mp4", settings(), workers=2)
    monkeypatch.setattr(segments, "LEAST", Fraction(20))
    assert segments.cut_up(made, "a.mp4") is None
    anonymize.run(made, tmp_path / "whole.mp4", settings())
    assert (tmp_path / "tried.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_zones_alone_need_nobody_to_look(clip: Path, tmp_path: Path) -> None:
    wanted = settings(targets=[], zones=[{"polygon": [[0, 0], [40, 0], [40, 40], [0, 40]]}])
    for workers in (1, 2):
        anonymize.run(clip, tmp_path / f"{workers}.mp4", wanted, workers=workers)
    assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "2.mp4").read_bytes()
    assert all(picture[5:35, 5:35].mean() < 8 for picture in read_video(tmp_path / "2.mp4"))
