"""The faults that mutation testing puts into code, and which tests are tried on them."""

import shutil
from pathlib import Path

import pytest

from benchmarks.mutants import __main__ as tool
from benchmarks.mutants.__main__ import JUDGED, ROOMS, ROOT, Result, counted, draw, judged
from benchmarks.mutants.mutate import mutants
from benchmarks.mutants.tests import Record
from benchmarks.page import mutants_table


def faults(tmp_path: Path, code: str) -> set[str]:
    """`code` with each fault in it."""
    (tmp_path / "a.py").write_text(code)
    return {mutant.applied(code.encode()).decode() for mutant in mutants(tmp_path, "a.py")}


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("a = b < c", ["a = (b <= c)"]),
        ("a = b + c", ["a = (b - c)"]),
        ("a = b and c", ["a = (b or c)"]),
        ("a = not b", ["a = (b)"]),
        ("a = -b", ["a = (b)"]),
        ("a = 3", ["a = (4)", "a = (2)"]),
        ("a = True", ["a = (False)"]),
        ("a = 0.5", ["a = (1.0)", "a = (0.25)"]),
        ("a = min(b, c)", ["a = (max(b, c))"]),
        ("a = b(c, d=e)", ["a = (b(c))"]),
        ("a.b(c)", ["pass"]),
        ("a += b", ["pass"]),
        ("for a in b:\n    continue", ["for a in b:\n    break"]),
        ("if a:\n    b()", ["if (not a):\n    b()"]),
        ("def f(x, y):\n    return x", ["def f(x, y):\n    return y", "def f(x, y):\n    return None"]),
        ("a = b.width", ["a = (b.height)"]),
        ("def f(a):\n    raise a", ["def f(a):\n    pass"]),
        ("é = 'ü' + b * c", ["é = 'ü' + (b / c)"]),
    ],
)
def test_faults(tmp_path: Path, code: str, wanted: list[str]) -> None:
    assert set(wanted) <= faults(tmp_path, code)


@pytest.mark.parametrize(
    "code",
    [
        "a: int | str",
        "a = f'{b + 1}'",
        '"""Text."""',
        "__all__ = [1]",
        "class P(Protocol):\n    def f(self, a: int = 3) -> None: ...",
        "def f(x):\n    return x  # whose partner is not there".replace("return x", "x"),
    ],
)
def test_what_no_test_could_notice_is_left_as_it_is(tmp_path: Path, code: str) -> None:
    assert faults(tmp_path, code) == set()


def test_a_seed_draws_the_same_faults_from_every_room_and_each_compiles() -> None:
    rooms = ["redact", "plan", "settings"]
    drawn = draw(rooms, 23, 5)
    assert drawn == draw(rooms, 23, 5)
    assert drawn != draw(rooms, 23, 6)
    assert [sum(room == one for one, _ in drawn) for room in rooms] == [8, 8, 7]
    assert len(set(drawn)) == 23
    assert all((ROOT / place).exists() for places in ROOMS.values() for place in places)
    for _, mutant in drawn:
        source = (ROOT / mutant.file).read_bytes()
        changed = mutant.applied(source)
        assert changed != source
        compile(changed, mutant.file, "exec")


def test_what_is_drawn_stays_the_same_while_other_code_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "anonymize" / "redact", tmp_path / "anonymize" / "redact")
    monkeypatch.setattr(tool, "ROOT", tmp_path)

    def drawn() -> list[tuple[str, ...]]:
        return [(m.file, m.function, m.text, m.before, m.after) for _, m in draw(["redact"], 60, 0)]

    before, file = drawn(), tmp_path / "anonymize" / "redact" / "draw.py"
    file.write_text("def first(a: int) -> int:\n    return a + 1\n\n\n" + file.read_text())
    after = drawn()
    assert len(before) == len(after) == 60
    assert all(one in before or one[1] == "first" for one in after)


def test_a_room_is_counted_by_what_was_judged_of_its_faults() -> None:
    some = [mutant for _, mutant in draw(["redact", "plan"], 12, 0)]
    outcomes = ["killed", "slow", "survived", "survived", "untested", "killed"]
    results = [
        Result("redact", mutant, outcome, 3, 1.0, 4, outcome)
        for mutant, outcome in zip(some[:6], outcomes, strict=True)
    ]
    results += [Result("plan", mutant, "killed", 3, 1.0, 5, "killed") for mutant in some[6:-1]]
    results += [Result("plan", some[-1], "killed", 3, 1.0, 5, "survived")]
    names = [(m.file, m.function, m.text, " ".join(m.before.split()), m.after) for m in some]
    verdicts = {names[2]: "equivalent", names[3]: "hole", names[0]: "equivalent"}
    redact, plan = (
        {"room": "redact", "seed": 4, "drawn": 6, "first": 3, "killed": 3, "equivalent": 1},
        {"room": "plan", "seed": 5, "drawn": 6, "first": 5, "killed": 6, "equivalent": 0},
    )
    redact |= {"harmless": 0, "hole": 1, "not judged": 1}
    plan |= {"harmless": 0, "hole": 0, "not judged": 0}
    assert counted(results, verdicts) == [redact, plan]
    page = mutants_table([redact, {name: value for name, value in plan.items() if name != "first"}])
    assert "| redact | 4 | 6 | 1 | 3 | 3 | 3 of 5 | 0 | 1 | 1 |" in page
    assert "| plan | 5 | 6 | 0 | ? | 6 | 6 of 6 | 0 | 0 | 0 |" in page


def test_tests_of_the_room_come_first_and_then_the_quickest_that_fit() -> None:
    seconds = {"tests/track/test_a.py::one": 9.0, "tests/plan/test_b.py::two": 1.0, "tests/cli/test_c.py::three": 30.0}
    record = Record(seconds, {"anonymize/track/pairs.py::iou": list(seconds), "anonymize/track/pairs.py::area": []})
    assert record.relevant("anonymize/track/pairs.py", "iou", 20.0) == list(seconds)[:2]
    assert record.relevant("anonymize/track/pairs.py", "iou", 1.0) == list(seconds)[:1], "one at least"
    assert record.relevant("anonymize/track/pairs.py", "", 100.0) == list(seconds), "whoever enters the file"
    assert record.relevant("anonymize/track/pairs.py", "area", 100.0) == []


def test_what_is_judged_is_there() -> None:
    for file, function, text, before, after in judged(JUDGED):
        assert any(
            (one.function, one.text, " ".join(one.before.split()), one.after) == (function, text, before, after)
            for one in mutants(ROOT, file)
        ), f"{file} {function}: {before} -> {after} is in the code no more; take it out of {JUDGED.name}"
