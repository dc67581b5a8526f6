"""What a person silences in the sound is silent in the output, and nothing else is."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from anonymize import plan
from anonymize.batch.inputs import only_item
from anonymize.data import Silence, Silencing
from anonymize.errors import PlanError, UnsupportedInput
from anonymize.media import open_source
from anonymize.media.audio import flac, silence
from anonymize.plan import Plan
from anonymize.recorded import job
from anonymize.recorded.finish import Released
from anonymize.recorded.release import Refused, check_file
from anonymize.settings import Audio, Settings
from anonymize.text.mapping import from_mapping
from tests.helpers.sound import heard, with_sound

MUTE, BLEEP = Silencing.MUTE, Silencing.BLEEP
SPANS = (Silence(0.2, 0.45, MUTE), Silence(0.6, 0.9, BLEEP))
BARE = from_mapping(
    Settings,
    {"targets": [], "zones": [{"polygon": [[0, 0], [9, 0], [9, 9]]}], "output": {"speed": "ultrafast"}},
    Settings(),
)


def planned(film: Path, silences: tuple[Silence, ...] = SPANS, settings: Settings = BARE) -> Plan:
    made, _ = job.detect(only_item(str(film), str(film.with_suffix(".jsonl"))), settings, force=True)
    return replace(made, silences=silences)


def rendered(film: Path, output: Path, made: Plan) -> Released:
    return job.render(only_item(str(film), str(output)), made)


@pytest.mark.parametrize(
    ("codec", "suffix", "options"),
    [
        ("aac", ".mp4", ()),
        ("flac", ".mkv", ("-output_ts_offset", "5")),
        ("pcm_s16le", ".mov", ()),
        ("libopus", ".mkv", ()),
        ("aac", ".ts", ()),
    ],
)
def test_only_what_was_named_is_silent(tmp_path: Path, codec: str, suffix: str, options: tuple[str, ...]) -> None:
    film = with_sound(tmp_path / f"a{suffix}", codec, *options)
    output = tmp_path / f"b{'.mp4' if suffix in ('.mov', '.ts') else suffix}"
    released = rendered(film, output, planned(film))
    before, after = heard(film), heard(output)
    assert after.rate == before.rate
    with open_source(film) as source:
        picture = float(source.info.start)  # times of a plan count from the presentation's beginning
    shift = round((before.start - after.start) * before.rate)
    one, other = before.samples[max(-shift, 0) :], after.samples[max(shift, 0) :]
    length = min(len(one), len(other))
    one, other = one[:length], other[:length]
    seconds = max(before.start, after.start) + picture + np.arange(length) / before.rate
    muted = (seconds >= 0.2005) & (seconds < 0.4495)
    beeped = (seconds >= 0.6005) & (seconds < 0.8995)
    kept = (seconds < 0.1995) | ((seconds >= 0.4505) & (seconds < 0.5995)) | (seconds >= 0.9005)
    assert muted.sum() > 10_000
    assert not other[muted].any()
    assert np.abs(other[beeped]).max() == pytest.approx(0.1, rel=0.01)
    assert np.abs(other[kept] - one[kept]).max() < 1e-3
    assert "0.55 s of the sound, in 2 parts" in released.report.removed
    assert any("FLAC" in note for note in released.report.output["notes"])
    checked = check_file(output, BARE, [], source=film, drawn=planned(film))
    assert checked.error == ""


def test_an_output_in_which_it_can_still_be_heard_is_not_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = with_sound(tmp_path / "a.mp4", "aac")
    made = planned(film)
    for how in (MUTE, BLEEP):
        monkeypatch.setattr(flac, "silenced", lambda samples, *_: samples)
        with pytest.raises(Refused, match=r"sound from 0:00\.2 to 0:00\.45 can still be heard"):
            rendered(film, tmp_path / "b.mp4", replace(made, silences=(Silence(0.2, 0.45, how),)))
        assert not (tmp_path / "b.mp4").exists()


@pytest.mark.parametrize("how", [MUTE, BLEEP])
@pytest.mark.parametrize(
    "kept", [(0, 1), (0,), (1,)], ids=["in opposite phase", "in the first channel", "in the second channel"]
)
def test_a_voice_is_heard_in_every_channel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: Silencing, kept: tuple[int, ...]
) -> None:
    """Loudspeakers are not added up: what is in opposite phase is loud, and mono would hold nothing of it."""
    film = with_sound(tmp_path / "a.mkv", "flac", "-af", "pan=stereo|c0=c0|c1=-1*c0", channels=2)
    made, silenced = planned(film, (Silence(0.2, 0.45, how),)), silence.silenced

    def in_part(samples: NDArray[np.int16], *rest: Any) -> NDArray[np.int16]:
        muted = silenced(samples, *rest).copy()
        muted[:, list(kept)] = samples[:, list(kept)]
        return muted

    monkeypatch.setattr(flac, "silenced", in_part)
    with pytest.raises(Refused, match=r"sound from 0:00\.2 to 0:00\.45 can still be heard"):
        rendered(film, tmp_path / "b.mkv", made)


def test_a_track_that_begins_and_ends_within_a_span_is_silenced(tmp_path: Path) -> None:
    film = with_sound(tmp_path / "a.mkv", "aac", tracks=2)
    released = rendered(film, tmp_path / "b.mkv", planned(film, (Silence(0.0, 30, BLEEP),)))
    assert released.report.verdict == "pass"


def test_what_no_container_can_hold_is_refused_with_one_that_can(tmp_path: Path) -> None:
    film = with_sound(tmp_path / "a.ts", "aac")
    with pytest.raises(UnsupportedInput, match=r"are silenced\), and .ts cannot hold it decoded; name the output"):
        rendered(film, tmp_path / "b.ts", planned(film))


def test_a_film_without_sound_or_whose_sound_is_left_out_has_nothing_to_silence(tmp_path: Path) -> None:
    film = with_sound(tmp_path / "a.ts", "aac")
    mute = replace(BARE, output=replace(BARE.output, audio=Audio.MUTE))
    released = rendered(film, tmp_path / "b.ts", planned(film, settings=mute))
    assert released.report.removed[0] == "the sound (1 track)"


def test_all_tracks_are_silenced(tmp_path: Path) -> None:
    film = with_sound(tmp_path / "a.mkv", "aac", tracks=2)
    rendered(film, tmp_path / "b.mkv", planned(film))
    for track in (0, 1):
        sound = heard(tmp_path / "b.mkv", track)
        begin, end = (round((at - sound.start) * sound.rate) for at in (0.21, 0.44))
        assert not sound.samples[begin:end].any()


def test_a_span_after_the_last_sound_is_a_mistake(tmp_path: Path) -> None:
    film = with_sound(tmp_path / "a.mp4", "aac")
    with pytest.raises(PlanError, match=r"from 0:05 to 0:06.*ends at 0:01"):
        rendered(film, tmp_path / "b.mp4", planned(film, (Silence(5, 6, MUTE),)))


def test_the_plan_that_is_kept_beside_an_output_has_its_silences(tmp_path: Path) -> None:
    made = planned(with_sound(tmp_path / "a.mp4", "aac"))
    plan.write(made, tmp_path / "p.jsonl")
    assert plan.read(tmp_path / "p.jsonl").silences == SPANS
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [line for line in lines if "sound" in line] == [
        {"sound": "mute", "seconds": [0.2, 0.45]},
        {"sound": "bleep", "seconds": [0.6, 0.9]},
    ]
