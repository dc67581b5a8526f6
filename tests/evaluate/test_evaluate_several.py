import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anonymize.data import Kind
from anonymize.errors import InputError, UnreadableInput, UsageError
from anonymize.evaluate import Score, Traced, combine, evaluate, evaluate_pairs, pairs
from anonymize.evaluate.interval import leak_interval, share_interval
from anonymize.evaluate.page import page
from anonymize.evaluate.truth import FrameTruth, write_truth
from anonymize.evaluate.truth.coco import read_coco
from tests.cli.test_cli import anonymize
from tests.evaluate.test_evaluate import BOX, FACE, LOSSLESS, SIZE, solid, subject, texture
from tests.helpers.media import make_image, make_video

FRAMES = 4
Clips = tuple[Path, Path]


def interval(rows) -> tuple[float, float]:
    found = leak_interval(rows)
    assert found is not None
    return found


def video(path, redact=lambda _, p: p, frames=FRAMES):
    path.parent.mkdir(parents=True, exist_ok=True)
    return make_video(path, frames=[redact(i, texture(i)) for i in range(frames)], **LOSSLESS)


def ours(path, frames=FRAMES):
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_truth(path, [FrameTruth(i, i / 25, SIZE, (FACE,)) for i in range(frames)])


def coco(path, names, *, categories=("face",), **annotation):
    x0, y0, x1, y1 = BOX
    box = {"bbox": [x0, y0, x1 - x0, y1 - y0], "category_id": 1, **annotation}
    content = {
        "categories": [{"id": i, "name": name} for i, name in enumerate(categories, 1)],
        "images": [{"id": 7 + i, "file_name": n, "width": SIZE[0], "height": SIZE[1]} for i, n in enumerate(names)],
        "annotations": [{"id": i, "image_id": 7 + i, **box} for i in range(len(names))],
    }
    path.write_text(json.dumps(content))
    return path


def mot(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    return path


def mot_row(frame, *rest, number=1):
    return frame, number, BOX[0] + 1, BOX[1] + 1, BOX[2] - BOX[0], BOX[3] - BOX[1], *rest


@pytest.fixture
def clips(tmp_path):
    """One clip of four frames, leaking on the last, and its copy."""
    original = video(tmp_path / "o.mkv")
    return original, video(tmp_path / "r.mkv", lambda i, p: p if i == FRAMES - 1 else solid(p))


# Truth in other formats


def test_every_format_gives_the_same_figures(clips: Clips, tmp_path):
    truths = [
        ours(tmp_path / "t.jsonl"),
        coco(tmp_path / "t.json", [f"{i}.png" for i in range(FRAMES)], track_id=1),
        mot(tmp_path / "t.txt", [mot_row(i + 1) for i in range(FRAMES)]),
    ]
    found = [evaluate(*clips, truth) for truth in truths]
    assert [f.total for f in found] == [Score(4, 1, 1, 1)] * 3
    assert [f.collateral for f in found] == [0.0] * 3


def test_coco_without_tracks_makes_every_box_a_subject(clips: Clips, tmp_path):
    found = evaluate(*clips, coco(tmp_path / "t.json", [f"f{i:03d}.png" for i in range(FRAMES)]))
    assert found.total == Score(4, 1, 4, 1)


def test_coco_frames_come_in_the_order_of_their_numbers(clips: Clips, tmp_path):
    names = ["frame10.png", "frame2.png", "frame1.png", "frame9.png"]
    path = coco(tmp_path / "t.json", names, track_id=1)
    content = json.loads(path.read_text())
    content["annotations"] = content["annotations"][:1]  # frame 10: the last one
    path.write_text(json.dumps(content))
    assert [leak.frame for leak in evaluate(*clips, path).leaks] == [3]
    content["images"] = [{**image, "frame_index": i} for i, image in enumerate(content["images"])]
    path.write_text(json.dumps(content))
    assert evaluate(*clips, path).leaks == ()


@pytest.mark.parametrize("ignored", [{"iscrowd": 1}, {"ignore": True}])
def test_coco_crowds_are_ignored(clips: Clips, tmp_path, ignored):
    found = evaluate(*clips, coco(tmp_path / "t.json", list("abcd"), **ignored))
    assert (found.total.boxes, found.uncounted) == (0, FRAMES)


def test_coco_categories_are_recognised_by_their_names(clips: Clips, tmp_path):
    found = evaluate(*clips, coco(tmp_path / "t.json", list("abcd"), categories=["License_Plate", "person"]))
    assert set(found.by_kind) == {"plate"}
    with pytest.raises(UnreadableInput, match="no category is a face or a plate: person"):
        evaluate(*clips, coco(tmp_path / "t.json", list("abcd"), categories=["person"]))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("face", "face"), ("Human face", "face"), ("faces", "face"), ("HumanFace", "face"), ("face_1", "face"),
        ("plate", "plate"), ("Plates", "plate"), ("LicensePlate", "plate"), ("licence-plate", "plate"),
        ("numberplates", "plate"), ("Vehicle registration plate", "plate"),
        ("surface", ""), ("template", ""), ("hot plate", ""), ("hotplate", ""), ("Interface", ""), ("plated", ""),
    ],
)  # fmt: skip
def test_coco_categories_count_by_whole_words(tmp_path, name, kind):
    path = coco(tmp_path / "t.json", ["a.png"], categories=[name])
    if kind:
        assert {one.kind.label for frame in read_coco(path).images.values() for one in frame.subjects} == {kind}
    else:
        with pytest.raises(UnreadableInput, match="no category is a face or a plate"):
            read_coco(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda c: c["annotations"][2].update(category_id=9),
            "annotation 2 is of category 9, which is not in the file",
        ),
        (lambda c: c["annotations"][1].update(image_id=99), "annotation 1 is of image 99, which is not in the file"),
        (lambda c: c["images"][1].update(id=7), "two images have the same id"),
        (lambda c: c["categories"].append({"id": 1, "name": "person"}), "two categories have the same id"),
    ],
)
def test_a_coco_label_that_belongs_nowhere_is_an_error(tmp_path, change, said):
    path = coco(tmp_path / "t.json", list("abcd"))
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(UnreadableInput, match=rf"t\.json: .*{said}"):
        read_coco(path)


