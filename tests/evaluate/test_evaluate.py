import json
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import pytest

from anonymize.data import Kind
from anonymize.errors import InputError, UnreadableInput
from anonymize.evaluate import Evaluation, Score, bucket, collateral, combine, evaluate, survival
from anonymize.evaluate.truth import FrameTruth, Subject, write_truth
from tests.helpers.media import make_video, truncate

SIZE = (192, 128)
BOX = (64.0, 32.0, 128.0, 96.0)
LOSSLESS: dict[str, Any] = {"codec": "ffv1"}


def texture(index=0, *, seed=0, size=SIZE):
    """Detail of about the size that a face has in its box, the same in every channel, moving a little."""
    noise = np.random.default_rng(seed).normal(0, 1, (size[1] + 32, size[0] + 32)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.0)
    grey = np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)
    return np.repeat(grey[index : index + size[1], index : index + size[0], None], 3, axis=2)


def solid(picture, box=BOX):
    x0, y0, x1, y1 = (int(v) for v in box)
    picture = picture.copy()
    picture[y0:y1, x0:x1] = 0
    return picture


def blurred(picture):
    return cv2.GaussianBlur(picture, (0, 0), 30)


def subject(id=1, *, box=BOX, kind=Kind.FACE, **more):
    return Subject(id, kind, box, box[3] - box[1], **more)


FACE = subject()


@pytest.fixture
def case(tmp_path):
    """Write an original of 5 frames, a redacted one and their truth, and evaluate them."""

    def run(redact, subjects=(FACE,), *, frames=5, **how):
        pictures = [texture(i) for i in range(frames)]
        original = make_video(tmp_path / "original.mkv", frames=pictures, **LOSSLESS)
        redacted = make_video(
            tmp_path / "redacted.mkv", frames=[redact(i, p) for i, p in enumerate(pictures)], **LOSSLESS, **how
        )
        lines = [FrameTruth(i, i / 25, SIZE, tuple(subjects)) for i in range(frames)]
        return evaluate(original, redacted, write_truth(tmp_path / "truth.jsonl", lines))

    return run


# The three figures


def test_a_copy_leaks_everything_and_costs_nothing(case):
    found = case(lambda _, p: p)
    assert found.total == Score(boxes=5, leaked=5, subjects=1, exposed=1)
    assert (found.total.leak_rate, found.total.exposed_rate, found.collateral) == (1.0, 1.0, 0.0)
    assert [leak.frame for leak in found.leaks] == [0, 1, 2, 3, 4]
    assert found.leaks[0].survived == 1.0


def test_a_whole_frame_blur_leaks_nothing_and_costs_everything(case):
    found = case(lambda _, p: blurred(p))
    assert found.total == Score(boxes=5, leaked=0, subjects=1, exposed=0)
    assert found.collateral == 1.0


def test_a_solid_box_leaks_nothing_and_costs_nothing(case):
    found = case(lambda _, p: solid(p))
    assert (found.total.leaked, found.collateral) == (0, 0.0)


def test_one_missed_frame_exposes_the_subject(case):
    found = case(lambda i, p: p if i == 3 else solid(p))
    assert found.total == Score(boxes=5, leaked=1, subjects=1, exposed=1)
    assert found.total.leak_rate == 0.2
    assert [(leak.frame, leak.id, leak.kind) for leak in found.leaks] == [(3, 1, "face")]


def test_subjects_kinds_and_heights_are_distinguished(case):
    low = (8.0, 100.0, 60.0, 124.0)
    found = case(lambda _, p: solid(p), [subject(1), subject(2, box=low, kind=Kind.PLATE)])
    assert found.by_kind == {"face": Score(5, 0, 1, 0), "plate": Score(5, 5, 1, 1)}
    assert found.by_height == {"12-16": Score(), "16-32": Score(5, 5, 1, 1), "32-64": Score(), "64+": Score(5, 0, 1, 0)}
    assert found.total == Score(10, 5, 2, 1)


