import json
import re
from typing import Any

import pytest

from anonymize.errors import OutputError, ReportError, UsageError
from anonymize.report import write as write_report
from anonymize.report.dpia import write
from anonymize.report.dpia.files import BLANK, escaped
from anonymize.report.dpia.sources import CameraCounts, gather
from tests.cli.test_cli import anonymize
from tests.report.test_report import FIND, face, report

SNAPSHOT = {
    "camera": "gate",
    "frames": {"in": 1000, "out": 980, "obscured": 49},
    "dropped": {"late": 15, "full": 5},
    "looks": {"all": 200, "late": 10},
    "latency": {"median": 0.41, "p95": 0.5, "p99": None},
}
METRICS = """\
# HELP anonymize_frames_in_total Frames that came from the source.
# TYPE anonymize_frames_in_total counter
anonymize_frames_in_total{camera="gate"} 1000.0
# TYPE anonymize_frames_out_total counter
anonymize_frames_out_total{camera="gate"} 980.0
# TYPE anonymize_frames_obscured_total counter
anonymize_frames_obscured_total{camera="gate"} 49.0
# TYPE anonymize_frames_dropped_total counter
anonymize_frames_dropped_total{camera="gate",reason="late"} 15.0
anonymize_frames_dropped_total{camera="gate",reason="full"} 5.0
# TYPE anonymize_look_seconds summary
anonymize_look_seconds_count{camera="gate"} 200.0
anonymize_look_seconds_sum{camera="gate"} 6.0
# TYPE anonymize_looks_late_total counter
anonymize_looks_late_total{camera="gate"} 10.0
"""
EVALUATION = {
    "event": "total",
    "files": 4,
    "collateral": 0.02,
    "total": {"boxes": 900, "leak_rate": 0.05, "leak_interval": [0.01, 0.11]}
    | {"subjects": 40, "exposed_rate": 0.1, "exposed_interval": [0.04, 0.23]},
}


@pytest.fixture
def folder(tmp_path):
    """Reports of three files: one passed, one was repaired, one was never checked."""
    rows = [face(i) for i in range(50)]
    verified = report().verified
    write_report(report(rows=rows), tmp_path / "in" / "a.report.json")
    mended = {**verified, "repaired": 1, "doubts": [{**FIND, "by": "look"}]}
    write_report(report("pass-with-doubts", rows=rows, verified=mended), tmp_path / "in" / "sub" / "b.report.json")
    write_report(report("unverified", rows=rows, verified={}, plan="given"), tmp_path / "in" / "c.report.json")
    return tmp_path / "in"


def annex(tmp_path, *sources):
    markdown, page = write(sources, tmp_path / "annex")
    return markdown.read_text(), page.read_text()


def test_all_four_parts_of_the_law_are_there(folder, tmp_path):
    markdown, page = annex(tmp_path, folder)
    for letter in "abcd":
        assert f"art. 35(7)({letter})" in markdown
        assert f"art. 35(7)({letter})" in page
    for guide in ("EDPB 3/2019", "ISO/IEC 27559"):
        assert guide in markdown


def test_reports_are_summed_up(folder, tmp_path):
    markdown, _ = annex(tmp_path, folder)
    assert "3 reports: 150 frames in 0:06 of film. Redacted: 3 face tracks (one person or" in markdown
    assert "Plates were not looked for in 3 of them." in markdown
    assert "| unverified | 1 |" in markdown
    assert "1 file that no detector scanned again: nothing is claimed about them." in markdown
    assert "In 1 of 2 checked files it found what the first had missed" in markdown
    assert "(95%: 9.5% to 90.5% of such files)" in markdown
    assert "Left for a person to review: 1 place." in markdown
    assert "Drawn from a plan that a person could edit: 1." in markdown
    assert "| GPS position | 3 |" in markdown


def test_nothing_is_claimed_that_was_not_measured(folder, tmp_path):
    markdown, _ = annex(tmp_path, folder)
    assert "Leak on your own footage: not measured" in markdown
    (tmp_path / "e.json").write_text(json.dumps({"event": "file"}) + "\n" + json.dumps(EVALUATION) + "\n")
    markdown, _ = write([folder, tmp_path / "e.json"], tmp_path / "other")
    text = markdown.read_text()
    assert "not measured. Mark" not in text
    assert "| 4 clips | 900 | 5.0% (1.0% to 11.0%) | 40 | 10.0% (4.0% to 23.0%) | 2.0% |" in text


