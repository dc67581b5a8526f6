import json
import pickle
import re
from dataclasses import fields, replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import pytest

from anonymize import errors, models, presets
from anonymize.data import Kind, Region, Shape, Why
from anonymize.errors import OutputError, ReportError
from anonymize.kinds import Answer, Raised, Verdict
from anonymize.pages.plots import ticks
from anonymize.plan import About, Plan, Regions
from anonymize.plan.doubts import Doubt
from anonymize.report import Report, account, nameless, read, versions, write
from anonymize.report.account import BINS, LISTED, PATH
from anonymize.report.data import nearest_preset
from anonymize.report.files import NAMED, schema
from anonymize.report.page import DRAWN, page
from anonymize.text.mapping import to_mapping

SIZE = (200, 100)
FIND = {"track": 3, "kind": "face", "start": 0.2, "end": 0.4, "box": [10, 10, 30, 40], "size": 30.0, "score": 0.4}


def plan(rows, frames=50):
    return Plan(About("ab" * 32, frames, *SIZE), Regions(rows))


def face(frame, *, track=0, why=Why.DETECTED, box=(20.0, 10.0, 60.0, 60.0), score=0.9, kind=Kind.FACE):
    return frame, frame + 1, Region(box, kind, why, track, score=score)


def result(rows, frames=50, rate=25):
    return account(plan(rows, frames), [Fraction(i, rate) for i in range(frames)])


def report(verdict="pass", rows=(), frames=50, **more):
    """A whole report, as a run makes it."""
    centerface = models.find("centerface")
    settings = to_mapping(presets.load("municipal").settings)
    whole = {
        "source": {"sha256": "ab" * 32, "frames": frames, "duration": 1.96, "width": 200, "height": 100},
        "output": {"sha256": "cd" * 32, "notes": ["mkv instead of avi"]},
        "redacted": result(rows, frames),
        "verified": {
            "verdict": verdict,
            "checks": [{"name": "structure", "passed": True, "detail": "as it should be"}],
            "leaks": [],
            "doubts": [],
            "looked_frames": 10,
            "of_frames": frames,
            "bound": None,
            "not_checked": [],
            "repaired": 0,
        },
        "removed": ("GPS position",),
        "not_looked_for": ("plate",),
        "plan": "made",
        "settings": settings,
        "models": {"centerface": centerface.sha256},
        "seconds": {"detect": 2.0, "render": 3.0},
    }
    return Report(verdict, **(whole | more))


# What is told of a plan


def test_subjects_have_times_reasons_and_places():
    rows = [face(i, why=Why.HELD if i < 12 else Why.DETECTED, score=0.3 + i / 100) for i in range(10, 20)]
    (subject,) = result(rows)["subjects"]
    assert (subject["id"], subject["kind"], subject["start"], subject["end"]) == (0, "face", 0.4, 0.8)
    assert (subject["frames"], subject["why"]) == (10, {"held": 2, "detected": 8})
    assert subject["score"] == 0.49
    assert subject["height"] == [50.0, 50.0]
    assert subject["largest"] == [0.1, 0.1, 0.3, 0.6]
    assert subject["path"] == [[0.2, 0.35]] * 10


def test_the_largest_place_is_where_most_was_in_view():
    inside, outside = (0.0, 0.0, 30.0, 40.0), (-100.0, 0.0, 10.0, 90.0)
    (subject,) = result([face(0, box=inside), face(1, box=outside)])["subjects"]
    assert subject["largest"] == [0.0, 0.0, 0.15, 0.4]
    assert subject["height"] == [40.0, 90.0]


def test_a_long_way_is_thinned_out():
    rows = [face(i, box=(i / 10, 0.0, i / 10 + 20, 20.0)) for i in range(1000)]
    (subject,) = result(rows, 1000)["subjects"]
    assert PATH / 2 <= len(subject["path"]) <= PATH
    assert subject["path"][0] == [0.05, 0.1]
    assert subject["path"][-1][0] > 0.45


def test_many_subjects_are_counted_and_the_longest_listed():
    rows = [face(i % 40, track=i) for i in range(LISTED + 50)] + [face(i, track=9999) for i in range(40)]
    found = result(rows)
    assert (len(found["subjects"]), found["left_out"]) == (LISTED, 51)
    assert 9999 in {subject["id"] for subject in found["subjects"]}
    assert found["tracks"]["face"] == LISTED + 51


