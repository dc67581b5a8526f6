import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymize import plan, write_plan
from anonymize.data import Kind, Region, Shape, Silence, Silencing, Why
from anonymize.errors import PlanError
from anonymize.kinds import shaped
from anonymize.plan import About, Plan, Regions
from anonymize.redact import visible
from anonymize.settings import Settings, flat
from tests.cli.test_cli import anonymize
from tests.conftest import face_pictures
from tests.helpers.media import make_video

FRAMES = 40
ABOUT = About(sha256="ab", frames=FRAMES, width=64, height=48, found_by={"centerface": "cd"})
coordinate = st.floats(-50, 80).map(lambda v: round(v, 2))
corner = st.tuples(coordinate, coordinate)


@st.composite
def regions(draw):
    why = draw(st.sampled_from(list(Why)))
    kind = draw(st.sampled_from(list(Kind)))
    if draw(st.booleans()):
        corners = tuple(draw(st.lists(corner, min_size=3, max_size=6)))
        xs, ys = zip(*corners, strict=True)
        return Region((min(xs), min(ys), max(xs), max(ys)), kind, why, -1, Shape.POLYGON, corners)
    x, y = draw(corner)
    w, h = draw(st.tuples(st.integers(1, 99), st.integers(1, 99)))
    score = 1.0 if kind is Kind.AREA else draw(st.integers(0, 1000)) / 1000
    shape = draw(st.sampled_from([Shape.BOX, Shape.ELLIPSE]))
    box = (x, y, round(x + w, 2), round(y + h, 2))
    return Region(box, kind, why, draw(st.integers(-1, 9)), shape, (), score)


def hides_something(region):
    if region.shape is Shape.POLYGON and flat(region.polygon):
        return False
    return visible(region, ABOUT.width, ABOUT.height)


@st.composite
def rows(draw):
    first = draw(st.integers(0, FRAMES - 1))
    end = draw(st.one_of(st.just(first + 1), st.integers(first + 1, FRAMES)))
    return first, end, draw(regions().filter(hides_something))


@given(st.lists(rows(), max_size=12))
def test_a_plan_read_back_from_its_file_is_the_same_on_every_frame(listed):
    made = Plan(ABOUT, Regions(listed))
    again = plan.parse(plan.lines(made), "plan")
    assert again.about == made.about
    for index in range(FRAMES):
        here = [region for first, end, region in listed if first <= index < end]
        expected = [replace(region, shape=shaped(region.kind, region.shape)) for region in here]
        assert sorted(made.at(index), key=repr) == sorted(expected, key=repr)
        assert again.at(index) == made.at(index)


def test_a_frame_beyond_the_plan_is_refused():
    with pytest.raises(PlanError, match="covers 40 frames"):
        Plan(ABOUT, Regions([])).at(FRAMES)


def _file(tmp_path, *entries):
    header = next(plan.lines(Plan(ABOUT, Regions([]))))
    path = tmp_path / "plan.jsonl"
    path.write_text("\n".join([header, *entries]))
    return path


