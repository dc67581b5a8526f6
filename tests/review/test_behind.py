"""Heads seen from behind, among people who are seen from the front: the page asks about each, and the output shows what
was answered."""

from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest
import skimage
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from anonymize import plan, presets, report
from anonymize.data import Detections, Kind
from anonymize.detect import first_detectors
from anonymize.kinds import Answer, Raised
from anonymize.media import open_source
from anonymize.recorded import passes
from anonymize.review.review import Review
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from tests.conftest import astronaut
from tests.helpers.browser import needs_chromium, window
from tests.helpers.media import Picture, make_video, read_video
from tests.review.conftest import served

pytestmark = needs_chromium
SIZE = (1280, 720)
COUNT = 12
HOODS = ((790, 110, 900, 240), (1050, 300, 1160, 430))
"""Where two people in pointed blue hoods, seen from behind, have their heads."""
PEOPLE = ((118, 232, 178, 310), (490, 310, 535, 380))
"""Where the faces of two others are: of Eileen Collins, and of the man with the camera in scikit-image's wheel."""


class Backs:
    """Finds a head wherever a hood is: no real head from behind is among the pictures that tests may use."""

    name, sha256, device = "backs", "0" * 64, "cpu"
    kinds = frozenset({Kind.HEAD})
    min_size: ClassVar[dict[Kind, float]] = {Kind.HEAD: 16.0}
    max_reliable_size: ClassVar[dict[Kind, float]] = {}
    max_input_side = 1280

    def detect(self, picture: NDArray[np.uint8]) -> Detections:
        blue = (picture[..., 0] > 130) & (picture[..., 1] < 90) & (picture[..., 2] < 90)
        count, _, stats, _ = cv2.connectedComponentsWithStats(blue.astype(np.uint8))
        boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, n in stats[1:count].tolist() if n > 400], np.float32)
        boxes = boxes.reshape(-1, 4)
        return Detections(boxes, np.full(len(boxes), 0.9, np.float32), np.full(len(boxes), Kind.HEAD))

    def release_memory(self) -> None:
        """There is nothing to give back."""


def crowd() -> Picture:
    """Two people with their faces to us, and two in hoods with their backs; (720, 1280, 3) RGB."""
    grain = np.random.default_rng(7).integers(90, 130, (SIZE[1], SIZE[0], 3), np.uint8)
    picture = np.asarray(cv2.GaussianBlur(grain, (0, 0), 1), np.uint8)
    photographer = cv2.imread(str(Path(skimage.__file__).with_name("data") / "camera.png"))
    for person, x, y, side in ((astronaut()[:400, 40:440], 30, 190, 260), (photographer, 330, 230, 400)):
        picture[y : y + side, x : x + side] = cv2.resize(person, (side, side), interpolation=cv2.INTER_AREA)
    for x0, y0, x1, y1 in HOODS:
        middle = round((x0 + x1) / 2)
        cv2.ellipse(picture, (middle, y1 + 80), (90, 100), 0, 0, 360, (40, 60, 40), -1, cv2.LINE_AA)
        cv2.fillPoly(picture, [np.array([(middle, y0), (x1, y1), (x0, y1)])], (20, 30, 170), cv2.LINE_AA)
    return picture


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    still = crowd()
    pictures = [np.roll(still, index, axis=1) for index in range(COUNT)]
    return make_video(tmp_path_factory.mktemp("clips") / "crowd.mp4", frames=pictures, options={"crf": "12"})