def test_the_timeline_gives_regions_a_frame_by_reason():
    zone = 0, 50, Region((0.0, 0.0, 9.0, 9.0), Kind.AREA, Why.ZONE)
    rows = [zone, zone, *(face(i) for i in range(25))]
    timeline = result(rows)["timeline"]
    assert timeline["seconds"] == 2.0
    assert timeline["lanes"] == {"zone": [2.0] * 50, "detected": [1.0] * 25 + [0.0] * 25}


def test_one_frame_in_an_hour_does_not_vanish():
    frames = 90_000
    lanes = result([face(70_000, why=Why.UNBRACKETED)], frames)["timeline"]["lanes"]
    assert len(lanes["unbracketed"]) == BINS
    assert sum(v > 0 for v in lanes["unbracketed"]) == 1


def test_frames_count_where_they_are_shown_whatever_their_rate():
    times = [Fraction(0), Fraction(1), Fraction(9), Fraction(10)]
    lanes = account(plan([face(1), face(2)], 4), times)["timeline"]["lanes"]["detected"]
    assert lanes == [0.5, 0.5, 0.5, 0.5]  # bins of 2.75 s: frames 0 and 1, nothing new twice, frames 2 and 3


@pytest.mark.parametrize("frames", [1, 2])
def test_a_picture_is_a_film_of_one_frame(frames):
    found = result([face(0)], frames)
    assert found["timeline"]["lanes"]["detected"][0] == 1.0
    assert page(report(redacted=found).as_dict())


# The report as data


@pytest.mark.parametrize("verdict", Verdict)
def test_every_report_fits_its_schema_and_is_read_again(tmp_path, verdict):
    write(report(verdict, [face(i) for i in range(20)]), tmp_path / "deep" / "a.report.json")
    content = read(tmp_path / "deep" / "a.report.json")
    assert content["verdict"] == verdict
    assert (tmp_path / "deep" / "a.report.html").read_text().startswith("<!doctype html>")
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["a.report.html", "a.report.json"]


def test_a_failed_run_has_a_report_too(tmp_path):
    write(Report(Verdict.FAIL, error="nothing worked"), tmp_path / "a.report.json")
    assert read(tmp_path / "a.report.json")["source"] == {}


def test_the_schema_names_every_field_and_no_other():
    named = set(schema()["properties"])
    others = {"signature", "recording"}  # of reports that are signed; of exports of recordings
    assert named == {f.name for f in fields(Report)} | {"format", "version", "preset", "software", *others}
    later = {"devices", "instead_of_plan", "title"}  # the first reports did not tell these
    assert set(schema()["required"]) == named - others - later


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda r: r.update(format="anonymize-plan"), 'lacks "format"'),
        (lambda r: r.update(version=9), "report version 9"),
        (lambda r: r.pop("verdict"), "verdict"),
        (lambda r: r["source"].update(sha256="XY"), "source.sha256"),
        (lambda r: r["source"].update(name="anna.mp4"), "name"),
        (lambda r: r["redacted"]["subjects"][0].update(why={"bored": 1}), "why"),
        (lambda r: r.update(picture="..."), "picture"),
        (lambda r: r["preset"].pop("changed", r["preset"].update(name="default")), "changed"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path, edit, message):
    content = report(rows=[face(0)]).as_dict()
    edit(content)
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(ReportError, match=message):
        read(tmp_path / "a.json")


@pytest.mark.parametrize(
    "text", ["", "no", "[]", "{}", '{"a": 1, "a": 1}', "[" * 100_000, '{"format": "anonymize-report"}']
)
def test_noise_is_no_report(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ReportError, match=r"a\.json"):
        read(tmp_path / "a.json")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused(tmp_path, number):
    (tmp_path / "a.json").write_text(
        json.dumps(report().as_dict()).replace('"duration": 1.96', f'"duration": {number}')
    )
    with pytest.raises(ReportError, match="not a number in JSON"):
        read(tmp_path / "a.json")


def test_a_key_that_stands_twice_is_refused(tmp_path):
    text = json.dumps(report().as_dict())
    (tmp_path / "a.json").write_text(text[:-1] + ', "verdict": "pass"}')
    with pytest.raises(ReportError, match="same key twice"):
        read(tmp_path / "a.json")