def test_a_kind_of_our_own_truth_is_measured_alone(clips: Clips, tmp_path):
    head = replace(FACE, id=2, kind=Kind.HEAD)
    path = write_truth(tmp_path / "t.jsonl", [FrameTruth(i, i / 25, SIZE, (FACE, head)) for i in range(FRAMES)])
    assert set(evaluate(*clips, path).by_kind) == {"face", "head"}
    alone = evaluate(*clips, path, Kind.HEAD)
    assert (set(alone.by_kind), alone.total.boxes, alone.uncounted) == ({"head"}, FRAMES, FRAMES)
    assert alone.blocks == evaluate(*clips, path).blocks
    said = r"no label is a hat .*: face, head"
    with pytest.raises(UsageError, match=said):
        evaluate(*clips, path, Kind.named("hat"))
    with pytest.raises(UsageError, match=said):
        pairs(*clips, path, Kind.named("hat"))


def test_in_a_folder_a_kind_may_be_missing_in_some_files(tmp_path):
    head = replace(FACE, kind=Kind.HEAD)
    for name, one in (("a", FACE), ("b", head)):
        for folder in ("in", "out"):
            video(tmp_path / folder / f"{name}.mkv")
        write_truth((tmp_path / "in" / name).with_suffix(".jsonl"), [FrameTruth(0, 0.0, SIZE, (one,))])
    assert len(pairs(tmp_path / "in", tmp_path / "out", tmp_path / "in", Kind.HEAD)) == 2
    with pytest.raises(UsageError, match=r"ground truth: no label is a hat .*: face, head"):
        pairs(tmp_path / "in", tmp_path / "out", tmp_path / "in", Kind.named("hat"))


def test_mot_has_no_kinds_and_may_end_early(clips: Clips, tmp_path):
    found = evaluate(*clips, mot(tmp_path / "t.txt", [mot_row(1), mot_row(2)]), Kind.PLATE)
    assert found.by_kind == {"plate": Score(2, 0, 1, 0)}
    assert found.frames == FRAMES


@pytest.mark.parametrize(("rest", "counted"), [((1, 1, 0.4), 0), ((0, 1, 1.0), 0), ((1, 1, 0.6), 4), ((1, 1, -1), 4)])
def test_mot_flags_and_visibility(clips: Clips, tmp_path, rest, counted):
    found = evaluate(*clips, mot(tmp_path / "t.txt", [mot_row(i + 1, *rest) for i in range(FRAMES)]))
    assert found.total.boxes == counted


