"""Words that people guess are understood, or answered with the word that was meant."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from anonymize import presets
from anonymize.cli.option import word
from anonymize.cli.values import Targets
from anonymize.errors import UsageError
from anonymize.settings import Audio, Codec, Device, Settings, Style
from anonymize.text.mapping import from_mapping


def answered(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-c", "from anonymize.cli import main; main()", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode, " ".join(done.stderr.replace("│", "").split())


GUESSED = [
    (Targets, "face", "faces"),
    (Targets, "PLATE", "plates"),
    (Style, "pixelate", "mosaic"),
    (Audio, "copy", "keep"),
    (Codec, "libx264", "h264"),
    (Codec, "x265", "h265"),
    (Codec, "HEVC", "h265"),
    (Codec, "h264-nvenc", "h264-nvenc"),
]


@pytest.mark.parametrize(("kind", "guess", "meant"), GUESSED)
def test_a_guessed_word_is_understood(kind: type[Style], guess: str, meant: str) -> None:
    assert word(kind)(guess) is kind(meant)


@pytest.mark.parametrize("kind", [Targets, Style, Audio, Codec, Device])
def test_every_guess_leads_to_a_word_of_ours_and_hides_none(kind: type[Style]) -> None:
    ours = {member.value for member in kind}
    assert set(kind.also().values()) <= ours
    assert not kind.also().keys() & ours


def test_a_preset_may_guess_too() -> None:
    made = from_mapping(Settings, {"redact": {"face": {"style": "Pixelate"}}, "output": {"codec": "hevc"}})
    assert (made.redact.face.style, made.output.codec) == (Style.MOSAIC, Codec.H265)


@pytest.mark.parametrize(
    ("kind", "typed", "meant"), [(Style, "mosiac", "mosaic"), (Codec, "hecv", "h265"), (Targets, "facse", "faces")]
)
def test_a_mistyped_word_is_answered_with_the_one_that_was_meant(kind: type[Style], typed: str, meant: str) -> None:
    with pytest.raises(typer.BadParameter, match=f"no '{typed}'; did you mean {meant}"):
        word(kind)(typed)


def test_a_word_like_no_other_is_answered_with_all() -> None:
    with pytest.raises(typer.BadParameter, match="no 'xyz': There are solid, mosaic, blur"):
        word(Style)("xyz")


def test_a_mistyped_preset_is_answered() -> None:
    with pytest.raises(UsageError, match="did you mean journalist"):
        presets.load("jounalist")


MEANT = {
    "a film for a command": (("film.mp4",), "anonymize run film.mp4 -o film-safe.mp4"),
    "a film with a blank": (("my film.mov",), "anonymize run 'my film.mov' -o 'my film-safe.mov'"),
    "a folder for a command": (("tests",), "anonymize run tests -o tests-safe/"),
    "a film and its output": (("film.mp4", "-o", "x.mp4", "-s", "blur"), "anonymize run film.mp4 -o x.mp4 -s blur"),
    "a film that is written as another": (("film.avi",), "anonymize run film.avi -o film-safe/"),
    "two films": (("a.mp4", "b.mp4"), "anonymize run a.mp4 b.mp4 -o a-safe/"),
}


@pytest.mark.parametrize("name", MEANT)
def test_a_film_for_a_command_is_answered_with_its_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    arguments, said = MEANT[name]
    code, message = answered(*arguments)
    assert code == 2
    assert said in message


def test_yes_is_force(tmp_path: Path) -> None:
    code, message = answered("run", str(tmp_path / "none.mp4"), "-o", str(tmp_path / "out.mp4"), "-y", "-t", "face")
    assert (code, "no such file" in message) == (3, True)


def test_all_is_not_taken_for_faces_and_plates(tmp_path: Path) -> None:
    code, said = answered("run", str(tmp_path / "film.mp4"), "-o", str(tmp_path / "safe.mp4"), "--targets", "all")
    assert code == 2
    assert "there is no 'all'" in said
