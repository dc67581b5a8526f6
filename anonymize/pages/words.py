"""Numbers and places as people read them."""

from __future__ import annotations


def number(value: float) -> str:
    """A count with thin spaces between thousands, or a figure with at most three significant digits."""
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{int(value):,}".replace(",", "\u202f")
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}".replace(",", "\u202f")


def percent(share: float | None) -> str:
    """A share in per cent with one decimal; a dash if there was nothing to count."""
    return "–" if share is None else f"{share:.1%}"


def plural(count: int, word: str, several: str = "") -> str:
    """``1 face``, ``3 faces``."""
    return f"{number(count)} {word if count == 1 else several or word + 's'}"


def sentence(text: str) -> str:
    """`text` with a capital first letter and a full stop at its end."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def place(x: float, y: float) -> str:
    """Where a point of a picture is, given as shares of its width and height: ``top left``, ``middle``."""
    column = ("left", "middle", "right")[min(2, max(0, int(3 * x)))]
    row = ("top", "middle", "bottom")[min(2, max(0, int(3 * y)))]
    return " ".join(dict.fromkeys((row, column)))
