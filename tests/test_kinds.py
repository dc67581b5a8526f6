"""Kinds are data: those of ours, and any other word that a user's own model brings."""

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest
import skimage
import typer

from anonymize import api, detect, models, presets
from anonymize.cli import values
from anonymize.cli.option import kinds
from anonymize.cli.options import settings_of
from anonymize.data import Detections, Region, Shape, Track, Why
from anonymize.detect.detector import Picture, finds
from anonymize.detect.multiscale import plausible, scales
from anonymize.errors import ModelError, PlanError, UsageError
from anonymize.evaluate.truth.coco import read_coco
from anonymize.kinds import Answer, Grounds, Kind, Raised, Silencing, Topic, Verdict
from anonymize.plan import About, Plan, Regions, consent, lines
from anonymize.plan.compose import compose
from anonymize.plan.edited import Edited
from anonymize.plan.edits import Change, Draw, EditError
from anonymize.plan.reading import parse
from anonymize.recorded.release import not_looked_for
from anonymize.redact.draw import sorted_by_style
from anonymize.report.meaning import meaning
from anonymize.review import overview
from anonymize.settings import Detect, Person, Redact, Settings, Style
from anonymize.text.mapping import from_mapping, to_mapping
from anonymize.track import Tracker
from tests.detect.test_detect import Still

SCREEN = Kind.named("screen")
GROUND = np.random.default_rng(3).integers(0, 255, (180, 320, 3), np.uint8)


def asking(**given: object) -> Settings:
    return settings_of(Settings(), given)


def test_a_word_is_a_kind_and_its_number_spells_it() -> None:
    assert (SCREEN.label, SCREEN.plural, SCREEN.own, SCREEN.wide) == ("screen", "screens", True, True)
    assert Kind(int(SCREEN)) is SCREEN is Kind.named("screen")
    assert pickle.loads(pickle.dumps(SCREEN)) is SCREEN
    assert [kind.label for kind in Kind] == ["face", "plate", "area", "head", "person", "text"]
    assert not any(kind.own for kind in Kind)
    assert {kind for kind in Kind if kind.wide} == {Kind.PLATE}
    assert Kind.named("face") is Kind.FACE


def test_another_process_has_the_same_number() -> None:
    code = "from anonymize.kinds import Kind; print(int(Kind.named('screen')))"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert int(said) == int(SCREEN)


@pytest.mark.parametrize(
    "word", ["screens", "Screen", "a", "x" * 13, "both", "none", "all", "", "é", "two words", "x9"]
)
def test_what_cannot_be_the_name_of_a_kind(word: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a kind"):
        Kind.named(word)


@pytest.mark.parametrize("value", [3, None, ["face"], {"face": 1}, True, 1.5])
def test_what_is_no_text_is_no_kind_and_no_other_word(value: Any) -> None:
    with pytest.raises(ValueError, match="expected the name of a kind, got "):
        Kind.named(value)
    with pytest.raises(ValueError, match=r"unknown kind .*: expected one of face, plate"):
        Kind.of(value)
    for words in (Why, Grounds, Shape, Topic, Raised, Silencing, Answer):
        with pytest.raises(ValueError, match=f"expected one of {', '.join(words)}, got "):
            words(value)


@pytest.mark.parametrize("number", [6, 27, -1, 1 << 62, int(SCREEN) * 27, 118913])
def test_a_number_that_spells_no_name_is_no_kind(number: int) -> None:
    with pytest.raises(ValueError, match="not a valid Kind"):
        Kind(number)
    with pytest.raises(ValueError, match="kind: expected values of Kind"):
        Detections(np.array([[0, 0, 9, 9]], np.float32), np.ones(1, np.float32), np.array([number], np.int64))


def test_the_longest_names_fit_into_detections() -> None:
    found = finds(np.array([[0, 0, 9, 9]], np.float32), np.ones(1, np.float32), Kind.named("z" * 12))
    assert found.kinds() == [Kind.named("z" * 12)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("faces", {Kind.FACE}),
        ("faces,heads,plates", {Kind.FACE, Kind.HEAD, Kind.PLATE}),
        ("both", {Kind.FACE, Kind.PLATE}),
        ("both, People", {Kind.FACE, Kind.PLATE, Kind.PERSON}),
        ("head,head", {Kind.HEAD}),
    ],
)
def test_targets_are_kinds_with_commas_between(text: str, expected: set[Kind]) -> None:
    assert asking(targets=kinds(text)).targets == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("faces,haeds", "no 'haeds'; did you mean heads"),
        ("xyz", "There are faces, heads, persons, plates, text, motion, both, none"),
        ("none,faces", "none stands alone"),
        ("faces,", "'faces,': a word is missing beside a comma"),
        (" , ", "' , ': a word is missing beside a comma"),
        (" ", "^a word is missing$"),
    ],
)
def test_targets_that_are_none(text: str, message: str) -> None:
    with pytest.raises(typer.BadParameter, match=message):
        kinds(text)


