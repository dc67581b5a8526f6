"""Lines read many at a time give what each gives on its own, and the same mistakes."""

import json
from dataclasses import replace
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymize import plan
from anonymize.data import Kind, Region, Shape, Why
from anonymize.errors import PlanError
from anonymize.plan import About, Plan, Regions, reading
from anonymize.plan import regions as regions_module
from anonymize.plan.blocks import AT_ONCE, sorted_out
from anonymize.plan.regions import Block
from tests.plan.test_plan import rows

ABOUT = About(sha256="ab", frames=40, width=64, height=48)
USUAL = (
    '{"frame": 7, "track": 3, "kind": "face", "why": "detected", "shape": "ellipse", '
    '"xyxy": [1.25, 2.0, 30.5, 40.75], "score": 0.5}'
)


def header(about=ABOUT, version=2):
    first = json.loads(next(plan.lines(Plan(about, Regions([])))))
    return json.dumps(first | {"version": version} | ({"redact": {}} if version == 1 else {}))


def one_by_one(text, name):
    with patch.object(reading, "sorted_out", lambda some, **_: iter(some)):
        return plan.parse(text, name)


def outcome(read, text):
    """The lines of the plan, or what is wrong with it."""
    try:
        made = read(text, "plan")
    except PlanError as error:
        return str(error)
    return list(plan.lines(made)), [made.at(index) for index in range(made.about.frames)]


NUMBERS = st.sampled_from(
    [
        "0",
        "-0",
        "-0.0",
        "00.5",
        "1.",
        ".5",
        "7",
        "07",
        "-3",
        "12.5",
        "12.345",
        "1e1",
        "1E400",
        "NaN",
        "Infinity",
        "true",
        "null",
        "٣",
        "[1]",
        "1.0",
        "1.001",
        "2.0",
        "0.9999",
        "1.0005",
        '"4"',
        "40",
        "39",
        "64.0",
        "-64.0",
        "128.0",
        "999999.99",
        "1000000.0",
        "1000000.01",
        "-1000000.01",
        "9999999.0",
        "1111111111111",
        "9999999999999999999",
    ]
)
WORDS = st.sampled_from(
    ["face", "plate", "area", "detected", "held", "zone", "manual", "box", "ellipse", "polygon", "x"]
)


@st.composite
def unusual(draw):
    """A line of the usual form in which something was changed."""
    line = draw(
        st.sampled_from([USUAL, USUAL.replace('"frame": 7', '"frames": [7, 9]'), USUAL.replace('"track": 3, ', "")])
    )
    change = draw(st.integers(0, 6))
    if change == 0:  # another number
        parts = draw(
            st.sampled_from(['"frame": 7', '"frames": [7', "9]", '"track": 3', "1.25", "2.0", "30.5", "40.75", "0.5"])
        )
        number = draw(NUMBERS)
        old = parts.strip('"abcdefghijklmnopqrstuvwxyz: []')
        return line.replace(parts, parts.replace(old, number), 1)
    if change == 1:  # another word
        return line.replace(draw(st.sampled_from(["face", "detected", "ellipse", "kind", "score"])), draw(WORDS), 1)
    if change == 2:  # one character
        at = draw(st.integers(0, len(line) - 1))
        return line[:at] + draw(st.sampled_from([*'{}[]",:0-.e \t\x00\u2028\\', ""])) + line[at + 1 :]
    if change == 3:  # twice the same key
        return line[:-1] + draw(st.sampled_from([', "score": 0.5}', ', "frame": 7}', ', "xyxy": [1, 2, 3, 4]}']))
    if change == 4:  # other spacing, other order
        entry = json.loads(line)
        keys = draw(st.permutations(sorted(entry)))
        return json.dumps(
            {key: entry[key] for key in keys}, separators=draw(st.sampled_from([(", ", ": "), (",", ":")]))
        )
    if change == 5:  # something left out
        entry = json.loads(line)
        entry.pop(draw(st.sampled_from(sorted(entry))))
        return json.dumps(entry)
    return draw(
        st.sampled_from([line + line, line + " ", " " + line, "", "[]", '{"cuts": [3]}', '{"shown": 3, "frame": 7}'])
    )


@given(
    st.lists(st.one_of(st.just(USUAL), unusual(), unusual()), max_size=12),
    st.integers(1, 7),
    st.sampled_from([1, 2]),
)
@settings(max_examples=300, deadline=None)
def test_read_at_once_a_plan_is_what_it_is_line_by_line(lines, at_once, version):
    text = [header(version=version), *lines]
    with patch.object(reading, "AT_ONCE", at_once):
        assert outcome(plan.parse, text) == outcome(one_by_one, text)


