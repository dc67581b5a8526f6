"""Text that others wrote, whatever is in it, ends in one line that says where, and never in nonsense that is used."""

import dataclasses
import json
import math
import os
import typing
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymize import plan, presets
from anonymize.cli import options
from anonymize.errors import AnonymizeError, PlanError, ReportError, UnreadableInput, UsageError
from anonymize.evaluate.truth import read_any
from anonymize.live.supervisor import config
from anonymize.report import read as read_report
from anonymize.report.dpia import write as write_dpia
from anonymize.settings import Live, Settings, Span, Zone
from anonymize.text import untrusted
from anonymize.text.mapping import from_mapping
from anonymize.text.ranges import PIXELS, Range, exact
from tests.cli.test_cli import anonymize

SOURCE = {"sha256": "0" * 64, "frames": 9, "width": 64, "height": 48}
HEADER = {"format": "anonymize-plan", "version": 1, "source": SOURCE}


def _truth(path):
    return list(read_any(path).frames((64, 48)))


READERS: dict[str, tuple[Callable[[Path], object], type[AnonymizeError]]] = {
    "plan.jsonl": (plan.read, PlanError),
    "zones.json": (lambda path: options.settings_of(Settings(), {"hide_zone": [str(path)]}), UsageError),
    "preset.toml": (lambda path: presets.load(str(path)), UsageError),
    "cameras.toml": (config.read, UsageError),
    "truth.jsonl": (_truth, UnreadableInput),
    "truth.json": (_truth, UnreadableInput),
    "truth.txt": (_truth, UnreadableInput),
    "report.json": (read_report, ReportError),
    "metrics.json": (lambda path: write_dpia([path], path.with_suffix("")), ReportError),
}
HOSTILE = {
    "deep": b"[" * 200_000,
    "deep objects": b'{"a":' * 200_000,
    "deep TOML": b"a = " + b"[" * 100_000,
    "huge whole number": b'{"format": ' + b"9" * 5000 + b"}\n",
    "huge TOML number": b"metrics = " + b"9" * 5000,
    "infinite": b'{"format": 1e999}',
    "not a number": b'{"format": NaN}',
    "not UTF-8": b"\xff\xfe\x00",
    "a list": b"[1, 2]",
    "a number": b"5",
    "null": b"null",
    "twice the same key": b'{"a": 1, "a": 2}',
    "a line without end": b"1" * (untrusted.LINE + 10),
    "empty": b"",
}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", READERS)
def test_hostile_text_is_an_error_of_its_reader(tmp_path, name, hostile):
    path = tmp_path / name
    path.write_bytes(HOSTILE[hostile])
    if (name, hostile) in {("preset.toml", "empty"), ("truth.jsonl", "empty"), ("truth.txt", "empty")}:
        return  # nothing said is nothing wrong
    read, error = READERS[name]
    with pytest.raises(error) as raised:
        read(path)
    assert path.stem in str(raised.value)
    assert len(str(raised.value)) < 600


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("node", ["pipe", "device", "folder", "nothing"])
def test_what_is_no_file_is_never_waited_for(tmp_path, name, node):
    path = tmp_path / name
    if node == "pipe":
        os.mkfifo(path)
    elif node == "device":
        path.symlink_to("/dev/zero")
    elif node == "folder":
        path.mkdir()
    if (name, node) == ("metrics.json", "folder"):
        return  # looked into, for reports
    read, error = READERS[name]
    with pytest.raises(error, match=r"cannot read this|is_a_directory"):
        read(path)


def test_a_file_beyond_the_limit_is_not_read(tmp_path):
    path = tmp_path / "large"
    path.write_text("x" * 11)
    assert untrusted.text(path, "word", UsageError, 11) == "x" * 11
    with pytest.raises(UsageError, match="larger than"):
        untrusted.text(path, "word", UsageError, 10)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ROW = {"frame": 1, "kind": "face", "why": "manual", "shape": "box", "xyxy": [1, 2, 3, 4], "track": 1, "score": 0.5}