def test_a_preset_whose_target_is_a_zone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('targets = ["faces", "areas"]\n')
    with pytest.raises(
        UsageError, match=r"targets: areas are zones.*what is to be found: face, head, person, plate, text"
    ):
        presets.load(str(tmp_path / "mine.toml"))


def test_none_finds_nothing_and_needs_a_zone() -> None:
    with pytest.raises(UsageError, match=r"name a target \(faces, heads, persons, plates, text\) or a zone"):
        asking(targets=kinds("none"))
    assert not asking(targets=kinds("none"), hide_zone=["0,0 9,0 9,9"]).targets


def test_a_target_that_no_detector_finds_is_refused() -> None:
    with pytest.raises(
        ModelError,
        match=r"cannot find screens\. No model here does: there is no 'screens'.*faces, heads, persons, plates, "
        r"texts\. Bring one that does: anonymize models import FILE\.onnx --card CARD\.toml; or find faces only",
    ):
        detect.build(["centerface"], {Kind.FACE, SCREEN})
    with pytest.raises(
        ModelError, match=r"cannot find heads\. Name a detector that finds them \(argus2\): .*centerface,argus2:heads"
    ):
        detect.build(["centerface"], {Kind.FACE, Kind.HEAD})
    with pytest.raises(
        ModelError,
        match=r"cannot find faces\. Name a detector that finds them \(centerface, .*ppocr,centerface; or find",
    ):
        detect.build(["ppocr"], {Kind.FACE, Kind.TEXT})
    with pytest.raises(
        ModelError, match=r"cannot find plates\. Name a detector that finds them \(argus, argus2\): .*argus:plates"
    ):
        detect.build(["centerface"], {Kind.FACE, Kind.PLATE})


@pytest.mark.parametrize("preset", presets.names())
@pytest.mark.parametrize("kind", [Kind.HEAD, Kind.PERSON])
def test_every_preset_names_a_detector_of_heads_and_persons_which_runs_only_where_they_are_hidden(
    preset: str, kind: Kind
) -> None:
    chosen = presets.load(preset).settings
    (finder,) = detect.build(chosen.detect.detectors, {kind}, 1)
    assert finder.name == "argus2"
    assert finder.kinds == {Kind.HEAD, Kind.PERSON}
    used = {name for name, kinds in detect.asked(chosen.detect.detectors).items() if kinds & chosen.targets}
    assert ("argus2" in used) is (preset != "fast")


def test_who_asks_for_heads_gets_them_from_all_sides_and_by_default_those_from_behind_stay(tmp_path: Path) -> None:
    """As in a preset of one's own, and in those where safety hangs on it."""
    behind = {name: presets.load(name).settings.detect.behind for name in presets.names()}
    assert behind == {"default": 0.2, "research": 0.2, "municipal": 0, "journalist": 0, "fast": 0}
    (tmp_path / "mine.toml").write_text('targets = ["faces", "heads"]\n')
    assert presets.load(str(tmp_path / "mine.toml")).settings.detect.behind == 0
    default = presets.load("default").settings
    asked = settings_of(default, {"targets": ["faces", "heads"]})
    assert (set(asked.targets), asked.detect.behind) == ({Kind.FACE, Kind.HEAD}, 0.0)
    for others in ({}, {"targets": ["faces", "plates"]}, {"min_face": 20.0}):
        assert settings_of(default, others).detect.behind == 0.2
    assert settings_of(default, {"targets": ["heads"], "min_face": 20.0}).detect.min_face == 20


