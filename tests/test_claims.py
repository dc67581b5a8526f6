"""What README and docs say without a scope (never, always, only, every ...) has a test that they name, or a reason."""

import pytest

from tests.helpers import claims

PAGES = claims.pages()
GOOD = "tests/test_claims.py::test_every_claim_names_its_tests"


@pytest.mark.parametrize("page", PAGES)
def test_every_claim_names_its_tests(page):
    exempt = claims.exempt(page)
    assert [fault for section in claims.sections(page) if (fault := claims.unfounded(section, exempt))] == []


def test_every_exemption_is_of_one_sentence_and_has_a_reason():
    for reason, group in claims.exemptions().items():
        assert len(reason) > 10
        for page, starts in group.items():
            if starts == ["the whole page"]:
                assert (claims.HOME / page).is_file()
                continue
            said = [sentence for section in claims.sections(page) for sentence in section.sentences]
            for start in starts:
                assert any(sentence.startswith(start) for sentence in said), f"{page}: nothing begins with {start!r}"


def test_the_pages_are_all_there_is():
    assert "README.md" in PAGES
    assert {"docs/guide.md", "docs/verify.md", "docs/threat-model.md", "docs/live.md"} <= set(PAGES)
    assert "docs/options.md" not in PAGES


def _one(text):
    (section,) = claims.parse("x.md", text)
    return section


@pytest.mark.parametrize(
    "word", ["never", "always", "only", "every", "nothing", "all", "none", "cannot", "impossible", "Every"]
)
def test_each_of_the_words_makes_a_claim(word):
    assert "makes 1 claims" in claims.unfounded(_one(f"# A\n\nIt {word} leaks.\n"), [])


def test_a_claim_with_a_test_passes_and_one_more_does_not():
    good = _one(f"# A\n\nIt never leaks.\n\n<!-- 1 claim: {GOOD} -->\n")
    assert claims.unfounded(good, []) == ""
    more = _one(f"# A\n\nIt never leaks. Nothing is kept.\n\n<!-- 1 claim: {GOOD} -->\n")
    assert "makes 2 claims" in claims.unfounded(more, [])
    assert claims.unfounded(more, ["Nothing is kept"]) == ""


def test_a_test_that_is_not_there_is_named():
    for name in (
        "tests/test_claims.py::test_gone",
        "tests/gone.py::test_every_claim_names_its_tests",
        "my word for it",
    ):
        assert "no such test" in claims.unfounded(_one(f"# A\n\nIt never leaks.\n\n<!-- 1 claim: {name} -->\n"), [])


def test_what_stands_in_a_fence_or_a_comment_or_within_a_word_is_no_claim():
    text = "# A\n\n```sh\nnothing --all\n```\n\n<!-- never -->\nIt is overall small, and recalls.\n"
    assert claims.unfounded(_one(text), []) == ""


def test_cells_and_items_and_lines_of_a_paragraph_are_told_apart():
    text = "# A\n\n- one never\n- two, and\n  three always\n\n| all | b | every |\n| c | d | e |\n\n"
    text += "It is\nnothing. It cannot.\n"
    assert len(_one(text).sentences) == 6
