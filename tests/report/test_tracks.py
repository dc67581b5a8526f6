"""What `detect` reports of each track: a table at any width, JSON, and a page without any picture."""

import json
import re
from dataclasses import replace
from fractions import Fraction

import pytest

from anonymize.data import Kind, Region, Why
from anonymize.kinds import Answer, Raised
from anonymize.plan import About, Plan, Regions, VisibleTrack
from anonymize.plan.doubts import Doubt
from anonymize.report import subjects, write_tracks
from anonymize.report.tracks import HEAD, first_to_see, page, row
from tests.cli.test_cli import anonymize
from tests.conftest import FRAMES, face_pictures
from tests.helpers.media import make_image, make_video
from tests.helpers.terminals import on_terminal
from tests.report.test_report import Links

FACES = ("-t", "faces")
LINE = re.compile(
    r" +\d+  face  0:00  0:00\.76  (top|middle|bottom)?( left| middle| right)?  \d+x\d+  0\.\d\d +(sure|doubt)"
)


def planned(tracks, frames=100, size=(1920, 1080), answer=None):
    """A plan of `tracks`: kind, box, first frame, end, score; there is a doubt about those of low score."""
    rows = [
        (frame, frame + 1, Region(box, kind, Why.DETECTED, number, score=score))
        for number, (kind, box, first, end, score) in enumerate(tracks)
        for frame in range(first, end)
    ]
    doubts = [
        Doubt(number, first, end, Raised.FIND, answer=answer)
        for number, (_, _, first, end, score) in enumerate(tracks)
        if score < 0.5
    ]
    return Plan(About("ab" * 32, frames, *size), Regions(rows), doubts=tuple(doubts))


def times(frames=100):
    return [Fraction(frame, 25) for frame in range(frames)]


FACE, FAINT = (Kind.FACE, (0, 0, 96, 108), 0, 100, 0.9), (Kind.FACE, (1800, 1000, 1900, 1080), 40, 41, 0.31)
PLATE = (Kind.PLATE, (900, 500, 1000, 540), 10, 60, 0.75)


def test_a_track_is_described_in_words():
    made = planned([FACE, FAINT, PLATE])
    result = subjects(made, times())
    assert [row(one, made) for one in result] == [
        ("0", "face", "0:00", "0:03.96", "top left", "96x108", "0.90", "sure"),
        ("2", "plate", "0:00.4", "0:02.4", "middle", "100x40", "0.75", "sure"),
        ("1", "face", "0:01.6", "0:01.64", "bottom right", "100x80", "0.31", "doubt"),
    ]
    assert len(HEAD) == 8


@pytest.mark.parametrize(("answer", "sure"), [(None, False), (Answer.HIDE, True)])
def test_what_is_sure_is_for_a_person_to_say(answer, sure):
    (result,) = subjects(planned([FAINT], answer=answer), times())
    assert result["sure"] is sure


def test_tracks_that_are_not_covered_are_listed_and_marked():
    made = planned([FACE, FAINT, PLATE])
    alone = replace(made, doubts=(Doubt(1, 40, 41, Raised.ALONE),))
    behind = replace(made, doubts=(Doubt(0, 0, 100, Raised.BEHIND), *made.doubts))
    asked = replace(made, doubts=(), shown=(VisibleTrack(2, 10, 60, reason="form 12"), VisibleTrack(0, 0, 50)))
    for plan, words in ((alone, "sure sure bare"), (behind, "bare sure doubt"), (asked, "bare sure sure")):
        result = subjects(plan, times())
        assert [row(one, plan)[-1] for one in result] == words.split()
        assert [one["covered"] for one in result] == [word != "bare" for word in words.split()]
    text = page(alone, subjects(alone, times()))
    assert '<h1 class="plain">1 face track and 1 plate track</h1>' in text
    assert re.search(r"1 not covered, in doubt.*\n.*#track-1", text)
    assert ">not covered</span>" in text
    assert "covered until a person has answered" not in text
    lone = replace(planned([FAINT]), doubts=(Doubt(0, 40, 41, Raised.ALONE),))
    assert "Nothing covered" in page(lone, subjects(lone, times()))


def test_what_a_person_drew_is_no_doubt():
    drawn = Plan(About("ab" * 32, 9, 100, 100), Regions([(0, 9, Region((0, 0, 9, 9), Kind.FACE, Why.MANUAL, 5))]))
    (result,) = subjects(drawn, times(9))
    assert (result["sure"], row(result, drawn)[6:]) == (True, ("", "sure"))


def test_of_many_the_doubtful_come_first_and_then_the_longest():
    made = planned([(Kind.FACE, (0, 0, 40, 40), 0, 1 + n % 90, 0.3 if n % 50 == 7 else 0.8) for n in range(300)])
    result = subjects(made, times())
    assert first_to_see(result, 300) == result
    shown = first_to_see(result, 40)
    assert [one["id"] for one in shown[:6]] == [257, 157, 57, 207, 107, 7]
    assert all(not one["sure"] for one in shown[:6])
    assert [one["frames"] for one in shown[6:]] == sorted((one["frames"] for one in shown[6:]), reverse=True)
    assert shown[6]["frames"] == 90