def test_the_least_that_a_person_must_write(tmp_path):
    made = plan.read(
        _file(tmp_path, '{"frames": [3, 5], "xyxy": [1, 2, 3, 4]}', "", '{"frame": 3, "polygon": [[0,0],[9,0],[9,9]]}')
    )
    assert [(r.kind, r.why, r.shape) for r in made.at(3)] == [
        (Kind.AREA, Why.MANUAL, Shape.BOX),
        (Kind.AREA, Why.MANUAL, Shape.POLYGON),
    ]
    assert len(made.at(4)) == 1
    assert made.at(5) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: not JSON"),
        ("[1]", "line 2: expected an object"),
        ('{"frame": 1}', "line 2: 'xyxy' is missing"),
        ('{"xyxy": [1, 2, 3, 4]}', "expected either"),
        ('{"frame": 40, "xyxy": [1, 2, 3, 4]}', "do not lie within"),
        ('{"frames": [9, 3], "xyxy": [1, 2, 3, 4]}', "do not lie within"),
        ('{"frame": 1, "xyxy": [3, 2, 1, 4]}', "expected x0 < x1"),
        ('{"frame": 1, "xyxy": [1, 2, NaN, 4]}', "NaN is not a number"),
        ('{"frame": 1, "xyxy": [64, 2, 90, 4]}', "line 2: it hides nothing: .* 64 x 48 pixels"),
        ('{"frames": [1, 9], "xyxy": [-9, -9, 0, 4], "kind": "face"}', "line 2: it hides nothing"),
        ('{"frame": 1, "shape": "ellipse", "xyxy": [-99, -99, 1, 1]}', "line 2: it hides nothing"),
        ('{"frame": 1, "polygon": [[70, 2], [90, 4], [80, 9]]}', "line 2: it hides nothing"),
        ('{"frame": 1, "polygon": [[2, 2], [20, 20], [9, 9]]}', "line 2: it hides nothing: the corners"),
        ('{"frame": 1, "polygon": [[2, 2], [20, 2], [9, 2]]}', "line 2: it hides nothing: the corners"),
        ('{"frame": 1, "track": 4, "why": "held", "xyxy": [64, 2, 90, 4]}', "line 2: it hides nothing"),
        ('{"frame": 1, "xyxy": [1, 2, 3]}', "not enough values"),
        ('{"frame": 1, "xyxy": [1, 2, 3, 4], "kind": "cat"}', "unknown kind"),
        ('{"frame": 1, "xyxy": [1, 2, 3, 4], "why": "because"}', "line 2: expected one of detected, .*, got 'because'"),
        ('{"frame": 1, "xyxy": [1, 2, 3, 4], "kind": 7}', "line 2: unknown kind 7: expected one of face, plate, "),
        ('{"frame": 1, "xyxy": [1, 2, 3, 4], "kind": ["face"]}', "line 2: unknown kind .*: expected one of face"),
        (
            '{"frame": 1, "xyxy": [1, 2, 3, 4], "shape": "oval"}',
            "line 2: expected one of box, ellipse, polygon, got 'oval",
        ),
        ('{"frame": 1, "xyxy": [1, 2, 3, 4], "polygon": [[5, 5], [9, 5], [5, 9]]}', "line 2: .*this line has both"),
        (
            '{"edit": 1, "do": "change", "track": 4, "kind": 7, "shape": "box"}',
            "line 2: expected the name of a kind, got 7",
        ),
        (
            '{"edit": 1, "do": "draw", "track": 4, "frames": [0, 9], "kind": null, "xyxy": [1, 2, 3, 4]}',
            "line 2: expected the name of a kind, got None",
        ),
        ('{"frame": 1, "xyxy": [1, 2, 3, 4], "colour": "red"}', "unknown key 'colour'"),
        ('{"frame": 1, "polygon": [[1, 2], [3, 4]]}', "3 to 1000 corners"),
        (
            '{"doubt": 4, "frame": 1, "raised": "check"}',
            "line 2: there is no track 4 in this plan that detectors found",
        ),
        ('{"doubt": 4, "frame": 40, "raised": "check"}', "line 2: frames 40 to 41 do not lie within"),
        ('{"doubt": 4, "raised": "check"}', "line 2: expected either"),
        ('{"doubt": 4, "frame": 1}', "line 2: 'raised' is missing"),
        (
            '{"doubt": 4, "frame": 1, "raised": "by me"}',
            "line 2: expected one of find, check, alone, behind, got 'by me'",
        ),
        (
            '{"doubt": 4, "frame": 1, "raised": "find", "answer": "maybe"}',
            "line 2: expected one of hide, nothing, got 'maybe'",
        ),
        (
            '{"doubt": 4, "frame": 1, "raised": "find", "answer": null}',
            "line 2: expected one of hide, nothing, got None",
        ),
        ('{"doubt": 4, "frame": 1, "raised": "find", "by": "me"}', "line 2: by and at belong to an answer"),
        ('{"doubt": 4, "frame": 1, "raised": "find", "answer": "hide", "by": "a\\nb"}', "line 2: .* one line"),
        ('{"doubt": 4, "frame": 1, "raised": "find", "answer": "hide", "by": 7}', "line 2: .* one line"),
        ('{"doubt": 4, "frame": 1, "raised": "find", "seconds": [2, 1]}', "line 2: seconds 2 to 1"),
        ('{"doubt": 4, "frame": 1, "raised": "find", "seconds": [2]}', "line 2: not enough values"),
        ('{"doubt": 4, "frame": 1, "raised": "find", "sure": true}', "line 2: unknown key 'sure'"),
        ('{"doubt": -1, "frame": 1, "raised": "find"}', "line 2: must be 0 to"),
        ('{"frame": 1, "shape": "polygon", "xyxy": [1, 2, 3, 4]}', "polygon"),
        ('{"cuts": [0]}', "line 2: cuts: expected frames from 1 to"),
        ('{"cuts": [2, 2]}', "line 2: cuts: expected frames from 1 to"),
        ('{"cuts": [2, 1000]}', "line 2: cuts: expected frames from 1 to"),
        ('{"cuts": 3}', "line 2: .*not iterable"),
        ('{"cuts": [1], "track": 2}', "line 2: unknown key 'track'"),
        ('{"sound": "mute"}', "line 2: 'seconds' is missing"),
        ('{"sound": "loud", "seconds": [0, 1]}', "line 2: expected one of mute, bleep, got 'loud'"),
        ('{"sound": "mute", "seconds": [1, 0]}', "line 2: seconds 1 to 0: expected the earlier one first"),
        ('{"sound": "mute", "seconds": [0, 1], "frame": 3}', "line 2: unknown key 'frame'"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, line, message):
    with pytest.raises(PlanError, match=message):
        plan.read(_file(tmp_path, line))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"{}", "first line lacks"),
        (json.dumps({"format": "anonymize-plan", "version": 99}).encode(), "plan version 99"),
        (json.dumps({"format": "anonymize-plan", "version": 1}).encode(), "malformed header"),
    ],
)
def test_what_is_not_a_plan_is_refused(tmp_path, content, message):
    path = tmp_path / "plan.jsonl"
    path.write_bytes(content)
    with pytest.raises(PlanError, match=message):
        plan.read(path)