def test_faces_and_plates_are_found_by_whom_they_were() -> None:
    default = Settings()
    built = detect.build(default.detect.detectors, default.targets, 1)
    assert {one.name: set(one.kinds) for one in built} == {
        "centerface": {Kind.FACE},
        "argus": {Kind.PLATE},
        "argus2": {Kind.HEAD, Kind.PERSON},  # persons are the bodies of its heads
    }


def test_each_kind_has_its_tables() -> None:
    made = from_mapping(
        Settings,
        {
            "targets": ["faces", "heads", "screens"],
            "detect": {"smallest": {"head": 9, "screen": 30}},
            "redact": {"head": {"style": "mosaic"}, "screen": {"padding": 0.4}},
        },
    )
    sizes = [made.detect.least(kind) for kind in (Kind.FACE, Kind.HEAD, Kind.PERSON, Kind.PLATE, SCREEN)]
    assert sizes == [16, 9, 32, 24, 30]
    assert (made.redact.of(Kind.HEAD).style, made.redact.of(SCREEN).padding) == (Style.MOSAIC, 0.4)
    assert from_mapping(Settings, to_mapping(made)) == made
    assert to_mapping(made)["redact"]["screen"]["padding"] == 0.4
    again = from_mapping(Settings, {"redact": {"screen": {"cells": 3}}}, made).redact.of(SCREEN)
    assert (again.padding, again.cells) == (0.4, 3)
    assert made.detect.coarser(2).least(SCREEN) == 60


def test_the_former_names_of_sizes_are_the_same_settings() -> None:
    made = from_mapping(Settings, {"detect": {"smallest": {"face": 12, "plate": 30}}})
    assert (made.detect.min_face, made.detect.min_plate) == (12, 30)
    assert from_mapping(Settings, {"detect": {"min_face": 20}}, made).detect.least(Kind.FACE) == 20
    assert from_mapping(Settings, {"detect": {"smallest": {"face": 9}}}, made).detect.min_face == 9
    with pytest.raises(UsageError, match=r"smallest\.face and min_face are one setting"):
        from_mapping(Settings, {"detect": {"min_face": 20, "smallest": {"face": 12}}})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"redact": {"screen": {"style": "blur"}}}, "screens are always redacted as solid boxes"),
        ({"redact": {"screen": {"shape": "ellipse"}}}, "screens are always redacted as solid boxes"),
        ({"redact": {"screen": {"shape": "polygon"}}}, "screens are always redacted as solid boxes"),
        (
            {"redact": {"haed": {"style": "mosaic"}}},
            r"redact\.haed: did you mean head\? Kinds of your own are solid boxes",
        ),
        ({"redact": {"screen": {"padding": 9}}}, "redact.screen.padding = 9: must be 0 to 4"),
        ({"redact": {"heads": {"padding": 0.1}}}, "unknown setting 'redact.heads'.*did you mean head"),
        ({"redact": {"Screen": {}}}, "unknown setting 'redact.Screen'"),
        ({"detect": {"smallest": {"area": 9}}}, "unknown setting 'smallest.area'"),
        ({"detect": {"smallest": {"screen": 1}}}, "smallest.screen = 1: must be 4 to 512"),
        ({"detect": {"smallest": {"head": "x"}}}, "detect.smallest.head = 'x': expected a number"),
    ],
)
def test_tables_that_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_mapping(Settings, given, Settings())


def test_the_smallest_of_each_kind_has_an_option() -> None:
    made = asking(min_face=9.0, min_plate=10.0, min_head=11.0, min_person=70.0).detect
    assert [made.least(kind) for kind in (Kind.FACE, Kind.PLATE, Kind.HEAD, Kind.PERSON)] == [9, 10, 11, 70]
    with pytest.raises(UsageError, match=r"smallest\.head = 3\.0: must be 4 to 512"):
        asking(min_head=3.0)


