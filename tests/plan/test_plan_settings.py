"""A plan holds everything that was asked for: drawn as it is, it gives what `run` gives."""

import json
import random
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anonymize
from anonymize import errors, plan, presets
from anonymize.plan import About, Plan, Regions
from anonymize.plan.settings import instead, to_render
from anonymize.settings import ReviewRules, Settings
from anonymize.text.mapping import from_mapping, to_mapping
from tests.cli.test_cli import anonymize as command
from tests.conftest import face_pictures
from tests.helpers.media import make_image, make_video

ZONE = {"polygon": [[0, 200], [60, 200], [60, 240]]}
CHOICES: Mapping[str, tuple[Any, ...]] = {
    "targets": (["face"], ["face", "plate"], ["plate"]),
    "zones": ([], [ZONE], [{**ZONE, "span": {"start": "1/25", "end": "3/25"}}]),
    "spared": ([], [{"polygon": [[0, 0], [90, 0], [0, 90]]}]),
    "only": ([], [{"start": "1/25"}]),
    "obscured": ([], [{"end": "2/25"}]),
    "redact.face.style": ("solid", "mosaic", "blur"),
    "redact.face.shape": ("ellipse", "box"),
    "redact.face.padding": (0.3, 0.1, 0.5),
    "redact.face.cells": (8, 4),
    "redact.area.style": ("solid", "mosaic"),
    "output.audio": ("keep", "mute"),
    "output.quality": (14, 18, 24),
    "output.codec": ("auto", "h265"),
    "detect.high": (0.3, 0.5),
    "follow.hold": (0.2, 0.8),
    "verify.look_every": (0.0, 0.12, 0.36),
    "verify.most_looks": (0, 2),
    "verify.repair": (0, 2),
    "verify.doubts": ("release", "fail"),
    "verify.detectors": ([], ["argus"]),
}


def asked_for(choose: random.Random) -> Settings:
    """Any preset that runs here, with about half of `CHOICES` changed."""
    base = presets.load(choose.choice([name for name in presets.names() if name != "fast"])).settings
    values: dict[str, Any] = {"output": {"speed": "ultrafast"}}
    for name, choices in CHOICES.items():
        if choose.random() < 0.5:
            *above, last = name.split(".")
            place = values
            for key in above:
                place = place.setdefault(key, {})
            place[last] = choose.choice(choices)
    return from_mapping(Settings, values, base)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face for six frames, with sound."""
    return make_video(tmp_path_factory.mktemp("clips") / "face.mp4", frames=face_pictures()[:6], audio=True)


@given(st.randoms(use_true_random=False))
def test_a_header_gives_back_every_setting(choose: random.Random) -> None:
    made = Plan(About("ab", 9, 64, 48, asked_for(choose), {}, {"name": "x", "sha256": "ab"}), Regions([])).marked()
    again = plan.parse(plan.lines(made), "plan")
    assert again.about == made.about
    assert to_render(again.about) == made.about.settings
    assert not again.by_hand


@pytest.mark.parametrize("name", presets.names())
def test_a_header_gives_back_every_preset(name: str) -> None:
    made = presets.load(name).settings
    held = plan.parse(plan.lines(Plan(About("ab", 9, 64, 48, made), Regions([]))), "plan").about
    assert to_render(held) == replace(made, live=Settings().live)
    assert instead(held, to_render(held)) == {}


def ended(make: Any, target: Path) -> tuple[object, ...]:
    """The bytes of `target` and what was examined; or the error."""
    try:
        return make().verified, target.read_bytes()
    except errors.AnonymizeError as error:
        return type(error), str(error)


@pytest.mark.parametrize("seed", range(6))
def test_detect_and_render_give_the_bytes_of_run(seed: int, clip: Path, tmp_path: Path) -> None:
    wanted = asked_for(random.Random(seed))
    ran = ended(lambda: anonymize.run(clip, tmp_path / "run.mp4", wanted), tmp_path / "run.mp4")
    anonymize.write_plan(clip, tmp_path / "plan.jsonl", wanted)
    drawn = tmp_path / "two.mp4"
    assert ended(lambda: anonymize.render_plan(clip, tmp_path / "plan.jsonl", drawn), drawn) == ran


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_the_same_of_pictures(suffix: str, tmp_path: Path) -> None:
    picture = tmp_path / f"face{suffix}"
    make_image(picture, picture=face_pictures(1)[0])
    wanted = asked_for(random.Random(3))
    wanted = replace(wanted, obscured=(), only=(), zones=())
    ran, drawn = tmp_path / f"run{suffix}", tmp_path / f"two{suffix}"
    first = ended(lambda: anonymize.run(picture, ran, wanted), ran)
    anonymize.write_plan(picture, tmp_path / "plan.jsonl", wanted)
    assert ended(lambda: anonymize.render_plan(picture, tmp_path / "plan.jsonl", drawn), drawn) == first


def sound_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return len(container.streams.audio)


def header(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text().splitlines()[0])
    return found


def with_header(path: Path, change: dict[str, Any]) -> Path:
    first, *rest = path.read_text().splitlines()
    entry = {key: value for key, value in {**json.loads(first), **change}.items() if value is not None}
    changed = path.with_name("changed.jsonl")
    changed.write_text("\n".join([json.dumps(entry), *rest]) + "\n")
    return changed


@pytest.fixture(scope="module")
def journalists(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan of `detect -p journalist`."""
    path = tmp_path_factory.mktemp("plans") / "plan.jsonl"
    done = command("detect", clip, "-o", path, "-p", "journalist")
    assert done.returncode == 0, done.stderr
    return path


