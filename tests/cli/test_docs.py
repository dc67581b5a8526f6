"""Every `sh` block of the documentation, and every example of a help page, is run as it is written or says why not."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from anonymize.cli.examples import EXAMPLES
from anonymize.data import Kind
from anonymize.evaluate.truth import FrameTruth, Subject, write_truth
from anonymize.live.metrics import Metrics
from tests.conftest import face_box, face_pictures
from tests.helpers import servers
from tests.helpers.media import make_video
from tests.helpers.terminals import CTRL_C, PROGRAM, Terminal

HOME = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((HOME / "docs").glob("*.md"))))

_ADD = """echo '{"frames": [100, 150], "kind": "face", "xyxy": [610, 80, 700, 190]}' >> edited.jsonl"""
RUN = {
    ("README.md", ".venv/bin/anonymize run interview.mp4 -o interview-safe.mp4"): (
        *("interview.mp4", "footage/a.mp4", "footage/sub/b.mp4", "photo.jpg"),
    ),
    ("docs/guide.md", "anonymize run footage/ -o safe/ --workers 4"): ("footage/a.mp4", "footage/sub/b.mp4"),
    ("docs/evaluate.md", "anonymize evaluate street.mp4 street-safe.mp4 street.jsonl"): (
        *("street.mp4", "street-safe.mp4", "street.jsonl"),
        *("originals/a.mp4", "outputs/a.mp4", "truth/a.jsonl"),
    ),
    ("docs/plan.md", """grep -v '"track": 3,' plan.jsonl > edited.jsonl"""): ("plan.jsonl",),
    ("docs/plan.md", _ADD): ("edited.jsonl",),
    ("docs/recordings.md", "anonymize recordings list kept/"): ("kept/2026-11-29T10-05-00Z.mp4",),
    ("docs/report.md", "pip install '.[sign]'"): ("film.mp4", "film.mp4.report.json"),
    ("docs/report.md", "anonymize report dpia reports/ evaluation.json metrics.json -o annex"): (
        *("reports/film.mp4.report.json", "evaluation.json", "metrics.json"),
    ),
}
"""What is run, and the samples that lie there under the names used."""

CAMERA = "anonymize live rtsp://10.0.0.5/stream1 --to rtsp://127.0.0.1:8554/"
LIVE = {
    ("docs/live.md", "anonymize live interview.mp4 --loop --to hls:preview --preview 8080"),
    ("docs/live.md", f"{CAMERA}market --to record:/srv/market --keep 7d"),
    ("README.md", f"{CAMERA}square --to record:/srv/square --keep 7d --preview 8080"),
}
"""What goes on until it is stopped: run by tests of their own, below."""

CLUSTER = "needs a Ray cluster: `make cluster-test` runs the same commands on real ones (tests/batch/test_cluster*.py)"
NOT_RUN = {
    ("docs/guide.md", "anonymize run ward.mp4 -o safe.mp4 --targets faces,plates,text"): (
        "needs weights of the extra: tests/detect/test_text.py runs the like where they are"
    ),
    ("docs/review.md", "anonymize review street.mp4"): "goes on until it is stopped: tests/review/test_page.py runs it",
    ("docs/dpia.md", "anonymize report dpia --live /etc/anonymize/cameras.toml -o pilot"): (
        "needs cameras that run: tests/live/test_evidence.py has them"
    ),
    ("docs/dpia.md", "curl -sG http://127.0.0.1:9090/api/v1/query_range -d step=300 \\"): (
        "needs Prometheus and cameras: tests/report/test_dpia.py has what it answers"
    ),
    ("README.md", "git clone REPOSITORY anonymize && cd anonymize"): ".ci/run does it in a fresh clone, on a terminal",
    ("CONTRIBUTING.md", "make test"): "runs this very test; .ci/run does it, and make demo, in a fresh clone",
    ("docs/cluster.md", "pip install '.[cluster]'"): CLUSTER,
    ("docs/cluster.md", "export RAY_USAGE_STATS_ENABLED=0 RAY_USAGE_STATS_REPORT_URL=http://127.0.0.1:9"): CLUSTER,
    ("docs/cluster.md", "#!/bin/bash"): "needs Slurm and eight machines",
    (
        "docs/guide.md",
        "anonymize run interview.mp4 -o safe.mp4 --show-person 160,240@0:02 --reason form-12",
    ): "needs a film with somebody at that point; tests/recorded/test_run.py has one",
    (
        "docs/plan.md",
        "anonymize render street.mp4 --plan plan.jsonl --show-person 3@0:02 --reason form-12 -o street-safe.mp4",
    ): "needs a plan with such a track; tests/recorded/test_run.py has one",
    ("docs/guide.md", "anonymize models fetch yunet"): "downloads; no test uses the network",
    (
        "docs/live.md",
        "anonymize live rtsp://10.0.0.5/stream1 --to webrtc:8443",
    ): "its camera is not there, and it is to be watched: tests/live/test_webrtc_page.py does both with a film",
    ("docs/live.md", "anonymize live 0 --to /dev/video9"): "needs a camera, and a virtual one in the kernel",
}
"""What is not run, and why. Its options are still read as the command reads them, and its syntax by the shell."""


EXAMPLES_NEED = (
    *("interview.mp4", "photo.jpg", "footage/a.mp4", "footage/sub/b.mp4", "street.mp4", "street-safe.mp4"),
    *("street.jsonl", "plan.jsonl", "originals/a.mp4", "outputs/a.mp4", "truth/a.jsonl", "film.mp4"),
    *("film.mp4.report.json", "reports/film.mp4.report.json", "evaluation.json", "metrics.json"),
    "kept/2026-11-29T10-05-00Z.mp4",
)
"""The files that the examples of help pages name."""
EXAMPLES_WRITE = {"detect": "plan.jsonl", "render": "street-safe.mp4"}
"""Of those the ones that a page's own examples write."""
DEMO = ".ci/run does it, as `make demo`"
REVIEW = "goes on until it is stopped: tests/review/test_page.py runs the command, and the page in a browser"
VERIFIED = "the first example of its page runs the command, and tests/cli/test_json.py does"
EXAMPLES_NOT_RUN = {
    "anonymize review street.mp4": REVIEW,
    "anonymize review street.mp4 --plan plan.jsonl --by 'desk 2'": REVIEW,
    "anonymize review recordings/ --no-browser --port 8400": REVIEW,
    "anonymize demo": DEMO,
    "anonymize demo -o try/": DEMO,
    "anonymize demo -o solid/ --preset journalist": DEMO,
    "anonymize demo --preset research": DEMO,
    "anonymize live 0 --to /dev/video9 --preview 8080": "needs a camera, and a virtual one in the kernel",
    "anonymize live rtsp://10.0.0.5/stream1 --to rtsp://127.0.0.1:8554/square": "a block above runs the same",
    "anonymize recordings verify kept/ --from 2026-11-29T10Z --to 11:00 -t faces": VERIFIED,
    "anonymize recordings verify kept/ --report reports/": VERIFIED,
    "anonymize report dpia --live cameras.toml -o pilot": "needs cameras: tests/live/test_evidence.py has them",
    "anonymize models fetch yunet": "downloads; no test uses the network",
    "anonymize models import yunet face_detection_yunet_2023mar.onnx": "needs what the one above downloads",
    "anonymize models import screens.onnx --card screens.toml": "needs a network: tests/detect/test_own.py makes one",
    "anonymize models remove screens": "tests/detect/test_own.py brings such a model and removes it",
    "anonymize run interview.mp4 -o interview-safe.mp4 --detectors yunet": "needs what the one above downloads",
}
"""Examples of help pages that are only read, and why."""