def test_a_presets_table_for_no_target_is_a_mistyped_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[redact.fcae]\npadding = 0.5\n")
    with pytest.raises(UsageError, match=r"redact\.fcae: there is no 'fcae'; did you mean face"):
        presets.load(str(path))
    path.write_text('targets = ["screens"]\n[redact.screen]\npadding = 0.5\n')
    assert presets.load(str(path)).settings.redact.of(SCREEN).padding == 0.5


def test_a_style_is_for_all_that_belongs_to_a_person() -> None:
    made = asking(targets=["faces", "heads"], style=Style.MOSAIC).redact
    assert (made.face.style, made.head.style) == (Style.MOSAIC, Style.MOSAIC)
    assert (made.person.style, made.plate.style) == (Style.SOLID, Style.SOLID)


def region(kind: Kind, **more: object) -> Region:
    return replace(Region((10.0, 10.0, 40.0, 50.0), kind, Why.DETECTED, 3, Shape.BOX), **more)  # type: ignore[arg-type]


def plan_of(*regions: Region, targets: frozenset[Kind]) -> Plan:
    about = About("0" * 64, 5, 100, 80, Settings(targets=targets))
    return Plan(about, Regions((0, 5, one) for one in regions))


def test_a_plan_carries_the_kinds_that_its_models_brought() -> None:
    targets = frozenset({Kind.FACE, Kind.HEAD, SCREEN})
    plan = plan_of(region(SCREEN), region(Kind.HEAD, track=4), targets=targets)
    again = parse(lines(plan), "plan.jsonl")
    assert [one.kind for one in again.at(0)] == [SCREEN, Kind.HEAD]
    assert again.regions.tracks() == {"face": 0, "plate": 0, "head": 1, "screen": 1}
    assert list(lines(again)) == list(lines(plan))
    edited = Edited(again)
    edited.apply(Change(4, SCREEN, Shape.BOX))
    assert [one.kind for one in edited.plan().at(0)] == [SCREEN, SCREEN]


def test_the_review_lists_any_kind() -> None:
    """Tracks of one frame each are looked at all at once, others one by one."""
    about = About("0" * 64, 5, 100, 80, Settings(targets=frozenset({Kind.HEAD, SCREEN})))
    rows = [(2, 3, region(SCREEN)), (3, 4, region(Kind.HEAD, track=4)), (0, 5, region(SCREEN, track=5))]
    listed = overview.tracks(Edited(Plan(about, Regions(rows))))
    assert [(row["track"], row["kind"]) for row in listed] == [(5, "screen"), (3, "screen"), (4, "head")]


@pytest.mark.parametrize("word", ["screen", "fcae", "Face"])
def test_an_unknown_kind_in_a_plan_is_an_error_that_lists_the_known(word: str) -> None:
    head, *rest = lines(plan_of(region(Kind.HEAD), targets=frozenset({Kind.HEAD})))
    (line,) = rest
    known = "face, plate, area, head, person, text"
    with pytest.raises(PlanError, match=f"unknown kind '{word}': expected one of {known}"):
        parse([head, line.replace('"head"', f'"{word}"')], "plan.jsonl")
    faint = {"faint": 1, "kind": word, "first": 0, "boxes": [[1, 1, 9, 9]], "best": 0, "score": 0.2}
    with pytest.raises(PlanError, match=f"unknown kind '{word}'"):
        parse([head, line, json.dumps(faint)], "plan.jsonl")


def test_an_edit_to_an_unknown_kind_is_refused() -> None:
    edited = Edited(plan_of(region(Kind.HEAD), targets=frozenset({Kind.HEAD})))
    with pytest.raises(EditError, match="unknown kind 'screen'"):
        edited.apply(Change(3, SCREEN, Shape.BOX))
    with pytest.raises(EditError, match="unknown kind 'screen'"):
        edited.apply(Draw(9, (0, 3), (1, 1, 9, 9), SCREEN, Shape.BOX, 0))
    assert not edited.edits


def test_a_plan_from_before_heads_is_read_unless_it_looks_for_them() -> None:
    def older(line: str) -> str:
        entry = json.loads(line)
        settings = entry["settings"]
        del settings["redact"]["head"], settings["redact"]["person"], settings["detect"]["smallest"]
        return json.dumps(entry)

    head, line = lines(plan_of(region(Kind.FACE), targets=frozenset({Kind.FACE})))
    assert parse([older(head), line], "plan.jsonl").about.redact.head == Redact().head
    head, line = lines(plan_of(region(Kind.HEAD), targets=frozenset({Kind.HEAD})))
    with pytest.raises(PlanError, match=r"lack detect\.smallest\.head, redact\.head\.cells"):
        parse([older(head), line], "plan.jsonl")


