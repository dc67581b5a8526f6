"""What a report's page says to people: what "passed" means, tracks that are not people, titles, failures, an index."""

import hashlib
import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from anonymize import presets
from anonymize.batch import run as batch
from anonymize.batch.inputs import only_item
from anonymize.batch.outcome import failed, ignore
from anonymize.batch.reports import Reports, with_reports
from anonymize.data import Kind
from anonymize.errors import OutputError, UsageError
from anonymize.kinds import Verdict
from anonymize.pages.words import place
from anonymize.plan import read as read_plan
from anonymize.plan import write as write_plan
from anonymize.report import Report, check_title, index, read, write
from anonymize.report.dpia import write as write_annex
from anonymize.report.meaning import meaning
from anonymize.report.page import page
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping, to_mapping
from anonymize.verify.sample import bound
from tests.cli.test_cli import anonymize
from tests.helpers.media import make_video
from tests.report.test_report import FIND, Links, face, report

EVIL = "<script>alert(1)</script>\"'&<b>"
COMPARED = {"name": "picture against plan", "passed": True, "detail": ""}


def checked(looked, frames, *, doubts=0, compared=True):
    found = bound(looked, doubts, frames)
    return {
        "checks": [{"name": "structure", "passed": True, "detail": ""}, *([COMPARED] if compared else [])],
        "leaks": [],
        "doubts": [{**FIND, "by": "look", "frame": 1234, "box": [10.4, 10, 30, 40]}] * doubts,
        "looked_frames": looked,
        "of_frames": frames,
        "bound": {"share": found.share, "confidence": found.confidence, "text": found.text} if found else None,
    }


# What "passed" means


@pytest.mark.parametrize(
    ("verdict", "verified", "missing", "expected"),
    [
        (
            "pass",
            checked(25, 260),
            (),
            "“Passed” means of this file that it was read back to its end, none of its covered regions shows what it "
            "hides, and a second look at 25 of its 260 frames, drawn at random, found no face, licence plate or "
            "head that should be hidden: with 95% confidence, no more than 11.9% of its frames show one that the "
            "detectors used can find; it does not mean that nobody can be recognised.",
        ),
        (
            "pass",
            checked(1, 1, compared=False),
            ("plate",),
            "“Passed” means of this file that it was read back to its end and a second look at its picture found no "
            "face or head that should be hidden: the detectors used can find none in it; it does not mean that nobody "
            "can be recognised.",
        ),
        (
            "pass-with-doubts",
            checked(12, 12, doubts=3),
            ("face",),
            "“Passed, with doubts” means of this file that it was read back to its end and neither a comparison with "
            "the plan nor a second look at all of its 12 frames found a licence plate or head that should be hidden "
            "and surely is not, but 3 places are left for a person to look at: the detectors used can find none "
            "anywhere else; it does not mean that nobody can be recognised.",
        ),
    ],
    ids=["a film", "a picture", "doubts"],
)
def test_what_passed_means_is_one_sentence_to_quote(verdict, verified, missing, expected):
    result = report(verdict, rows=[face(0)], verified=verified, not_looked_for=missing).as_dict()
    assert meaning(result) == expected
    assert expected.count(". ") == 0
    text = page(result)
    assert text.count(f"<blockquote>{expected}</blockquote>") == 1
    assert "frames were scanned, drawn at random" not in text  # the bound is not told twice


@pytest.mark.parametrize("verdict", ["fail", "unverified"])
def test_what_did_not_pass_means_nothing_of_the_kind(verdict):
    result = report(verdict, verified=checked(25, 260)).as_dict()
    assert meaning(result) == ""
    assert "<blockquote>" not in page(result)


@pytest.mark.parametrize("missing", [("face", "plate"), ()], ids=["nobody was asked to", "nobody did"])
def test_an_output_that_no_detector_scanned_did_not_pass(missing):
    result = report(verified=checked(0, 50), not_looked_for=missing).as_dict()
    assert meaning(result) == ""
    text = page(result)
    assert "<h1>Not checked for faces or plates</h1>" in text
    assert "passed" not in text.lower()
    assert 'class="verdict good"' not in text


def test_tracks_are_not_called_faces():
    rows = [face(i, track=i) for i in range(43)] + [face(0, track=99, kind=Kind.PLATE)]
    text = page(report(rows=rows, not_looked_for=()).as_dict())
    figures = re.findall(r"<dt>(.*?)</dt><dd>(.*?)(?: <small>(.*?)</small>)?</dd>", text)
    assert ("Faces redacted", "43 tracks", "one person may have several") in figures
    assert ("Plates redacted", "1 track", "") in figures
    assert "43 faces" not in text


