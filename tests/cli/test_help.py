"""The pages of `--help` at 80 columns: whole names, types for people, groups in the order in which people need them."""

import os
import re
import subprocess

import pytest
import typer

from anonymize.cli.app import app
from anonymize.cli.examples import EXAMPLES
from anonymize.cli.help import GROUPS
from anonymize.cli.options import PANELS
from anonymize.report import doctor
from anonymize.settings import Codec, Device
from tests.helpers.terminals import PROGRAM, on_terminal


def _named(command, name=""):
    yield name, command
    for part, inner in getattr(command, "commands", {}).items():
        yield from _named(inner, f"{name} {part}".strip())


COMMANDS = dict(_named(typer.main.get_command(app)))


@pytest.fixture(scope="module")
def pages():
    """Every page, as it is printed at 80 columns into a pipe."""
    environment = {**os.environ, "COLUMNS": "80"}
    program = """
import sys
from anonymize.cli.app import app
for name in sys.argv[1:]:
    app([*name.split(), "--help"], prog_name="anonymize", standalone_mode=False)
    print("\\f")
"""
    command = [*PROGRAM[:1], "-c", program, *COMMANDS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return dict(zip(COMMANDS, done.stdout.split("\f\n"), strict=False))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_fits_80_columns(pages, name):
    page = pages[name]
    assert page.startswith(f"Usage: anonymize {name}".rstrip() + " ")
    assert [line for line in page.splitlines() if len(line) > 80] == []
    assert page.isascii()
    assert not re.search(r"[<>]|range|\u2026", page.split("\nExamples\n")[0]), "types of the program's, not of people's"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_has_every_name_whole_and_one_default(pages, name):
    words = re.findall(r"[^\s,]+", pages[name])
    for option in (parameter for parameter in COMMANDS[name].params if parameter.param_type_name == "option"):
        assert {*option.opts, *option.secondary_opts} <= set(words)
        assert option.is_flag or option.metavar, option.name
        assert not re.search(r"\bdefault", option.help), option.name
    for argument in (parameter for parameter in COMMANDS[name].params if parameter.param_type_name == "argument"):
        assert argument.metavar, argument.name


@pytest.mark.parametrize("name", COMMANDS)
def test_groups_come_in_order_and_three_examples_last(pages, name):
    titles = re.findall(r"^([A-Z][\w ]+)\n  ", pages[name], re.MULTILINE)
    order = [*GROUPS, "Commands", "Arguments", *PANELS, "Examples"]
    assert titles == sorted(titles, key=order.index)
    if not name:  # the page of all commands has no room for them: `anonymize help` shows them
        return
    assert titles[-1] == "Examples"
    assert len(EXAMPLES[name]) == 3
    assert "\n  ".join(("Examples", *EXAMPLES[name])) in pages[name]


def test_every_command_has_its_group_and_its_line(pages):
    lines = pages[""].splitlines()
    for title, names in GROUPS.items():
        start = lines.index(title) + 1
        assert [line.split()[0] for line in lines[start : start + len(names)]] == list(names)
        assert not lines[start + len(names)].startswith(" ")
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(COMMANDS[""].commands)


def test_the_page_of_all_commands_is_seen_whole_with_a_prompt_below_on_a_small_terminal():
    for words in (("--help",), ()):
        seen = on_terminal(*words, columns=80, rows=24)
        lines = [line.rstrip() for line in seen.sent.replace("\r", "").rstrip("\n").split("\n")]
        assert lines[0].startswith("Usage: anonymize ")
        assert len(lines) <= 22, "and the line that was typed, and the next prompt"
        assert all(len(line) <= 80 for line in lines)


def test_help_shows_examples_and_exit_codes_and_the_page_of_a_command(pages):
    seen = on_terminal("help", columns=80, rows=24)
    assert len(seen.sent.rstrip().splitlines()) <= 23
    assert "\n  ".join(("Examples", *EXAMPLES[""])) in "\n".join(seen.screen.lines())
    for words in (["run"], ["report", "sign"], []):
        done = subprocess.run([*PROGRAM, "help", *words], capture_output=True, text=True, check=True)
        assert done.stdout.rstrip("\n") == (
            pages[" ".join(words)].rstrip("\n") if words else "\n".join(seen.screen.lines())
        )
    wrong = subprocess.run([*PROGRAM, "help", "runn"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "'runn'" in wrong.stderr
    assert "Did you mean 'run'" in wrong.stderr


def test_commands_of_a_command_stand_together(pages):
    for name in ("models", "presets", "report"):
        assert not set(GROUPS) & set(pages[name].splitlines()), name


def test_what_people_need_comes_first(pages):
    first = [option for option in re.findall(r"--[a-z-]+", pages["run"]) if option != "--help"]
    assert list(dict.fromkeys(first))[:5] == ["--output", "--preset", "--targets", "--style", "--audio"]
    assert pages["run"].index("\nOn a cluster\n") > pages["run"].index("\nHow it runs\n")


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"LC_ALL": "C", "LANG": "C", "NO_COLOR": "1"}])
def test_a_plain_terminal_gets_plain_text(pages, plain):
    seen = on_terminal("run", "--help", columns=80, environment=plain)
    assert "\x1b" not in seen.sent
    assert seen.screen.lines() == pages["run"].rstrip("\n").splitlines()


def test_a_terminal_shows_titles_in_bold(pages):
    seen = on_terminal("verify", "--help", columns=80, environment={"TERM": "xterm", "NO_COLOR": ""})
    assert "\x1b[1mOptions\x1b[0m" in seen.sent
    assert seen.screen.lines() == pages["verify"].rstrip("\n").splitlines()


def test_a_narrow_terminal_has_meanings_below_names():
    seen = on_terminal("run", "--help", columns=40)
    assert all(len(line) <= 40 for line in seen.sent.replace("\r", "").splitlines() if not line.startswith("  anon"))
    assert "      --publish-unverified\n      Release the output" in "\n".join(seen.screen.lines())


@pytest.mark.parametrize(("option", "kind"), [("--codec", Codec), ("--device", Device)])
def test_list_names_all_and_what_can_be_used(option, kind):
    done = subprocess.run([*PROGRAM, "run", option, "list"], capture_output=True, text=True, check=True)
    listed = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert list(listed) == [member.value for member in kind]
    usable = doctor.usable_codecs() if kind is Codec else doctor.usable_devices()
    assert {name for name, words in listed.items() if words == "can be used here"} == {
        name for name, why in usable.items() if why is None
    }
    assert all(str(why) in listed[name] for name, why in usable.items() if why)