def test_a_report_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="taken"):
        write(report(), tmp_path / "taken" / "a.report.json")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_models_have_their_licence_and_recall_and_strangers_have_none():
    known, altered, stranger = models.find("centerface"), "00" * 32, "11" * 32
    result = report(models={"centerface": known.sha256, "yunet": altered, "eagle": stranger}).as_dict()["models"]
    assert result["centerface"]["licence"] == "MIT"
    assert result["centerface"]["recall"] == known.recall
    for name in ("yunet", "eagle"):
        assert (result[name]["licence"], result[name]["recall"]) == ("unknown", "not measured")


def test_the_nearest_preset_is_named_with_what_differs():
    assert nearest_preset({}) == {}
    for name in presets.names():
        settings = presets.load(name).settings
        assert nearest_preset(to_mapping(settings)) == {"name": name, "changed": {}}
    journalist = presets.load("journalist").settings
    changed = replace(journalist, detect=replace(journalist.detect, min_face=10.0))
    assert nearest_preset(to_mapping(changed)) == {"name": "journalist", "changed": {"detect.min_face": 10.0}}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("damaged after 3 frames", True),
        ("no space left for interviews in the inn", True),
        ("/home/anna/in/interview.mp4 is damaged", False),
        ("interview.mp4: damaged", False),
        ("/home/anna/out exists", False),
    ],
)
def test_a_message_that_names_a_file_is_left_out_whole(text, kept):
    said = nameless(text, [Path("/home/anna/in/interview.mp4"), Path("/home/anna/out/safe.mp4"), None])
    assert said == (text if kept else NAMED)


def test_every_error_tells_the_path_beside_its_message():
    error = errors.DamagedInput("it breaks off", Path("/home/anna/interview.mp4"))
    assert str(error) == "/home/anna/interview.mp4: it breaks off"
    assert error.message == "it breaks off"
    assert str(errors.UsageError("there is no such thing")) == "there is no such thing"
    copied = pickle.loads(pickle.dumps(error))
    assert (copied.message, copied.path, type(copied)) == (error.message, error.path, errors.DamagedInput)


def test_versions_name_only_what_is_installed():
    assert {"anonymize", "python", "numpy", "av"} <= set(versions())


# The page


