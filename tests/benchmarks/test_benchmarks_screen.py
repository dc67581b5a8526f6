"""The benchmark of the review's page, with the real page, on a film of a second."""

from pathlib import Path
from typing import Any

from anonymize import plan
from benchmarks import page, screen
from tests.helpers.browser import needs_chromium
from tests.helpers.media import make_video


def test_a_plan_has_as_many_tracks_and_regions_as_asked(tmp_path: Path) -> None:
    clip = make_video(tmp_path / "clip.mp4", frames=50, size=(320, 180))
    made = plan.read(screen.planned(clip, tmp_path / "plan.jsonl", 7, 20))
    columns = made.regions.columns()
    assert len(columns.track) == 7 * 20
    assert set(columns.track.tolist()) == set(range(7))
    assert not made.by_hand


@needs_chromium
def test_what_a_person_waits_for_is_measured_on_the_page(tmp_path: Path) -> None:
    clip = make_video(tmp_path / "clip.mp4", frames=50, size=(320, 180))
    made = screen.planned(clip, tmp_path / "plan.jsonl", 7, 20)
    with (
        screen.chromium() as browser,
        screen.served(clip, made) as (address, server),
        screen.opened(browser, address) as (opened, usable),
    ):
        assert usable > 0
        found: dict[str, Any] = {"usable": usable, "playback": 24.9, "server_mib": screen.peak(server)}
        found["jump"] = found["next"] = screen.spread(opened.evaluate(screen.GO % "false", [9, 3, 40]))
        found |= {name: opened.evaluate(screen.SCROLL, [0.2, place]) for name, place in screen.PLACES.items()}
        opened.locator(".row").first.click()
        found["edit"] = screen.spread(opened.evaluate(screen.EDIT, 2))
    assert all(median > 0 for median, _ in (found["jump"], found["edit"], found["list"], found["lanes"]))
    assert found["server_mib"] > 50
    assert made.read_text().count('"do": "judge"') == 2
    table = page.screen_table(screen.rows(found))
    assert "24.9 pictures/s" in table
