"""Error messages for wrong arguments, with a command that would work."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anonymize.cli.examples import EXAMPLES

_NUMBERS = {
    "Input should be a valid number": "a number",
    "Input should be a valid integer": "a whole number",
    "Input should be greater than or equal to ": "a number from ",
    "Input should be less than or equal to ": "a number up to ",
}
"""Beginnings of Typer's messages about numbers -> what the number should be."""
_FIT = {
    "PIXELS": (" of pixels", "24"),
    "0..51": (", 0 (best) to 51", "23"),
    "N": ("", "2"),
    "SECONDS": (" of seconds", "1"),
    "PORT": (", a port", "8080"),
}
"""Metavar of an option -> what its number counts, and an example."""


def named_like_media(word: str) -> bool:
    """Whether `word` is a file or folder, or has the name of a picture or video."""
    from anonymize.text.suffixes import is_picture_name

    return Path(word).exists() or is_picture_name(Path(word)) is not None


def to_run(words: Sequence[str]) -> list[str]:
    """Arguments of a `run` for `words`, a file and what follows it.

    Without an output, one is added: an unused file name, or a folder.
    """
    from anonymize.media import is_written

    if any(word in ("-o", "--output") or word.startswith(("--output=", "-o")) for word in words):
        return ["run", *words]
    path = Path(words[0])
    safe = f"{path.stem}-safe{path.suffix}"
    several = path.is_dir() or (len(words) > 1 and named_like_media(words[1]))
    if several or not is_written(path) or Path(safe).exists():
        safe = f"{path.stem or 'footage'}-safe/"
    return ["run", *words, "-o", safe]


def corrected(error: Any, words: Sequence[str]) -> str:
    """What is wrong with `words` according to Typer's `error`, and if possible a command that would work."""
    message = error.format_message().strip()
    page = error.ctx.command_path if error.ctx else "anonymize"
    if not message:
        return ""  # a help page was printed
    option, meant = getattr(error, "option_name", ""), getattr(error, "possibilities", None) or ()
    parameter: Any = getattr(error, "param", None)
    if meant and option in words:
        return f"there is no option {option}; did you mean {_put(words, option, option, meant[0])}"
    if message.startswith("Missing"):
        name = parameter.metavar if parameter.param_type_name == "argument" else " or ".join(parameter.opts)
        if parameter.name == "output" and words[:1] == ["run"]:
            return f"{name} is missing, where the output goes: {_shown(to_run(words[1:]))}"
        return f"{name} is missing, as in `{EXAMPLES[page.partition(' ')[2]][0]}`"
    if number := next((ours for theirs, ours in _NUMBERS.items() if error.message.startswith(theirs)), ""):
        number += error.message.rpartition(" ")[2] if number.endswith(" ") else ""
        for name in (name for name in parameter.opts if _given(words, name)):
            given = _given(words, name)
            counts, fit = _FIT.get(parameter.metavar, ("", ""))
            hint = f", as in {_put(words, name, given, fit)}" if fit else ""
            return f"{name} {shlex.quote(given)}: expected {number}{counts}{hint}"
    if " is not readable" in error.message:
        path = error.message.partition("'")[2].rpartition("'")[0]
        return f"{path}: no permission to read it"
    return f"{message}{'' if message[-1] in '.?' else '.'} `{page} --help` lists all options"


def _given(words: Sequence[str], option: str) -> str:
    """The value given for `option`."""
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word == option:
            return after
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return ""


def _put(words: Sequence[str], option: str, old: str, new: str) -> str:
    """The command with `new` in place of `old`; for `live` only the option, as the rest may hold passwords.

    Args:
        words: arguments of the command.
        option: the option concerned.
        old: the option or its value.
        new: its replacement.
    """
    if words[:1] == ["live"]:
        return new if option == old else f"{option} {new}"
    return _shown([new if word == old else word.replace(f"={old}", f"={new}") for word in words])


def _shown(words: Sequence[str]) -> str:
    return f"`{shlex.join(['anonymize', *words])}`"