class Links(HTMLParser):
    """Everything that a page would load or run."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.depth = []

    def handle_starttag(self, tag, attributes):
        self.found += [tag] if tag in ("script", "link", "img", "iframe", "object", "base", "form") else []
        self.found += [
            f"{name}={value}" for name, value in attributes if name in ("src", "href") or name.startswith("on")
        ]
        if tag not in ("meta", "br", "link"):
            self.depth.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.depth.pop()

    def handle_endtag(self, tag):
        assert self.depth.pop() == tag


def test_the_page_stands_alone_and_is_well_formed():
    rows = [face(i, track=i % 3, kind=Kind.PLATE if i % 3 else Kind.FACE) for i in range(50)]
    text = page(report(rows=rows).as_dict())
    links = Links()
    links.feed(text)
    assert (links.found, links.depth) == ([], [])
    assert "url(" not in text
    assert "@import" not in text
    assert re.findall(r"https?://[^\s\"<]+", text) == []


@pytest.mark.parametrize(
    ("verdict", "heading"),
    [
        ("pass", "Passed"),
        ("pass-with-doubts", "Passed, with doubts"),
        ("fail", "Failed"),
        ("unverified", "Not checked"),
    ],
)
def test_the_verdict_comes_first(verdict, heading):
    text = page(report(verdict, rows=[face(0)]).as_dict())
    body = text[text.index("<main>") :]
    assert re.findall(r"<h1>(.*?)</h1>", body)[0] == heading
    assert body.index("<h1>") < body.index("<h2>")


def test_everything_is_escaped():
    evil = "<script>alert('x')</script>\"&"
    content = report(
        "fail",
        error=evil,
        removed=(evil,),
        lost=(evil,),
        output={"notes": [evil]},
        settings={"detect": {evil: evil}},
        models={evil: evil},
        seconds={evil: 1.0},
        source={"sha256": evil, "container": evil, "codec": evil, "frames": 3, "width": 2, "height": 2},
        verified={
            "checks": [{"name": evil, "passed": False, "detail": evil}],
            "leaks": [{**FIND, "by": evil, "kind": evil}],
            "not_checked": [evil],
            "bound": {"share": 0.1, "confidence": 0.9, "text": evil},
        },
    ).as_dict()
    content["software"] = {evil: evil}
    content["created"] = evil
    text = page(content)
    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(") >= 15


def test_doubts_and_leaks_are_listed_with_their_times():
    verified = {
        "checks": [],
        "leaks": [{**FIND, "by": "plan"}],
        "doubts": [{**FIND, "start": 1.5, "end": 1.5, "by": "look"}],
    }
    text = page(report("fail", rows=[face(i, track=3) for i in range(50)], verified=verified).as_dict())
    assert "0:00.2 – 0:00.4" in text
    assert "<td>0:01.5</td>" in text
    assert "<td>face 3</td>" in text
    assert text.count('<rect class="leak"') == text.count('<rect class="doubt"') == 1


def test_a_faint_subject_is_marked_and_kinds_not_looked_for_are_named():
    """A track is weak where its preset says so, whatever its score: the plan has a doubt about it."""
    rows = [face(0, score=0.31), face(1, track=1, score=0.31), face(2, track=2), face(3, track=3, score=0.31)]
    doubts = (Doubt(0, 0, 1, Raised.FIND), Doubt(3, 3, 4, Raised.FIND, answer=Answer.HIDE))
    made = replace(plan(rows), doubts=doubts)
    text = page(report(redacted=account(made, [Fraction(frame, 25) for frame in range(50)])).as_dict())
    assert text.count("too weakly or too seldom to be sure (best score 0.31)") == 1
    assert "Plates were not looked for" in text


def test_of_a_region_that_reaches_beyond_the_picture_the_part_within_counts():
    boxes = [(150.0, -40.0, 350.0, 60.0), (190.0, 80.0, 300.0, 180.0), (210.0, 120.0, 260.0, 150.0)]
    (subject,) = result([face(frame, box=box) for frame, box in enumerate(boxes)])["subjects"]
    assert subject["largest"] == [0.75, 0.0, 1.0, 0.6]
    assert subject["height"] == [20.0, 60.0]
    assert all(0 <= share <= 1 for place in subject["path"] for share in place)
    (gone,) = result([face(0, box=boxes[2])])["subjects"]
    assert (gone["largest"], gone["height"]) == ([1.0, 1.0, 1.0, 1.0], [0.0, 0.0])


@pytest.mark.parametrize(("preset", "warned"), [("default", False), ("journalist", False), ("custom", True)])
def test_the_page_warns_that_a_mosaic_does_not_protect_from_those_who_know_the_face(preset, warned):
    settings = to_mapping(presets.load("default" if preset == "custom" else preset).settings)
    if preset == "custom":
        settings["redact"]["face"]["style"] = "mosaic"
    text = page(report(settings=settings).as_dict())
    assert ("Faces were drawn as mosaic" in text) is warned


def test_a_bare_check_of_a_file_claims_no_redaction():
    result = page(Report(Verdict.PASS, output={"sha256": "ab" * 32}, verified=report().verified).as_dict())
    assert "What was redacted" not in result
    assert "Who was redacted" not in result
    assert "before it got its name" not in result


def test_a_long_film_gives_a_page_of_reasonable_size():
    rows = [face(i * 40 + j, track=i) for i in range(2000) for j in range(20)]
    zone = Region((0.0, 0.0, 9.0, 9.0), Kind.AREA, Why.ZONE, shape=Shape.POLYGON, polygon=((0, 0), (9, 0), (9, 9)))
    content = report(rows=[*rows, (0, 180_000, zone)], frames=180_000).as_dict()
    text = page(content)
    assert len(text) < 250_000
    assert len(json.dumps(content)) < 500_000
    assert text.count('<svg class="place"') == DRAWN
    assert "of 2\u202f000 are drawn" in text


@pytest.mark.parametrize("seconds", [0.04, 0.5, 2.4, 59.0, 600.0, 7199.0, 86_400.0])
def test_the_axis_has_a_few_round_times(seconds):
    marks = ticks(seconds)
    assert 1 <= len(marks) <= 7
    assert marks[0] == (0.0, "0:00")
    assert all(0 <= left <= 100 for left, _ in marks)
    assert len({text for _, text in marks}) == len(marks)


def test_no_time_no_axis():
    assert ticks(0.0) == []


@pytest.mark.parametrize(("path", "kept"), [("/a.mp4", True), ("in/a", True), ("in/picture", False)])
def test_a_short_name_takes_no_message_away_that_lacks_it(path, kept):
    assert nameless("the picture is damaged and/or cut", [Path(path)]) != (NAMED if kept else "")
    assert (nameless("the picture is damaged and/or cut", [Path(path)]) == NAMED) is not kept