HEAD = subject(7, box=(56.0, 20.0, 136.0, 108.0), kind=Kind.HEAD)


def test_who_is_labelled_as_face_and_as_head_counts_once_among_the_people(case):
    stranger = subject(1, box=(4.0, 40.0, 44.0, 90.0), kind=Kind.HEAD)
    found = case(lambda _, p: p, [FACE, HEAD, stranger])
    assert (found.total.subjects, found.total.exposed, found.total.boxes) == (2, 2, 15)
    assert {kind: score.subjects for kind, score in found.by_kind.items()} == {"face": 1, "head": 2}
    assert found.by_height["64+"].subjects == 1


@pytest.mark.parametrize(
    ("head", "people"),
    [
        (subject(7, box=(100.0, 20.0, 180.0, 108.0), kind=Kind.HEAD), 2),
        (subject(7, box=HEAD.xyxy, kind=Kind.PLATE), 2),
        (subject(7, box=HEAD.xyxy, kind=Kind.HEAD, ignore=True), 1),
    ],
    ids=["beside it", "no head", "ignored"],
)
def test_a_face_in_no_head_is_somebody_of_its_own(case, head, people):
    found = case(lambda _, p: p, [FACE, head])
    assert found.total.subjects == people
    assert found.by_kind["face"].subjects == 1


def test_a_face_in_a_hidden_head_is_hidden_and_its_head_costs_nothing_where_faces_alone_are_labelled(case):
    hidden = case(lambda _, p: solid(p, HEAD.xyxy), [FACE, HEAD])
    assert (hidden.total.leaked, hidden.total.exposed) == (0, 0)
    assert case(lambda _, p: solid(p, HEAD.xyxy)).collateral == 0.0


@pytest.mark.parametrize(
    "hidden",
    [
        subject(ignore=True),
        subject(visible=0.49),
        subject(box=(64.0, 32.0, 128.0, 43.5)),
        Subject(1, Kind.FACE, (64.0, 32.0, 67.0, 96.0), 64.0),
    ],
    ids=["ignored", "mostly hidden", "under 12 px", "too narrow for cells"],
)
def test_what_cannot_be_measured_is_not_counted(case, hidden):
    found = case(lambda _, p: p, [hidden])
    assert (found.total, found.uncounted) == (Score(), 5)
    assert found.total.leak_rate is None


def test_a_flat_box_is_not_counted(case):
    flat = solid(texture())
    assert survival(flat[..., 0], flat[..., 0], BOX)[0] <= 12  # only the cells that the border's edge reaches into
    inner = (76.0, 44.0, 116.0, 84.0)
    assert survival(flat[..., 0], flat[..., 0], inner) == (0, 0)


# A cell and its threshold


@pytest.mark.parametrize(
    ("change", "surviving"),
    [
        (lambda d: d, 16),
        (lambda d: 0.5 * d, 16),
        (lambda d: 0.35 * d, 16),
        (lambda d: 0.25 * d, 0),
        (lambda d: -d, 0),
        (lambda d: d + 40, 16),
        (lambda d: d[:, ::-1], 0),
    ],
    ids=["same", "half", "35%", "25%", "inverted", "brighter", "mirrored"],
)
def test_detail_survives_in_amount_and_in_shape(change, surviving):
    before = np.clip(texture()[..., 0], 60, 180)
    detail = before.astype(np.float32) - 120
    after = np.clip(120 + change(detail), 0, 255).astype(np.uint8)
    informative, survived = survival(before, after, BOX)
    assert informative == 16
    assert abs(survived - surviving) <= (1 if surviving == 0 else 0)


@pytest.mark.parametrize(("cells", "leaks"), [(0, False), (3, False), (4, True), (16, True)])
def test_a_box_leaks_when_over_a_fifth_of_its_cells_survives(case, cells, leaks):
    def cover(_, picture):
        x0, y0 = int(BOX[0]), int(BOX[1])
        covered = picture.copy()
        for cell in range(cells, 16):
            row, column = divmod(cell, 4)
            covered[y0 + 16 * row :, x0 + 16 * column :][:16, :16] = 128
        return covered

    assert bool(case(cover).total.leaked) is leaks