def test_a_doubt_has_its_frame_and_box():
    text = page(report("pass-with-doubts", verified=checked(12, 50, doubts=1)).as_dict())
    assert '<td class="n">1\u202f234</td><td>10,10,30,40</td><td>top left</td>' in text
    older = report("pass-with-doubts", verified={"doubts": [{**FIND, "by": "look"}]}).as_dict()
    assert '<td class="n">–</td><td>10,10,30,40</td>' in page(older)


def test_places_have_words():
    assert [place(x, y) for x, y in ((0, 0), (0.5, 0.5), (1, 1), (0.34, 0.1), (-0.2, 0.5), (0.99, 1.7))] == [
        *("top left", "middle", "bottom right", "top middle", "middle left", "bottom right")
    ]


# Titles


def test_a_title_stands_above_and_does_nothing():
    text = page(report(title=EVIL).as_dict())
    links = Links()
    links.feed(text)
    assert (links.found, links.depth) == ([], [])
    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(1)") == 2  # in the window's and on the page
    assert "<title>Report of a redaction</title>" in page(report().as_dict())
    assert 'class="named"' not in page(report().as_dict())


@pytest.mark.parametrize("title", ["x" * 121, "two\nlines", "a\x1b[2J", "\u2028", "\ud800"])
def test_what_is_no_title_is_refused(title, tmp_path):
    with pytest.raises(UsageError, match="one line of at most 120"):
        check_title(title)
    write(report(), tmp_path / "a.report.json")
    with pytest.raises(UsageError, match="one line of at most 120"):
        write_annex([tmp_path], tmp_path / "annex", title=title)
    assert not (tmp_path / "annex.md").exists()


@pytest.mark.parametrize("title", ["", "x" * 120, "Rådhuset, 広場"])
def test_a_title_of_one_line_is_taken(title, tmp_path):
    check_title(title)
    write(report(title=title), tmp_path / "a.report.json")
    assert read(tmp_path / "a.report.json")["title"] == title


def test_an_annex_has_a_title(tmp_path):
    write(report(), tmp_path / "a.report.json")
    markdown, shown = write_annex([tmp_path], tmp_path / "annex", title="Gate *3* <b>")
    assert markdown.read_text().startswith("# Gate \\*3\\* \\<b\\>\n")
    assert "<bdi>Gate *3* &lt;b&gt;</bdi>" in shown.read_text()


@pytest.mark.parametrize("arguments", [("run", "a.mp4", "-o", "b.mp4"), ("verify", "a.mp4")], ids=["run", "verify"])
def test_a_title_without_a_report_is_a_mistake(arguments, tmp_path):
    make_video(tmp_path / "a.mp4", frames=2)
    done = anonymize(*arguments, "--title", "x", cwd=tmp_path)
    assert (done.returncode, "add --report FOLDER" in done.stderr) == (2, True), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


# Failures


QUICK = {"output": {"speed": "ultrafast"}, "targets": ["face"], "detect": {"detectors": ["centerface"], "min_face": 32}}


