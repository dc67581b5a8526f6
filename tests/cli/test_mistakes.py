"""Mistakes that people make: each is told what happened, to which file, and what would work; and that does work.

All are made in one process on a pseudo-terminal, and in another into pipes. Neither may read or write what the rights
of files do not allow, also where the tests run as root.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from anonymize import cli
from tests.helpers.media import make_image, make_video
from tests.helpers.terminals import Terminal

RUNNER = """
import ctypes, json, os, sys
if os.geteuid() == 0 and "mortal" not in sys.argv:  # from the next program on, root's rights over files are gone
    for right in (1, 2):
        ctypes.CDLL(None).prctl(24, right, 0, 0, 0)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], "mortal"])
from anonymize import cli
for words in json.loads(open(sys.argv[1]).read()):
    sys.argv = ["anonymize", *words]
    print("=== begun", flush=True)
    print("=== ended", cli._run(), flush=True)
"""
ZONE = "-t none --hide-zone '0,0 9,0 9,9'"


@dataclass(frozen=True)
class Mistake:
    """A command, its exit code, what is said of it, and the command that is proposed, which has to work."""

    command: str
    code: int
    said: str
    works: str = ""


RUN = f"run film.mp4 -o OUT.mp4 {ZONE}"
MISTAKES = {
    "an empty folder": Mistake("run empty -o OUT/", 3, "empty: there is no file in this folder"),
    "a folder without rights": Mistake("run locked -o OUT/", 3, "locked: this folder cannot be listed (no permission)"),
    "a file without rights": Mistake("run barred.mp4 -o OUT.mp4", 3, "barred.mp4: no permission to read it"),
    "no right to write": Mistake(
        f"run film.mp4 -o shut/a.mp4 {ZONE}", 6, "shut: no permission to write in this folder"
    ),
    "no right to make a folder": Mistake(f"run film.mp4 -o shut/a/ {ZONE}", 6, "shut"),
    "no right to write a plan": Mistake(
        f"detect film.mp4 -o shut/a.jsonl {ZONE}", 6, "shut: no permission to write in this folder"
    ),
    "no right to report": Mistake(f"{RUN} --report shut", 6, "shut: no report can be written in this folder (no perm"),
    "a plan without rights": Mistake(
        "render film.mp4 --plan barred.jsonl -o OUT.mp4", 2, "barred.jsonl: no permission to read it"
    ),
    "a mistyped file": Mistake(
        f"run flim.mp4 -o OUT.mp4 {ZONE}", 3, "flim.mp4: no such file or folder; did you mean film.mp4?", RUN
    ),
    "a mistyped plan": Mistake(
        "render film.mp4 --plan paln.jsonl -o OUT.mp4",
        9,
        "paln.jsonl: cannot read this plan: no such file; did you mean plan.jsonl?",
        "render film.mp4 --plan plan.jsonl -o OUT.mp4",
    ),
    "a style in a preset": Mistake(
        "run film.mp4 -o OUT.mp4 -p style.toml",
        2,
        "redact.face.style = 'mosiac': there is no 'mosiac'; did you mean mosaic?",
    ),
    "a time past the minute": Mistake(
        f"{RUN} --hide-span 0:99-2:00",
        2,
        "'0:99' is no time: after a colon, minutes and seconds go up to 59; that many seconds are 1:39",
    ),
    "a time and no span": Mistake(
        f"{RUN} --hide-span 0:00", 2, "from 0:00 on to the end is 0:00-", f"{RUN} --hide-span 0:00-"
    ),
    "a span backwards": Mistake(
        f"{RUN} --hide-span 0:05-0:00",
        2,
        "its end does not come after its start: write 0:00-0:05",
        f"{RUN} --hide-span 0:00-0:05",
    ),
    "an empty plan": Mistake(
        "render film.mp4 --plan empty.jsonl -o OUT.mp4",
        9,
        "empty.jsonl: not a plan: it is empty: `anonymize detect FILM -o empty.jsonl --force` writes one",
        f"detect film.mp4 -o empty.jsonl --force {ZONE}",
    ),
    "another film's plan": Mistake(
        "render cat.png --plan plan.jsonl -o OUT.png",
        9,
        "cat.png: the plan was made for another file; detect again",
    ),
    "a film as a plan": Mistake(
        "render film.mp4 --plan film.mp4 -o OUT.mp4", 9, "film.mp4: not a plan: it is not UTF-8"
    ),
    "a PDF": Mistake(
        "run paper.pdf -o OUT.mp4", 3, "paper.pdf: this is a PDF; save the pictures or videos in it as files"
    ),
    "a PDF called a film": Mistake("run paper.mp4 -o OUT.mp4", 3, "paper.mp4: this is a PDF"),
    "an archive": Mistake("run films.zip -o OUT/", 3, "films.zip: this is a ZIP archive; unpack it into a folder"),
    "an encrypted archive": Mistake(
        "run secret.zip -o OUT/", 3, "secret.zip: this ZIP archive is encrypted; with its pass"
    ),
    "an encrypted film": Mistake(
        "run secret.mp4 -o OUT.mp4", 3, "secret.mp4: the video is encrypted; decrypt it first"
    ),
    "an encrypted document": Mistake(
        "run secret.docx -o OUT/", 3, "secret.docx: this is an old or encrypted Office docum"
    ),
    "the input as output": Mistake(
        f"run film.mp4 -o film.mp4 {ZONE}",
        2,
        "film.mp4: the output would replace the input: write -o film-safe.mp4",
        f"run film.mp4 -o film-safe.mp4 {ZONE}",
    ),
    "the input by force": Mistake(
        f"run film.mp4 -o film.mp4 -f {ZONE}",
        2,
        "would replace the input: write -o film-safe.mp4",
        f"run film.mp4 -o safe/ {ZONE}",
    ),
    "the input by a link": Mistake(
        f"run film.mp4 -o link.mp4 -f {ZONE}",
        2,
        "film.mp4: link.mp4 is the same file: the output would replace the input: write -o link-safe.mp4",
        f"run film.mp4 -o link-safe.mp4 -f {ZONE}",
    ),
    "the input by a hard link": Mistake(
        f"run film.mp4 -o hard.mp4 -f {ZONE}", 2, "film.mp4: hard.mp4 is the same file"
    ),
    "a film as the output of detect": Mistake(
        f"detect film.mp4 -o made.mp4 {ZONE}", 2, "write -o made.jsonl", f"detect film.mp4 -o made.jsonl {ZONE}"
    ),
    "there already": Mistake(
        f"run film.mp4 -o cat.png {ZONE}", 6, "cat.png: exists already; give --force to replace it"
    ),
    "no suffix": Mistake(
        f"run film.mp4 -o NEW {ZONE}", 2, "NEW: a name without a suffix selects no format: write -o NEW.mp4", RUN
    ),
    "a mistyped preset": Mistake(
        "run film.mp4 -o OUT.mp4 -p jounalist",
        2,
        "no preset 'jounalist': did you mean journalist?",
        "presets show journalist",
    ),
    "a mistyped key in a preset": Mistake(
        "run film.mp4 -o OUT.mp4 -p key.toml",
        2,
        "preset key.toml: unknown setting 'detect.min_fase': there is no 'min_fase'; did you mean min_face?",
    ),
    "a number that is a share": Mistake(
        f"run film.mp4 -o OUT.mp4 {ZONE} --min-face 5%",
        2,
        "--min-face 5%: expected a number of pixels, as in `anonymize ",
        f"{RUN} --min-face 24",
    ),
    "a quality that is a word": Mistake(
        f"{RUN} --quality high", 2, "--quality high: expected a whole number, 0 (best) to 51", f"{RUN} --quality 23"
    ),
    "too many workers": Mistake(
        f"detect film.mp4 -o OUT.jsonl {ZONE} --workers 99",
        2,
        "--workers 99: expected a number up to 64, as in `anonymize",
        f"detect film.mp4 -o OUT.jsonl {ZONE} --workers 2",
    ),
    "a missing model": Mistake(
        "run film.mp4 -o OUT.mp4 -t faces --detectors yunet",
        8,
        "the model 'yunet' is not installed. To get it: anonymize "
        "models fetch yunet, or anonymize models import yunet FILE",
    ),
    "a mistyped detector": Mistake(
        "run film.mp4 -o OUT.mp4 -t faces --detectors centreface",
        2,
        "there is no 'centreface'; did you mean centerface?",
    ),
    "a mistyped model": Mistake("models fetch yunt", 8, "there is no 'yunt'; did you mean yunet?"),
    "a dry run elsewhere": Mistake(
        f"{RUN} --dry-run --cluster auto", 2, "--dry-run runs on this machine: leave out --cluster", f"{RUN} --dry-run"
    ),
    "no output": Mistake(
        "run film.mp4", 2, "--output or -o is missing, where the output goes: `anonymize run film.mp4 -o film-safe.mp4`"
    ),
    "a mistyped option": Mistake(
        f"run film.mp4 -o OUT.mp4 {ZONE} --adio mute",
        2,
        "there is no option --adio; did you mean `anonymize run film.mp4 -o",
        f"{RUN} --audio mute",
    ),
    "a mistyped command": Mistake("rnu film.mp4 -o OUT.mp4", 2, "Did you mean 'run'?", RUN),
    "a folder to plan": Mistake(
        f"detect empty -o OUT.jsonl {ZONE}",
        2,
        "empty: this command takes one file, not a folder: name one of its files; for all of them at once, see what "
        "would be hidden with: anonymize run empty -o empty-safe/ --dry-run",
    ),
    "nothing to sum up": Mistake("report dpia empty -o OUT", 2, "empty: no report in it"),
    "no such run": Mistake("status empty", 3, "empty: no ledger here: `anonymize run` keeps one"),
}
READ = {
    "a plan with a BOM": "render film.mp4 --plan bom.jsonl -o OUT.mp4",
    "a plan from Windows": "render film.mp4 --plan windows.jsonl -o OUT.mp4",
    "a preset with a BOM": f"{RUN} -p bom.toml",
    "zones with a BOM": "run film.mp4 -o OUT.mp4 -t none --hide-zone bom.json",
    "a guess in a preset": f"{RUN} -p guess.toml",
}
"""What looks like a mistake, and is none."""


def test_a_password_in_an_address_is_not_repeated(capsys, monkeypatch):
    for words in (("--lokahead", "3"), ("--lookahead", "x")):
        monkeypatch.setattr(sys, "argv", ["anonymize", "live", "rtsp://u:se cret@h/x", "--to", "record:x", *words])
        assert cli._run() == 2
        said = capsys.readouterr().err
        assert "--lookahead" in said
        assert "cret" not in said


def test_a_folder_that_is_gone_is_said(tmp_path, capsys, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.setattr(sys, "argv", ["anonymize", "run", ".", "-o", "out/"])
    assert cli._run() == 6
    assert "the folder in which this command was started no longer exists" in capsys.readouterr().err


def test_whatever_the_system_refuses_is_said_with_its_file():
    assert cli._failed(PermissionError(13, "Permission denied", "/srv/a.mp4")) == (6, "/srv/a.mp4: no permission")


def _fill(desk: Path) -> None:
    make_video(desk / "film.mp4", frames=4)
    make_image(desk / "cat.png")
    for name in ("empty", "locked", "shut"):
        (desk / name).mkdir()
    (desk / "empty.jsonl").touch()
    mark = b"\xef\xbb\xbf"
    plan = subprocess.run(
        [
            sys.executable,
            "-c",
            "from anonymize.cli import main; main()",
            *shlex.split(f"detect film.mp4 -o plan.jsonl {ZONE}"),
        ],
        cwd=desk,
        check=True,
        capture_output=True,
    )
    assert plan.returncode == 0
    text = (desk / "plan.jsonl").read_bytes()
    (desk / "bom.jsonl").write_bytes(mark + text)
    (desk / "windows.jsonl").write_bytes(mark + text.replace(b"\n", b"\r\n"))
    (desk / "bom.toml").write_bytes(mark + b"[detect]\nmin_face = 20\n")
    (desk / "bom.json").write_bytes(mark + b'[{"polygon": [[0, 0], [9, 0], [9, 9]]}]')
    (desk / "guess.toml").write_text('[redact.face]\nstyle = "Pixelate"\n[output]\ncodec = "libx264"\n')
    (desk / "style.toml").write_text('[redact.face]\nstyle = "mosiac"\n')
    (desk / "key.toml").write_text("[detect]\nmin_fase = 20\n")
    for name in ("paper.pdf", "paper.mp4"):
        (desk / name).write_bytes(b"%PDF-1.4\n1 0 obj<<>>endobj\n%%EOF\n")
    with zipfile.ZipFile(desk / "films.zip", "w") as archive:
        archive.writestr("film.mp4", bytes(99))
    secret = bytearray((desk / "films.zip").read_bytes())
    secret[6] |= 1
    (desk / "secret.zip").write_bytes(secret)
    (desk / "secret.docx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "00" * 16, "encryption_kid": "11" * 16}
    make_video(desk / "secret.mp4", frames=4, container_options=key)
    (desk / "link.mp4").symlink_to("film.mp4")
    os.link(desk / "film.mp4", desk / "hard.mp4")
    shutil.copy(desk / "film.mp4", desk / "barred.mp4")
    shutil.copy(desk / "plan.jsonl", desk / "barred.jsonl")
    for name in ("locked", "barred.mp4", "barred.jsonl"):
        (desk / name).chmod(0)
    (desk / "shut").chmod(0o555)


@pytest.fixture(scope="module", params=["pipe", "terminal"])
def said(request):
    """What was said of each mistake, and of what is proposed instead; each with its exit code."""
    steps = [(name, "mistake", one.command) for name, one in MISTAKES.items()]
    steps += [(name, "works", one.works) for name, one in MISTAKES.items() if one.works]
    steps += [(name, "works", command) for name, command in READ.items()]
    desk = Path(tempfile.mkdtemp(prefix="anonymize-mistakes-"))
    try:
        _fill(desk)
        commands = []
        for number, (_, kind, command) in enumerate(steps):
            own = f"out{number}" if kind == "works" else "OUT"
            commands.append(shlex.split(command.replace("OUT", own)))
        (desk / "steps.json").write_text(json.dumps(commands))
        program = [sys.executable, "-c", RUNNER, "steps.json"]
        environment = {"COLUMNS": "400"}
        if request.param == "pipe":
            done = subprocess.run(
                program,
                cwd=desk,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                check=False,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=250,
            )
            told = done.stdout
        else:
            with Terminal(program=program, cwd=desk, environment=environment, columns=400) as terminal:
                terminal.end(250)
            told = terminal.sent.replace("\r\n", "\n")
        parts = told.split("=== begun\n")[1:]
        assert len(parts) == len(steps), told[-2000:]
        found = {}
        for (name, kind, _), part in zip(steps, parts, strict=True):
            words, _, code = part.rpartition("=== ended ")
            found[name, kind] = (int(code.split()[0]), words)
        yield found
    finally:
        (desk / "locked").chmod(0o700)
        shutil.rmtree(desk)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_answered(said, name):
    code, words = said[name, "mistake"]
    lines = [line for line in words.splitlines() if "anonymize: " in line]
    assert (code, len(lines)) == (MISTAKES[name].code, 1), words
    assert MISTAKES[name].said in lines[0]
    assert "rrno" not in words
    assert "Traceback" not in words


@pytest.mark.parametrize("name", [*(name for name, one in MISTAKES.items() if one.works), *READ])
def test_what_is_proposed_works(said, name):
    code, words = said[name, "works"]
    assert code == 0, words