def test_what_may_be_text_is_black_and_what_is_of_a_person_in_their_style() -> None:
    styles = replace(Redact(), head=replace(Redact().head, style=Style.MOSAIC))
    regions = [region(SCREEN), region(Kind.HEAD), region(Kind.PERSON)]
    black, others = sorted_by_style(regions, styles, 100, 80)
    assert [one.kind for one in black] == [SCREEN, Kind.PERSON]
    assert [one.kind for one in others] == [Kind.HEAD]


def test_each_kind_has_its_outline_in_a_plan() -> None:
    box = np.array([[10, 10, 40, 50]], np.float32)
    tracks = [
        Track(i, kind, 0, box, np.ones(1, np.float32), (Why.DETECTED,))
        for i, kind in enumerate((Kind.FACE, Kind.HEAD, Kind.PERSON, Kind.PLATE, SCREEN))
    ]
    settings = Settings(targets=frozenset(track.kind for track in tracks))
    made = {one.kind: one.shape for _, _, one in compose(tracks, [0], [0], [], (100, 80), settings)}  # type: ignore[list-item]
    ellipses = {kind for kind, shape in made.items() if shape is Shape.ELLIPSE}
    assert made.keys() == settings.targets
    assert ellipses == {Kind.FACE, Kind.HEAD}


@pytest.mark.parametrize(("kind", "kept"), [(Kind.HEAD, True), (Kind.FACE, True), (Kind.PLATE, False), (SCREEN, False)])
def test_weak_finds_make_a_subject_only_of_what_belongs_to_a_person(kind: Kind, kept: bool) -> None:
    tracker = Tracker(Settings().follow, 0.5)
    for index in range(4):
        tracker.see(Still(GROUND, index, index))
        tracker.find(index, finds(np.array([[10, 10, 30, 34]], np.float32), np.full(1, 0.4, np.float32), kind))
    assert [track.kind for track in tracker.finish()] == [kind] * kept


def test_a_line_of_text_may_be_long_and_a_face_not() -> None:
    frame = Still(GROUND, 0, 0)
    long = np.array([[5, 5, 205, 15]], np.float32)
    for kind, possible in ((SCREEN, True), (Kind.FACE, False), (Kind.PLATE, False)):
        assert plausible(finds(long, np.ones(1, np.float32), kind), frame, {kind}).all() == possible


class Finder:
    name, sha256, device = "finder", "0" * 64, "cpu"
    max_input_side = 1280
    max_reliable_size: ClassVar[dict[Kind, float]] = {}

    def __init__(self, **sizes: float) -> None:
        self.min_size = {Kind.named(word): size for word, size in sizes.items()}
        self.kinds = frozenset(self.min_size)

    def detect(self, _: Picture) -> Detections:
        return Detections.empty()

    def release_memory(self) -> None: ...


def test_the_largest_scale_is_what_the_smallest_wanted_of_a_kind_needs() -> None:
    wanted = from_mapping(Detect, {"smallest": {"head": 8, "screen": 40}})
    finder = Finder(head=16, screen=20)
    assert scales(finder, wanted, {Kind.HEAD, SCREEN}, (1280, 720))[0] == 2.0
    assert scales(finder, wanted, {SCREEN}, (1280, 720))[0] == 0.5


def test_who_hides_heads_hides_faces() -> None:
    assert not_looked_for(Settings(targets=frozenset({Kind.HEAD}))) == ("plate",)
    assert not_looked_for(Settings(targets=frozenset({SCREEN}))) == ("face", "plate")


def test_what_passed_means_names_all_kinds_that_were_looked_for() -> None:
    report = {
        "verdict": "pass",
        "not_looked_for": ["plate"],
        "settings": {"targets": ["head", "screen"]},
        "verified": {"looked_frames": 5, "of_frames": 5},
    }
    assert "found no face, head or screen that should be hidden" in meaning(report)