def test_the_preset_of_detect_is_that_of_render(journalists: Path, clip: Path, tmp_path: Path) -> None:
    assert header(journalists)["preset"] == presets.load("journalist").as_dict()
    safe, ran = tmp_path / "safe.mp4", tmp_path / "run.mp4"
    done = command("render", clip, "--plan", journalists, "-o", safe, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-2])["report"]
    assert told["preset"]["name"] == "journalist"
    assert told["preset"]["changed"].keys() <= {"output.quality"}  # found from the source
    assert told["instead_of_plan"] == {}
    assert not sound_of(safe)
    assert command("run", clip, "-o", ran, "-p", "journalist").returncode == 0
    assert safe.read_bytes() == ran.read_bytes()


def test_options_of_render_win_and_are_named(journalists: Path, clip: Path, tmp_path: Path) -> None:
    given = ("--plan", journalists, "-o", tmp_path / "safe.mp4", "--report", tmp_path)
    done = command("render", clip, *given, "--audio", "keep", "--style", "blur", "--codec", "auto")
    assert done.returncode == 0, done.stderr
    assert "not as in the plan: output.audio is keep here, mute there" in done.stdout
    assert "not as in the plan: redact.face.style is blur here, solid there" in done.stdout
    assert "output.codec" not in done.stdout  # as the plan has it
    assert sound_of(tmp_path / "safe.mp4")
    told = json.loads((tmp_path / "safe.mp4.report.json").read_text())["instead_of_plan"]
    assert told["output.audio"] == {"plan": "mute", "used": "keep"}
    assert "The plan had been made with other settings" in (tmp_path / "safe.mp4.report.html").read_text()


def test_another_preset_wins_and_is_named_but_for_what_was_found(journalists: Path) -> None:
    about = plan.read(journalists).about
    used = to_render(about, presets.load("default").settings)
    assert set(instead(about, used)) == {"output.audio", "verify.look_every", "verify.repair", "verify.doubts"}
    assert used.detect == presets.load("journalist").settings.detect


