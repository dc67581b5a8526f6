import json
import re
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from anonymize.data import Kind
from anonymize.evaluate.interval import leak_interval
from anonymize.evaluate.truth import read_truth
from anonymize.samples.camera import Shot, Still, film
from anonymize.samples.encode import encode
from anonymize.samples.plates import DESIGNS, render_plate
from benchmarks import clips as clip_sets
from benchmarks import compare as compare_module
from benchmarks import history, page, platedet_solid, ran, report, tools
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


def test_a_recording_with_a_rate_of_its_own_is_blurred_at_that(clip, tmp_path):
    with av.open(str(clip.video)) as source:
        pictures = [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in source.decode(video=0)]
    slow = encode(tmp_path / "slow.mp4", pictures, (320, 192), rate=10)
    check_blur(Clip(slow, clip.truth), tmp_path / "scratch")


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
    memory["command"] = "ours IN.mp4"
    report.record("memory", {"rows": [memory], "failures": []}, tmp_path)
    page = report.record("startup", {"rows": [{"command": "anonymize --help", "seconds": 0.25}]}, tmp_path).read_text()
    line = f"{Path(PYTHON).name} -c '{COPY}' IN.mp4 OUT.mp4 OUT"
    assert f"| `{line}` (copy 1.0) | 8 of 8 |" in page  # one plate: counts, no percentage
    assert "8 box-frames of 1 subject; 0 box-frames more were not counted" in page
    assert page.count("Development clips: thresholds were chosen on these.") == 2  # the comparison, and memory
    assert re.search(r"commit [0-9a-f]{7,}\+?, 20\d\d-\d\d-\d\d", page)
    assert "- broken failed on 00: exit code 1: broken" in page
    assert "- left out: no Python 3.12 here" in page
    assert "| `ours IN.mp4` (ours) | 4K | 6 | 60 | 100 / 120 | 110 / 130 | 1.10 |" in page
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


@pytest.mark.parametrize("command", ["faces", "plates", "fixed", "short", "memory", "startup", "check"])
def test_every_command_has_help(command):
    told = CliRunner().invoke(app, [command, "--help"])
    assert told.exit_code == 0
    assert "--output" in told.output


def test_ours_is_started_as_a_person_starts_it_and_every_option_is_reported():
    assert tools.ours().line == "anonymize run IN.mp4 -o OUT.mp4"
    assert tools.ours("--targets faces").line == "anonymize run IN.mp4 -o OUT.mp4 --targets faces"
    source, target = Path("a.mp4"), Path("b.mp4")
    assert tools.ours().command(source, target, Path())[1:] == ["run", "a.mp4", "-o", "b.mp4"]


@pytest.mark.parametrize(
    ("hits", "of", "subjects", "text"),
    [
        (0, 20, 1, "0 of 20"),
        (0, 900, 9, "0 of 900"),
        (0, 1000, 100, "0.0% (0.0 to 3.6)"),
        (210, 6088, 145, "3.4% (0.7 to 7.1)"),
        (0, 0, 0, "-"),
    ],
)
def test_a_share_has_its_interval_and_of_few_people_there_are_counts(hits, of, subjects, text):
    interval = (0.007, 0.071) if hits else leak_interval([(of / subjects, 0)] * subjects) if subjects else None
    assert page.share(hits, of, interval, subjects) == text


def test_every_share_of_the_repositorys_page_has_its_interval():
    results = report.read(report.HERE / report.JSON)
    text = page.render(results, ran.read())
    assert text == (report.HERE / report.PAGE).read_text(encoding="utf-8")
    for name in (name for name in report.COMPARED if name in results):
        part = text.split(f"## {name.capitalize()}\n")[1].split("\n## ")[0]
        assert page.DEVELOPMENT in part
        assert "*n: box-frames, subjects, blocks*" in part
        assert "not counted" in part
        for row in (line.split(" | ") for line in part.splitlines() if line.startswith("| `")):
            assert all(" to " in cell for cell in row[1:7] if "%" in cell), row


# Old figures


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of one commit, in which `history` looks."""
    monkeypatch.setattr(history, "ROOT", tmp_path)

    def commit(name, text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        for words in (["add", "-A"], [*who, "commit", "-q", "-m", "x"]):
            subprocess.run(["git", "-C", tmp_path, *words], check=True)
        return history.commit()

    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return commit


def test_figures_are_old_once_what_they_measure_changed(repository, tmp_path):
    first = repository("anonymize/track/a.py", "1")
    results = {"faces": {"commit": first}, "startup": {"commit": first}, "held_out": {}}
    assert report.mark_stale(results) == []
    repository("anonymize/live/loop.py", "1")  # no part of what a file goes through
    repository("docs/a.md", "1")
    assert [line.split(":")[0] for line in report.mark_stale(results)] == ["startup"]
    last = repository("anonymize/track/a.py", "2")
    (tmp_path / "anonymize/track/a.py").write_text("3")
    assert history.commit() == f"{last}+"
    lines = report.mark_stale(results)
    assert lines[0].startswith(f"faces: 1 commit changed what it measures, the last one {last}, 20")
    assert "**Stale: 1 commit changed" in page._where({**results["faces"], **ABOUT})
    results["faces"]["commit"] = f"{last}+"
    assert [line.split(":")[0] for line in report.mark_stale(results)] == ["startup"]
    assert "stale" not in results["faces"]


def test_figures_that_came_out_the_same_again_stand_until_the_next_change(repository):
    first = repository("anonymize/track/a.py", "1")
    second = repository("anonymize/track/a.py", "2")
    again = {"commit": second, "date": "2026-11-29", "clips": ["03", "11"]}
    results = {"faces": {"commit": first, "again": again}, "plates": {"commit": first}}
    assert [line.split(":")[0] for line in report.mark_stale(results)] == ["plates"]
    told = page._where({**results["faces"], **ABOUT})
    assert f"Ours on clips 03, 11 came out the same on commit {second}, 2026-11-29: every box-frame and" in told
    assert "Speed and memory were not measured again." in told
    repository("anonymize/track/a.py", "3")
    assert [line.split(":")[0] for line in report.mark_stale(results)] == ["faces", "plates"]


def test_figures_of_an_unknown_commit_are_old(repository):
    repository("a", "1")
    results = {"faces": {"commit": "0123456"}, "plates": {}}
    assert report.mark_stale(results) == [
        "faces: commit 0123456 is not in the history of this checkout",
        "plates: commit (none) is not in the history of this checkout",
    ]


ABOUT = {"command": "python -m benchmarks faces", "date": "2026-11-29", "machine": report.machine()}


def test_check_marks_the_page(repository, tmp_path):
    repository("a", "1")
    startup = {"rows": [], "commit": "0123456", **ABOUT}
    report.write({"startup": startup}, tmp_path)
    assert CliRunner().invoke(app, ["check", "--output", str(tmp_path)]).exit_code == 1
    assert "**Stale: commit 0123456 is not" in (tmp_path / report.PAGE).read_text()
    startup["commit"] = history.commit()
    report.write({"startup": startup}, tmp_path)
    assert CliRunner().invoke(app, ["check", "--output", str(tmp_path)]).exit_code == 0
    assert "Stale" not in (tmp_path / report.PAGE).read_text()


def test_every_section_has_its_paths_and_they_exist():
    assert set(report.read(report.HERE / report.JSON)) - {"held_out"} <= set(history.MEASURED)
    for path in {path for paths in history.MEASURED.values() for path in paths}:
        assert (history.ROOT / path.removeprefix(":(exclude)")).exists(), path