# The command


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("faces") / "anna.mp4", frames=face_pictures())


def test_detect_prints_a_line_a_track_in_a_pipe(clip, tmp_path):
    done = anonymize("detect", clip, "-o", tmp_path / "p.jsonl", "--page", tmp_path / "p.html", *FACES)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].endswith(f"1 face track, {FRAMES} frames")
    assert lines[1].split() == list(HEAD[:-1])
    assert LINE.fullmatch(lines[2]), lines[2]
    assert lines[3:] == [f"  page: {tmp_path / 'p.html'}"]
    text = (tmp_path / "p.html").read_text()
    assert '<h1 class="plain">1 face track</h1>' in text
    assert "anna" not in text
    again = anonymize("detect", clip, "-o", tmp_path / "q.jsonl", "--page", tmp_path / "p.html", *FACES)
    assert (again.returncode, "exists" in again.stderr) == (6, True)
    assert not (tmp_path / "q.jsonl").exists()


@pytest.mark.parametrize("columns", [80, 40])
def test_a_table_fits_the_terminal(clip, tmp_path, columns):
    seen = on_terminal("detect", clip.name, "-o", tmp_path / "p.jsonl", *FACES, columns=columns, cwd=clip.parent)
    assert seen.process.returncode == 0, seen.sent
    lines = [line for line in seen.screen.lines() if re.match(r" +(\d+  |track  |where)", line)]
    assert all(len(line) < columns for line in lines)
    if columns == 80:
        assert LINE.fullmatch(lines[1]), lines
    else:
        assert lines[0].split() == ["track", "kind", "from", "to"]
        assert re.fullmatch(r" +0  face  0:00  0:00\.76  sure", lines[1]), lines
        assert lines[2] == "  where, size, score: --page, --json"


def test_json_has_all_of_it(clip, tmp_path):
    done = anonymize("detect", clip, "-o", tmp_path / "p.jsonl", "--json", *FACES)
    result = next(line for line in map(json.loads, done.stdout.splitlines()) if line["event"] == "planned")
    (one,) = result["subjects"]
    assert (one["id"], one["kind"], one["start"], one["frames"], one["sure"]) == (0, "face", 0.0, FRAMES, True)
    assert result["page"] is None


def test_a_picture_has_no_times(tmp_path):
    make_image(tmp_path / "a.png", picture=face_pictures(1)[0])
    done = anonymize("detect", "a.png", "-o", "p.jsonl", "--page", "p.html", *FACES, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["track", "kind", "where", "size", "score"]
    assert re.fullmatch(r" +0  face  [a-z ]+ +\d+x\d+  0\.\d\d   sure", lines[2]), lines[2]
    assert "<th>when</th>" not in (tmp_path / "p.html").read_text()


def test_nothing_found_is_one_line(empty_clip, tmp_path):
    done = anonymize("detect", empty_clip, "-o", tmp_path / "p.jsonl", "--page", tmp_path / "p.html", *FACES)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].endswith("nothing found, 8 frames")
    assert len(done.stdout.splitlines()) == 2
    assert "Nothing found" in (tmp_path / "p.html").read_text()


# The page


@pytest.mark.parametrize("count", [0, 1, 2000])
def test_the_page_stands_alone_whatever_there_is(count, tmp_path):
    boxes = [
        (Kind.FACE, (n % 1800, n % 900, n % 1800 + 60, n % 900 + 70), n % 90, n % 90 + 3, 0.9) for n in range(count)
    ]
    made = planned([*boxes, FAINT] if count else [])
    write_tracks(made, times(), tmp_path / "deep" / "p.html")
    text = (tmp_path / "deep" / "p.html").read_text()
    links = Links()
    links.feed(text)
    assert links.found == (["href=#track-" + str(count)] if count else [])  # to the doubtful one, by keyboard
    assert links.depth == []
    assert text.count("<svg ") == text.count('<tr id="track-') == (count + 1 if count else 0)
    assert "default-src 'none'" in text
    assert "url(" not in text
    assert "data:" not in text
    assert len(text) < 20_000 + 1000 * count


def test_the_page_says_what_is_visible_and_drawn_by_hand():
    made = planned([FACE, PLATE])
    rows = [*made.regions.rows(), (0, 9, Region((0, 0, 9, 9), Kind.AREA, Why.MANUAL))]
    made = replace(made, regions=Regions(rows), shown=(VisibleTrack(0, 0, 50, reason="form 12"),))
    text = page(made, subjects(made, times()))
    assert "1 track stays visible for some time" in text
    assert "1 region by hand" in text
    assert "1 face track and 1 plate track" in text
