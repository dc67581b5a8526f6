import json
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from anonymize.data import Kind
from anonymize.evaluate.truth import read_truth
from anonymize.samples.camera import Shot, Still, film
from anonymize.samples.plates import DESIGNS, render_plate
from benchmarks import clips as clip_sets
from benchmarks import compare as compare_module
from benchmarks import platedet_solid, report, tools
from benchmarks.__main__ import app
from benchmarks.clips import Clip, face_clips, long_clip, plate_clips
from benchmarks.compare import BenchmarkBroken, check_blur, compare, run_tool, summary
from benchmarks.process import ToolFailed, measure
from benchmarks.tools import Tool, Unavailable
from tests.helpers.media import probe
from training.sources import BY_NAME

PYTHON = sys.executable
COPY = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])"


def program(code, name="copy", *, folder=False):
    """A tool that is a line of Python, given input, output and folder."""
    return Tool(name, "1.0", lambda a, b, c: [PYTHON, "-c", code, str(a), str(b), str(c)], folder)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A short clip over a still that is full of detail everywhere."""
    rng = np.random.default_rng(0)
    picture = np.kron(rng.integers(40, 215, (35, 60, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    plate = render_plate(rng, design=DESIGNS[0], height=64).picture
    picture[100 : 100 + plate.shape[0], 80 : 80 + plate.shape[1]] = plate
    box = (80.0, 100.0, 80.0 + plate.shape[1], 100.0 + plate.shape[0])
    video = tmp_path_factory.mktemp("clip") / "00.mp4"
    return Clip(
        video, film(video, Still(picture, [(Kind.PLATE, box, False)]), Shot(size=(320, 192), frames=8, burst=0))
    )


# Processes


def test_a_process_is_measured_with_its_children(tmp_path):
    hold = "import time; x = bytearray(120 << 20); time.sleep(0.8)"
    parent = f"import subprocess, sys; x = bytearray(60 << 20); subprocess.run([sys.executable, '-c', {hold!r}])"
    usage = measure([PYTHON, "-c", parent], log=tmp_path / "log")
    assert 0.8 <= usage.seconds < 10
    assert 120 < usage.largest < 180
    assert usage.together > usage.largest + 55


def test_a_failing_process_says_why(tmp_path):
    with pytest.raises(ToolFailed, match="exit code 3: no such face"):
        measure([PYTHON, "-c", "import sys; print('no such face'); sys.exit(3)"], log=tmp_path / "log")


def test_a_tool_without_an_output_failed(clip, tmp_path):
    with pytest.raises(ToolFailed, match="no output"):
        run_tool(program("pass"), clip.video, tmp_path / "scratch")
    with pytest.raises(ToolFailed, match="found 0"):
        run_tool(program("pass", folder=True), clip.video, tmp_path / "scratch")


def test_a_tool_may_name_its_output_itself(clip, tmp_path):
    code = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[3] + '/00_safe.mp4')"
    _, output = run_tool(program(code, folder=True), clip.video, tmp_path / "scratch")
    assert output.name == "00_safe.mp4"


# Comparisons


def test_tools_are_compared_and_a_failure_is_no_pass(clip, tmp_path):
    said: list[str] = []
    tried = [program(COPY), program("import sys; sys.exit('broken')", "broken")]
    table = compare(tried, tools.transcode(), [clip], tmp_path / "scratch", say=said.append)
    floor, copied, broken = (summary(results, table[0]) for results in table)
    assert floor["total"]["leak_rate"] == copied["total"]["leak_rate"] == 1.0
    assert floor["times_transcode"] == 1.0
    assert "total" not in broken
    assert broken["failures"] == ["00: exit code 1: broken"]
    assert len(said) == 3


def test_an_output_that_lost_frames_is_a_failure(clip, tmp_path):
    code = (
        "import sys, av, fractions\n"
        "frames = list(av.open(sys.argv[1]).decode(video=0))[:-1]\n"
        "with av.open(sys.argv[2], 'w') as out:\n"
        "    stream = out.add_stream('libx264', rate=25)\n"
        "    stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, 'yuv420p'\n"
        "    out.mux([p for f in [*frames, None] for p in stream.encode(f)])\n"
    )
    table = compare([program(code, "loser")], program(COPY), [clip], tmp_path / "scratch", say=lambda _: None)
    assert "end after 7 frames" in table[1].failures[0]
    assert not table[1].runs


def test_a_floor_that_leaks_nothing_stops_the_run(clip, tmp_path):
    black = "import subprocess, sys, imageio_ffmpeg as i; subprocess.run([i.get_ffmpeg_exe(), '-v', 'error', '-i', "
    black += "sys.argv[1], '-vf', 'drawbox=t=fill', sys.argv[2]], check=True)"
    with pytest.raises(BenchmarkBroken, match="must leak 100%, not 0"):
        compare([], program(black), [clip], tmp_path / "scratch", say=lambda _: None)


def test_a_blur_that_leaks_stops_the_run(clip, tmp_path, monkeypatch):
    blur = compare_module._blurred
    monkeypatch.setattr(compare_module, "_blurred", lambda video, _: blur(video, 1))
    with pytest.raises(BenchmarkBroken, match="must leak nothing and cost everything, not leak 8 boxes"):
        check_blur(clip, tmp_path / "scratch")


def test_a_peer_that_cannot_be_installed_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match="could not install nothing"):
        tools.environment(tmp_path / "venv", str(tmp_path / "no-python"), ["nothing"])


# Clips


@pytest.fixture
def data(tmp_path):
    """A folder laid out like the development data, with drawn pictures."""
    rng = np.random.default_rng(0)
    for folder, source, kind in (
        ("faces", "mask853", "face"),
        ("plates", "gatecam49", "plate"),
        ("plates", "n225", "plate"),
        ("plates", "romania", "plate"),
    ):
        (tmp_path / folder / "images").mkdir(parents=True, exist_ok=True)
        with (tmp_path / folder / "annotations.jsonl").open("a") as lines:
            for number in range(3):
                name = f"images/{source}_{number}.webp"
                Image.fromarray(rng.integers(0, 255, (60, 100, 3), dtype=np.uint8)).save(tmp_path / folder / name)
                boxes = [{"kind": kind, "ignore": False, "xyxy": [10 * i, 10, 10 * i + 8, 20]} for i in range(6)]
                row = {"image": name, "width": 100, "height": 60, "source": source, "boxes": boxes}
                lines.write(json.dumps(row) + "\n")
    return tmp_path


def test_clips_are_made_once_and_in_the_same_order(data, tmp_path, monkeypatch):
    filmed = []

    def film(video, *_):
        filmed.append(video)
        return _touch(video)

    monkeypatch.setattr(clip_sets, "film", film)
    build = tmp_path / "build"
    made = face_clips(data=data, build=build)
    assert [c.video.name for c in made] == ["00.mp4", "01.mp4", "02.mp4"]
    assert face_clips(data=data, build=build) == made
    assert len(filmed) == 3
    assert len(plate_clips(data=data, build=build)) == 5
    assert len(face_clips(data=data, build=tmp_path / "other", count=1)) == 1


def test_plate_clips_show_what_no_weights_were_trained_on(data, tmp_path, monkeypatch):
    assert not any(BY_NAME[name].ships for name in clip_sets.PLATE_CLIPS)
    file = data / "plates" / "annotations.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows:
        if row["image"] == "images/n225_0.webp":  # a close-up
            row["boxes"] = [{"kind": "plate", "ignore": False, "xyxy": [10, 10, 31, 20]}]
        if row["image"] == "images/n225_1.webp":
            row["boxes"] = []
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(clip_sets, "film", lambda video, *_: _touch(video))
    assert len(plate_clips(data=data, build=tmp_path / "build")) == 3


def test_boxes_of_a_peer_are_grown_and_filled_to_their_last_pixel():
    planes = np.full((48, 40), 200, np.uint8)  # 40 x 32 pixels: Y over U over V
    platedet_solid.fill(planes, (10, 10, 31, 21), 40, 32)
    ys, xs = np.nonzero(planes[:32] == 16)
    assert (xs.min(), xs.max() + 1, ys.min(), ys.max() + 1) == (6, 36, 8, 24)
    assert len(xs) == 30 * 16
    for chroma in planes[32:].reshape(2, 16, 20):
        assert (np.argwhere(chroma == 128).min(axis=0) == (4, 3)).all()
        assert np.count_nonzero(chroma == 128) == 15 * 8
    platedet_solid.fill(planes, (-4, -4, 44, 40), 40, 32)
    assert (planes[:32] == 16).all()
    assert (planes[32:] == 128).all()


def test_without_the_data_the_sample_film_is_used(tmp_path, monkeypatch):
    monkeypatch.setattr(clip_sets, "make_demo", _touch)
    for clips in (face_clips, plate_clips):
        (only,) = clips(data=tmp_path / "none", build=tmp_path)
        assert only.video == tmp_path / "demo" / "00.mp4"


def test_a_long_clip_is_the_clip_again_and_again(clip):
    facts = probe(long_clip(clip, 3))
    assert facts.frames == 24
    assert [float(t) for t in facts.times] == pytest.approx([i / 25 for i in range(24)])
    assert sum(1 for _ in read_truth(clip.truth)) == 8


def _touch(video):
    video.parent.mkdir(parents=True, exist_ok=True)
    video.with_suffix(".jsonl").write_text("")


# Results


def test_the_page_tells_everything_and_no_path(clip, tmp_path):
    tried = [program(COPY), program("import sys; sys.exit('broken')", "broken")]
    table = compare(tried, program(COPY, "plain transcode"), [clip], tmp_path / "scratch", say=lambda _: None)
    rows = [summary(results, table[0]) for results in table]
    content = {"rows": rows, "clips": 1, "source": "a test", "skipped": ["no Python 3.12 here"]}
    report.record("plates", content, tmp_path)
    memory = {"tool": "ours", "size": "4K", "frames": [6, 60], "largest_mib": [100, 110], "together_mib": [120, 130]}
    report.record("memory", {"rows": [memory], "failures": []}, tmp_path)
    page = report.record("startup", {"rows": [{"command": "anonymize --help", "seconds": 0.25}]}, tmp_path).read_text()
    assert "| copy (1.0) | 100.0% |" in page
    assert "- broken failed on 00: exit code 1: broken" in page
    assert "- left out: no Python 3.12 here" in page
    assert "| ours | 4K | 6 | 60 | 100 / 120 | 110 / 130 | 1.10 |" in page
    assert "| `anonymize --help` | 0.25 s |" in page
    assert str(tmp_path) not in page + (tmp_path / report.JSON).read_text()
    assert set(json.loads((tmp_path / report.JSON).read_text())) == {"plates", "memory", "startup"}


def test_a_comparison_on_a_busy_machine_tells_no_speeds(clip, tmp_path):
    (only,) = compare([], program(COPY, "plain transcode"), [clip], tmp_path / "scratch", say=lambda _: None)
    row = summary(only, only)
    del row["fps"], row["times_transcode"]
    content = {"rows": [row], "clips": 1, "source": "a test", "skipped": [], "remarks": ["No speeds: it was busy."]}
    page = report.record("plates", content, tmp_path / "new" / "folder").read_text()
    assert "| 1/1 | 0.0% | - | - |" in page
    assert "No speeds: it was busy." in page


@pytest.mark.parametrize("command", ["faces", "plates", "memory", "startup"])
def test_every_command_has_help(command):
    told = CliRunner().invoke(app, [command, "--help"])
    assert told.exit_code == 0
    assert "--output" in told.output
