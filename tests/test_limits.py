"""The limits that every test keeps to are held: tests that break them fail."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are read from /proc")

HERE = Path(__file__).parent.parent
TESTS = """
import subprocess, sys
from tests.helpers import limits
from tests.helpers.limits import nothing_is_left_behind, pytest_runtest_call

__all__ = ["nothing_is_left_behind", "pytest_runtest_call"]
limits.MOST = 200 << 10
"""
HOLD = "x = bytearray(b'1') * (260 << 20)"


def outcome(tmp_path: Path, test: str, before: str = "") -> str:
    """What pytest says of a test whose limit is 200 MiB, in a process that did something before."""
    (tmp_path / "conftest.py").write_text(TESTS)
    (tmp_path / "test_it.py").write_text(f"import subprocess, sys\n\n{before}\n\n\ndef test_it():\n    {test}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(tmp_path)]
    run = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    return run.stdout


def test_a_test_that_keeps_to_the_limits_passes(tmp_path):
    said = outcome(tmp_path, "subprocess.run([sys.executable, '-c', '0'], check=True)")
    assert "1 passed" in said, said


def test_what_earlier_tests_left_counts_for_no_child(tmp_path):
    said = outcome(tmp_path, "subprocess.run([sys.executable, '-c', '0'], check=True)", before=HOLD)
    assert "1 passed" in said, said


@pytest.mark.parametrize("where", ["here", "in a child"])
def test_a_test_that_takes_too_much_memory_fails(where, tmp_path):
    child = f'subprocess.run([sys.executable, "-c", {HOLD!r}], check=True)'
    said = outcome(tmp_path, HOLD if where == "here" else child)
    assert "1 failed" in said, said
    assert "MiB of memory, of at most 200" in said


def test_a_process_that_is_left_behind_fails(tmp_path):
    orphan = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    said = outcome(tmp_path, f"subprocess.run([sys.executable, '-c', {orphan!r}], check=True)")
    assert "left processes behind" in said, said
    assert "time.sleep(60)" in said
