"""What an option is, and how the words that it takes are read."""

from __future__ import annotations

import inspect
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from anonymize.cli.wanted import as_given
from anonymize.errors import UsageError
from anonymize.settings import Codec, Device
from anonymize.text.words import Word

MAIN = "Options"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of some commands.

    Args:
        names: long ones first, as `--output -o`; one with a slash is on before it and off behind it.
        on: the commands that take it, comma-separated.
        type: of its value; `bool` for a switch.
        metavar: what it takes, for people; empty for a switch.
        help: what it means.
        panel: the group in which it stands.
        default: where it is not given; `...` makes it required.
        shown: what help says of the default in place of it; False for nothing.
        sets: the setting that it changes, by dotted name; empty for none.
        read: the setting's value, from that of the option and the settings before.
        to: the parameter that it becomes, where that is not the first name.
        more: what else Typer should know of it.
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
    read: Callable[[Any, Any], Any] = as_given
    to: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The parameter that it becomes."""
        return self.to or self.names.split()[0].partition("/")[0].removeprefix("--").replace("-", "_")

    @property
    def commands(self) -> list[str]:
        """The commands that take it."""
        return self.on.split(", ")

    def parameter(self) -> inspect.Parameter:
        """As a parameter of a command."""
        told = typer.Option(
            *self.names.split(),
            help=self.help,
            metavar=self.metavar or None,
            show_default=self.shown,
            rich_help_panel=None if self.panel == MAIN else self.panel,
            **self.more,
        )
        default = inspect.Parameter.empty if self.default is ... else self.default
        kind = inspect.Parameter.KEYWORD_ONLY
        return inspect.Parameter(self.key, kind, default=default, annotation=Annotated[self.type, told])


def word(kind: type[Word]) -> Callable[[str], Word]:
    """What reads a value of `kind`, or a word that people guess for one."""

    def read(text: str) -> Word:
        try:
            return kind(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return read


def word_or_list(kind: type[Codec | Device]) -> Callable[[str], Word]:
    """As `word`; over the word `list` the command prints all that there are, and ends."""

    def read(text: str) -> Word:
        if text.lower() != "list":
            return word(kind)(text)
        from anonymize.cli.render import choices
        from anonymize.report import doctor

        usable = doctor.usable_codecs() if kind is Codec else doctor.usable_devices()
        choices(usable, machine="--json" in sys.argv)
        raise typer.Exit

    return read


def named_plan(text: str) -> str:
    """`text`, where a plan can have that name. Raises `UsageError` for that of a picture or video."""
    from anonymize.text.suffixes import is_picture_name

    if is_picture_name(Path(text)) is not None:
        plan = shlex.quote(str(Path(text).with_suffix(".jsonl")))
        raise UsageError(
            f"{text}: `detect` writes a plan, which is text, and `render` makes the output: write -o {plan}"
        )
    return text


def named(path: Path | None) -> Path | None:
    """`path`, where it names something to write. Raises `UsageError` for `-`."""
    from anonymize.batch.inputs import named_file

    return path and Path(named_file(str(path)))
