import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import pytest

from anonymize import presets
from anonymize.data import Kind, Shape
from anonymize.errors import UsageError
from anonymize.settings import (
    Appearance,
    Detect,
    Follow,
    Output,
    Person,
    Redact,
    Settings,
    Span,
    Style,
    Verify,
    Zone,
)
from anonymize.text.mapping import from_mapping, to_mapping, to_toml


def test_settings_survive_the_way_to_plain_values_and_back():
    values = {
        "targets": ["faces", "plates"],
        "zones": [{"polygon": [[0, 0], [10, 0], [10, 10]], "span": {"start": "1/3", "end": 2}}],
        "only": [{"start": 5}],
        "redact": {"face": {"style": "mosaic", "cells": 6}},
    }
    settings = from_mapping(Settings, values)
    assert settings.targets == {Kind.FACE, Kind.PLATE}
    assert settings.zones[0].span == Span(Fraction(1, 3), Fraction(2))
    assert settings.redact.face.style is Style.MOSAIC
    assert from_mapping(Settings, to_mapping(settings)) == settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"detekt": {}}, "unknown setting 'detekt'"),
        ({"detect": {"min_fase": 3}}, "unknown setting 'detect.min_fase'"),
        ({"targets": ["Cats"]}, "'Cat' cannot be the name of a kind: expected 2 to 12 lower-case letters"),
        ({"targets": "faces"}, "expected a list"),
        ({"output": {"quality": 99}}, "output.quality = 99: must be 0 to 51"),
        ({"output": {"quality": 1.5}}, "expected a whole number"),
        ({"output": {"codec": "divx"}}, "there is no 'divx'"),
        ({"redact": {"face": {"cells": 9}}}, "1 to 8"),
        ({"redact": {"plate": {"style": "blur"}}}, "plates are always redacted as solid boxes"),
        ({"redact": {"head": {"shape": "polygon"}}}, "redact.head.shape: expected box or ellipse"),
        ({"redact": {"person": {"shape": "polygon"}}}, "redact.person.shape: expected box or ellipse"),
        ({"redact": {"face": {"shape": "oval"}}}, "redact.face.shape = 'oval': expected one of box, ellipse, polygon"),
        ({"zones": [{"polygon": [[0, 0], [1, 1]]}]}, "3 to 1000 corners"),
        ({"targets": []}, "nothing to redact"),
        ({"detect": {"every": 1.0}, "follow": {"max_gap": 0.5}}, "no frame could be bracketed"),
        ({"allow_damaged": "no"}, "expected true or false"),
        ({"detect": 3}, "expected a table"),
        ({"detect": {"min_face": 3, "min_fase": 3}}, "unknown setting 'detect.min_fase': .*did you mean min_face?"),
        (
            {"zones": [{"polygon": [[0, 0], [1, 0], [1, "2"]]}]},
            r"polygon\[2\]\[1\] = '2': expected a number",
        ),
        ({"zones": [{"polygon": [[0, 0], [1, 0], [1, 2]], "spam": 1}]}, r"unknown setting 'zones\[0\].spam'"),
        ({"zones": [{"polygon": [[0, 0], [1, 0], [1, 2, 3]]}]}, r"\[2\] = \[1, 2, 3\]: expected 2 values, got 3"),
        ({"show_persons": [{"track": 3}]}, r"show_persons\[0\].reason is missing"),
        ({"obscured": [{"start": 0}] * 10_001}, "expected at most 10000 entries, got 10001"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_its_place(values, message):
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        from_mapping(Settings, values)


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_loads_says_for_whom_and_prints_as_toml_that_loads(name, tmp_path):
    preset = presets.load(name)
    assert preset.whom.endswith(".")
    path = tmp_path / "again.toml"
    path.write_text(f'whom = "x"\n{to_toml(preset.settings)}')
    assert presets.load(str(path)).settings == preset.settings


def test_a_preset_prints_every_list_on_one_line():
    assert to_toml(presets.load("default").settings).startswith('targets = ["face", "head", "plate"]\nzones = []\n')


def test_zones_in_a_preset_print_as_toml_that_loads(tmp_path):
    settings = from_mapping(Settings, {"zones": [{"polygon": [[0, 0], [4, 0], [4, 4]], "span": {"end": 9}}]})
    path = tmp_path / "zones.toml"
    path.write_text(to_toml(settings))
    assert presets.load(str(path)).settings == settings


def test_the_presets_that_the_documentation_names_exist():
    assert {"journalist", "municipal", "research", "fast"} <= set(presets.names())
    assert presets.load("journalist").settings.redact.face.style is Style.SOLID
    for name in presets.names():  # a mosaic does not hide people who are known: docs/threat-model.md
        assert presets.load(name).settings.redact.face.style is Style.SOLID


def test_without_a_preset_people_are_hidden_as_they_were_when_that_was_measured():
    """Whoever asks for nothing gets what the figures in benchmarks/RESULTS.md were measured with."""
    held = to_mapping(Settings())
    solid = {"style": "solid", "cells": 8, "corners": True}
    assert held["targets"] == ["face", "head", "plate"]
    assert held["detect"] == {
        "detectors": ["centerface", "argus:plates", "argus2:heads", "argus2:persons"],
        "device": "cpu",
        "min_face": 16.0,
        "min_plate": 24.0,
        "smallest": {"head": 16.0, "person": 32.0, "text": 12.0},
        "every": 0.12,
        "thorough_every": 0.48,
        "high": 0.5,
        "low": 0.2,
        "alone": 0.5,
        "behind": 0.0,
    }
    assert held["follow"] == {"max_gap": 0.5, "hold": 0.8, "bridge": 2.0, "min_finds": 1}
    assert held["redact"] == {
        "face": {"shape": "ellipse", "padding": 0.3, **solid},
        "plate": {"shape": "box", "padding": 0.15, **solid},
        "area": {"shape": "box", "padding": 0.0, **solid},
        "head": {"shape": "ellipse", "padding": 0.1, **solid, "corners": False},
        "person": {"shape": "box", "padding": 0.1, **solid},
        "text": {"shape": "box", "padding": 0.05, **solid},
    }
    assert held["text"] == {"match": ""}
    assert held["verify"] == {
        "detectors": [],
        "look_every": 0.36,
        "most_looks": 0,
        "repair": 0,
        "doubts": "release",
        "publish_unverified": False,
    }
    assert held["live"] == {
        "lookahead": 0.8,
        "unbracketed": "obscure",
        "deadline": 1.0,
        "coarsest": 1.0,
        "stall": 1.0,
        "timeout": 5.0,
        "backoff": 0.5,
        "longest_backoff": 15.0,
        "buffer": 8,
        "longest_side": 1920,
    }
    detect = replace(Settings().detect, behind=0.2)
    assert presets.load("default").settings == replace(Settings(), detect=detect)


@pytest.mark.parametrize("name", ["nobody", "missing.toml"])
def test_a_preset_that_does_not_exist_is_a_usage_error(name):
    with pytest.raises(UsageError, match=name):
        presets.load(name)


def test_a_preset_that_is_not_toml_is_a_usage_error(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text("whom = ")
    with pytest.raises(UsageError, match="not valid TOML"):
        presets.load(str(path))


def test_what_only_reading_values_needs_is_not_loaded_for_help():
    program = "import sys\nimport anonymize.cli.app\nsys.exit('cattrs' in sys.modules or 'tomli_w' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Span(Fraction(-1)), "span.start"),
        (lambda: Span(Fraction(5), Fraction(5)), "must end after it starts"),
        (lambda: Span(Fraction(5), Fraction(4)), "must end after it starts"),
        (lambda: Follow(max_gap=10.5), "follow.max_gap"),
        (lambda: Follow(hold=-0.5), "follow.hold"),
        (lambda: Follow(min_finds=0), "follow.min_finds"),
        (lambda: Output(quality=-1), "output.quality"),
        (lambda: Verify(look_every=-0.5), "verify.look_every"),
        (lambda: Verify(most_looks=-1), "verify.most_looks"),
        (lambda: Verify(repair=4), "verify.repair"),
        (lambda: Redact(plate=Appearance(style=Style.MOSAIC, shape=Shape.BOX)), "always redacted as solid boxes"),
        (lambda: Redact(plate=Appearance(style=Style.SOLID, shape=Shape.ELLIPSE)), "always redacted as solid boxes"),
        (lambda: Detect(low=0.6, high=0.5), "detect.low"),
        (lambda: Person("x" * 201, track=3), "at most 200 characters"),
        (lambda: Person(" ", track=3), "needs a reason"),
        (lambda: Person("a\nb", track=3), "one line"),
        (lambda: Settings(targets=frozenset({Kind.AREA, Kind.FACE})), "areas are zones, .* found: face, head,"),
        (lambda: from_mapping(Settings, {"targets": ["areas"]}), "areas are zones"),
        (lambda: Settings(targets={"faces"}), "such as Kind.FACE; got 'faces'"),  # type: ignore[arg-type]
        (lambda: Zone(((10, 10), (20, 20), (40, 40))), "no area"),
        (lambda: Zone(((10, 30), (20, 30), (40, 30))), "no area"),
        (lambda: Zone(((7, 10), (7, 20), (7, 5))), "no area"),
        (lambda: Zone(((7, 9), (7, 9), (7, 9))), "no area"),
    ],
)
def test_values_that_come_from_python_are_checked_too(make, message):
    with pytest.raises(UsageError, match=message):
        make()