def _parsed(lines, place):
    """The plan, or an empty one where an error says why at `place`; anything else that is raised fails the test."""
    try:
        return plan.parse(lines, "p")
    except PlanError as error:
        if not str(error).startswith(place):
            raise AssertionError(f"{error} does not begin with {place}") from error
        return plan.parse([json.dumps(HEADER)], "p")


@given(key=st.sampled_from([*ROW, "polygon", "frames"]), value=JSON)
def test_whatever_stands_in_a_plan_is_a_region_within_bounds_or_an_error(key, value):
    row = {**ROW, key: value}
    if key == "frames":
        del row["frame"]
    made = _parsed([json.dumps(HEADER), json.dumps(row)], "p, line 2")
    for first, end, region in made.regions.rows():
        assert 0 <= first < end <= 9
        assert all(math.isfinite(v) and abs(v) <= 1e6 for v in region.xyxy)
        assert 0 <= region.score <= 1


@given(
    key=st.sampled_from(["sha256", "frames", "width", "height", "redact", "found_by", "source", "version"]), value=JSON
)
def test_whatever_stands_in_the_header_of_a_plan_is_a_plan_or_an_error(key, value):
    header = json.loads(json.dumps(HEADER))
    (header if key in ("redact", "found_by", "source", "version") else header["source"])[key] = value
    assert len(_parsed([json.dumps(header)], "p").regions) == 0


def test_padding_in_a_plan_that_is_no_number_is_refused_before_anything_is_drawn():
    header = json.dumps({**HEADER, "redact": {"face": {"padding": 0}}}).replace('"padding": 0', '"padding": NaN')
    with pytest.raises(PlanError, match="NaN is not a number"):
        plan.parse([header], "p")


def _numbers(kind=Settings, value=None, path=()):
    """Every number among the settings: path, type."""
    value = value if value is not None else kind()
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        now = getattr(value, field.name)
        if dataclasses.is_dataclass(now):
            yield from _numbers(type(now), now, (*path, field.name))
        elif isinstance(now, (int, float)) and not isinstance(now, bool):
            yield (*path, field.name), hints[field.name]


NUMBERS = dict(_numbers())
NONSENSE = [math.nan, math.inf, -math.inf, 1e9, -1, -1e-9, True, "5", None, [], {}, 10**30]


@pytest.mark.parametrize("path", NUMBERS, ids=".".join)
@pytest.mark.parametrize("value", NONSENSE, ids=repr)
def test_every_number_of_every_setting_has_a_range(path, value):
    nested = value
    for name in reversed(path):
        nested = {name: nested}
    with pytest.raises(UsageError) as raised:
        from_mapping(Settings, nested, Settings())
    assert ".".join(path) in str(raised.value)


@pytest.mark.parametrize("path", NUMBERS, ids=".".join)
@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0], ids=repr)
def test_nobody_makes_settings_without_the_range(path, value):
    holder = Settings()
    for name in path[:-1]:
        holder = getattr(holder, name)
    with pytest.raises(UsageError):
        dataclasses.replace(holder, **{path[-1]: value})


@pytest.mark.parametrize(
    "text",
    [
        "[detect]\nmin_face = -1",
        "[detect]\nmin_face = 1e9",
        "[detect]\nmin_face = '16'",
        "[detect]\nlow = nan",
        "[detect]\nlow = 5.0",
        "[detect]\nhigh = nan",
        "[detect]\nhigh = 1.0",
        "[detect]\nlow = 0.8\nhigh = 0.4",
        "[follow]\nmax_gap = inf",
        "[live]\ncoarsest = nan",
        "[live]\nbuffer = 1000000000",
        "[output]\nspeed = 5",
        "obscured = [{ start = -1 }]",
        "obscured = [{ start = nan }]",
        "obscured = [{ start = 5, end = 5 }]",
        "only = [{ start = '1/0' }]",
        "only = [{ start = '1e999999999' }]",
        "zones = [{ polygon = [[0, 0], [1, 0], [inf, 1]] }]",
        "zones = [{ polygon = [[0, 0], [1, 0], [1e9, 1]] }]",
        "zones = { polygon = 5 }",
        "targets = 5",
        "detect = []",
    ],
)
def test_presets_and_cameras_refuse_the_same(tmp_path, text):
    preset, cameras = tmp_path / "p.toml", tmp_path / "cameras.toml"
    preset.write_text(text)
    with pytest.raises(UsageError):
        presets.load(str(preset))
    head, *rest = text.split("\n")
    inner = head.replace("[", "[cameras.a.settings.", 1) if head.startswith("[") else f"[cameras.a.settings]\n{head}"
    cameras.write_text("[cameras.a]\nsource = 'rtsp://127.0.0.1/x'\npreview = 0\n" + "\n".join([inner, *rest]))
    with pytest.raises(UsageError):
        config.read(cameras).cameras["a"].load_settings()


