import copy
import json
from math import ceil

import pytest
from typer.testing import CliRunner

from benchmarks import report
from benchmarks.__main__ import app
from benchmarks.gate import FEW_BOXES, WORSE, compare_sections
from benchmarks.report import OURS

BOXES = 300


def section(leaked, *, exposed=None, lost=20, tool="anonymize", command="anonymize run IN OUT", failures=()):
    """Made-up results: so many of 300 boxes leaked in each clip, of 10 subjects each, `lost` of 1,000 blocks."""
    exposed = exposed or [min(10, n // 20 + (n > 0)) for n in leaked]
    clips = [
        {"clip": f"{i:02d}", "boxes": BOXES, "leaked": n, "subjects": 10, "exposed": e, "blocks": 1000, "lost": lost}
        for i, (n, e) in enumerate(zip(leaked, exposed, strict=True))
    ]
    total = {"boxes": BOXES * len(leaked), "leaked": sum(leaked)}
    about = {"failures": list(failures), "total": total, "clips": clips}
    return {"rows": [{"tool": "deface", "command": "deface IN", **about}, {"tool": tool, "command": command, **about}]}


OLD = [0, 0, 0, 12, 0, 30, 0, 0, 60, 0, 5, 0, 0, 24, 0, 9]


def worse(new, old=None):
    return [one.text for one in compare_sections(old or section(OLD), new) if one.worse]


def test_the_same_figures_pass():
    assert worse(section(OLD)) == []
    assert len(compare_sections(section(OLD), section(OLD))) == 4


def test_better_figures_pass():
    assert worse(section([0] * 16)) == []


def test_a_box_or_two_more_pass():
    assert worse(section([n + (i == 3) + (i == 8) for i, n in enumerate(OLD)])) == []


def test_what_is_higher_and_tolerated_is_said():
    texts = [one.text for one in compare_sections(section(OLD), section([n + (i == 3) for i, n in enumerate(OLD)]))]
    assert ["higher than before" in text for text in texts] == [True, False, False, False]
    assert not any("higher" in one.text for one in compare_sections(section(OLD), section(OLD)))


def test_a_clip_that_leaks_wholly_fails():
    leaked = [BOXES if i in (0, 1) else n for i, n in enumerate(OLD)]
    assert any("leak" in text for text in worse(section(leaked)))


OLD_210 = [0, 0, 0, 12, 0, 30, 0, 0, 60, 0, 5, 0, 0, 24, 0, 79]
"""210 leaked boxes in all."""


def spread(total):
    """`total` leaked boxes over 16 clips."""
    return [total // 16 + (i < total % 16) for i in range(16)]


@pytest.mark.parametrize(("leaked", "passes"), [(210, True), (250, True), (263, False), (375, False)])
def test_a_quarter_more_leaked_boxes_fail(leaked, passes):
    exposed = [1] * 10 + [0] * 6
    new = [*OLD_210[:15], leaked - sum(OLD_210[:15])]
    texts = worse(section(new, exposed=exposed), section(OLD_210, exposed=exposed))
    assert any("leaked box-frames 210 ->" in text for text in texts) is not passes


@pytest.mark.parametrize(("people", "passes"), [(10, True), (12, True), (13, False), (17, False)])
def test_a_quarter_more_exposed_people_fail(people, passes):
    old, new = (section(OLD, exposed=spread(n)) for n in (10, people))
    assert any("exposed subjects 10 ->" in text for text in worse(new, old)) is not passes


@pytest.mark.parametrize(("lost", "passes"), [(20, True), (24, True), (25, False), (60, False)])
def test_a_quarter_more_collateral_fails(lost, passes):
    assert any("lost blocks" in text for text in worse(section(OLD, lost=lost))) is not passes


def test_a_trace_of_collateral_is_none():
    assert worse(section(OLD, lost=1), section(OLD, lost=0)) == []
    assert worse(section(OLD, lost=2), section(OLD, lost=0))


def test_results_without_counts_of_blocks_are_compared_by_leaks():
    old = section(OLD)
    for row in old["rows"]:
        for clip in row["clips"]:
            clip.pop("blocks", None)
    assert len(compare_sections(old, section(OLD))) == 3


def test_a_little_more_everywhere_fails_though_it_is_less_than_a_quarter():
    exposed = [min(10, n // 20 + (n > 0)) for n in OLD]
    found = compare_sections(section(OLD), section([n + 2 for n in OLD], exposed=exposed))
    assert [one.worse for one in found] == [False, False, False, True]
    assert "16 worse, 0 better" in found[3].text


def test_one_more_person_where_there_was_none_fails():
    old = section([0] * 16)
    assert worse(section([2] + [0] * 15, exposed=[0] * 16), old) == []
    assert worse(section([3] + [0] * 15, exposed=[0] * 16), old)
    assert any("exposed" in text for text in worse(section([1] + [0] * 15), old))


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (section(OLD, failures=["03: exit code 1"]), "failed on 03"),
        (section(OLD, command="anonymize run --preset new"), "no such run"),
        (section(OLD, tool="someone else"), "no run of ours"),
        (section([*OLD, 0]), "other clips or truth than before: 16"),
        (section([]), "other clips"),
    ],
)
def test_what_cannot_be_compared_fails(new, message):
    assert any(message in text for text in worse(new))


def test_other_truth_fails():
    new = copy.deepcopy(section(OLD))
    new["rows"][1]["clips"][4]["boxes"] += 6  # another encoder
    assert worse(new) == []
    new["rows"][1]["clips"][4]["boxes"] += 1
    assert any("other clips or truth than before: 04" in text for text in worse(new))
    other = copy.deepcopy(section(OLD))
    other["rows"][1]["clips"][4]["subjects"] += 1
    assert any("other clips or truth than before: 04" in text for text in worse(other))


def test_a_run_that_failed_wholly_fails():
    new = {"rows": [{"tool": "anonymize", "command": "anonymize run IN OUT", "failures": ["00: killed"]}]}
    assert worse(new) == ["anonymize run IN OUT: failed on 00: killed"]


def test_the_command_and_the_repositorys_own_figures(tmp_path):
    run = CliRunner().invoke
    known = report.HERE / report.JSON
    same = run(app, ["gate", str(known)])
    assert same.exit_code == 0, same.output
    assert "anonymize run IN.mp4 -o OUT.mp4: leaked box-frames" in same.output
    results = json.loads(known.read_text())
    for row in results["short"]["rows"]:  # a quarter more of what leaked, clip by clip
        for clip in row.get("clips", ()):
            clip["leaked"] = min(clip["boxes"], ceil(1.25 * clip["leaked"]))
    (tmp_path / "bad.json").write_text(json.dumps(results))
    failed = run(app, ["gate", str(tmp_path / "bad.json")])
    assert failed.exit_code == 1
    assert "WORSE  anonymize run IN.mp4 -o OUT.mp4: leaked box-frames" in failed.output
    (tmp_path / "none.json").write_text("{}")
    assert run(app, ["gate", str(tmp_path / "none.json")]).exit_code == 1


def test_the_short_clips_hold_enough_leaks_to_notice_a_quarter_more():
    short = report.read(report.HERE / report.JSON)["short"]
    rows = [row for one in (short, *short.get("elsewhere", ())) for row in one["rows"] if row["tool"] == OURS]
    for row in rows:
        assert row["total"]["leaked"] > 4 * FEW_BOXES / (WORSE - 1)
        assert row["total"]["exposed"] >= 3
        assert len(row["clips"]) == 4


# Other kinds of processor make the clips from other last digits


def other_pictures(made):
    """The same clips made elsewhere: a few blocks more."""
    for row in made["rows"]:
        for clip in row["clips"]:
            clip["blocks"] += 3
    return made


def test_the_same_pictures_are_compared_with_their_own_figures():
    here = other_pictures(section([5] * 8)) | {"date": "2026-11-29", "commit": "abc", "machine": {}}
    old = section([50] * 8) | {"elsewhere": [here]}
    assert not worse(other_pictures(section([5] * 8)), old)
    assert worse(other_pictures(section([20] * 8)), old), "less than elsewhere, and worse than here"
    assert not worse(section([50] * 8), old)


def test_pictures_that_nobody_measured_are_compared_with_the_worst_of_each_clip():
    here = other_pictures(section([40, 5])) | {"date": "2026-11-29", "commit": "abc", "machine": {}}
    old = section([5, 40]) | {"elsewhere": [here]}
    assert not worse(other_pictures(other_pictures(section([40, 40]))), old)
    assert worse(other_pictures(other_pictures(section([60, 60]))), old)


def test_our_runs_on_other_pictures_are_kept_beside_the_last_ones_and_of_the_same_ones_the_last_alone(tmp_path):
    ours = report.read(report.HERE / report.JSON)["short"]

    def recorded(lost, others=0):
        content = copy.deepcopy({key: ours[key] for key in ("rows", "clips", "source", "skipped")})
        for row in content["rows"]:
            for clip in row["clips"]:
                clip["lost"], clip["blocks"] = lost, clip["blocks"] + others
        report.record("short", content, tmp_path)
        return report.read(tmp_path / report.JSON)["short"].get("elsewhere", [])

    def lost(kept):
        return [{clip["lost"] for clip in row["clips"]} for one in kept for row in one["rows"]]

    assert recorded(1) == recorded(2) == []
    kept = recorded(3, others=5)
    assert lost(kept) == [{2}]
    assert {*kept[0]} == {"date", "commit", "machine", "rows"}
    assert [row["tool"] for row in kept[0]["rows"]] == [OURS]
    assert lost(recorded(4)) == [{3}]
    assert lost(recorded(5, others=9)) == [{4}, {3}]
