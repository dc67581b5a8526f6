"""docs/options.md: every option, from the table in cli/options.py. `make options` writes it; tests/cli/test_options.py
fails if it is out of date."""

from enum import Enum
from pathlib import Path

from anonymize.cli.option import Option
from anonymize.cli.options import PANELS, TABLE

PAGE = Path(__file__).parents[2] / "docs" / "options.md"
HEAD = """# Options

Written by `make options` from the table in `cli/options.py`; do not edit. `anonymize COMMAND --help` shows those of one
command. *Setting* is the key in presets and `cameras.toml` that an option overrides.
"""


def page() -> str:
    """The page as Markdown: a table for each panel of the help pages, options in the order of `TABLE`."""
    text = HEAD
    for panel in PANELS:
        text += f"\n## {panel}\n\n| option | commands | what it does | default | setting |\n|---|---|---|---|---|\n"
        text += "".join(_row(option) for option in TABLE if option.panel == panel)
    return text


def _row(option: Option) -> str:
    names = ", ".join(f"`{name}`" for name in option.names.split())
    value = f" `{option.metavar}`" if option.metavar else ""
    cells = (names + value, option.on, option.help, _default(option), f"`{option.sets}`" if option.sets else "")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _default(option: Option) -> str:
    if option.default is ...:
        return "required"
    if isinstance(option.shown, str):
        return option.shown
    if option.default is None or isinstance(option.default, bool) or not option.shown:
        return ""
    value = option.default.value if isinstance(option.default, Enum) else option.default
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
