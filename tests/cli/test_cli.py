"""The command as people run it: its own process, its exit codes, what it says."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from anonymize import cli, errors, presets
from tests.conftest import astronaut
from tests.helpers.media import make_image, make_video
from tests.helpers.pace import Bound


def anonymize(*arguments: object, **named: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200", "TERM": "dumb"}
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=120, env=environment, **named
    )


def in_this_process(
    arguments: Sequence[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """The command here, which is quicker than a process that begins: its exit code, standard output and error.

    Not for `live`, which takes over signals and hides its arguments, nor for what is about how a process ends.
    """
    monkeypatch.setattr(sys, "argv", ["anonymize", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "200")
    capsys.readouterr()
    code = cli._run()
    return code, *capsys.readouterr()


PROGRAM = [sys.executable, "-c", "from anonymize.cli import main; main()"]
ZONE = ("-t", "none", "--hide-zone", "0,0 9,0 9,9")


def test_every_option_has_help():
    import typer

    from anonymize.cli.app import app

    def commands(group):
        for command in group.commands.values():
            yield from commands(command) if hasattr(command, "commands") else [command]

    for command in commands(typer.main.get_command(app)):
        assert command.help, command.name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{command.name} {parameter.name}"


def test_the_guide_names_every_option_and_exit_code():
    guide = (Path(__file__).parents[2] / "docs" / "guide.md").read_text()
    options = {word.strip(" ,.") for word in anonymize("run", "--help").stdout.split() if word.startswith("--")}
    missing = {option for option in options - {"--help", "--output"} if option not in guide}
    assert missing == set()
    rows = guide.split("## Exit codes", 1)[1].split("##", 1)[0]
    listed = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", rows, re.MULTILINE) for code in row.split(",")}
    assert listed == set(errors.ExitCode)


def test_the_help_names_every_exit_code():
    told = " ".join(anonymize("help").stdout.split())
    assert [code for code in errors.ExitCode if f"{code.value} {code.meaning}" not in told] == []


def test_run_prints_what_was_done(face_clip, tmp_path):
    done = anonymize("run", face_clip, "-o", tmp_path / "safe.mp4", "--report", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 face" in done.stdout
    assert "removed:" in done.stdout
    assert json.loads((tmp_path / "safe.mp4.report.json").read_text())["verdict"] == "pass"


def test_json_is_for_machines_line_by_line(face_clip, tmp_path):
    done = anonymize("run", face_clip, "-o", tmp_path / "safe.mp4", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    *progress, done, summary = lines
    assert done["report"]["redacted"]["tracks"]["face"] == 1
    assert {line["event"] for line in progress} == {"progress"}
    assert summary == {"event": "summary", "exit_code": 0, "counts": {"done": 1}}


def test_standard_input(face_clip, tmp_path):
    with face_clip.open("rb") as stream:
        done = anonymize("run", "-", "-o", tmp_path / "safe.mp4", stdin=stream)
    assert done.returncode == 0, done.stderr
    assert "standard input" in done.stdout


def test_detect_and_render(face_clip, tmp_path):
    plan = tmp_path / "plan.jsonl"
    assert anonymize("detect", face_clip, "-o", plan).returncode == 0
    done = anonymize("render", face_clip, "--plan", plan, "-o", tmp_path / "safe.mp4", "--style", "mosaic")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "gone.mp4", "-o", "out.mp4"], 3, "gone.mp4: no such file"),
        (["run", "empty.mp4", "-o", "out.mp4"], 3, "empty.mp4"),
        (["run", "noise.mp4", "-o", "out.mp4"], 3, "noise.mp4"),
        (["run", "sound.mp4", "-o", "out.mp4"], 3, "sound.mp4"),
        (["run", "face.mp4", "-o", "face.mp4", "--force"], 2, "replace the input"),
        (["run", "face.mp4", "-o", "nowhere/out.mp4"], 6, "nowhere"),
        (["run", "face.mp4", "-o", "out.xyz"], 2, "xyz"),
        (["run", "face.mp4", "-o", "taken.mp4"], 6, "--force"),
        (["run", "face.mp4", "-o", "out.mp4", "--detectors", "centerface"], 8, "--targets faces"),
        (["run", "face.mp4", "-o", "out.mp4", "-p", "nobody"], 2, "no preset"),
        (["run", "face.mp4", "-o", "out.mp4", "-p", "fast"], 8, ".[mediapipe]"),
        (["run", "face.mp4", "-o", "out.mp4", "--detectors", "eagle"], 2, "eagle"),
        (["run", "face.mp4", "-o", "out.mp4", "--hide-zone", "1,2 3,4"], 2, "3 to 1000 corners"),
        (["run", "face.mp4", "-o", "out.mp4", "--hide-zone", "a,b"], 2, "x,y"),
        (["run", "face.mp4", "-o", "out.mp4", "--zone", "0,0 9,0 9,9"], 2, "--zone is called --hide-zone now"),
        (["run", "face.mp4", "-o", "out.mp4", "--spare", "0,0 9,0 9,9"], 2, "--spare is called --show-zone"),
        (["run", "face.mp4", "-o", "out.mp4", "--only", "0-3"], 2, "--only is called --show-outside now"),
        (["detect", "face.mp4", "-o", "out.jsonl", "--obscure", "0-3"], 2, "--obscure is called --hide-span now"),
        (["run", "face.mp4", "-o", "out.mp4", "--show-person", "5,5@1"], 2, "--show-person needs --reason"),
        (["run", "face.mp4", "-o", "out.mp4", "--show-person", "5", "--reason", "a", "--reason", "b"], 2, "2 reasons"),
        (["run", "face.mp4", "-o", "out.mp4", "--reason", "a"], 2, "needs --reason"),
        (["run", "face.mp4", "-o", "out.mp4", "--show-person", "5,x@1", "--reason", "a"], 2, "as 160,240@0:02"),
        (["run", "face.mp4", "taken.mp4", "-o", "out", "--show-person", "5", "--reason", "a"], 2, "2 inputs"),
        (["run", "face.mp4", "-o", "out.mp4", "--show-outside", "9-3"], 2, "end"),
        (["run", "face.mp4", "-o", "out.mp4", "--style", "cartoon"], 2, "cartoon"),
        (["render", "face.mp4", "--plan", "noise.mp4", "-o", "out.mp4"], 9, "plan"),
        (["models", "import", "yunet", "noise.mp4"], 8, "yunet"),
        (["models", "fetch", "nobody"], 8, "nobody"),
        (["detect", "folder", "-o", "plan.jsonl"], 2, "one file"),
        (["run", "folder", "-o", "out"], 3, ""),
    ],
)
def test_what_goes_wrong_is_one_line_and_an_exit_code(
    face_clip, tmp_path, monkeypatch, capsys, arguments, code, message
):
    (tmp_path / "face.mp4").write_bytes(face_clip.read_bytes())
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 9)
    (tmp_path / "taken.mp4").write_bytes(b"precious")
    (tmp_path / "folder").mkdir()
    _sound_only(tmp_path / "sound.mp4")
    before = sorted(p.name for p in tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    ended, _, complaint = in_this_process(arguments, monkeypatch, capsys)
    assert ended == code, complaint
    assert message in complaint
    assert "Traceback" not in complaint
    if code != 2:
        assert len([line for line in complaint.splitlines() if not _is_progress(line)]) <= 1
    after = sorted(p.name for p in tmp_path.rglob("*") if p.name != "out" or any(p.iterdir()))
    assert after == before
    assert (tmp_path / "taken.mp4").read_bytes() == b"precious"


def _is_progress(line: str) -> bool:
    return any(verb in line for verb in ("detecting", "redacting", "checking"))


def _sound_only(path: Path) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def long_film(tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("long") / "long.mp4", frames=240, size=(640, 360))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
@pytest.mark.parametrize("workers", [1, 2])
def test_being_stopped_leaves_nothing_under_the_final_name(long_film, tmp_path, number, code, workers):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        (folder / name).hardlink_to(long_film)
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*PROGRAM, "run", str(folder), "-o", str(out), "--workers", str(workers), *ZONE],  # it is stopped in drawing
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job's children ignore Ctrl-C
    )
    bound = Bound(60)
    while not list(out.glob(".anonymize-*")) and process.poll() is None and not bound.over():
        time.sleep(0.02)
    process.send_signal(number)
    _, complaint = process.communicate(timeout=240)
    assert process.returncode == code
    assert "Traceback" not in complaint
    assert not [p for p in out.glob("*") if not p.name.startswith(".")]
    if number != signal.SIGKILL:
        assert sorted(p.name for p in out.glob("*")) == [".anonymize.lock", ".anonymize.sqlite"]


def test_two_runs_at_once_on_one_output_release_exactly_one(face_clip, tmp_path):
    runs = [
        subprocess.Popen(
            [*PROGRAM, "run", str(face_clip), "-o", str(tmp_path / "safe.mp4")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    complaints = [run.communicate(timeout=120)[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, errors.OutputError.exit_code], complaints
    assert [p.name for p in tmp_path.iterdir()] == ["safe.mp4"]


def _can_mount() -> bool:
    try:
        tried = subprocess.run(
            ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, timeout=9
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


@pytest.mark.skipif(not _can_mount(), reason="needs Linux's unshare with the right to mount; CI has it")
@pytest.mark.parametrize("room", ["16k", "200k"])
def test_a_full_disk_is_said_in_one_line_and_leaves_nothing(tmp_path, room):
    clip = make_video(tmp_path / "clip.mp4", frames=120, size=(640, 360))
    place = tmp_path / "small"
    place.mkdir()
    run = f"{sys.executable} -c 'from anonymize.cli import main; main()' run {clip} -o {place}/safe.mp4 --quality 0"
    script = f"mount -t tmpfs -o size={room} none {place} && {{ {run}; code=$?; ls -A {place}; exit $code; }}"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == errors.OutputError.exit_code, done.stderr
    assert "disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip() == ""


def on_a_full_disk(tmp_path, command):
    """What `command` gives where "small" is a folder on a disk that holds nothing more."""
    place = tmp_path / "small"
    place.mkdir()
    script = (
        f"cd {tmp_path} && mount -t tmpfs -o size=4k none small && echo full > small/it && {{ "
        f"{sys.executable} -c 'from anonymize.cli import main; main()' {command}; code=$?; ls -A small; exit $code; }}"
    )
    return subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, timeout=120)


@pytest.mark.skipif(not _can_mount(), reason="needs a user namespace that may mount; CI has one")
@pytest.mark.parametrize(
    "command",
    [
        "detect face.mp4 -o small/plan.jsonl",
        "detect face.mp4 -o small/plan.jsonl --json",
        "render face.mp4 --plan plan.jsonl -o small/safe.ts",
        "run portrait.png -o small/safe.png",
        "run face.mp4 -o safe.mp4 --report small",
        "report page report.json -o small/page.html",
        "report dpia reports -o small/dpia.html",
    ],
)
def test_whatever_meets_a_full_disk_says_so_of_its_file(face_clip, tmp_path, command):
    shutil.copy(face_clip, tmp_path / "face.mp4")
    make_image(tmp_path / "portrait.png", picture=astronaut())
    if "render" in command:
        assert anonymize("detect", face_clip, "-o", tmp_path / "plan.jsonl").returncode == 0
    if command.startswith("report"):
        reports = tmp_path / "reports"
        assert anonymize("run", face_clip, "-o", tmp_path / "o.mp4", "--report", reports).returncode == 0
        shutil.copy(next(reports.glob("*.json")), tmp_path / "report.json")
    done = on_a_full_disk(tmp_path, command)
    assert done.returncode == errors.OutputError.exit_code, done.stderr
    assert re.search("disk is full|disk has 0 bytes free", done.stderr), done.stderr
    assert "internal error" not in done.stderr
    assert done.stdout.split()[-1:] == ["it"]  # and nothing beside


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full; CI has it")
def test_a_full_disk_while_printing_is_not_a_traceback(face_clip, tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*PROGRAM, "presets", "list"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_presets_and_models_are_listed():
    listed = anonymize("presets", "list").stdout
    assert all(name in listed for name in presets.names())
    assert "min_face" in anonymize("presets", "show", "journalist").stdout
    models = anonymize("models", "list").stdout
    assert "centerface" in models
    assert "yunet" in models
    assert "MIT" in models
    assert "centerface" in anonymize("models", "verify").stdout


def test_doctor_finds_this_machine_fit():
    done = anonymize("doctor")
    assert done.returncode == 0, done.stdout
    assert "libx264" in done.stdout
    assert "auto takes" in done.stdout


def test_version():
    from anonymize import __version__

    assert __version__ in anonymize("--version").stdout


def test_the_public_names_are_there():
    import anonymize as package

    for name in package.__all__:
        assert getattr(package, name) is not None
    assert set(package.__all__) <= set(dir(package))
