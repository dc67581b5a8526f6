"""The sound of a video as a page plays it: at any time, in step, all tracks at once; and what is silenced of it."""

from pathlib import Path

import numpy as np
import pytest

from anonymize.data import Silence, Silencing
from anonymize.media import VideoSource, open_source
from anonymize.media.audio.heard import RATE, Heard, blocks
from anonymize.media.audio.silence import silenced, tone
from tests.helpers.media import make_video
from tests.helpers.sound import SECONDS, heard, lag, with_sound

WHOLE = round(SECONDS * RATE)
CODECS = {"aac": ".mp4", "pcm_s16le": ".mov", "libopus": ".mkv", "libvorbis": ".webm", "mp3": ".avi", "mp2": ".ts"}


def opened(path: Path) -> VideoSource:
    source = open_source(path)
    assert isinstance(source, VideoSource)
    return source


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    return {codec: with_sound(folder / f"{codec}{suffix}", codec) for codec, suffix in CODECS.items()}


@pytest.mark.parametrize("codec", CODECS)
def test_it_is_what_a_player_plays_at_every_moment(films: dict[str, Path], codec: str) -> None:
    source, played = opened(films[codec]), heard(films[codec])
    whole = Heard(source).samples(0, WHOLE)
    assert played.rate == RATE
    begin = round((played.start + float(source.info.start)) * RATE)
    reference = np.zeros(WHOLE)
    inside = played.samples[max(-begin, 0) : WHOLE - begin]
    reference[max(begin, 0) : max(begin, 0) + len(inside)] = inside
    quiet = round(0.05 * RATE)  # codecs end as they like
    assert np.abs(whole / 32768 - reference)[quiet:-quiet].max() < 1e-3
    again = Heard(source)
    parts = [again.samples(at, 7000) for at in range(0, WHOLE - 7000, 7000)]
    joined = np.concatenate(parts)
    assert np.array_equal(joined, whole[: len(joined)]), "what is asked for in turn has no seams"
    last = Heard(source).samples(WHOLE - RATE // 10, RATE // 5)
    end = len(whole) - round(played.samples.size + begin)
    assert np.flatnonzero(last).max() == pytest.approx(RATE // 10 - end, abs=RATE // 20), (
        "up to its end, and no further"
    )
    for first in (0.9, 0.3, 0.7):
        at = round(first * RATE)
        part = Heard(source).samples(at, 9600)
        expected = whole[at : at + 9600]
        assert abs(lag(part.astype(float), expected.astype(float))) <= 48, "containers round to a millisecond"


def test_all_tracks_are_heard_and_nothing_before_and_after_them(tmp_path: Path) -> None:
    film = with_sound(tmp_path / "two.mkv", "flac", tracks=2)
    one = Heard(opened(with_sound(tmp_path / "one.mkv", "flac"))).samples(0, WHOLE)
    two = opened(film)
    assert np.array_equal(Heard(two).samples(0, WHOLE), 2 * one)
    sound = Heard(two)
    assert not sound.samples(10 * RATE, RATE).any()
    assert not sound.samples(1000 * RATE, 10).any()
    assert len(Heard(two).samples(WHOLE - 5, 20)) == 20
    assert sum(len(block) for _, block in blocks(two)) == 2 * WHOLE
    sound.close()


def test_sound_that_begins_late_begins_late(tmp_path: Path) -> None:
    film = make_video(tmp_path / "late.mp4", frames=50, audio=True, audio_delay=0.5)
    source = opened(film)
    samples = Heard(source).samples(0, 2 * RATE)
    first = int(np.flatnonzero(np.abs(samples) > 500)[0])
    assert abs(first - 0.5 * RATE) < 0.03 * RATE
    far = Heard(source).samples(RATE, RATE // 2)
    assert np.abs(far).max() > 2000


def test_a_pause_in_the_sound_stays_one(tmp_path: Path) -> None:
    film = with_sound(tmp_path / "pause.mkv", "flac", "-af", "aselect='not(between(t,0.4,0.7))'")
    whole = Heard(opened(film)).samples(0, WHOLE)
    unbroken = Heard(opened(with_sound(tmp_path / "whole.mkv", "flac"))).samples(0, WHOLE)
    pause = np.flatnonzero(np.abs(np.convolve(np.abs(whole), np.ones(480), "same")) < 1)
    assert pause.min() / RATE == pytest.approx(0.41, abs=0.03)
    assert pause.max() / RATE == pytest.approx(0.69, abs=0.03)
    after = slice(round(0.75 * RATE), round(1.1 * RATE))
    assert abs(lag(whole[after].astype(float), unbroken[after].astype(float))) <= 48


def test_a_film_without_sound_is_silent(tmp_path: Path) -> None:
    source = opened(make_video(tmp_path / "silent.mp4", frames=3))
    assert not Heard(source).samples(0, 100).any()
    assert list(blocks(source)) == []


@pytest.mark.parametrize("form", [np.int16, np.int32])
@pytest.mark.parametrize("channels", [(), (2,)])
@pytest.mark.parametrize("step", [1, 7, 100])
def test_what_is_silenced_is_silent_from_its_first_to_its_last_sample(
    form: type[np.integer], channels: tuple[int, ...], step: int
) -> None:
    rate = 1000
    sound = np.full((100, *channels), 9, form)
    spans = (
        Silence(0.0105, 0.0195, Silencing.MUTE),
        Silence(0.0202, 0.03, Silencing.BLEEP),
        Silence(0.09, 7, Silencing.MUTE),
    )
    made = np.concatenate([silenced(sound[at : at + step], at, rate, spans) for at in range(0, 100, step)])
    assert (sound == 9).all(), "the samples that were given stay as they are"
    kept = [*range(10), *range(30, 90)]
    assert (made[kept] == 9).all()
    assert not made[10:20].any()
    assert not made[90:].any()
    beep = tone(20, 10, rate, np.dtype(form)).reshape(-1, *[1] * len(channels))
    assert np.array_equal(made[20:30], np.broadcast_to(beep, made[20:30].shape))


def test_the_tone_goes_on_across_blocks_and_is_not_too_loud() -> None:
    whole = tone(0, 480, 48_000, np.dtype(np.int16))
    assert np.array_equal(whole[100:], tone(100, 380, 48_000, np.dtype(np.int16)))
    assert np.abs(whole).max() == round(0.1 * 32767)
    assert ((whole[:-1] <= 0) & (whole[1:] > 0)).sum() == 10, "1000 times a second"
