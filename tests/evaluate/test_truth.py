import json

import pytest

from anonymize.data import Kind
from anonymize.errors import UnreadableInput
from anonymize.evaluate.truth import FrameTruth, Subject, clipped, read_truth, write_truth

FRAMES = [
    FrameTruth(0, 0.0, (64, 48), (Subject(3, Kind.FACE, (1.0, 2.0, 11.0, 22.0), 20.0),)),
    FrameTruth(1, 0.04, (64, 48), (Subject(7, Kind.PLATE, (0.0, 2.0, 30.5, 10.0), 8.0, 0.75, True),)),
    FrameTruth(2, 0.08, (64, 48)),
]


def test_what_is_written_is_read_again(tmp_path):
    assert list(read_truth(write_truth(tmp_path / "t.jsonl", FRAMES))) == FRAMES


def _line(*, frame=0, **subject):
    whole = {"id": 1, "kind": "face", "xyxy": [0, 0, 9, 9], "height": 9} | subject
    return json.dumps({"frame": frame, "time": 0, "size": [64, 48], "subjects": [whole]})


@pytest.mark.parametrize(
    "line",
    [
        "",
        "not json",
        "[]",
        '{"frame": 0}',
        _line(kind="Cat"),
        _line(kind=3),
        _line(kind=["face"]),
        _line(kind=None),
        _line(id="a"),
        _line(xyxy=None),
        _line(xyxy=[9, 0, 9, 9]),
        _line(xyxy=[0, 0, 65, 9]),
        _line(xyxy=[0, 0, 9]),
        _line(frame=1),
    ],
    ids=[
        "empty",
        "no json",
        "list",
        "keys missing",
        "kind",
        "a number for a kind",
        "a list for a kind",
        "no kind",
        "a word for a number",
        "no box",
        "empty box",
        "box outside",
        "three numbers",
        "number",
    ],
)
def test_a_bad_line_is_named(tmp_path, line):
    file = tmp_path / "t.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(UnreadableInput, match=r"t\.jsonl, line 1"):
        list(read_truth(file))


def test_a_line_left_out_is_noticed(tmp_path):
    file = write_truth(tmp_path / "t.jsonl", FRAMES)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], lines[2]]) + "\n")
    with pytest.raises(UnreadableInput, match="expected frame 1, got 2"):
        list(read_truth(file))


def test_each_frame_is_one_line_of_json(tmp_path):
    lines = write_truth(tmp_path / "t.jsonl", FRAMES).read_text().splitlines()
    assert [json.loads(line)["frame"] for line in lines] == [0, 1, 2]


def test_a_box_at_the_border_is_clipped_and_keeps_its_height():
    subject = clipped(1, Kind.FACE, (-10.0, 10.0, 10.0, 30.0), (64, 48))
    assert subject == Subject(1, Kind.FACE, (0.0, 10.0, 10.0, 30.0), 20.0, 0.5)


@pytest.mark.parametrize("box", [(-10.0, 0.0, 0.0, 9.0), (64.0, 0.0, 70.0, 9.0), (0.0, 48.0, 9.0, 60.0)])
def test_a_box_out_of_view_is_no_subject(box):
    assert clipped(1, Kind.FACE, box, (64, 48)) is None
