"""The first and the worst moments for a signal: while the command loads, and while a C library works."""

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from PIL import Image

LOADED = """
import re, sys
before = set(sys.modules)
import anonymize.cli
print(*sorted(name for name in set(sys.modules) - before if getattr(sys.modules[name], "__file__", None)))
"""
STOPPED = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Stop())
sys.argv = ["anonymize", "presets"]
from anonymize.cli import main
main()
"""
BUSY = """
import hashlib, signal, sys
from anonymize.media.still import {module}
signal.signal(signal.SIGINT, signal.default_int_handler)
def busy(*args, **named):
    print("begun", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)  # C, for many minutes
{module}.{name} = busy
from anonymize.cli import main
main()
"""
ELSEWHERE = """
import signal, sys, threading, time
def tell(main_thread):
    while True:
        frame, names = sys._current_frames()[main_thread], []
        while frame:
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        if names[:2] == ["wait", "wait"] and "review" in names:
            break
        time.sleep(0.01)
    time.sleep(0.2)
    signal.pthread_kill(threading.get_ident(), {number})
threading.Thread(target=tell, args=[threading.get_ident()], daemon=True).start()
from anonymize.cli import main
main()
"""
"""A stop that the system gives to another thread once the command waits for one."""
ZONE = ["--targets", "none", "--hide-zone", "8,8 40,8 40,40 8,40"]


BEGUN = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.{before})
class Loading:
    def find_spec(self, name, *rest):
        if name == "anonymize.cli":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Loading())
from anonymize.__main__ import main
print("begun")
"""
"""A stop when the first of the command's own modules is looked for."""


@pytest.mark.parametrize(
    ("before", "ended"), [("default_int_handler", (-signal.SIGINT, "")), ("SIG_IGN", (0, "begun\n"))]
)
def test_a_stop_before_anything_is_loaded_ends_the_command_in_silence(before: str, ended: tuple[int, str]) -> None:
    program = [sys.executable, "-c", BEGUN.format(before=before)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (*ended, "")


def test_the_command_begins_where_a_stop_is_silent() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"anonymize": "anonymize.__main__:main"}
    said = subprocess.run([sys.executable, "-m", "anonymize", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("anonymize ")


def test_next_to_nothing_is_loaded_before_signals_are_handled() -> None:
    loaded = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout
    assert set(loaded.split()) <= {"anonymize", "anonymize.cli", "signal"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("module", ["anonymize.cli.streams", "anonymize.cli.app", "numpy"])
def test_a_stop_while_the_command_loads_is_said_in_words(module: str, number: int, code: int) -> None:
    program = STOPPED.format(module=module, number=int(number))
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (code, "anonymize: interrupted: nothing half-done was left\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(("module", "name"), [("source", "decode"), ("encode", "_saved")])
def test_a_stop_is_heeded_while_a_library_works(tmp_path: Path, module: str, name: str, number: int, code: int) -> None:
    source, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    Image.new("RGB", (64, 48)).save(source)
    program = BUSY.format(module=module, name=name)
    command = [sys.executable, "-c", program, "run", str(source), "-o", str(target), *ZONE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.2)
        os.kill(process.pid, number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in said
    assert "interrupted: nothing half-done was left" in said
    assert [path.name for path in tmp_path.iterdir()] == ["in.jpg"]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (getattr(signal, "SIGHUP", 0), 129)]
)
def test_a_stop_that_another_thread_gets_is_heeded(face_clip: Path, tmp_path: Path, number: int, code: int) -> None:
    plan = tmp_path / "plan.jsonl"
    program = [sys.executable, "-c", ELSEWHERE.format(number=int(number))]
    command = [*program, "review", str(face_clip), "--plan", str(plan), "--no-browser"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
