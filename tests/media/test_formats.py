import subprocess
import sys

import pytest

from tests.helpers.formats import PAGE, documented, page


def test_the_page_of_formats_is_what_the_tests_say() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.formats", "--check"],
        cwd=PAGE.parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, "docs/formats.md is not up to date: run `make formats`\n" + done.stdout[-2000:]


def test_rows_are_sorted_below_the_title_of_their_section() -> None:
    text = page({"sound": {"b": "kept", "A": "refused"}, "containers": {"MP4": "MP4"}})
    assert text.index("## Containers") < text.index("## Sound")
    assert text.index("| A | refused |") < text.index("| b | kept |")


def test_a_section_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of containers"):
        documented("cheese", "Gouda", "kept")