@pytest.mark.parametrize("style", ["solid", "mosaic", "blur"])
def test_a_style_that_leaves_people_recognisable_is_a_risk(tmp_path, style):
    settings = report().settings
    settings["redact"]["face"]["style"] = style
    write_report(report(settings=settings), tmp_path / "a.report.json")
    markdown, _ = annex(tmp_path, tmp_path / "a.report.json")
    assert (f"In 1 file faces were drawn as {style}." in markdown) is (style != "solid")


def test_what_only_people_know_is_left_blank(folder, tmp_path):
    markdown, page = annex(tmp_path, folder)
    assert markdown.count(f"[{BLANK}]") == page.count(f">{BLANK}<") >= 12
    for asked in ("Purpose", "Legal basis", "Storage periods", "Balance of interests", "Severity and likelihood"):
        assert re.search(rf"\*\*{asked}.*\[{BLANK}\]", markdown)


@pytest.mark.parametrize("content", [SNAPSHOT, [SNAPSHOT], {"cameras": [SNAPSHOT]}, {"cameras": {"gate": SNAPSHOT}}])
def test_a_live_set_up_is_read_from_its_snapshot(tmp_path, content):
    (tmp_path / "live.json").write_text(json.dumps(content))
    (camera,) = gather([tmp_path / "live.json"]).cameras
    assert camera == CameraCounts("gate", 1000, 980, 49, 20, 200, 10, {"median": 0.41, "p95": 0.5})


def test_a_live_set_up_is_read_from_its_metrics(tmp_path):
    (tmp_path / "metrics").write_text(METRICS)
    assert gather([tmp_path / "metrics"]).cameras == [CameraCounts("gate", 1000, 980, 49, 20, 200, 10)]
    markdown, _ = annex(tmp_path, tmp_path / "metrics")
    assert "| gate | 1\u202f000 | 980 | 49 | 20 |" in markdown
    assert "| gate | 5.0% | 5.0% | not given |" in markdown
    assert "Live output gets no second look" in markdown
    assert "metrics of cameras do not hold settings" in markdown


def test_the_real_metrics_of_a_camera_are_understood(tmp_path):
    from anonymize.live.detector.pace import ORDINARY
    from anonymize.live.metrics import Metrics

    metrics = Metrics("yard")
    metrics.frames_in(100)
    metrics.frames_out(98)
    metrics.obscured(7)
    metrics.dropped("late", 2)
    metrics.detected(0.05, ORDINARY)
    metrics.late_detections()
    (tmp_path / "a.json").write_text(json.dumps(metrics.snapshot()))
    (tmp_path / "b").write_bytes(metrics.text())
    assert gather([tmp_path / "a.json", tmp_path / "b"]).cameras == [CameraCounts("yard", 100, 98, 7, 2, 1, 1)] * 2


@pytest.mark.parametrize("text", ["", "hello", "{}", "[1]", '{"frames": {}}', '{"camera": 1, "frames": {"in": "x"}}'])
def test_what_is_none_of_these_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises((ReportError, UsageError)):
        gather([tmp_path / "x.json"])


def test_a_damaged_report_is_not_passed_over(folder):
    (folder / "c.report.json").write_text("{}")
    with pytest.raises(ReportError):
        gather([folder])


def _changed(values, way, value):
    """A copy of `values` with another value at the end of the path; without it if that is `...`."""
    key, *rest = way
    left = {name: held for name, held in values.items() if name != key}
    if rest:
        return left | {key: _changed(values.get(key, {}), rest, value)}
    return left if value is ... else left | {key: value}


def anything(*values: Any) -> tuple[Any, ...]:
    return values


@pytest.mark.parametrize(
    ("way", "value"),
    [
        *((("settings", "redact"), 0), (("settings", "redact", "face"), 0)),
        *((("settings", "redact", "face"), wrong) for wrong in anything({"padding": "x"}, {"style": []})),
        *((("settings", "output"), "mute"), (("settings", "zones"), 1)),
        *((("preset",), {"changed": {"a": 1}}), (("source", "height"), ...), (("source", "width"), ...)),
    ],
)
def test_a_report_of_other_types_is_refused(tmp_path, way, value):
    path = tmp_path / "a.report.json"
    write_report(report(rows=[face(i) for i in range(50)]), path)
    path.write_text(json.dumps(_changed(json.loads(path.read_text()), way, value)))
    with pytest.raises(ReportError, match="not a report of version 1"):
        write([path], tmp_path / "annex")