@pytest.mark.parametrize(
    "line",
    [
        "to = 5",
        "to = 'a'",
        "quality = nan",
        "segment = inf",
        "preview = 70000",
        "keep = '99999999999999w'",
        "loop = 1",
        "source = 5",
    ],
)
def test_a_camera_that_makes_no_sense_is_refused(tmp_path, line):
    path = tmp_path / "cameras.toml"
    source = "" if line.startswith("source") else "source = 'rtsp://127.0.0.1/x'\n"
    path.write_text(f"[cameras.a]\n{source}{'' if 'preview' in line else 'preview = 0'}\n{line}\n")
    with pytest.raises(UsageError, match="a"):
        config.read(path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--hide-zone", "0,0 nan,0 1,1"),
        ("--hide-zone", "0,0 1e9,0 1,1"),
        ("--hide-span", "1e999999999-"),
        ("--hide-span", "nan-5"),
        ("--show-outside", "-" + "9" * 400),
        ("--min-face", "nan"),
        ("--min-face", "1e9"),
        ("--min-plate", "-1"),
    ],
)
def test_the_command_line_refuses_the_same(face_clip, tmp_path, arguments):
    done = anonymize("run", face_clip, "-o", tmp_path / "out.mp4", *arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("content", ['{"zone": []}', '{"spared": []}', '{"zones": [], "what": 1}', '{"zones": {}}'])
def test_a_file_of_zones_without_the_zones_that_are_asked_for_is_an_error(tmp_path, content):
    path = tmp_path / "z.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="expected"):
        options.settings_of(Settings(), {"hide_zone": [str(path)]})


def test_seconds_are_exact():
    assert exact("12.5") == exact(12.5) == exact("25/2") == Fraction(25, 2)
    assert exact(0.1) == Fraction(1, 10)
    for text in ("1/0", "-1", "1e3", " 1", "1_0", "", "9" * 13, "nan"):
        with pytest.raises(ValueError, match="expected seconds"):
            exact(text)


def test_a_polygon_has_a_limit_of_corners():
    with pytest.raises(UsageError, match="3 to 1000 corners"):
        Zone(tuple((float(x), 0.0) for x in range(1001)))
    with pytest.raises(PlanError, match="3 to 1000 corners"):
        plan.parse([json.dumps(HEADER), json.dumps({"frame": 0, "polygon": [[0, 0]] * 1001, "shape": "polygon"})], "p")


def test_ranges_include_their_ends_and_nothing_beyond():
    whole = Range(1, 3, "pixels")
    assert [whole.whole(v) for v in (1, 3.0)] == [1, 3]
    for bad in (0.999, 3.001, 1.5, math.nan, True, "2", None):
        with pytest.raises(ValueError, match=r"expected|must be 1 to 3 pixels"):
            whole.whole(bad)
    assert PIXELS.number(-5) == -5.0
    with pytest.raises(UsageError, match=r"live\.coarsest"):
        Live(coarsest=math.nan)
    with pytest.raises(UsageError, match=r"span\.start"):
        Span(Fraction(-1))


def test_forty_thousand_regions_are_read_and_none_is_refused(tmp_path):
    path = Path(tmp_path / "p.jsonl")
    header = json.dumps({**HEADER, "source": {**SOURCE, "frames": 400_000}})
    rows = (json.dumps({**ROW, "frame": n}) for n in range(40_000))
    path.write_text("\n".join([header, *rows]))
    made = plan.read(path)
    assert len(made.regions) == 40_000
    assert isinstance(made, plan.Plan)
    assert issubclass(PlanError, AnonymizeError)