def failing(tmp_path, settings, **more):
    (outcome,) = batch.run([only_item(str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4"))], settings, **more)
    return outcome


@pytest.mark.parametrize("content", [b"", b"no film at all" * 99], ids=["empty", "noise"])
def test_a_page_of_what_could_not_be_opened_says_which_file_and_what_was_asked(content, tmp_path):
    (tmp_path / "a.mp4").write_bytes(content)
    settings = presets.load("municipal").settings
    failing(tmp_path, settings, reports=Reports(tmp_path / "r", "Gate 3"))
    result = read(tmp_path / "r" / "b.mp4.report.json")
    digest = hashlib.sha256(content).hexdigest()
    assert result["source"] == {"sha256": digest}
    assert (result["preset"], result["title"]) == ({"name": "municipal", "changed": {}}, "Gate 3")
    assert result["settings"] == to_mapping(settings)
    text = (tmp_path / "r" / "b.mp4.report.html").read_text()
    assert digest in text
    assert "Those of the preset “municipal”." in text
    assert result["created"][:10] in text
    assert "Which detectors ran" not in text  # nobody did
    assert "Look at the output" not in text  # there is none


def test_a_page_of_what_failed_on_the_way_says_what_was_done(face_clip, tmp_path):
    """The second pass finds less than the first: the file is cut short by whoever writes to it."""
    shutil.copy(face_clip, tmp_path / "a.mp4")

    def cut(item, news):
        if getattr(news, "stage", "") == "render":
            with (tmp_path / "a.mp4").open("r+b") as file:
                file.truncate(9000)

    settings = from_mapping(Settings, QUICK, Settings())
    outcome = failing(tmp_path, settings, reports=Reports(tmp_path / "r"), on_item=cut)
    assert outcome.output is None
    result = read(tmp_path / "r" / "b.mp4.report.json")
    assert (result["source"]["width"], result["source"]["container"]) == (320, "mp4")
    assert {"detect", "render"} <= set(result["seconds"])
    assert list(result["models"]) == ["centerface"]
    text = (tmp_path / "r" / "b.mp4.report.html").read_text()
    assert "Time taken: detect" in text
    assert "320" not in re.findall(r"<dd>(.*?)</dd>", text)  # no figure of frames that nobody counted
    assert "a.mp4" not in text


def test_failures_count_as_nothing_that_was_done(tmp_path):
    write(report(rows=[face(0)]), tmp_path / "good.report.json")
    mosaic = report().settings
    mosaic["redact"]["face"]["style"] = "mosaic"
    write(Report(Verdict.FAIL, error="no", settings=mosaic, plan="given"), tmp_path / "bad.report.json")
    text = write_annex([tmp_path], tmp_path / "annex")[0].read_text()
    assert "faces solid" in text
    assert "mosaic, " not in text
    assert "faces were drawn as" not in text
    assert "Drawn from a plan" not in text
    assert "| fail | 1 |" in text


# The index of a folder


def folder_of(tmp_path, *names):
    for name in names:
        write(report(rows=[face(i) for i in range(9)]), tmp_path / f"{name}.report.json")
    return tmp_path


def rows_of(text):
    rows = re.findall(r"<tr><td>(.*?)</td></tr>", text)
    return [[re.sub(r"<.*?>", "", cell) for cell in row.split("</td><td")] for row in rows]


def test_the_index_lists_every_report_in_order(tmp_path):
    folder = folder_of(tmp_path, "b", "sub/a", "a")
    write(replace(report(), created="2026-01-02T03:04:05Z"), tmp_path / "a.report.json")
    write(report("pass-with-doubts", verified=checked(12, 50, doubts=2)), tmp_path / "c.report.json")
    write(Report(Verdict.FAIL, error="no"), tmp_path / "d.report.json")
    index.write_index(folder)
    text = (folder / "index.html").read_text()
    links = Links()
    links.feed(text)
    assert links.depth == []
    names = ("a", "b", "c", "d", "sub/a")
    assert links.found == [f"href={name}.report.html" for name in names]
    assert all((folder / link.removeprefix("href=")).is_file() for link in links.found)
    rows = re.findall(r"<tr><td>.*", text)
    assert [pair for row in rows for pair in re.findall(r'class="tone (\w+)">(.*?)<', row)[:1]] == [
        *(("good", "Passed"), ("good", "Passed"), ("unsure", "Passed, with doubts"), ("bad", "Failed")),
        ("good", "Passed"),
    ]
    assert "2026-01-02 03:04:05 UTC" in rows[0]
    numbers = [re.findall(r'<td class="n">(.*?)</td>', row) for row in rows]
    assert numbers[1:4] == [["0", "0:02", "1", "0"], ["2", "0:02", "0", "0"], ["", "", "", ""]]
    assert "3 passed, 1 passed, with doubts, 1 failed." in text
    done = anonymize("report", "index", folder)
    assert (done.returncode, done.stdout) == (0, f"{folder} -> {folder / 'index.html'}\n"), done.stderr
    assert (folder / "index.html").read_text() == text


def test_the_words_of_an_index_name_nobody(tmp_path):
    folder = folder_of(tmp_path, "anna at home.mp4", "sub/<b>&\"anna'.mp4", "javascript:anna.mp4")
    (folder / os.fsdecode(b"a\xff.mp4.report.json")).write_bytes((folder / "anna at home.mp4.report.json").read_bytes())
    index.write_index(folder)
    text = (folder / "index.html").read_text()
    links = Links()
    links.feed(text)
    assert sorted(links.found) == [
        "href=a%FF.mp4.report.html",
        "href=anna%20at%20home.mp4.report.html",
        "href=javascript%3Aanna.mp4.report.html",
        "href=sub/%3Cb%3E%26%22anna%27.mp4.report.html",
    ]
    assert "anna" not in re.sub(r'href="[^"]*"', "", text)
    assert "default-src 'none'" in text


def test_an_index_of_nothing_and_of_what_is_broken(tmp_path):
    index.write_index(tmp_path)
    assert "0 reports" in (tmp_path / "index.html").read_text()
    (tmp_path / "x.report.json").write_text('{"format": "anonymize-report", "version": 1}')
    index.write_index(tmp_path)
    assert "1 file named like a report cannot be read as one." in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize("kind", ["page", "link", "pipe", "folder"])
def test_what_is_no_index_is_not_replaced(kind, tmp_path):
    path = tmp_path / "r" / "index.html"
    path.parent.mkdir()
    if kind == "page":
        path.write_text("<h1>my site</h1>")
    elif kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    (tmp_path / "in").mkdir()
    make_video(tmp_path / "in" / "a.mp4", frames=2)
    done = anonymize("run", "in", "-o", "out/", "--report", "r", cwd=tmp_path)
    assert done.returncode == OutputError.exit_code, done.stderr
    assert "r/index.html is not an index of reports" in done.stderr
    assert not (tmp_path / "out").exists()
    if kind == "page":
        assert path.read_text() == "<h1>my site</h1>"


def test_a_folder_of_films_gets_an_index_that_a_resumed_run_brings_up_to_date(tmp_path):
    (tmp_path / "in").mkdir()
    make_video(tmp_path / "in" / "anna.mp4", frames=3)
    (tmp_path / "in" / "broken.mp4").write_bytes(b"noise" * 99)
    quick = ("-t", "none", "--hide-zone", "0,0 20,0 20,20", "--report", "r", "--title", "Gate 3")
    done = anonymize("run", "in", "-o", "out/", *quick, cwd=tmp_path)
    assert done.returncode == 10, done.stderr
    first = (tmp_path / "r" / "index.html").read_text()
    assert "2 reports" in first
    assert "1 failed, 1 not checked for faces or plates" in re.sub(r"\s+", " ", first).lower()
    assert first.count("Gate 3") == 1
    (tmp_path / "in" / "broken.mp4").unlink()
    make_video(tmp_path / "in" / "broken.mp4", frames=3)
    done = anonymize("run", "in", "-o", "out/", *quick, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 not checked" in (tmp_path / "r" / "index.html").read_text()
    assert "anna" not in re.sub(r'href="[^"]*"', "", first)


def test_one_film_has_no_index(tmp_path):
    make_video(tmp_path / "a.mp4", frames=2)
    zone = ("-t", "none", "--hide-zone", "0,0 20,0 20,20")
    done = anonymize("run", "a.mp4", "-o", "b.mp4", *zone, "--report", "r", "--title", "Gate", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == ["b.mp4.report.html", "b.mp4.report.json"]
    assert json.loads((tmp_path / "r" / "b.mp4.report.json").read_text())["title"] == "Gate"


def test_a_plan_is_rendered_and_a_file_verified_under_a_title(tmp_path):
    make_video(tmp_path / "a.mp4", frames=2)
    zone = ("-t", "none", "--hide-zone", "0,0 20,0 20,20")
    assert anonymize("detect", "a.mp4", "-o", "p.jsonl", *zone, cwd=tmp_path).returncode == 0
    given = ("--plan", "p.jsonl", "--report", "r", "--title", "Gate 7")
    assert anonymize("render", "a.mp4", "-o", "b.mp4", *given, cwd=tmp_path).returncode == 0
    assert read(tmp_path / "r" / "b.mp4.report.json")["title"] == "Gate 7"
    done = anonymize("verify", "b.mp4", *given, cwd=tmp_path)
    assert done.returncode in (0, 11), done.stderr
    assert "<bdi>Gate 7</bdi>" in (tmp_path / "r" / "b.mp4.report.html").read_text()
    other = read_plan(tmp_path / "p.jsonl")
    write_plan(replace(other, about=replace(other.about, sha256="00" * 32)), tmp_path / "p.jsonl")
    done = anonymize("render", "a.mp4", "-o", "c.mp4", *given, cwd=tmp_path)
    assert done.returncode == 9, done.stderr
    failed = read(tmp_path / "r" / "c.mp4.report.json")
    assert (failed["plan"], len(failed["source"]["sha256"])) == ("given", 64)


def test_many_reports_are_listed_quickly(tmp_path):
    content = json.dumps(report(rows=[face(i) for i in range(9)]).as_dict())
    for number in range(300):
        (tmp_path / f"{number}.mp4.report.json").write_text(content)
    text = index.page(Path(tmp_path))
    assert text.count("<tr><td>") == 300
    assert len(text) < 150_000


def test_a_page_of_what_a_worker_died_over_says_which_file_and_what_was_asked(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"whatever")
    item = only_item(str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4"))
    settings = presets.load("journalist").settings
    died = failed(item, "a.mp4: the process working on it died", 1)
    with_reports(Reports(tmp_path / "r", "Gate 3"), settings, ignore)(item, died)
    result = read(tmp_path / "r" / "b.mp4.report.json")
    assert result["source"] == {"sha256": hashlib.sha256(b"whatever").hexdigest()}
    assert result["preset"] == {"name": "journalist", "changed": {}}
