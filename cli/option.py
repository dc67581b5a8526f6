"""One option of the command line, and the parsers and checks for its text."""

from __future__ import annotations

import inspect
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from anonymize.cli import values
from anonymize.cli.values import Convert, as_given
from anonymize.errors import UsageError
from anonymize.kinds import Kind
from anonymize.settings import Codec, Device
from anonymize.text.words import Word

MAIN = "Options"
"""The first panel of a help page."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of one or more commands.

    Args:
        names: all names, the long one first, as `--output -o`; a switch that can be turned off as `--loop/--no-loop`.
        on: commands that take it, comma-separated, as `run, report sign`.
        type: Python type of its value; `bool` for a switch.
        metavar: placeholder for the value on the help page; empty for a switch.
        help: what it does, in a sentence or two.
        panel: section of the help page.
        default: value if the option is not given; `...` makes it required.
        shown: text for the help page in place of the default; False shows none.
        sets: dotted name of the setting that it changes; empty if its command's function takes the value itself.
        convert: makes the setting's value from the option's value and the settings so far; None changes nothing.
        to: name of the function's parameter, if not the long name.
        more: further arguments of `typer.Option`.
    """

    names: str
    on: str
    type: Any
    metavar: str
    help: str
    panel: str = MAIN
    default: Any = None
    shown: str | bool = True
    sets: str = ""
    convert: Convert = as_given
    to: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Name of the function's parameter, and key in `values.Asked`."""
        return self.to or self.names.split()[0].partition("/")[0].removeprefix("--").replace("-", "_")

    @property
    def commands(self) -> list[str]:
        """The commands that take it."""
        return self.on.split(", ")

    def parameter(self) -> inspect.Parameter:
        """The parameter by which Typer knows it."""
        declared = typer.Option(
            *self.names.split(),
            help=self.help,
            metavar=self.metavar or None,
            show_default=self.shown,
            rich_help_panel=None if self.panel == MAIN else self.panel,
            **self.more,
        )
        default = inspect.Parameter.empty if self.default is ... else self.default
        kind = inspect.Parameter.KEYWORD_ONLY
        return inspect.Parameter(self.key, kind, default=default, annotation=Annotated[self.type, declared])


def word(kind: type[Word]) -> Callable[[str], Word]:
    """A parser for members of `kind`, and for the synonyms people guess."""

    def read(text: str) -> Word:
        try:
            return kind(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return read


def kind(text: str) -> str:
    """A parser for a kind, in the singular or plural."""
    try:
        return Kind.named(text.lower().removesuffix("s")).label
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def kinds(text: str) -> list[str]:
    """A parser for kinds, comma-separated."""
    try:
        return values.kinds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def word_or_list(kind: type[Codec | Device]) -> Callable[[str], Word]:
    """As `word`; at the word `list`, the command prints all members and exits."""

    def read(text: str) -> Word:
        if text.lower() != "list":
            return word(kind)(text)
        from anonymize.cli.render.output import choices
        from anonymize.report import doctor

        usable = doctor.usable_codecs() if kind is Codec else doctor.usable_devices()
        choices(usable, machine="--json" in sys.argv)
        raise typer.Exit

    return read


def named_plan(text: str) -> str:
    """`text`, if a plan can have that name. Raises `UsageError` for the name of a picture or video."""
    from anonymize.text.suffixes import is_picture_name

    if is_picture_name(Path(text)) is not None:
        plan = shlex.quote(str(Path(text).with_suffix(".jsonl")))
        raise UsageError(
            f"{text}: `detect` writes a plan, which is text, and `render` makes the output: write -o {plan}"
        )
    return text


def named(path: Path | None) -> Path | None:
    """`path`, if it names a file to write. Raises `UsageError` for `-`."""
    from anonymize.batch.inputs import named_file

    return path and Path(named_file(str(path)))
