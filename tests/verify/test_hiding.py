"""The line of a plan that hides a find."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from anonymize.data import Kind
from anonymize.media import open_source
from anonymize.settings import Settings
from anonymize.verify.hiding import hiding
from anonymize.verify.verdict import By, Find


@pytest.mark.parametrize(("by", "kind"), [(By.LOOK, "plate"), (By.PLAN, "area")])
def test_a_find_is_hidden_around_all_its_places_and_as_an_area_where_its_own_kind_did_not_hide_it(
    face_clip: Path, by: By, kind: str
) -> None:
    settings = replace(Settings(), follow=replace(Settings().follow, hold=0.2))
    places = ((9, (100.0, 60.0, 140.0, 80.0)), (16, (130.0, 90.0, 170.0, 110.0)))
    find = Find(0, Kind.PLATE, 0.36, 0.64, places[0][1], 40.0, 0.4, by, 9, places=places)
    with open_source(face_clip) as source:
        (hidden,) = hiding([find], source.info, 20, settings)
    assert len(hidden.lines) == 1
    line = json.loads(hidden.lines[0])
    assert (line["kind"], line["frames"]) == (kind, [4, 20])
    x0, y0, x1, y1 = line["xyxy"]
    assert 70 <= x0 <= 100
    assert 40 <= y0 <= 60
    assert 170 <= x1 <= 200
    assert 110 <= y1 <= 130