@pytest.fixture(scope="module")
def looked(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan: argus-place, shown each head, sees no face in a hood."""
    settings = from_mapping(Settings, {"output": {"speed": "ultrafast"}}, presets.load("default").settings)
    with open_source(film) as source:
        made, _ = passes.detect(source, settings, [*first_detectors(settings), Backs()], report.sha256(film))
    path = tmp_path_factory.mktemp("plans") / "plan.jsonl"
    plan.write(made.marked(), path)
    return path


FROM_BEHIND = "A head seen from behind: it is not covered."
NAMES = {"q": "Begin", "h": "Hide", "n": "Leave it", "s": "Skip"}
MOST = 40
"""More questions than there are."""


def give(page: Page, how: str, key: str) -> None:
    """Press a button of the question, or its key."""
    if how == "mouse":
        page.locator("#question").get_by_role("button", name=NAMES[key]).click()
    else:
        page.keyboard.press(key)


def next_from_behind(page: Page, how: str) -> str:
    """Skip questions until one is about a head from behind; its name."""
    card = page.locator("#question")
    for _ in range(MOST):
        if FROM_BEHIND in (card.text_content() or ""):
            break
        give(page, how, "s")
    expect(card).to_contain_text(f"Hide this head? {FROM_BEHIND}")
    expect(card.locator("canvas")).to_be_visible()
    asked: str = page.evaluate("import('/page/state.js').then(({ state }) => state.asked)")
    return asked


def is_covered(was: Picture, now: Picture, box: tuple[int, int, int, int]) -> bool:
    """Whether nothing of a place is to be seen any more, but for its corners; fails if a part of it is."""
    across, down = (box[2] - box[0]) // 6, (box[3] - box[1]) // 6
    x0, y0, x1, y1 = box[0] + across, box[1] + down, box[2] - across, box[3] - down
    before, after = was[y0:y1, x0:x1].astype(int), now[y0:y1, x0:x1].astype(int)
    if after.max() < 40:
        return True
    assert np.abs(before - after).mean() < 6
    return False


@pytest.mark.parametrize(("how", "keys"), [("mouse", "hn"), ("keyboard", "nh")])
def test_of_two_heads_from_behind_the_one_is_hidden_that_somebody_wants_hidden(
    film: Path, looked: Path, chromium: Browser, tmp_path: Path, how: str, keys: str
) -> None:
    made = tmp_path / "plan.jsonl"
    made.write_bytes(looked.read_bytes())
    before = plan.read(made)
    behind = {one.track for one in before.doubts if one.raised is Raised.BEHIND}
    backs = {one.track: one.xyxy for one in before.regions.at(0) if one.track in behind}
    assert len(backs) == len(HOODS)
    with Review(film, made, "desk 2") as review, served(review) as server, window(chromium) as page:
        page.goto(server.address)
        expect(page.locator("#question")).to_contain_text("places to look at")
        give(page, how, "q")
        answers = {}
        for key in keys:
            asked = next_from_behind(page, how)
            number = int(asked.split("-")[1])
            assert number in backs
            expect(page.locator(f"#track-{number}")).to_have_attribute("aria-selected", "true")
            expect(page.locator(f"#track-{number} .badge")).to_have_text("not sure")
            give(page, how, key)
            expect(page.locator(f"#track-{number} .badge")).to_have_text("hidden" if key == "h" else "not covered")
            answers[key] = number
        assert set(answers.values()) == set(backs)
        page.click("#publish")
        page.fill("dialog input[name=where-to]", str(tmp_path / "safe.mp4"))
        page.keyboard.press("Enter")
        expect(page.locator("#message")).to_contain_text("Published and checked", timeout=120_000)
    doubts = {one.track: (one.answer, one.by) for one in plan.read(made).doubts if one.track in backs}
    assert doubts == {answers["h"]: (Answer.HIDE, "desk 2"), answers["n"]: (Answer.NOTHING, "desk 2")}
    left, _, right, _ = backs[answers["h"]]
    pictures = zip(read_video(film), read_video(tmp_path / "safe.mp4"), strict=True)
    for index, (was, now) in enumerate(pictures):
        there = ((x0 + index, y0, x1 + index, y1) for x0, y0, x1, y1 in (*HOODS, *PEOPLE))
        covered = [is_covered(was, now, box) for box in there]
        assert covered == [*(left < hood[0] and hood[2] < right for hood in HOODS), True, True], index