def test_detail_in_the_last_row_and_column_counts():
    before = texture()[..., 0]
    corner = (SIZE[0] - 16.0, SIZE[1] - 16.0, float(SIZE[0]), float(SIZE[1]))
    after = before.copy()
    after[-16:-4, -16:-4] = 0
    informative, surviving = survival(before, after, corner)
    assert informative == 16
    assert surviving >= 3


# Collateral


def test_a_change_near_a_subject_costs_nothing_and_one_further_off_does():
    before = texture()[..., 0]
    near, far = before.copy(), before.copy()
    near[32:48, 48:64] = 0
    far[0:16, 0:16] = 0
    assert collateral(before, near, [BOX])[1] == 0
    assert collateral(before, far, [BOX])[1] == 1
    assert collateral(before, near, [])[1] >= 1


def test_blocks_outside_every_grown_box_are_counted():
    before = texture()[..., 0]
    everywhere = (SIZE[0] // 16) * (SIZE[1] // 16)
    assert collateral(before, before, []) == (everywhere, 0)
    assert collateral(before, before, [BOX])[0] == everywhere - 10 * 8
    assert collateral(before, before, [(-50.0, -50.0, 400.0, 400.0)]) == (0, 0)


def test_a_picture_smaller_than_a_block_has_no_collateral():
    tiny = texture(size=(12, 12))[..., 0]
    assert collateral(tiny, tiny, []) == (0, 0)


# What does not belong together


@pytest.mark.parametrize("lost", [0, 2, 4])
def test_a_lost_frame_is_an_error(case, tmp_path, lost):
    case(lambda _, p: p)
    pictures = [texture(i) for i in range(5) if i != lost]
    make_video(tmp_path / "redacted.mkv", frames=pictures, **LOSSLESS)
    with pytest.raises(InputError, match=r"redacted\.mkv end after 4 frames"):
        evaluate(tmp_path / "original.mkv", tmp_path / "redacted.mkv", tmp_path / "truth.jsonl")


def test_a_shorter_truth_is_an_error(case, tmp_path):
    case(lambda _, p: p)
    lines = (tmp_path / "truth.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "truth.jsonl").write_text("".join(lines[:4]))
    with pytest.raises(InputError, match=r"truth\.jsonl end after 4 frames"):
        evaluate(tmp_path / "original.mkv", tmp_path / "redacted.mkv", tmp_path / "truth.jsonl")


def test_another_size_is_an_error(case, tmp_path):
    case(lambda _, p: p)
    make_video(tmp_path / "redacted.mkv", frames=[texture(i, size=(96, 64)) for i in range(5)], **LOSSLESS)
    with pytest.raises(InputError, match=r"redacted\.mkv 96x64"):
        evaluate(tmp_path / "original.mkv", tmp_path / "redacted.mkv", tmp_path / "truth.jsonl")


def test_changed_timing_is_an_error(case):
    with pytest.raises(InputError, match=r"frame 2 of redacted\.mkv is shown \+0\.0800 s apart"):
        case(lambda _, p: p, pts=[0, 40, 160, 200, 240], time_base=Fraction(1, 1000))


def test_a_later_start_and_another_clock_are_no_error(case, tmp_path):
    assert case(lambda _, p: p, pts=[40, 80, 120, 160, 200], time_base=Fraction(1, 1000)).frames == 5
    original = make_video(tmp_path / "a.mp4", frames=[texture(i) for i in range(5)], rate=Fraction(30000, 1001))
    other = make_video(tmp_path / "b.mkv", frames=[texture(i) for i in range(5)], rate=Fraction(30000, 1001))
    assert evaluate(original, other, tmp_path / "truth.jsonl").frames == 5


def test_rotation_is_applied_before_the_comparison(tmp_path):
    upright = [texture(i) for i in range(3)]
    sideways = [np.ascontiguousarray(np.rot90(p, -1)) for p in upright]
    original = make_video(tmp_path / "a.mkv", frames=sideways, rotation=90, **LOSSLESS)
    baked = make_video(tmp_path / "b.mkv", frames=[solid(p) for p in upright], **LOSSLESS)
    lines = [FrameTruth(i, i / 25, SIZE, (subject(),)) for i in range(3)]
    found = evaluate(original, baked, write_truth(tmp_path / "t.jsonl", lines))
    assert (found.total.leaked, found.total.boxes, found.collateral) == (0, 3, 0.0)


def test_of_several_video_streams_the_one_that_a_run_takes_is_compared(tmp_path):
    """A small one comes first in the file, as a thumbnail track does; the second is the default."""
    pictures = [texture(i) for i in range(5)]
    original = tmp_path / "original.mkv"
    with av.open(str(original), "w") as file:
        small, large = (file.add_stream("ffv1", rate=25, width=w, height=h) for w, h in ((96, 64), SIZE))
        for i, picture in enumerate(pictures):
            for stream, shown in ((small, cv2.resize(picture, (96, 64))), (large, picture)):
                frame = av.VideoFrame.from_ndarray(shown, "rgb24").reformat(format="yuv420p")
                frame.pts, frame.time_base = i, Fraction(1, 25)
                file.mux(stream.encode(frame))
        for stream in (small, large):
            file.mux(stream.encode(None))
    redacted = make_video(tmp_path / "redacted.mkv", frames=[solid(picture) for picture in pictures], **LOSSLESS)
    lines = [FrameTruth(i, i / 25, SIZE, (FACE,)) for i in range(5)]
    found = evaluate(original, redacted, write_truth(tmp_path / "truth.jsonl", lines))
    assert (found.total.boxes, found.total.leaked) == (5, 0)


def test_a_file_that_is_no_video_is_unreadable(case, tmp_path):
    case(lambda _, p: p)
    (tmp_path / "redacted.mkv").write_text("no video")
    with pytest.raises(UnreadableInput, match=r"redacted\.mkv"):
        evaluate(tmp_path / "original.mkv", tmp_path / "redacted.mkv", tmp_path / "truth.jsonl")


def test_a_truncated_copy_is_an_error(case, tmp_path):
    case(lambda _, p: p)
    truncate(tmp_path / "redacted.mkv", 0.6)
    with pytest.raises(InputError):
        evaluate(tmp_path / "original.mkv", tmp_path / "redacted.mkv", tmp_path / "truth.jsonl")


# Results


@pytest.mark.parametrize(
    ("height", "name"),
    [(11.99, None), (12, "12-16"), (15.99, "12-16"), (16, "16-32"), (32, "32-64"), (64, "64+"), (900, "64+")],
)
def test_buckets_are_half_open(height, name):
    assert bucket(height) == name


def test_results_add_up_and_become_json(case):
    one, other = case(lambda _, p: p), case(lambda _, p: solid(p))
    both = combine([one, other])
    assert both.total == Score(boxes=10, leaked=5, subjects=2, exposed=1)
    assert (both.frames, both.blocks, both.lost) == (10, one.blocks + other.blocks, 0)
    assert both.by_height["64+"] == both.by_kind["face"] == both.total
    result = json.loads(json.dumps(one.as_dict()))
    assert result["total"]["leak_rate"] == 1.0
    assert result["leaks"][0] == {"frame": 0, "id": 1, "kind": "face", "height": 64.0, "survived": 1.0}


def test_nothing_counted_is_no_pass():
    nothing = combine([])
    assert isinstance(nothing, Evaluation)
    assert (nothing.total.leak_rate, nothing.total.exposed_rate, nothing.collateral) == (None, None, None)