def test_a_plan_that_is_not_there(tmp_path):
    with pytest.raises(PlanError, match="no such file"):
        plan.read(tmp_path / "none.jsonl")


def test_reasons_and_tracks_are_counted_in_box_frames_and_subjects():
    face = Region((0, 0, 5, 5), Kind.FACE, Why.DETECTED, track=1)
    held = Region((0, 0, 5, 5), Kind.FACE, Why.HELD, track=1)
    zone = Region((0, 0, 5, 5), Kind.AREA, Why.ZONE)
    counted = Regions([(0, 1, face), (1, 2, held), (0, 10, zone)])
    assert counted.reasons()["detected"] == 1
    assert counted.reasons()["zone"] == 10
    assert counted.tracks() == {"face": 1, "plate": 0}


def test_what_was_added_by_hand_is_counted_apart():
    face = Region((0, 0, 5, 5), Kind.FACE, Why.DETECTED, track=1)
    onto_it = Region((0, 0, 5, 5), Kind.FACE, Why.MANUAL, track=1)
    own = Region((0, 0, 5, 5), Kind.PLATE, Why.MANUAL, track=2)
    loose = Region((0, 0, 5, 5), Kind.AREA, Why.MANUAL)
    counted = Regions([(0, 1, face), (1, 2, onto_it), (0, 1, own), (1, 2, own), (0, 10, loose), (3, 4, loose)])
    assert counted.tracks() == {"face": 1, "plate": 0}
    assert counted.by_hand() == 3


