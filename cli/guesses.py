"""What was meant by arguments that cannot be understood, and the command that would work."""

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
"""How Typer says what a number should be, and how we do."""
_FIT = {
    "PIXELS": (" of pixels", "24"),
    "0..51": (", 0 (best) to 51", "23"),
    "N": ("", "2"),
    "SECONDS": (" of seconds", "1"),
    "PORT": (", a port", "8080"),
}
"""What a number counts, and one that fits, by what an option takes."""


def named_like_media(word: str) -> bool:
    """Whether `word` is a file or folder, or is called as a picture or video is."""
    from anonymize.text.suffixes import is_picture_name

    return Path(word).exists() or is_picture_name(Path(word)) is not None


def to_run(words: Sequence[str]) -> list[str]:
    """The words of a `run` that anonymises what `words`, a file and what follows it, begin with.

    Where they name no output: a name that is not taken, or a folder, which every input can go to.
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
    """What is wrong with `words`, as Typer's `error` says it, and the command that would work, where there is one."""
    said = error.format_message().strip()
    page = error.ctx.command_path if error.ctx else "anonymize"
    if not said:
        return ""  # a page was printed
    option, meant = getattr(error, "option_name", ""), getattr(error, "possibilities", None) or ()
    parameter: Any = getattr(error, "param", None)
    if meant and option in words:
        return f"there is no option {option}; did you mean {_put(words, option, option, meant[0])}"
    if said.startswith("Missing"):
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
    return f"{said}{'' if said[-1] in '.?' else '.'} `{page} --help` tells all options"


def _given(words: Sequence[str], option: str) -> str:
    """What follows `option`."""
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word == option:
            return after
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return ""


def _put(words: Sequence[str], option: str, old: str, new: str) -> str:
    """`words` with `new` for `old`; of `live` the option alone, as what else is there may hold a password."""
    if words[:1] == ["live"]:
        return new if option == old else f"{option} {new}"
    return _shown([new if word == old else word.replace(f"={old}", f"={new}") for word in words])


def _shown(words: Sequence[str]) -> str:
    return f"`{shlex.join(['anonymize', *words])}`"
