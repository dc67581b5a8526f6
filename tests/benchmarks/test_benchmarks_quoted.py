"""What README and docs say was measured stands in a file of results."""

import json
import re

from benchmarks import history, quoted, report


def test_every_figure_of_readme_and_docs_is_in_a_file_of_results():
    gone = [f"{page}: {figure}" for page, figure in quoted.missing()]
    assert not gone, (
        "held by no file of results; measure it, or `python -m benchmarks quote COMMAND DATA`: " + "; ".join(gone)
    )


def test_every_quoted_figure_says_where_it_is_from():
    for entry in quoted.read():
        assert set(entry) == {"page", "figures", "command", "data", "commit", "date"}
        assert (history.ROOT / entry["page"]).exists()
        assert entry["figures"]
        assert entry["command"]
        assert re.fullmatch(r"[0-9a-f]{7}|", entry["commit"])


def test_figures_are_found_in_prose_and_tables_alone():
    text = "It leaks 3.4% at 16.2 frames/s, .95 in all; 0 of 5,235.\n\n| a | 411 ms |\n\n"
    text += "```text\n9 of 9, 12%\n```\n`7%` [x](y#3%)"
    assert quoted.figures(text) == {"3.4%", "16.2 frames/s", "0 of 5,235", "411 ms"}


def test_a_figure_that_nobody_holds_is_found_and_can_be_quoted(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("It leaks 3.4% of 145.")
    (tmp_path / "docs/verify.md").write_text("It finds 98.7%, 73 of 73, in 5 ms.")
    (tmp_path / "docs/options.md").write_text("50%")
    monkeypatch.setattr(history, "ROOT", tmp_path)
    (tmp_path / report.PAGE).write_text("leak 3.4%")
    live = {"latency_p50_ms": 5, "latency_p95_ms": 6, "latency_p99_ms": 7, "leaked": 0, "boxes": 9}
    (tmp_path / "live.json").write_text(json.dumps([{**live, "memory_mib_by_minute": [1]}]))
    (tmp_path / quoted.JSON).write_text("[]")
    assert list(quoted.missing(tmp_path)) == [("docs/verify.md", "73 of 73"), ("docs/verify.md", "98.7%")]
    assert quoted.quote("make bench-planted", "16 clips", tmp_path) == 2
    assert list(quoted.missing(tmp_path)) == []
    (only,) = quoted.read(tmp_path)
    assert (only["page"], only["command"], only["figures"]) == (
        "docs/verify.md",
        "make bench-planted",
        ["73 of 73", "98.7%"],
    )
    (tmp_path / "docs/verify.md").write_text("It finds 98.8%.")
    assert list(quoted.missing(tmp_path)) == [("docs/verify.md", "98.8%")]
    quoted.quote("again", "16 clips", tmp_path)
    assert [one["figures"] for one in quoted.read(tmp_path)] == [["98.8%"]]
