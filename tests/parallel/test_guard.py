"""Workers from a script that does its work while it is imported: it is told what to do, not that memory is short."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.media import make_video

CALLS = {
    "segments": 'anonymize.run("long.mp4", "safe.mp4", settings, workers=2)',
    "a folder": 'exit_code(batch.run(plan_items(["in"], "out/"), settings, workers=2))',
    "the command": "main()",
}
SCRIPT = """
import sys

import anonymize
from anonymize.batch import run as batch
from anonymize.batch.outcome import exit_code
from anonymize.cli import main
from anonymize.batch.inputs import plan_items
from anonymize.settings import Settings, Zone

settings = Settings(targets=frozenset(), zones=(Zone(((0, 0), (9, 0), (9, 9))),))
sys.argv = "anonymize run in -o out/ -t none --hide-zone".split() + ["0,0 9,0 9,9", "--workers", "2"]
"""


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    """A video long enough for two segments, and a folder with two short ones."""
    place = tmp_path_factory.mktemp("footage")
    make_video(place / "long.mp4", frames=82, size=(64, 48), rate=2, options={"g": "10"})
    for name in ("a.mp4", "b.mp4"):
        (place / "in").mkdir(exist_ok=True)
        make_video(place / "in" / name, frames=4)
    return place


def ran(place: Path, text: str) -> subprocess.CompletedProcess[str]:
    """The script `text`, run in `place`."""
    (place / "script.py").write_text(text)
    command = [sys.executable, "script.py"]
    return subprocess.run(command, cwd=place, check=False, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("what", CALLS)
def test_a_script_without_a_guard_is_told_to_have_one(footage, what):
    done = ran(footage, SCRIPT + CALLS[what])
    assert done.returncode != 0
    assert 'below a line `if __name__ == "__main__":`' in done.stderr
    assert "memory" not in done.stderr
    assert done.stderr.count("Traceback") == (what != "the command")  # the script's own, and none of a worker's
    made = [path.name for path in footage.rglob("*") if path.name == "safe.mp4" or "out" in path.parts]
    assert not [name for name in made if not name.startswith(".anonymize.") and name != "out"]


def test_with_the_guard_it_works(footage):
    calls = f"    {CALLS['segments']}\n    {CALLS['a folder']}\n"
    done = ran(footage, f'{SCRIPT}\nif __name__ == "__main__":\n{calls}')
    assert done.returncode == 0, done.stderr
    assert (footage / "safe.mp4").exists()
    assert (footage / "out" / "b.mp4").exists()
