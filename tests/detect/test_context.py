"""What is around weak faces: who is asked about which, what counts, and which subjects are alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anonymize import report
from anonymize.cli.render.results import counted, planned
from anonymize.data import Box, Detections, Kind, Track, Why
from anonymize.detect import build, context_of
from anonymize.detect.context import Context, Rule, Said, Witness, alone, from_behind
from anonymize.detect.context.asking import ASKED
from anonymize.detect.context.judging import Floats
from anonymize.kinds import Answer, Raised
from anonymize.media import open_source
from anonymize.parallel.segments import WorkerContext
from anonymize.plan import Regions
from anonymize.presets import load
from anonymize.recorded import passes
from anonymize.settings import Detect, Settings
from anonymize.verify import Evidence, examine
from tests.conftest import face_box, face_pictures
from tests.detect.test_detect import Still
from tests.helpers.media import make_video

SIZE = (1280, 720)
HEAD, PERSON, FACE, PLATE = Kind.HEAD, Kind.PERSON, Kind.FACE, Kind.PLATE
RULE = Rule(0.5, {FACE: 0.25, PLATE: 0.5})


@dataclass
class Bright:
    """Sees something wherever the middle of a box is bright, and remembers what it was asked about.

    Of heads it says that a face shows with `face`.
    """

    score: float = 0.4
    face: float = 0.0
    asked: list[tuple[Kind, Box]] = field(default_factory=list)

    def sees(self, picture: NDArray[np.uint8], kinds: Sequence[Kind], boxes: Floats) -> Floats:
        said = self.says(picture, kinds, boxes)
        return np.array([said[kind][row] for row, kind in enumerate(kinds)], np.float32)

    def says(self, picture: NDArray[np.uint8], kinds: Sequence[Kind], boxes: Floats) -> Mapping[Kind, Floats]:
        seen = np.zeros(len(boxes), np.float32)
        for row, (kind, (x0, y0, x1, y1)) in enumerate(zip(kinds, boxes.tolist(), strict=True)):
            self.asked.append((kind, (x0, y0, x1, y1)))
            x, y = int((x0 + x1) / 2), int((y0 + y1) / 2)
            seen[row] = self.score * (picture[y, x, 0] > 160)
        face = np.where(np.array(kinds) == HEAD, self.face * (seen > 0), seen)
        return {FACE: face.astype(np.float32), HEAD: seen, PLATE: seen}


def asking(witness: Bright, rule: Rule = RULE) -> Context:
    return Context(cast(Witness, witness), rule)


def frame(*boxes: Box, size: tuple[int, int] = SIZE, index: int = 0) -> Still:
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    for x0, y0, x1, y1 in boxes:
        picture[max(0, round(y0)) : round(y1), max(0, round(x0)) : round(x1)] = 250
    return Still(picture, index, index)


def finds(*some: tuple[Box, float], kind: Kind = FACE) -> Detections:
    boxes = np.array([box for box, _ in some], np.float32).reshape(-1, 4)
    return Detections(boxes, np.array([score for _, score in some], np.float32), np.full(len(some), kind))


def at(x: float, y: float, side: float = 20) -> Box:
    return x, y, x + side, y + side


def test_weak_and_large_finds_of_some_kinds_are_asked_about_alone() -> None:
    weak, strong, large, plate, head = at(100, 100), at(300, 100), at(500, 100, 300), at(100, 400), at(900, 400)
    witness = Bright()
    context = asking(witness)
    found = Detections.concatenate(
        [
            finds((weak, 0.3), (strong, 0.6), (large, 0.9)),
            finds((plate, 0.64), (at(200, 500), 0.66), (at(900, 50, 300), 0.9), kind=PLATE),
            finds((head, 0.3), kind=HEAD),
        ]
    )
    around = context.around(frame(weak, strong), Fraction(0), found)
    assert set(witness.asked) == {(FACE, large), (PLATE, plate), (FACE, weak)}
    assert len(witness.asked) == 3
    assert around.there.kind.tolist() == [FACE, PLATE, FACE]
    assert around.there.score.tolist() == pytest.approx([0, 0, 0.4])
    assert not len(around.facing)
    assert not context.around(frame(weak, strong), Fraction(0), finds((strong, 0.6)))


def test_of_many_the_best_are_asked_about() -> None:
    witness = Bright()
    found = finds(*((at(30 * n, 300), 0.2 + 0.005 * n) for n in range(ASKED + 8)))
    around = asking(witness).around(frame(), Fraction(0), found).there
    assert len(around) == len(witness.asked) == ASKED
    assert around.xyxy[:, 0].min() == 30 * 8


def test_where_something_was_seen_nothing_is_asked_for_a_second_and_elsewhere_each_time() -> None:
    witness = Bright()
    context = asking(witness)
    somebody, nobody = at(100, 100), at(700, 100)
    found = finds((somebody, 0.3), (nobody, 0.3))
    for at_time, asked in ((0, 2), (0.4, 3), (0.9, 4), (1.1, 6)):
        around = context.around(frame(somebody), Fraction(str(at_time)), found)
        assert around.there.score.tolist() == pytest.approx([0.4, 0])
        assert len(witness.asked) == asked, at_time


def test_what_is_enough_for_one_kind_is_not_for_another() -> None:
    """Of the face it is known for a second that somebody is there; a plate is asked about again."""
    witness = Bright()
    context = asking(witness)
    face, plate = at(100, 100), at(700, 100)
    found = Detections.concatenate([finds((face, 0.3)), finds((plate, 0.3), kind=PLATE)])
    for asked in (2, 3):
        assert context.around(frame(face, plate), Fraction(0), found).there.score.tolist() == pytest.approx([0.4, 0.4])
        assert len(witness.asked) == asked


def test_of_one_segment_nothing_is_known_in_the_next_and_the_network_is_the_same() -> None:
    worker = WorkerContext(Path(), Settings(targets=frozenset({FACE})), 1)
    one, other = worker.context(), worker.context()
    assert one is not None
    assert other is not None
    assert one is not other
    assert one.witness is other.witness is worker.witness()


def test_a_picture_with_other_pixels_is_looked_at_as_it_is_shown() -> None:
    witness = Bright()
    wide = replace(frame(at(300, 100), size=(640, 720)), aspects=(Fraction(2),))
    around = asking(witness).around(wide, Fraction(0), finds((at(300, 100), 0.3)))
    assert around.there.score.tolist() == pytest.approx([0.4])
    assert witness.asked == [(FACE, (600, 100, 640, 120))]


BEHIND = Rule(0.5, {FACE: 0.25, HEAD: 0.4, PLATE: 0.5}, 0.2)


def test_of_each_head_it_is_asked_once_whether_it_is_there_and_whether_a_face_shows() -> None:
    weak, strong, face = at(100, 100), at(300, 100), at(500, 100)
    witness = Bright(face=0.1)
    found = Detections.concatenate([finds((weak, 0.3), (strong, 0.9), kind=HEAD), finds((face, 0.9))])
    said = asking(witness, BEHIND).around(frame(weak, strong, face), Fraction(0), found)
    assert sorted(witness.asked) == [(HEAD, weak), (HEAD, strong)]
    assert (said.there.kind.tolist(), said.there.score.tolist()) == ([HEAD], pytest.approx([0.4]))
    assert said.facing.xyxy.tolist() == [list(strong), list(weak)]
    assert said.facing.score.tolist() == pytest.approx([0.1, 0.1])


def test_a_head_that_showed_a_face_is_not_asked_about_for_a_second_and_one_from_behind_each_time() -> None:
    """What shows no face is known to be a head, which answers the other question for that second, and for no longer."""
    head = finds((at(100, 100), 0.3), kind=HEAD)
    for face, counts in ((0.3, (1, 1, 1, 2, 2)), (0.1, (1, 2, 3, 4, 5))):
        witness = Bright(face=face)
        context = asking(witness, BEHIND)
        for at_time, count in zip((0, 0.5, 0.9, 1.1, 1.9), counts, strict=True):
            said = context.around(frame(at(100, 100)), Fraction(str(at_time)), head)
            assert (said.there.score.tolist(), said.facing.score.tolist()) == (
                pytest.approx([0.4]),
                pytest.approx([face]),
            )
            assert len(witness.asked) == count, (face, at_time)


def test_of_a_head_found_surely_it_is_asked_again_after_a_second_whether_a_face_shows() -> None:
    witness = Bright(face=0.3)
    context = asking(witness, BEHIND)
    for at_time, count in ((0, 1), (0.5, 1), (0.9, 1), (1.1, 2), (2, 2), (2.2, 3)):
        context.around(frame(at(100, 100)), Fraction(str(at_time)), finds((at(100, 100), 0.9), kind=HEAD))
        assert len(witness.asked) == count, at_time


def test_each_find_gets_the_answer_about_itself() -> None:
    face, head, other = at(100, 100), at(300, 100), at(500, 100)
    found = Detections.concatenate([finds((face, 0.3)), finds((other, 0.7), (head, 0.9), kind=HEAD)])
    said = asking(Bright(face=0.1), BEHIND).around(frame(face, head), Fraction(0), found)
    assert said.there.score.tolist() == pytest.approx([0.4])
    assert (said.facing.xyxy.tolist(), said.facing.score.tolist()) == (
        [list(head), list(other)],
        [pytest.approx(0.1), 0],
    )


def test_of_many_heads_the_best_are_asked_about() -> None:
    witness = Bright()
    found = finds(*((at(30 * n, 300), 0.5 + 0.005 * n) for n in range(ASKED + 8)), kind=HEAD)
    said = asking(witness, BEHIND).around(frame(), Fraction(0), found)
    assert len(said.facing) == len(witness.asked) == ASKED
    assert said.facing.xyxy[:, 0].min() == 30 * 8


HERE, NEAR = at(100, 100), at(102, 99)


def track(scores: list[float], box: Box = HERE, number: int = 3, every: int = 3, kind: Kind = FACE) -> Track:
    count = every * (len(scores) - 1) + 1
    why = tuple(Why.INTERPOLATED if index % every else Why.DETECTED for index in range(count))
    score = np.array([scores[index // every] for index in range(count)], np.float32)
    return Track(number, kind, 10, np.array([box] * count, np.float32), score, why)


def around(*supports: float | None, box: Box = NEAR, every: int = 3, kind: Kind = FACE) -> dict[int, Said]:
    some = ((10 + every * n, one) for n, one in enumerate(supports) if one is not None)
    return {index: Said(finds((box, one), kind=kind)) for index, one in some}


def facing(*faces: float | None, box: Box = NEAR) -> dict[int, Said]:
    return {index: Said(facing=said.there) for index, said in around(*faces, box=box, kind=HEAD).items()}


@pytest.mark.parametrize(
    ("faces", "behind"),
    [
        ((0.05, 0.1, 0.05), True),
        ((0.0, 0.21, 0.0), False),  # it turned round once
        ((0.14, 0.12, 0.13), False),  # a little showed each time
        ((0.0, None, None), False),  # asked too seldom
        ((0.0, None, 0.0), True),
        ((0.0, 0.0, 0.0, 0.0), True),
        ((), False),
    ],
)
def test_a_head_is_seen_from_behind_if_no_look_shows_a_face(faces: tuple[float | None, ...], behind: bool) -> None:
    """However strongly it is found; of one look less is enough to hide it."""
    for score in (0.3, 0.9):
        head = track([score] * max(3, len(faces)), kind=HEAD)
        assert from_behind([head], facing(*faces), BEHIND) == ({3} if behind else set())
    assert from_behind([track([0.3] * 3)], facing(*faces), BEHIND) == set(), "no head"
    assert from_behind([track([0.3] * 3, kind=HEAD)], facing(*faces), replace(BEHIND, behind=0.0)) == set()
    assert from_behind([track([0.3] * 3, kind=HEAD)], around(*faces, kind=HEAD), BEHIND) == set(), "asked otherwise"
    assert from_behind([track([0.3], kind=HEAD)], facing(0.07), BEHIND) == set()
    assert from_behind([track([0.3], kind=HEAD)], facing(0.05), BEHIND) == {3}
    assert from_behind([track([0.3], kind=HEAD)], facing(0.05, box=at(140, 99)), BEHIND) == set(), "elsewhere"


def test_pieces_of_a_head_are_judged_together() -> None:
    later = replace(track([0.3], kind=HEAD), first=40)
    turned = {40: Said(facing=finds((at(102, 99), 0.3), kind=HEAD))}
    assert from_behind([track([0.3], kind=HEAD), later], facing(0.0) | turned, BEHIND) == set()
    assert from_behind([track([0.3], kind=HEAD), replace(later, id=4)], facing(0.0) | turned, BEHIND) == {3}


@pytest.mark.parametrize(
    ("scores", "supports", "is_alone"),
    [
        ([0.3, 0.4, 0.3], (0.0, 0.1, 0.05), True),
        ([0.3, 0.4, 0.3], (0.0, 0.26, 0.05), False),  # one look saw somebody
        ([0.3, 0.4, 0.3], (0.17, 0.16, 0.13), False),  # each look saw something
        ([0.3, 0.4, 0.3], (0.24, 0.05, 0.05), True),
        ([0.3, 0.5, 0.3], (0.0, None, 0.0), False),  # one strong find
        ([0.3, 0.4, 0.3, 0.3], (0.0, None, None, None), False),  # asked about too few
        ([0.3, 0.4, 0.3, 0.3], (0.0, None, 0.0, None), True),
        ([0.3], (0.07,), True),  # of one look half as much is enough as in the mean of three
        ([0.3], (0.08,), False),
        ([0.3, 0.3], (0.11, 0.11), True),
        ([0.3, 0.3], (0.115, 0.115), False),
        ([0.3, 0.4, 0.3], (), False),
    ],
)
def test_a_weak_face_is_alone_where_nobody_was_seen_on_any_frame(
    scores: list[float], supports: tuple[float | None, ...], is_alone: bool
) -> None:
    assert alone([track(scores)], around(*supports), RULE, SIZE) == ({3} if is_alone else set())


def test_a_large_face_is_alone_if_hardly_anything_was_seen_however_strong_it_is() -> None:
    box = at(100, 100, 400)
    for seen, lonely in ((0.1, {3}), (0.16, set[int]())):
        assert alone([track([0.9], box)], around(seen, box=box), RULE, SIZE) == lonely
    assert alone([track([0.9], box)], {}, RULE, SIZE) == set()
    assert alone([track([0.9, 0.9], box), track([0.9], at(100, 100))], around(0.1, 0.1, box=box), RULE, SIZE) == set()


def test_a_large_plate_that_was_found_surely_is_covered_and_a_weak_one_only_if_something_was_seen() -> None:
    box = at(100, 100, 400)
    for score, lonely in ((0.9, set[int]()), (0.6, {3})):
        plate = track([score] * 3, box, kind=PLATE)
        assert alone([plate], around(0.0, 0.0, 0.0, box=box, kind=PLATE), RULE, SIZE) == lonely


def test_all_pieces_of_a_subject_are_judged_together_and_others_apart() -> None:
    later = replace(track([0.3]), first=40)
    elsewhere = {40: Said(finds((at(102, 99), 0.3)))}
    assert alone([track([0.3]), later], around(0.0) | elsewhere, RULE, SIZE) == set()
    assert alone([track([0.3]), replace(later, id=4)], around(0.0) | elsewhere, RULE, SIZE) == {3}
    assert alone([track([0.3], kind=Kind.PLATE)], around(0.0), RULE, SIZE) == set()
    assert alone([track([0.3])], around(0.0, box=at(140, 99)), RULE, SIZE) == set()  # asked about another place


@pytest.mark.parametrize(("seen", "lonely"), [(0.49, {3}), (0.51, set[int]())])
def test_a_kind_needs_what_is_enough_for_it_and_others_nothing(seen: float, lonely: set[int]) -> None:
    of_plates = around(seen, 0, 0, kind=PLATE)
    assert alone([track([0.3, 0.4, 0.3], kind=PLATE)], of_plates, RULE, SIZE) == lonely
    assert alone([track([0.3, 0.4, 0.3], kind=PLATE)], around(0, 0, 0), RULE, SIZE) == set()  # asked about faces
    assert alone([track([0.3, 0.4, 0.3], kind=HEAD)], around(0, 0, 0), RULE, SIZE) == set()


def test_nobody_is_asked_without_such_targets_or_where_all_are_covered() -> None:
    faces = Settings(targets=frozenset({FACE}))
    assert context_of(faces, 1) is not None
    assert context_of(replace(faces, targets=frozenset({PLATE})), 1) is not None
    assert context_of(replace(faces, targets=frozenset({PERSON})), 1) is None
    assert context_of(replace(faces, detect=Detect(alone=0)), 1) is None
    heads = replace(faces, targets=frozenset({HEAD}))
    assert context_of(replace(heads, detect=Detect(alone=0, behind=0.2)), 1) is not None
    assert context_of(replace(heads, detect=Detect(alone=0, behind=0)), 1) is None
    assert context_of(load("journalist").settings, 1) is None


class Doubtful:
    """Finds what a real network finds, but faintly; and as faintly what is blue."""

    def __init__(self) -> None:
        (self.network,) = build(["centerface"], [FACE], 1)
        self.name, self.sha256, self.device = "doubtful", "0" * 64, "cpu"
        self.kinds, self.min_size = self.network.kinds, self.network.min_size
        self.max_reliable_size, self.max_input_side = self.network.max_reliable_size, self.network.max_input_side

    def detect(self, picture: NDArray[np.uint8]) -> Detections:
        found = self.network.detect(picture)
        blue = (picture[..., 0] > 200) & (picture[..., 2] < 80)
        count, _, stats, _ = cv2.connectedComponentsWithStats(blue.astype(np.uint8))
        lamps = finds(*(((x, y, x + w, y + h), 0.35) for x, y, w, h, _ in stats[1:count].tolist()))
        return Detections.concatenate([replace(found, score=found.score * np.float32(0.4)), lamps])

    def release_memory(self) -> None:
        """There is nothing to give back."""


def test_a_weak_face_with_somebody_around_it_is_covered_and_one_without_is_a_doubt(tmp_path: Path) -> None:
    pictures = face_pictures()
    for picture in pictures:
        picture[10:44, 270:300] = (0, 0, 255)
    film = make_video(tmp_path / "lamp.mp4", frames=pictures, options={"crf": "12"})
    settings = Settings(targets=frozenset({FACE}))
    for below, drawn in ((0.5, False), (0.0, True)):
        with open_source(film) as source:
            wanted = replace(settings, detect=replace(settings.detect, alone=below))
            made, _ = passes.detect(source, wanted, [Doubtful()], report.sha256(film))
        lonely = [one for one in made.doubts if one.raised is Raised.ALONE]
        assert (len(lonely), [one.drawn for one in lonely]) == ((0, []) if drawn else (1, [False]))
        said = "1 find unseen by another network, not covered: anonymize review asks about each"
        lines = [line.strip() for line in planned(made, [Fraction(n, 25) for n in range(made.about.frames)])]
        assert (said in lines) is not drawn
        weak = sum(one.drawn for one in made.doubts)
        assert [line for line in lines if "covered until" in line] == (
            [f"{counted(weak, 'doubt')}, covered until a person has answered (anonymize doubts)"] if weak else []
        )
        for index in range(made.about.frames):
            regions = [region.xyxy for region in made.at(index)]
            x0, y0, x1, y1 = face_box(index)
            assert any(a < x0 and b < y0 and c > x1 and d > y1 for a, b, c, d in regions), index
            assert any(a < 285 < c and b < 27 < d for a, b, c, d in regions) is drawn, index
    assert any(region.xyxy[0] < 285 < region.xyxy[2] for region in made.regions.at(5))


class Backs:
    """Finds a head wherever it is blue: a network that knows people sees nothing of a face there."""

    name, sha256, device = "backs", "0" * 64, "cpu"
    kinds = frozenset({HEAD})
    min_size: ClassVar[dict[Kind, float]] = {HEAD: 16.0}
    max_reliable_size: ClassVar[dict[Kind, float]] = {}
    max_input_side = 1280

    def detect(self, picture: NDArray[np.uint8]) -> Detections:
        blue = (picture[..., 0] > 200) & (picture[..., 2] < 80)
        count, _, stats, _ = cv2.connectedComponentsWithStats(blue.astype(np.uint8))
        return finds(*(((x, y, x + w, y + h), 0.9) for x, y, w, h, _ in stats[1:count].tolist()), kind=HEAD)

    def release_memory(self) -> None:
        """There is nothing to give back."""


def test_a_head_from_behind_is_a_doubt_that_is_not_drawn_and_passes_the_check(tmp_path: Path) -> None:
    """With `detect.behind` 0 it is covered; and the check of an output says so of one that nobody covered."""
    pictures = [picture.copy() for picture in face_pictures()]
    for picture in pictures:
        picture[10:44, 270:300] = (0, 0, 255)
    film = make_video(tmp_path / "back.mp4", frames=pictures, options={"crf": "12"})
    settings = Settings(targets=frozenset({HEAD}))
    for least, drawn in ((0.2, False), (0.0, True)):
        wanted = replace(settings, detect=replace(settings.detect, behind=least, detectors=("argus2:heads",)))
        with open_source(film) as source:
            made, _ = passes.detect(source, wanted, [Backs()], report.sha256(film))
        behind = [one for one in made.doubts if one.raised is Raised.BEHIND]
        assert [one.drawn for one in behind] == ([] if drawn else [False])
        for index in range(made.about.frames):
            assert bool(made.at(index)) is drawn, index
        lines = [line.strip() for line in planned(made, [Fraction(n, 25) for n in range(made.about.frames)])]
        said = "1 head seen from behind, not covered: anonymize review asks about each"
        assert (said in lines) is not drawn
        assert not any("unseen by another network" in line for line in lines)
        unplanned = replace(made, regions=Regions([]), doubts=())
        verified = examine(film, Evidence(plan=unplanned), wanted, [Backs()])
        assert bool(verified.leaks) is drawn
        if not drawn:  # what the plan says of it holds, also where looks at it by itself would not be enough
            every = replace(wanted, detect=replace(wanted.detect, behind=0.0))
            assert not examine(film, Evidence(plan=made), every, [Backs()]).leaks
            hidden = replace(made, doubts=tuple(replace(one, answer=Answer.HIDE) for one in made.doubts))
            assert examine(film, Evidence(plan=hidden), every, [Backs()]).leaks, "a person wanted it hidden"
