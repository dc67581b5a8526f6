"""One table of options: what it says of commands and settings is so."""

import dataclasses
from collections import Counter
from functools import reduce
from pathlib import Path

import pytest
import typer

from anonymize.cli.app import app
from anonymize.cli.options import TABLE, settings_of
from anonymize.settings import Settings, Style


def _named(command, name=""):
    yield name, command
    for part, inner in getattr(command, "commands", {}).items():
        yield from _named(inner, f"{name} {part}".strip())


COMMANDS = dict(_named(typer.main.get_command(app)))


def test_every_command_has_the_options_of_the_table_and_no_others():
    ours = Counter((name, option.key) for option in TABLE for name in option.commands)
    theirs = Counter(
        (name, one.name) for name, command in COMMANDS.items() for one in command.params if one.opts[0].startswith("-")
    )
    assert ours == theirs - Counter({("", "version"): 1})


@pytest.mark.parametrize("option", [option for option in TABLE if option.sets], ids=lambda option: option.names)
def test_what_an_option_sets_is_a_setting(option):
    *above, last = option.sets.split(".")
    holder = reduce(getattr, above, Settings())
    assert last in {field.name for field in dataclasses.fields(holder)}


def test_what_is_not_given_changes_nothing_and_what_is_wins():
    base = dataclasses.replace(Settings(), pixel_aspect="2:1", allow_damaged=True)
    none = {option.key: option.default for option in TABLE if option.sets}
    assert settings_of(base, none) == base
    asked = {**none, "min_face": 9.0, "style": Style.BLUR, "repair": True, "targets": None}
    made = settings_of(base, asked)
    assert (made.detect.min_face, made.redact.face.style, made.verify.repair) == (9.0, Style.BLUR, 3)
    assert (made.redact.plate, made.allow_damaged, made.pixel_aspect) == (base.redact.plate, True, "2:1")
    twice = dataclasses.replace(base, verify=dataclasses.replace(base.verify, repair=2))
    assert settings_of(twice, {"repair": True}).verify.repair == 2
    assert settings_of(twice, {"repair": False}).verify.repair == 0


def test_the_documentation_names_every_option():
    home = Path(__file__).parents[1]
    pages = "".join(page.read_text() for page in [home / "README.md", *(home / "docs").glob("*.md")])
    unnamed = {option.names for option in TABLE if option.names.split()[0].partition("/")[0] not in pages}
    assert unnamed <= {"--passphrase"}  # a variable is better