@pytest.mark.parametrize(
    ("values", "way", "value"),
    [
        *(
            (EVALUATION, (key,), wrong)
            for key, wrong in (("total", 0), ("collateral", ...), ("files", "4"), ("files", -1))
        ),
        *((EVALUATION, ("total", "leak_interval"), wrong) for wrong in anything([0.1], [0, "x"], 3, [0, 1e9])),
        *((EVALUATION, ("total", "boxes"), wrong) for wrong in anything(..., None, 1e300, [1])),
        *((SNAPSHOT, ("looks", "all"), wrong) for wrong in anything("x", [], -1, 1e300)),
        *((SNAPSHOT, ("latency", "p95"), wrong) for wrong in anything("x", {}, 1e300)),
        *((SNAPSHOT, ("dropped", "late"), wrong) for wrong in ("x", 1.5, None)),
    ],
)
def test_measurements_of_other_types_are_refused(tmp_path, values, way, value):
    (tmp_path / "x.json").write_text(json.dumps(_changed(values, way, value)))
    with pytest.raises(ReportError, match=r"x\.json"):
        write([tmp_path / "x.json"], tmp_path / "annex")


def test_an_annex_with_answers_is_not_overwritten(folder, tmp_path):
    markdown, _ = write([folder], tmp_path / "annex.md")
    markdown.write_text("our answers")
    with pytest.raises(OutputError, match="--force"):
        write([folder], tmp_path / "annex.html")
    assert markdown.read_text() == "our answers"
    write([folder], tmp_path / "annex", force=True)
    assert markdown.read_text() != "our answers"


def test_words_from_files_are_shown_as_they_are(tmp_path):
    evil = "<img src=x>|**bold**\n# head"
    write_report(report(removed=(evil,)), tmp_path / "a.report.json")
    markdown, page = annex(tmp_path, tmp_path / "a.report.json")
    assert "<img" not in page
    assert "\n# head" not in markdown
    assert escaped(evil) in markdown


def test_the_command(folder, tmp_path):
    done = anonymize("report", "dpia", folder, "-o", tmp_path / "annex")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "annex.md"), str(tmp_path / "annex.html")]
    done = anonymize("report", "dpia", tmp_path / "gone", "-o", tmp_path / "annex")
    assert (done.returncode, "Traceback" in done.stderr) == (12, False)


def answer(*series, kind="matrix"):
    return {
        "status": "success",
        "data": {
            "resultType": kind,
            "result": [
                {
                    "metric": {"__name__": "ALERTS", "alertstate": "firing"} | labels,
                    "values": [[at, "1"] for at in times],
                }
                for labels, times in series
            ],
        },
    }


def test_alarms_of_a_period_are_counted_from_what_prometheus_answered(tmp_path):
    noon = 1_795_953_600  # 2026-11-29
    failing = {"alertname": "AnonymizeFailing", "camera": "market", "instance": "127.0.0.1:9464", "job": "anonymize"}
    sink = {"alertname": "AnonymizeSinkLost", "camera": "market", "stage": "sink /srv|x"}
    gone = {"alertname": "AnonymizeGone"}
    path = tmp_path / "alarms.json"
    times = [noon, noon + 300, noon + 600, noon + 3000]
    path.write_text(json.dumps(answer((sink, [noon + 900]), (failing, times), (gone, [noon + 1200, noon + 1500]))))
    text = write([path], tmp_path / "annex")[0].read_text()
    rows = [line for line in text.splitlines() if "Anonymize" in line]
    assert rows == [
        "| all | AnonymizeGone |  | 1 | 10:00 | 2026-11-29 12:20 UTC | 2026-11-29 12:30 UTC |",
        "| market | AnonymizeFailing |  | 2 | 20:00 | 2026-11-29 12:00 UTC | 2026-11-29 12:55 UTC |",
        r"| market | AnonymizeSinkLost | stage sink /srv\|x | 1 | 5:00 | 2026-11-29 12:15 UTC | 2026-11-29 12:20 UTC |",
    ]
    assert "None fired" not in text
    path.write_text(json.dumps(answer()))
    assert "None fired" in write([path], tmp_path / "none")[0].read_text()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (answer(kind="vector"), "ask for a range"),
        (answer(({"alertname": "A", "alertstate": "pending"}, [1.0])), "pending"),
        (answer(({"camera": "market"}, [1.0])), "alertname"),
        (answer(({"alertname": "A"}, [2.0, 1.0])), "order of time"),
        (answer(({"alertname": "A"}, [1e300])), "alarms"),
        ({"status": "success", "data": {}}, "resultType"),
    ],
)
def test_other_answers_of_prometheus_are_refused(tmp_path, content, words):
    path = tmp_path / "alarms.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ReportError, match=words):
        write([path], tmp_path / "annex")