def test_the_results_name_what_was_added_by_hand(tmp_path):
    clip = make_video(tmp_path / "a.mp4", frames=4)
    zone = ("--hide-zone", "0,0 20,0 20,20", "--targets", "none")
    assert anonymize("detect", clip, "-o", tmp_path / "p.jsonl", *zone).returncode == 0
    with (tmp_path / "p.jsonl").open("a") as file:
        file.writelines(f'{{"frames": [0, 4], "xyxy": [{left}, 5, 40, 20]}}\n' for left in (5, 6, 7))
    done = anonymize("render", clip, "--plan", tmp_path / "p.jsonl", "-o", tmp_path / "s.mp4", "--report", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "nothing found, 3 by hand" in done.stdout
    assert json.loads((tmp_path / "s.mp4.report.json").read_text())["redacted"]["by_hand"] == 3
    assert "By hand" in (tmp_path / "s.mp4.report.html").read_text()
    with (tmp_path / "p.jsonl").open("a") as file:
        file.write('{"frame": 4, "xyxy": [1, 2, 3, 4]}\n')
    refused = anonymize("render", clip, "--plan", tmp_path / "p.jsonl", "-o", tmp_path / "t.mp4")
    assert refused.returncode == 9
    assert "line 6: frames 4 to 5 do not lie within the video's 4" in refused.stderr


def test_cuts_and_silences_come_back_as_they_were_written(tmp_path):
    silences = (Silence(0.04, 1.5, Silencing.BLEEP), Silence(1.5, 2, Silencing.MUTE))
    made = Plan(About("00", 5000, 64, 48), Regions([]), cuts=tuple(range(1, 2500)), silences=silences)
    plan.write(made, tmp_path / "p.jsonl")
    again = plan.read(tmp_path / "p.jsonl")
    assert (again.cuts, again.silences) == (made.cuts, made.silences)
    assert max(len(line) for line in plan.lines(made)) < 10_000
    with (tmp_path / "p.jsonl").open("a") as file:
        file.write('{"cuts": [2499]}\n')
    with pytest.raises(PlanError, match="each above the one before it"):
        plan.read(tmp_path / "p.jsonl")


def test_the_plan_says_where_scenes_begin(face_clip, tmp_path):
    others = [255 - picture[::-1, ::-1] for picture in face_pictures(9)]
    clip = make_video(tmp_path / "cut.mp4", frames=[*face_pictures(8), *others], options={"crf": "12"})
    write_plan(clip, tmp_path / "p.jsonl")
    assert plan.read(tmp_path / "p.jsonl").cuts == (8,)
    assert write_plan(face_clip, tmp_path / "q.jsonl").cuts == ()


@pytest.mark.parametrize("spacing", [(", ", ": "), (",", ":")], ids=["as written", "by hand"])
@pytest.mark.parametrize("kind", ["plate", "text", "screen"])
def test_an_ellipse_of_what_may_be_text_is_read_as_its_box(kind, spacing):
    """Its corners were bare. An ellipse of somebody stays one."""
    about = replace(ABOUT, settings=Settings(targets=frozenset({Kind.FACE, Kind.named(kind)})))
    line = {"frame": 0, "track": 3, "kind": kind, "why": "detected", "shape": "ellipse", "xyxy": [8.0, 8.0, 48.0, 28.0]}
    line |= {"score": 0.9}
    head = next(plan.lines(Plan(about, Regions([]))))
    written = [json.dumps(one, separators=spacing) for one in (line, line | {"kind": "face", "track": 4})]
    found = {region.track: region for region in plan.parse([head, *(f"{one}\n" for one in written)], "plan").at(0)}
    assert (found[3].shape, found[4].shape) == (Shape.BOX, Shape.ELLIPSE)
    assert found[3].xyxy == (8.0, 8.0, 48.0, 28.0)
