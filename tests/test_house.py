"""The house is as CONTRIBUTING.md draws it: who imports whom, read from the code, held against its table."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BESIDE = {"cli": "anonymize.cli", "presets": "anonymize.presets", "samples": "anonymize.samples"}
"""Folders at the top that are packages of the library."""
ONLY: dict[str, str | tuple[str, ...]] = {
    "ray": "anonymize/batch/cluster/",
    "sqlite3": ("anonymize/batch/ledger/", "anonymize/live/recordings/"),
    "onnxruntime": "anonymize/models/",
    "jinja2": "anonymize/pages/",
    "cattrs": "anonymize/text/",
    "tomli_w": "anonymize/text/",
    "tomlkit": "anonymize/live/control_room/",
    "cryptography": ("anonymize/report/", "anonymize/live/webrtc/"),
    "OpenSSL": "anonymize/live/webrtc/",
    "pylibsrtp": "anonymize/live/webrtc/",
    "typer": "cli/",
}
"""The only places that may import each of these."""


def modules() -> dict[str, Path]:
    """Every module of the library, by its dotted name."""
    found = {}
    for folder in ("anonymize", *BESIDE):
        for path in (ROOT / folder).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[re.sub(r"^\w+", BESIDE.get(folder, folder), name, count=1)] = path
    return found


MODULES = modules()


@cache
def imports(path: Path) -> frozenset[str]:
    """The modules that the file imports, wherever it does, those for types alone included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(name if name in MODULES else node.module for name in full)
    return frozenset(found)


def room(module: str) -> str:
    """The room of a module of the library; that of the package's own face is its name."""
    return module.split(".")[1] if "." in module else module


def table() -> list[str]:
    """The rooms of CONTRIBUTING.md, from the top down."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", text.split("| room |", 1)[1].split("\n\n", 1)[0], re.MULTILINE)
    places = [place for row in rows for place in re.findall(r"`(\S+?)`", row)]
    return [place.removeprefix("anonymize/").removesuffix("/").removesuffix(".py") for place in places]


def test_every_room_stands_in_the_table_once():
    rooms = table()
    assert len(rooms) == len(set(rooms))
    assert {room(name) for name in MODULES} - {"anonymize"} == set(rooms)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_rooms_below_its_own(module):
    rooms = table()
    if module == "anonymize":
        pytest.skip("the package's face hands names on, on demand; every room may be imported through it")
    own = rooms.index(room(module))
    up = [name for name in imports(MODULES[module]) if name.split(".")[0] == "anonymize" and name != "anonymize"]
    assert [name for name in up if room(name) != room(module) and rooms.index(room(name)) <= own] == []


def test_no_modules_import_one_another_in_a_circle():
    ahead = {name: {other for other in imports(path) if other in MODULES} - {name} for name, path in MODULES.items()}
    while free := [name for name, others in ahead.items() if not others]:
        for name in free:
            del ahead[name]
        for others in ahead.values():
            others.difference_update(free)
    assert ahead == {}


@pytest.mark.parametrize("library", ONLY)
def test_a_library_is_known_in_one_place(library):
    paths = [path for folder in ("anonymize", *BESIDE) for path in (ROOT / folder).rglob("*.py")]
    users = [path for path in paths if any(name.split(".")[0] == library for name in imports(path))]
    assert [str(path) for path in users if not str(path.relative_to(ROOT)).startswith(ONLY[library])] == []


def test_verify_shares_nothing_with_the_judge_but_the_measure_of_detail():
    shared = {name for module, path in MODULES.items() if room(module) == "verify" for name in imports(path)}
    assert {name for name in shared if name.startswith("anonymize.evaluate")} == {"anonymize.evaluate.detail"}


def test_only_the_command_line_prints():
    for path in MODULES.values():
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        prints = any(isinstance(call.func, ast.Name) and call.func.id == "print" for call in calls)
        assert not prints or path.match("cli/render/output.py"), path


def test_every_file_is_in_what_is_installed():
    """The program runs from the checkout without a folder that pyproject.toml does not name; nowhere else."""
    built = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    packages, data = set(built["packages"]), built["package-data"]
    for folder in ("anonymize", *BESIDE):
        for path in (ROOT / folder).rglob("*"):
            if path.is_dir() or "__pycache__" in path.parts:
                continue
            above = path.parent
            while _package(above) not in packages and above != ROOT / folder:
                above = above.parent
            own, patterns = path.relative_to(above), ["*.py", *data.get(_package(above), [])]
            fits = [one for one in patterns if own.match(one) and len(own.parts) == len(Path(one).parts)]
            assert fits, f"{path.relative_to(ROOT)}: in no package of pyproject.toml, and none of their data"


def _package(folder: Path) -> str:
    first, *rest = folder.relative_to(ROOT).parts
    return ".".join([BESIDE.get(first, first), *rest])


def test_no_room_is_crowded():
    for folder in {path.parent for path in MODULES.values()}:
        limit = 13 if folder == ROOT / "anonymize" else 18
        files = [path.name for path in folder.glob("*.py")]
        assert len(files) <= limit, f"{folder}: {len(files)} files"