def test_a_plan_of_the_older_version_asks_for_the_preset(journalists: Path, clip: Path, tmp_path: Path) -> None:
    older = {"settings": None, "preset": None, "as_found": None, "version": 1, "redact": {"face": {"style": "mosaic"}}}
    path = with_header(journalists, older)
    done = command("render", clip, "--plan", path, "-o", tmp_path / "safe.mp4")
    assert done.returncode == errors.PlanError.exit_code
    for word in ("older version", "audio", "--preset"):
        assert word in done.stderr
    assert not (tmp_path / "safe.mp4").exists()
    done = command("render", clip, "--plan", path, "-o", tmp_path / "safe.mp4", "-p", "journalist", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-2])["report"]["settings"]
    assert (told["output"]["audio"], told["redact"]["face"]["style"]) == ("mute", "mosaic")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settings": None}, "'settings'"),
        ({"settings": {"output": {"audio": "mute"}}}, "lack allow_damaged, detect.alone, "),
        ({"settings": {**to_mapping(Settings()), "sound": 1}}, "unknown setting 'settings.sound'"),
        ({"preset": {"name": 1}}, "texts"),
        ({"version": True}, "plan version"),
    ],
)
def test_settings_that_are_not_whole_are_refused(journalists: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.PlanError, match=message):
        plan.read(with_header(journalists, change))


def test_a_plan_that_does_not_say_which_heads_stay_hides_them_all(journalists: Path) -> None:
    held = header(journalists)["settings"]
    del held["detect"]["behind"]
    assert plan.read(with_header(journalists, {"settings": held})).about.settings.detect.behind == 0


def test_a_plan_that_says_nothing_of_corners_drew_every_ellipse_through_them(journalists: Path) -> None:
    held = header(journalists)["settings"]
    assert plan.read(journalists).about.redact.head.corners is False
    for table in held["redact"].values():
        del table["corners"]
    older = plan.read(with_header(journalists, {"settings": held})).about.redact
    assert (older.head.corners, older.head.padding, older.face.corners) == (True, 0.1, True)
    first = {"settings": None, "preset": None, "as_found": None, "version": 1, "redact": {"face": {"style": "mosaic"}}}
    oldest = plan.read(with_header(journalists, first)).about.redact
    assert (oldest.face.corners, oldest.face.style.value) == (True, "mosaic")


def test_no_plan_can_ask_for_an_output_without_a_check(journalists: Path) -> None:
    held = header(journalists)["settings"]
    held["verify"]["publish_unverified"] = True
    with pytest.raises(errors.PlanError, match="--publish-unverified"):
        plan.read(with_header(journalists, {"settings": held}))


def test_what_a_person_changed_is_no_find(journalists: Path, tmp_path: Path) -> None:
    assert not plan.read(journalists).by_hand
    lines = journalists.read_text().splitlines()
    for changed in (lines[:-1], [*lines, '{"frame": 0, "xyxy": [1, 2, 30, 40]}']):
        (tmp_path / "edited.jsonl").write_text("\n".join(changed))
        assert plan.read(tmp_path / "edited.jsonl").by_hand


def test_verify_takes_the_settings_of_the_plan(journalists: Path, clip: Path, tmp_path: Path) -> None:
    command("render", clip, "--plan", journalists, "-o", tmp_path / "safe.mp4")
    done = command("verify", tmp_path / "safe.mp4", "--source", clip, "--plan", journalists, "--json")
    assert done.returncode == 0, done.stdout
    told = json.loads(done.stdout.splitlines()[-2])["report"]
    assert told["preset"] == {"name": "journalist", "changed": {}}


def test_every_setting_acts_before_or_after_finding_and_is_held() -> None:
    assert set(plan.held(Settings())) == {f.name for f in fields(Settings)} - {"live", "review"}
    asked = replace(Settings(), review=ReviewRules(approvals=1))
    assert set(plan.held(asked)) == {f.name for f in fields(Settings)} - {"live"}
    made = Plan(About("ab", 9, 64, 48, asked), Regions([]))
    assert to_render(plan.parse(plan.lines(made), "plan").about) == asked