def _blocks():
    for page in PAGES:
        for found in re.finditer(r"^```sh\n(.*?)^```$", (HOME / page).read_text(), re.MULTILINE | re.DOTALL):
            first = re.sub(r"\s+#\s.*", "", found[1].split("\n", 1)[0])
            yield (page, first), found[1]


BLOCKS = dict(_blocks())


def test_every_block_is_run_or_says_why_not():
    assert len(list(_blocks())) == len(BLOCKS), "two blocks begin alike"
    assert set(BLOCKS) == {*RUN, *LIVE, *NOT_RUN}
    fences = {fence for page in PAGES for fence in re.findall(r"^```(\w+)$", (HOME / page).read_text(), re.MULTILINE)}
    assert fences <= {"sh", "text", "json", "python", "toml", "yaml"}, "a block of commands under another name"


def test_nothing_is_to_be_installed_by_a_name_that_is_another_project_s():
    """On the index of Python packages `anonymize` is not ours."""
    inside = [path for folder in ("anonymize", "cli", "docs", "deploy") for path in (HOME / folder).rglob("*.*")]
    texts = [path for path in inside if path.suffix in (".py", ".md", ".toml", ".yaml")]
    by_name = re.compile(r"pip install (-\S+ )*['\"]?anonymize\b")
    found = [path for path in (HOME / "README.md", *texts) if by_name.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_what_ci_is_said_to_run_it_runs():
    script = (HOME / ".ci" / "run").read_text()
    assert "make test" in script
    assert "make demo" in script


@pytest.mark.parametrize("block", NOT_RUN, ids=" ".join)
def test_what_is_not_run_is_read(block):
    assert subprocess.run(["bash", "-n"], input=BLOCKS[block], text=True, check=False).returncode == 0
    for line in re.findall(r"^anonymize (.*?)(?:\s+#.*)?$", BLOCKS[block], re.MULTILINE):
        _read(line)


def _read(line):
    """Have the command that `line` names read its words."""
    import typer

    from anonymize.cli.app import app

    group, words = typer.main.get_command(app), shlex.split(line)
    while hasattr(group, "commands"):
        group, words = group.commands[words[0]], words[1:]
    group.make_context(group.name, words)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Small files of every kind that the documentation speaks of."""
    place = tmp_path_factory.mktemp("samples")
    pictures = face_pictures(8)
    make_video(place / "clip.mp4", frames=pictures, audio=True)
    Image.fromarray(pictures[0]).save(place / "photo.jpg")
    faces = [FrameTruth(n, n / 25, (320, 240), (_face(n),)) for n in range(8)]
    write_truth(place / "truth.jsonl", faces)
    run = [*PROGRAM, "run", "clip.mp4", "-o", "safe.mp4", "--report", "."]
    subprocess.run(run, cwd=place, check=True, capture_output=True)
    subprocess.run([*PROGRAM, "detect", "clip.mp4", "-o", "plan.jsonl"], cwd=place, check=True, capture_output=True)
    judge = [*PROGRAM, "evaluate", "clip.mp4", "safe.mp4", "truth.jsonl", "--json"]
    (place / "evaluation.json").write_bytes(subprocess.run(judge, cwd=place, check=True, capture_output=True).stdout)
    (place / "metrics.json").write_text(json.dumps(Metrics("yard").snapshot()))
    return place


def _face(frame):
    x0, y0, x1, y1 = face_box(frame)
    return Subject(1, Kind.FACE, (x0, y0, x1, y1), float(y1 - y0))


def _sample(name: str) -> str:
    """Which of the samples lies at `name`."""
    path = Path(name)
    if path.parent.name == "kept":
        return "safe.mp4"
    if path.name.endswith(".report.json"):
        return "safe.mp4.report.json"
    if path.name in ("photo.jpg", "evaluation.json", "metrics.json"):
        return path.name
    if path.suffix == ".jsonl":
        return "plan.jsonl" if path.stem in ("plan", "edited") else "truth.jsonl"
    return (
        "safe.mp4" if path.stem.endswith("safe") or path.parent.name == "outputs" or path.stem == "film" else "clip.mp4"
    )


PATIENT = "trap : INT\n"
"""Has the shell live on after Ctrl-C, as the one that a person types into."""
PIP = """
import sys
from importlib.metadata import metadata
_, asked = sys.argv[1:]
assert sys.argv[1] == "install" and asked[:2] + asked[-1] == ".[]", asked
assert set(asked[2:-1].split(",")) <= set(metadata("anonymize").get_all("Provides-Extra")), asked
"""


def _place(folder: Path, samples: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Lay out `folder` as somebody who follows the documentation has it; the environment for the shell there."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, command in {
        "anonymize": PROGRAM,
        "pip": [sys.executable, "-c", PIP],  # it would ask an index: what it is asked for is looked up instead
    }.items():
        quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in command)
        (programs / name).write_text(f'#!/bin/sh\nexec {quoted} "$@"\n')
        (programs / name).chmod(0o755)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(samples / _sample(name), folder / name)
    return {"PATH": f"{programs}:{os.environ['PATH']}"}


@pytest.mark.parametrize("way", ["pipe", "terminal"])
@pytest.mark.parametrize("block", RUN, ids=" ".join)
def test_a_block_runs_as_it_is_written(samples, tmp_path, block, way):
    text = BLOCKS[block]
    environment = _place(tmp_path, samples, RUN[block])
    if way == "pipe":
        shell = ["sh", "-ec", text]
        done = subprocess.run(
            shell, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
        )
        code, said = done.returncode, done.stdout + done.stderr
    else:
        with Terminal(program=["sh", "-ec", text], cwd=tmp_path, environment=environment) as terminal:
            code = terminal.end(120)
        said = terminal.sent
        assert not re.search(r"^(detecting|redacting|checking) ", "\n".join(terminal.screen.lines()), re.MULTILINE)
    assert code == 0, said
    assert "Traceback" not in said


def _fresh():
    """Of each page the examples that are run; a run of a film that an earlier page has, there alone."""
    before = set(EXAMPLES_NOT_RUN)
    for name, examples in EXAMPLES.items():
        if left := [example for example in examples if example not in before]:
            yield name, left
        before.update(example for example in examples if example.startswith("anonymize run "))


@pytest.mark.parametrize("example", EXAMPLES_NOT_RUN)
def test_an_example_that_is_not_run_is_read(example):
    assert any(example in examples for examples in EXAMPLES.values())
    _read(example.removeprefix("anonymize "))


@pytest.mark.parametrize(("name", "examples"), tuple(_fresh()))
def test_the_examples_of_a_help_page_run_as_they_are_written(samples, tmp_path, name, examples):
    needed = tuple(file for file in EXAMPLES_NEED if file != EXAMPLES_WRITE.get(name))
    environment = {**os.environ, **_place(tmp_path, samples, needed)}
    for example in examples:
        shell = ["sh", "-ec", example]
        done = subprocess.run(shell, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{example}: {done.stdout}{done.stderr}"


def test_a_file_is_played_as_a_camera_until_ctrl_c(samples, tmp_path):
    (block,) = [block for block in LIVE if "interview.mp4" in block[1]]
    if servers.listening(8080):
        pytest.skip("someone else uses port 8080 of this machine, which the documentation names")
    environment = _place(tmp_path, samples, ("interview.mp4",))
    with Terminal(program=["sh", "-ec", PATIENT + BLOCKS[block]], cwd=tmp_path, environment=environment) as terminal:
        terminal.until("preview: http://127.0.0.1:8080/")
        servers.until(lambda: list((tmp_path / "preview").glob("*.m3u8")), 40, "a playlist is there")
        terminal.type(CTRL_C)
        assert terminal.end() == 0, terminal.sent
    assert "Traceback" not in terminal.sent
    assert "stopped" in terminal.sent


@pytest.mark.parametrize("block", sorted(block for block in LIVE if CAMERA in block[1]), ids=" ".join)
def test_a_camera_is_passed_on_as_it_is_written(tmp_path, block):
    """As it is written, but for the addresses: the camera and the server are this machine's."""
    clip = make_video(tmp_path / "clip.ts", frames=150, size=(320, 180), rate=25)
    ports = [servers.free_port() for _ in range(3)]
    with (
        servers.rtsp_camera(clip, ports[0]) as camera,
        servers.rtsp_server(tmp_path / "got.ts", ports[1]) as server,
    ):
        command = re.sub(r"rtsp://127.0.0.1:8554/\w+", server, BLOCKS[block].replace("rtsp://10.0.0.5/stream1", camera))
        command = re.sub(r"record:/srv/\w+", f"record:{tmp_path}/kept", command)
        command = command.replace("--preview 8080", f"--preview {ports[2]}")
        environment = _place(tmp_path, tmp_path, ())
        with Terminal(program=["sh", "-ec", PATIENT + command], cwd=tmp_path, environment=environment) as terminal:
            terminal.until("source open", 40)
            time.sleep(3)
            terminal.type(CTRL_C)
            assert terminal.end() == 0, terminal.sent
    assert "Traceback" not in terminal.sent
    assert list((tmp_path / "kept").glob("*.mp4")), terminal.sent