def test_the_ends_of_ranges_are_allowed():
    assert Follow(max_gap=10, hold=0, bridge=60, min_finds=10).max_gap == 10
    assert Person("x" * 200, track=3).track == 3
    assert Span().start == 0
    assert Span(Fraction(0), Fraction(1, 1000)).meets(Fraction(0), Fraction(1, 25))
    assert (Fraction(2) in Span(Fraction(2), Fraction(3)), Fraction(3) in Span(Fraction(2), Fraction(3))) == (
        True,
        False,
    )


@pytest.mark.parametrize("again", [(10, 10), (10, 30), (40, 10)])
def test_a_zone_with_a_corner_twice_has_an_area_all_the_same(again):
    assert Zone(((10, 10), again, (10, 30), (40, 10))).polygon[1] == again


@pytest.mark.parametrize("place", [(0, 0), (1880, 0), (0, 1040), (1880, 1040), (-40, 500), (960, -40)])
def test_a_zone_has_an_area_wherever_it_stands_and_whichever_corner_comes_first_and_twice(place):
    """But not where all its corners lie on one line: level, upright, falling and rising."""
    x, y = place
    corners = [(x, y), (x + 40, y), (x, y + 40)]
    for first in range(3):
        turned = [*corners[first:], *corners[:first]]
        for again in range(3):
            Zone((*turned[:again], turned[again], *turned[again:]))
    for across, down in ((1, 0), (0, 1), (2, 1), (1, -3)):
        line = tuple((x + across * step, y + down * step) for step in (0, 0, 30, 10, -20))
        for first in range(5):
            with pytest.raises(UsageError, match="no area"):
                Zone((*line[first:], *line[:first]))


@pytest.mark.parametrize(("word", "meant"), [("copy", "keep"), ("none", "mute"), ("drop", "mute"), ("mute", "mute")])
def test_words_that_people_use_for_sound(word, meant):
    assert from_mapping(Settings, {"output": {"audio": word}}).output.audio == meant
