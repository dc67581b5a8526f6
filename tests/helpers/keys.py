"""docs/keys.md: every key of the review page, from the page's own table. `make options` writes it;
tests/review/test_keys.py fails if it is out of date, or the page has another table."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "keys.md"
MODULES = ROOT / "anonymize" / "review" / "page"
HEAD = """# Keys of the review page

Written by `make options` from the table in `anonymize/review/page/`; do not edit. `?` on the page shows the same list
in the language that it speaks. Many are those of CVAT. What the words do stands in [review.md](review.md).
"""
SECTIONS = {
    "Play and step": "play previous next back_10 on_10 first last previous-cut next-cut track_begin track_end audible",
    "Look": "outlines published both next-view full-screen zoom smaller whole pixels pan-left pan-right pan-up pan-down"
    " time-closer time-farther",
    "Decide": "next-open hide nothing leave",
    "Draw and correct": "draw draw-plate draw-area draw-polygon key-frame next-kind begin-here end-here split join "
    "same-row own-row undo redo",
    "A span of the film": "mark-from mark-to mute bleep hear-again hide-all",
    "The rest": "sample escape help",
}
"""Actions in the order of the page; a blank in a name is written as an underscore."""
MORE = """
## In between

| while | key | |
|---|---|---|
| a question is asked | H, N, S | hide; nothing there; skip |
| a sample is looked at | Y, N, Esc | somebody can be recognised; nobody; leave it |
| a box or polygon is drawn | arrow keys, Enter, Backspace | move, with Shift by one pixel; set a corner; take it back |
| the other of two tracks is chosen | arrow keys, Enter, Esc | go through the list; take that one; neither |
| a name or a reason is typed | Enter, Esc | done; never mind |
"""
_NAMES = {
    "ArrowLeft": "←",
    "ArrowRight": "→",
    "ArrowUp": "↑",
    "ArrowDown": "↓",
    "Escape": "Esc",
    "[": "\\[",
    "]": "\\]",
}
_ENTRY = re.compile(r"""("[^"]+"|[\w-]+): "([^"]*)\"""")


def keys() -> dict[str, str]:
    """Key → action, as the modules of the page have them."""
    own, marks = (_table(MODULES / name) for name in ("actions.js", "mark.js"))
    return {**own, **marks}


def _table(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8")
    ((body),) = re.findall(r"export const KEYS = \{(.*?)\};", text, re.DOTALL)
    return {key.strip('"'): action for key, action in _ENTRY.findall(body)}


def words() -> dict[str, str]:
    """What the page says in English."""
    text = (MODULES / "strings.js").read_text(encoding="utf-8")
    return {key.strip('"'): said for key, said in _ENTRY.findall(text[text.index("  en: {") : text.index("  de: {")])}


def page() -> str:
    """The page as Markdown."""
    by_action: dict[str, list[str]] = {}
    for key, action in keys().items():
        by_action.setdefault(action, []).append(_shown(key))
    said, text = words(), HEAD
    for title, names in SECTIONS.items():
        text += f"\n## {title}\n\n| key | |\n|---|---|\n"
        for action in (name.replace("_", " ") for name in names.split()):
            if found := by_action.pop(action, None):
                text += f"| {', '.join(found)} | {said[action]} |\n"
    assert not by_action, f"in no section: {', '.join(by_action)}"
    return text + MORE


def _shown(key: str) -> str:
    *above, last = key.split("-") if len(key) > 1 else [key]
    return "-".join([*above, _NAMES.get(last, last.upper() if len(last) == 1 else last)])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