def test_a_truth_of_a_longer_video_is_an_error(clips: Clips, tmp_path):
    with pytest.raises(InputError, match="belongs to another video"):
        evaluate(*clips, mot(tmp_path / "t.txt", [mot_row(FRAMES + 1)]))
    with pytest.raises(InputError, match="belongs to another video"):
        evaluate(*clips, ours(tmp_path / "t.jsonl", FRAMES + 1))
    with pytest.raises(InputError, match=r"t\.json end after 3 frames"):
        evaluate(*clips, coco(tmp_path / "t.json", list("abc")))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.txt", "1,1,5,5,9\n", "line 1"),
        ("t.txt", "1,1,5,5,9,9\n0,1,5,5,9,9\n", "line 2"),
        ("t.txt", "1,1,5,5,0,9\n", "width"),
        ("t.txt", "frame,id\n", "line 1"),
        ("t.json", "[]", "COCO"),
        ("t.json", '{"images": []}', "COCO"),
        ("t.json", "no", "not JSON"),
        ("t.xml", "<a/>", "not '.xml'"),
    ],
)
def test_what_is_no_truth_is_named(clips: Clips, tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(UnreadableInput, match=message):
        evaluate(*clips, tmp_path / name)


# Folders


@pytest.fixture
def folders(tmp_path):
    """Two originals, what two tools made of them under other suffixes, and truth of two formats."""
    video(tmp_path / "o" / "a.mkv")
    video(tmp_path / "o" / "sub" / "b.mkv")
    video(tmp_path / "r" / "a.mkv", lambda _, p: solid(p))
    video(tmp_path / "r" / "sub" / "b.mkv")
    ours(tmp_path / "t" / "a.jsonl")
    mot(tmp_path / "t" / "sub" / "b" / "gt" / "gt.txt", [mot_row(i + 1) for i in range(FRAMES)])
    return tmp_path / "o", tmp_path / "r", tmp_path / "t"


def test_folders_are_paired_by_name(folders):
    results = list(evaluate_pairs(pairs(*folders)))
    assert [pair.name for pair, _ in results] == ["a.mkv", "sub/b.mkv"]
    assert [result.total.leaked for _, result in results] == [0, 4]
    together = combine(result for _, result in results)
    assert together.total == Score(8, 4, 2, 1)
    assert len(together.subjects) == 2


def test_another_suffix_is_the_same_name(folders):
    redacted = folders[1] / "a.mkv"
    redacted.rename(redacted.with_suffix(".mp4"))
    assert pairs(*folders)[0].redacted.suffix == ".mp4"
    (folders[1] / "a.webm").write_bytes(b"")
    with pytest.raises(InputError, match="more than one file"):
        pairs(*folders)


def test_a_missing_partner_is_an_error_not_a_pass(folders):
    (folders[1] / "a.mkv").unlink()
    with pytest.raises(InputError, match=r"a\.mkv: no file of this name"):
        pairs(*folders)


def test_a_missing_truth_is_an_error(folders):
    (folders[2] / "a.jsonl").unlink()
    with pytest.raises(InputError, match="no ground truth"):
        pairs(*folders)


def test_what_does_not_go_together_is_refused(folders, tmp_path):
    with pytest.raises(InputError, match="two files or two folders"):
        pairs(folders[0], folders[1] / "a.mkv", folders[2])
    with pytest.raises(UnreadableInput, match="no such file"):
        pairs(folders[0], tmp_path / "gone", folders[2])
    with pytest.raises(UnreadableInput, match="no video and no picture"):
        pairs(folders[2], folders[1], folders[2])
    with pytest.raises(InputError, match="one COCO file"):
        pairs(folders[0], folders[1], folders[2] / "a.jsonl")


def test_pictures_find_themselves_in_one_coco_file(tmp_path):
    for folder, change in (("o", lambda p: p), ("r", solid)):
        (tmp_path / folder).mkdir()
        for index, name in enumerate(("a.png", "b.png")):
            make_image(tmp_path / folder / name, picture=change(texture(index)) if name == "a.png" else texture(index))
    truth = coco(tmp_path / "t.json", ["images/a.png", "images/b.png"])
    results = dict(evaluate_pairs(pairs(tmp_path / "o", tmp_path / "r", truth)))
    assert {pair.name: result.total.leaked for pair, result in results.items()} == {"a.png": 0, "b.png": 1}
    (only,) = pairs(tmp_path / "o" / "b.png", tmp_path / "r" / "b.png", truth)
    assert evaluate(only.original, only.redacted, only.truth).total.leaked == 1
    make_image(tmp_path / "o" / "c.png", picture=texture())
    make_image(tmp_path / "r" / "c.png", picture=texture())
    with pytest.raises(UnreadableInput, match=r"no image c\.png"):
        pairs(tmp_path / "o", tmp_path / "r", truth)


def test_a_turned_picture_is_compared_upright(tmp_path):
    sideways = np.ascontiguousarray(np.rot90(texture(), 1))
    original = make_image(tmp_path / "o.jpg", picture=sideways, orientation=6)
    upright = make_image(tmp_path / "r.jpg", picture=solid(texture()))
    assert evaluate(original, upright, ours(tmp_path / "t.jsonl", 1)).total == Score(1, 0, 1, 0)
    leaking = make_image(tmp_path / "l.jpg", picture=texture())
    assert evaluate(original, leaking, ours(tmp_path / "t.jsonl", 1)).total == Score(1, 1, 1, 1)


# How sure


def test_wilson_is_that_of_the_books():
    assert share_interval(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert share_interval(0, 0) is None


def test_frames_of_one_subject_are_no_independent_trials():
    one_in_ten = [(60, 60)] * 10 + [(60, 0)] * 90
    low, high = interval(one_in_ten)
    naive = share_interval(600, 6000)
    assert naive is not None
    assert low < 0.06 < 0.14 < high
    assert high - low > 5 * (naive[1] - naive[0])
    assert leak_interval(one_in_ten) == (low, high)  # seeded


@pytest.mark.parametrize("n", [1, 10, 100])
def test_no_leak_is_no_proof(n):
    low, high = interval([(60, 0)] * n)
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / n))
    low, high = interval([(60, 60)] * n)
    assert low == pytest.approx(0.025 ** (1 / n))
    assert high == 1