def test_a_category_of_the_kind_that_is_asked_for_counts(tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    path.write_text(
        '{"categories": [{"id": 1, "name": "Heads"}, {"id": 2, "name": "headlight"}, {"id": 3, "name": "human face"}],'
        '"images": [{"id": 1, "file_name": "a.png", "width": 90, "height": 90}], "annotations": ['
        + ",".join(f'{{"id": {n}, "image_id": 1, "category_id": {n}, "bbox": [1, 1, 20, 20]}}' for n in (1, 2, 3))
        + "]}"
    )
    (found,) = read_coco(path, Kind.HEAD).images.values()
    assert [one.kind for one in found.subjects] == [Kind.HEAD, Kind.FACE]
    (found,) = read_coco(path).images.values()
    assert [one.kind for one in found.subjects] == [Kind.FACE]


def test_kinds_of_models_can_be_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = replace(models.find("yunet"), name="mine", kinds=(SCREEN,))
    monkeypatch.setattr(models, "list_models", lambda: (mine,))
    assert values.targets(kinds("Screen,faces"), Settings()) == ["screen", "face"]
    with pytest.raises(typer.BadParameter, match="did you mean screens"):
        kinds("screns")


@pytest.mark.parametrize("kind", [Kind.FACE, Kind.HEAD, Kind.PERSON])
def test_a_person_at_a_point_is_chosen_by_the_face_the_head_or_the_whole(kind: Kind) -> None:
    """A plate at the same place is nobody; of a face and a head the face is chosen, and the head by its number."""
    about = About("0" * 64, 5, 400, 300, Settings(targets=frozenset(Kind) - {Kind.AREA}))
    rows = [(0, 5, region(kind, xyxy=(100.0, 100.0, 140.0, 150.0))), (0, 5, region(Kind.PLATE, track=9))]
    rows += [(0, 5, region(Kind.PERSON, track=7, xyxy=(80.0, 90.0, 160.0, 290.0)))] * (kind is not Kind.PERSON)
    rows += [(0, 5, region(Kind.PLATE, track=8, xyxy=(100.0, 100.0, 140.0, 150.0)))]
    plan = Plan(about, Regions((i, i + 1, one) for first, end, one in rows for i in range(first, end)))
    times = [Fraction(i, 25) for i in range(5)]
    asked = [Person("form 12", point=(120.0, 120.0), at=Fraction(0))]
    asked += [Person("form 12", track=7)] * (kind is not Kind.PERSON)
    shown = consent.visible(plan, times, about.settings, "film.mp4", asked).shown
    assert [one.track for one in shown] == ([3] if kind is Kind.PERSON else [3, 7])
    with pytest.raises(UsageError, match="no face was found there"):
        consent.visible(
            plan, times, about.settings, "film.mp4", [Person("form 12", point=(20.0, 20.0), at=Fraction(0))]
        )


@pytest.mark.parametrize("target", [Kind.HEAD, Kind.PERSON])
def test_heads_and_persons_are_hidden_without_a_model_of_ones_own(target: Kind, tmp_path: Path) -> None:
    """A photo of one person, near: what is asked for is hidden, and checked."""
    source, output = Path(skimage.__file__).parent / "data" / "astronaut.png", tmp_path / "out.png"
    report = api.run(source, output, asking(targets=[target.plural]))
    black = (cv2.imread(str(output)) == 0).all(axis=2)
    assert report.verdict is Verdict.PASS
    assert {name for name, count in report.redacted["tracks"].items() if count} == {target.label}
    assert report.models.keys() == {"argus2"}
    assert black[80:160, 195:255].all(), "the face, which is in the head"
    assert target is Kind.PERSON or black.mean() < 0.5


def test_the_check_of_an_output_does_not_look_for_heads_that_nobody_wanted_hidden() -> None:
    for targets in ({Kind.FACE}, {Kind.FACE, Kind.PLATE}):
        wanted = Settings(targets=frozenset(targets))
        second = detect.second_detectors(wanted, detect.first_detectors(wanted, 1), 1)
        assert {kind for one in second for kind in one.kinds} <= {Kind.FACE, Kind.PLATE}