EDGES = [
    USUAL.replace(old, new)
    for old, new in [
        ("0.5}", "1.001}"),
        ("0.5}", "0.5004}"),
        ("0.5}", "0.50049}"),
        ("1.25", "1.249"),
        ("1.25", "-1000000.01"),
        ("1.25", "-9999999.0"),
        ("1.25", "-0"),
        ("1.25", "0001.25"),
        ("30.5", "1000000.01"),
        ("30.5", "9999999.0"),
        ("[1.25, 2.0, 30.5", "[-30.75, 2.0, -1.25"),
        ("[1.25, 2.0, 30.5", "[-40.0, 2.0, 10.5"),
        ("[1.25, 2.0, 30.5", "[60.0, 2.0, 99.5"),
        ("2.0, 30.5, 40.75", "-40.0, 30.5, 4.75"),
        ("2.0, 30.5, 40.75", "47.0, 30.5, 99.75"),
        ("2.0, 30.5, 40.75", "48.0, 30.5, 99.75"),
        ("2.0, 30.5, 40.75", "-40.0, 30.5, 0.0"),
        ("1.25", "30.5"),
        ("2.0", "40.75"),
        ('"frame": 7', '"frame": 40'),
        ('"frame": 7', '"frame": 39'),
        ('"frame": 7', '"frame": 07'),
        ('"frame": 7', '"frames": [7, 7]'),
        ('"frame": 7', '"frames": [9, 7]'),
        ('"frame": 7', '"frames": [7, 41]'),
        ('"track": 3', '"track": -1'),
        ('"track": 3', '"track": -2'),
        ('"track": 3', '"track": 03'),
        ('"track": 3', '"track": 1000000000001'),
        ('"track": 3', '"track": 9999999999999999999'),
        ('"ellipse"', '"polygon"'),
        ('"face"', '"body"'),
    ]
]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("line", EDGES)
def test_at_the_edges_of_what_is_allowed_nothing_changes(line, version):
    text = [header(version=version), USUAL, line]
    assert outcome(plan.parse, text) == outcome(one_by_one, text)


@given(st.lists(rows(), max_size=40), st.integers(1, 5), st.integers(1, 3))
@settings(deadline=None)
def test_any_regions_are_read_at_once_as_line_by_line(listed, few, parts):
    text = list(plan.lines(Plan(ABOUT, Regions(listed))))
    with patch("anonymize.plan.blocks._FEW", few), patch("anonymize.plan.blocks._PARTS", parts + 1):
        assert outcome(plan.parse, text) == outcome(one_by_one, text)


@given(st.lists(rows(), max_size=12), st.integers(1, 5))
def test_a_line_of_a_region_is_what_json_has(listed, at_once):
    with patch.object(regions_module, "_AT_ONCE", at_once):
        lines = list(Regions(listed).lines())
    for line, (first, end, region) in zip(lines, Regions(listed).rows(), strict=True):
        entry: dict[str, object] = {"frame": first} if end == first + 1 else {"frames": [first, end]}
        entry |= {"track": region.track} if region.track >= 0 else {}
        entry |= {"kind": region.kind.label, "why": region.why.value, "shape": region.shape.value}
        entry |= {"polygon": region.polygon} if region.polygon else {"xyxy": region.xyxy}
        assert line == json.dumps(entry | ({"score": region.score} if region.kind is not Kind.AREA else {}))


def test_a_plan_as_written_has_no_line_that_is_read_on_its_own(monkeypatch):
    box = (1.005, 2.0, 30.5, 40.0)
    some = [
        (frame, end, Region(box, kind, why, track, shape, score=0.123))
        for frame, end in ((0, 1), (3, 9))
        for kind in (Kind.FACE, Kind.PLATE, Kind.AREA)
        for why in Why
        for shape in (Shape.BOX, Shape.ELLIPSE)
        for track in (-1, 0, 70)
    ]
    text = list(plan.lines(Plan(ABOUT, Regions(some))))
    expected = outcome(one_by_one, text)
    monkeypatch.setattr(reading, "_json", lambda line, place: json.loads(line) if place.endswith("line 1") else 1 / 0)
    assert outcome(plan.parse, text) == expected


@pytest.mark.parametrize("at", [0, 1, AT_ONCE - 1, AT_ONCE, 3 * AT_ONCE + 7])
def test_one_unusual_line_among_thousands_takes_few_others_with_it(at):
    lines = [(number, USUAL) for number in range(4 * AT_ONCE)]
    lines[at] = (at, USUAL.replace("0.5", "0.50001"))
    found = list(sorted_out(lines, 40, (64, 48), anywhere=False))
    alone = [one for one in found if not isinstance(one, Block)]
    assert lines[at] in alone
    assert len(alone) <= 32
    assert sum(len(one.track) for one in found if isinstance(one, Block)) + len(alone) == len(lines)


@pytest.mark.parametrize("number", [2, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE + 5])
def test_the_first_mistake_is_named_wherever_it_is(number):
    lines = [USUAL] * (2 * AT_ONCE + 20)
    lines[number - 2] = USUAL.replace("30.5", "1.25")
    lines[number + 2] = "{"
    with pytest.raises(PlanError, match=rf"line {number}: .*x0 < x1"):
        plan.parse([header(), *lines], "plan")


def test_what_is_wrong_with_a_line_comes_before_a_file_that_breaks_off():
    def broken_off():
        yield header()
        yield USUAL.replace("0.5}", "1.5}")
        yield USUAL
        raise PlanError("the line is longer than 4 Mi characters", "plan, line 4")

    with pytest.raises(PlanError, match="line 2: must be 0 to 1"):
        plan.parse(broken_off(), "plan")


def test_an_old_plan_may_have_found_somebody_beyond_the_border():
    beyond = USUAL.replace("[1.25, 2.0, 30.5, 40.75]", "[100.0, 2.0, 130.5, 40.75]")
    assert len(plan.parse([header(version=1), beyond], "plan").regions) == 1
    with pytest.raises(PlanError, match="hides nothing"):
        plan.parse([header(), beyond], "plan")
    with pytest.raises(PlanError, match="hides nothing"):
        plan.parse([header(version=1), beyond.replace("detected", "manual")], "plan")


def test_another_video_has_other_frames():
    with pytest.raises(PlanError, match="line 2: frames 7 to 8 do not lie within the video's 7"):
        plan.parse([header(replace(ABOUT, frames=7)), USUAL], "plan")
