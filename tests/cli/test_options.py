"""The table of options agrees with the commands, the settings and the documentation."""

import dataclasses
from collections import Counter
from functools import reduce
from pathlib import Path

import pytest
import typer

from anonymize.cli.app import app
from anonymize.cli.options import TABLE, settings_of
from anonymize.errors import UsageError
from anonymize.settings import Settings, Style
from tests.helpers import options


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


def test_options_of_one_name_change_the_same_setting_in_the_same_way():
    ways = {(option.key, option.sets, option.convert) for option in TABLE if option.sets}
    assert len({key for key, *_ in ways}) == len(ways)


def test_the_page_of_options_is_up_to_date():
    assert options.PAGE.read_text() == options.page(), "run `make options`"
    assert sum(line.startswith("| `-") for line in options.page().splitlines()) == len(TABLE)


def test_the_documentation_explains_every_option():
    home = Path(__file__).parents[2]
    pages = "".join(
        page.read_text() for page in [home / "README.md", *(home / "docs").glob("*.md")] if page != options.PAGE
    )
    unnamed = {option.names for option in TABLE if option.names.split()[0].partition("/")[0] not in pages}
    assert unnamed <= {"--passphrase"}  # a variable is better


@pytest.mark.parametrize("option", ["hide_zone", "show_zone"])
def test_a_file_without_a_zone_does_not_take_the_presets_zones_away(option, tmp_path):
    path = tmp_path / "zones.json"
    path.write_text("[]")
    with pytest.raises(UsageError, match="no zone in"):
        settings_of(Settings(), {option: [str(path)]})
