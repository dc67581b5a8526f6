"""The pages of `--help`: two columns and no boxes, readable at 80 columns and in every encoding."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable, Sequence
from enum import Enum
from textwrap import wrap
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from anonymize.cli.examples import EXAMPLES
from anonymize.cli.option import MAIN
from anonymize.cli.options import PANELS
from anonymize.errors import ExitCode

Section = tuple[str, Sequence[str]]
"""A title, possibly empty, and its lines."""
Table = tuple[str, list[tuple[str, str]]]
"""A title, and names with their meanings."""

GROUPS = {
    "Start here": ("run", "demo", "live", "help"),
    "Step by step": ("detect", "review", "doubts", "render", "verify", "report", "evaluate"),
    "Keep and set up": ("recordings", "presets", "models", "doctor", "status"),
}
"""The groups of commands, in the order in which people need them."""
WIDEST = 100
"""Maximum columns: longer lines are hard to read."""
NARROW = 60
"""Columns below which meanings are printed below names, not beside them."""


class Command(TyperCommand):
    """A command with our `--help` page."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What follows the command's name: options, then arguments; optional ones in brackets."""
        arguments = [one for one in self.get_params(ctx) if one.param_type_name == "argument"]
        return ["[OPTIONS]", *(_argument(one) if one.required else f"[{_argument(one)}]" for one in arguments)]

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - printed, not returned, as Typer does
        """Print the page."""
        _show(self, ctx, ())


class Group(TyperGroup):
    """A group of commands with our `--help` page."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands, in the order of `GROUPS`; of a nested group, in order of definition."""
        if ctx.parent is not None:
            return list(self.commands)
        ranks = [name for names in GROUPS.values() for name in names]
        return sorted(self.commands, key=lambda name: ranks.index(name) if name in ranks else len(ranks))

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as above
        """Print the page; that of all commands fits on a small terminal."""
        if ctx.parent is None:
            _overview(self, ctx)
        else:
            _show(self, ctx, _commands(self, ctx))


class App(typer.Typer):
    """A Typer app whose commands have our `--help` pages."""

    def __init__(self, *, cls: type[TyperGroup] = Group, **settings: Any) -> None:
        super().__init__(cls=cls, rich_markup_mode=None, **settings)  # no boxes round errors, either

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """As `typer.Typer.command`."""
        return super().command(name, cls=Command, **settings)


def guidance() -> None:
    """Print examples and exit codes, for which the page of all commands has no room."""
    from anonymize.cli.render.output import pages

    width = _width()
    codes = ", ".join(f"{code.value} {code.meaning}" for code in ExitCode)
    pages([_examples(""), ("Exit codes", [f"  {line}" for line in _wrapped(codes, width - 2)])])


def _overview(command: Any, ctx: Any) -> None:
    """Print the page of all commands, without blank lines: a small terminal shows it whole."""
    from anonymize.cli.render.output import pages

    width = _width()
    head = [*_usage(command, ctx, width), *_wrapped(command.help, width)]
    foot: Section = ("", _wrapped(command.epilog, width))
    pages([("", head), *_laid_out(_commands(command, ctx), width), foot], close=True)


def _show(command: Any, ctx: Any, commands: Sequence[Table]) -> None:
    from anonymize.cli.render.output import pages

    width = _width()
    paragraphs = [" ".join(paragraph.split()) for paragraph in inspect.cleandoc(command.help or "").split("\n\n")]
    sections: list[Section] = [("", _usage(command, ctx, width))]
    sections += [("", _wrapped(paragraph, width)) for paragraph in paragraphs]
    for tables in (commands, _parameters(command, ctx)):
        sections += _laid_out(tables, width)
    sections.append(_examples(" ".join(ctx.command_path.split()[1:])))
    pages(sections)


def _width() -> int:
    return min(shutil.get_terminal_size().columns, WIDEST)


def _usage(command: Any, ctx: Any, width: int) -> list[str]:
    pieces = [ctx.command_path, *command.collect_usage_pieces(ctx)]
    return _wrapped(f"Usage: {' '.join(pieces)}", width, len("Usage: "))


def _examples(name: str) -> Section:
    return "Examples", [f"  {example}" for example in EXAMPLES[name]]


def _laid_out(tables: Sequence[Table], width: int) -> list[Section]:
    """`tables` as lines, with meanings aligned across all tables."""
    longest = max((len(name) for _, rows in tables for name, _ in rows), default=0)
    start = longest + 4 if width >= NARROW else 6
    return [(title, _columns(rows, start, width)) for title, rows in tables]


def _commands(group: Any, ctx: Any) -> list[Table]:
    """The commands of `group` and what they do, by title."""
    titled = {name: title for title, names in GROUPS.items() for name in names} if ctx.parent is None else {}
    found: dict[str, list[tuple[str, str]]] = {}
    for name in group.list_commands(ctx):
        command = group.commands[name]
        does = command.short_help or inspect.cleandoc(command.help or "").split("\n\n")[0]
        found.setdefault(titled.get(name, "Commands"), []).append((name, does))
    return list(found.items())


def _parameters(command: Any, ctx: Any) -> list[Table]:
    """Arguments and options with their meanings, by title."""
    found: dict[str, list[tuple[str, str]]] = {"Arguments": [], **{panel: [] for panel in PANELS}}
    for parameter in command.get_params(ctx):
        if parameter.param_type_name == "argument":
            found["Arguments"].append((_argument(parameter), _meaning(parameter)))
        else:
            found[parameter.rich_help_panel or MAIN].append((_names(parameter), _meaning(parameter)))
    return [(title, rows) for title, rows in found.items() if rows]


def _argument(argument: Any) -> str:
    return f"{argument.metavar}{'...' if argument.nargs != 1 else ''}"


def _names(option: Any) -> str:
    """All names of an option, short ones first, and its metavar."""
    names = sorted([*option.opts, *option.secondary_opts], key=lambda name: name.startswith("--"))
    indent = "" if not names[0].startswith("--") else "    "
    return indent + ", ".join(names) + (f" {option.metavar}" if option.metavar else "")


def _meaning(parameter: Any) -> str:
    """Help text of a parameter, and its default."""
    default = parameter.show_default if isinstance(parameter.show_default, str) else _default(parameter)
    notes = ["[required]"] if parameter.required else [f"[default: {default}]"] if default else []
    return " ".join([parameter.help or "", *notes])


def _default(parameter: Any) -> str:
    value = parameter.default
    if not parameter.show_default or value is None or isinstance(value, bool) or callable(value):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value.value if isinstance(value, Enum) else value)


def _columns(rows: Sequence[tuple[str, str]], start: int, width: int) -> list[str]:
    """Lines of names, with their meanings from column `start` on, beside or below them."""
    lines = []
    for name, meaning in rows:
        text = wrap(meaning, width - start, break_long_words=False, break_on_hyphens=False) or [""]
        beside = len(name) + 4 <= start
        first = f"  {name}".ljust(start) + text.pop(0) if beside else f"  {name}"
        lines += [first, *(" " * start + line for line in text)]
    return lines


def _wrapped(text: str, width: int, indent: int = 0) -> list[str]:
    return wrap(text, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