def test_nothing_counted_has_no_interval():
    assert leak_interval([]) is None
    assert leak_interval([(0, 0)]) is None


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """Subjects that leak wholly with chance 0.2, of unequal length: 95% of intervals should hold 0.2."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        lengths = rng.integers(5, 60, 80)
        leaks = rng.random(80) < 0.2
        low, high = interval([(int(n), int(n * leak)) for n, leak in zip(lengths, leaks, strict=True)])
        hits += low <= 0.2 <= high
    assert hits >= 180


def test_subjects_keep_their_frames_by_size():
    found = combine([])
    assert found.interval() is None
    traced = Traced(1, "face", {"16-32": (5, 1), "64+": (7, 0)})
    assert (traced.counts(), traced.counts("16-32"), traced.counts("12-16")) == ((12, 1), (5, 1), (0, 0))


# The page and the command


def test_the_page_tells_the_figures_and_stands_alone(clips: Clips, tmp_path):
    found = evaluate(*clips, ours(tmp_path / "t.jsonl"))
    text = page([("<b>.mkv", found), ("other.mkv", found)])
    assert "<h1>25.0% leaked</h1>" in text
    assert "&lt;b&gt;.mkv" in text
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert text.count('class="whisker"') == 2
    assert "face 1" in text


def test_a_page_of_nothing_is_no_pass(clips: Clips, tmp_path):
    write_truth(tmp_path / "t.jsonl", [FrameTruth(i, i / 25, SIZE, (subject(ignore=True),)) for i in range(FRAMES)])
    text = page([("a", evaluate(*clips, tmp_path / "t.jsonl"))])
    assert "That is not a pass" in text
    assert 'class="verdict unsure"' in text


def test_leaks_are_counted_by_second(tmp_path):
    original, redacted = (video(tmp_path / n, frames=30) for n in ("o.mkv", "r.mkv"))
    found = evaluate(original, redacted, ours(tmp_path / "t.jsonl", 30))
    assert found.by_second == {0: (25, 25), 1: (5, 5)}
    assert "By time" in page([("a", found)])


def test_the_command(folders, tmp_path):
    done = anonymize("evaluate", *folders, "--html", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert "50.0%" in done.stdout
    assert "collateral 0.0%" in done.stdout
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    done = anonymize("evaluate", *folders, "--json")
    *lines, _ = (json.loads(line) for line in done.stdout.splitlines())
    assert [line["event"] for line in lines] == ["file", "file", "total"]
    assert lines[-1]["total"]["leaked"] == 4
    assert lines[-1]["total"]["leak_interval"][1] <= 1.0
    done = anonymize("evaluate", folders[0], tmp_path / "gone", folders[2])
    assert (done.returncode, "Traceback" in done.stderr) == (3, False)
