import jinja2
import pytest

from anonymize.errors import OutputError
from anonymize.pages import fill, save
from anonymize.pages.plots import steps
from anonymize.pages.words import number, percent, plural, sentence
from anonymize.text.words import clock


@pytest.mark.parametrize(
    ("seconds", "result"),
    [
        *((-1, "0:00"), (0, "0:00"), (7.44, "0:07.44"), (59.999, "0:59.99"), (60, "1:00"), (0.3, "0:00.3")),
        *((599.9, "9:59.9"), (600.5, "10:00.5"), (3723.05, "1:02:03.05"), (86_400, "24:00:00"), (2.8333, "0:02.83")),
    ],
)
def test_times_are_those_of_a_player(seconds, result):
    assert clock(seconds) == result


def test_numbers_and_words():
    assert [number(v) for v in (0, 7, 1234, 1_234_567, 2.0, 0.12345, 98765.4)] == [
        *("0", "7", "1\u202f234", "1\u202f234\u202f567", "2", "0.123", "98\u202f765")
    ]
    assert (percent(None), percent(0.1234), percent(0)) == ("–", "12.3%", "0.0%")
    assert (plural(1, "box", "boxes"), plural(2, "box", "boxes"), plural(0, "face")) == ("1 box", "2 boxes", "0 faces")
    assert (sentence("it failed"), sentence(" Why? "), sentence("")) == ("It failed.", "Why?", ".")


def test_columns_are_drawn_as_one_path_and_nothing_as_nothing():
    assert steps([0, 0.5, 0.5, 1.0, 0]) == "M1 100v-46h2v46zM3 100v-92h1v92z"
    assert steps([0.0] * 5) == steps([]) == ""


def test_a_missing_value_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        fill("dpia.html.jinja", title="only")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    save("one", tmp_path / "deep" / "a.html")
    save("two", tmp_path / "deep" / "a.html")
    assert [p.read_text() for p in (tmp_path / "deep").iterdir()] == ["two"]
    with pytest.raises(OutputError, match="cannot make this folder"):
        save("three", tmp_path / "deep" / "a.html" / "b.html")
