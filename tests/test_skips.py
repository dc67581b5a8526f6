"""A skip that nobody named fails where it should, and what is named says where it is run."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.helpers.skips import LIST, NAMED, VARIABLE, known

HERE = Path(__file__).parent.parent
TESTS = """
import pytest
def test_it():
    pytest.skip({reason!r})
@pytest.mark.skipif(True, reason={reason!r})
def test_marked():
    pass
"""
MODULE = "import pytest\npytest.importorskip('no_such_module', reason={reason!r})\ndef test_it():\n    pass\n"


@pytest.mark.parametrize("text", [TESTS, MODULE], ids=["tests", "file"])
@pytest.mark.parametrize(("reason", "asked", "fails"), [
    ("not today", NAMED, True),
    ("not today", "", False),
    ("needs Ray: `make cluster-test` runs it", NAMED, False),
])  # fmt: skip
def test_a_skip_that_is_not_named_fails(tmp_path, monkeypatch, text, reason, asked, fails):
    monkeypatch.setenv(VARIABLE, asked)
    (tmp_path / "conftest.py").write_text("from tests.helpers.skips import *\n")
    (tmp_path / "test_it.py").write_text(text.format(reason=reason))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(tmp_path)]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    assert ("skips.toml does not name: not today" in done.stdout) == fails, done.stdout
    assert (done.returncode in (1, 2)) == fails, done.stdout


def test_what_is_named_says_what_it_hides_and_where_it_is_run():
    entries = tomllib.loads(LIST.read_text(encoding="utf-8"))["skip"]
    assert len(known()) == len(set(known())) == len(entries)
    targets = (HERE / "Makefile").read_text(encoding="utf-8")
    for entry in entries:
        assert set(entry) == {"reason", "hides", "run"}
        if entry["run"].startswith("make "):
            assert f"\n{entry['run'].split()[1].rstrip(',')}:" in targets, entry
