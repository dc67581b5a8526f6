"""Times count from where players show 0:00, whatever the container's own clock says there."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import anonymize
from anonymize.cli.app import app
from anonymize.errors import UsageError
from anonymize.media import open_source
from anonymize.media.clock.edits import _EditedTrack, _learn
from anonymize.media.video.segments import cut_up
from anonymize.settings import Audio, Codec, Output, Settings
from anonymize.text.mapping import from_mapping
from tests.helpers.carry import carry
from tests.helpers.formats import documented
from tests.helpers.media import AUDIO_RATE, make_image, make_video, read_audio, time_of
from tests.helpers.sync import LATE, RATE, apart, beeps, flashes, flashing

FRAMES = 30
CORNER = [[0, 0], [20, 0], [20, 20]]


def wanted(**values: Any) -> Settings:
    quick = {"targets": [], "zones": [{"polygon": CORNER}], "output": {"speed": "ultrafast"}}
    return from_mapping(Settings, {**quick, "verify": {"publish_unverified": True}, **values}, Settings())


def obscured(source: Path, start: object, end: object) -> list[int]:
    """The frames of `source` that a plan obscures from `start` to `end`."""
    spans = [{"start": str(start), "end": str(end)}]
    made = anonymize.write_plan(source, source.with_suffix(".jsonl"), wanted(obscured=spans), force=True)
    return [i for i in range(made.about.frames) if any(region.xyxy[2] > 20 for region in made.at(i))]


CLOCKS = [
    pytest.param(
        ".ts", "5000", "0", marks=documented("times", "clock begins at 5000 s (MPEG-TS)", "spans count from 0:00")
    ),
    pytest.param(
        ".ts", "1.48", "0.02", marks=documented("times", "clock begins at 1.48 s (MPEG-TS)", "spans count from 0:00")
    ),
    pytest.param(
        ".ts", "95443", "0", marks=documented("times", "33-bit clock turns over (MPEG-TS)", "spans count from 0:00")
    ),
    pytest.param(
        ".mp4",
        "2",
        "0",
        marks=documented("times", "begins with an empty edit (MP4)", "spans count from the first frame"),
    ),
    pytest.param(
        ".mp4", "0", "0.3", marks=documented("times", "sound begins before the picture", "spans count from the sound")
    ),
    (".mov", "7", "0.3"),
    (".mkv", "3", "0"),
    (".mkv", "5000", "0.16"),
]


def shown_then(path: Path, start: Fraction, end: Fraction) -> list[int]:
    """The frames that FFmpeg's own players show from `start` to `end`: their clock begins at `start_time`."""
    with av.open(str(path)) as file:
        zero = Fraction(file.start_time or 0, 1_000_000)
        times = [time_of(frame) - zero for frame in file.decode(video=0) if frame.pts is not None]
    shown = [*enumerate(times)]
    return [i for i, time in shown if (time if i else 0) < end and start - Fraction(1, RATE) < time]


@pytest.mark.parametrize(("suffix", "start", "lead"), CLOCKS)
def test_spans_count_from_where_players_show_zero(suffix: str, start: str, lead: str, tmp_path: Path) -> None:
    made = flashing(tmp_path / f"a{suffix}", frames=FRAMES, start=Fraction(start), lead=float(lead))
    expected = shown_then(made, Fraction("0.21"), Fraction("0.39"))
    assert expected
    assert obscured(made, "0.21", "0.39") == expected


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    suffix=st.sampled_from([".ts", ".mp4", ".mov", ".mkv"]),
    ticks=st.integers(0, 20_000),
    lead=st.sampled_from([0, 40, 80, 400]),
    rate=st.sampled_from([1000, 12_800, 90_000]),
    sound=st.booleans(),
    span=st.tuples(st.integers(0, 28), st.integers(1, 12)),
)
def test_the_same_spans_obscure_the_same_frames_by_any_clock(
    suffix: str, ticks: int, lead: int, rate: int, sound: bool, span: tuple[int, int], tmp_path: Path
) -> None:
    made = flashing(
        tmp_path / f"a{suffix}",
        frames=FRAMES,
        start=Fraction(ticks * 40, 1000) if rate == 12_800 else Fraction(ticks, 1000),
        lead=lead / 1000,
        time_base=Fraction(1, rate),
        **({} if sound else {"audio": False}),
    )
    begin = Fraction(span[0], RATE) + Fraction(7, 1000)  # no frame begins within a tick of it
    end = begin + Fraction(span[1], RATE) + Fraction(1, 100)
    assert obscured(made, begin, end) == shown_then(made, begin, end)
    if not sound:
        first, last = span[0], span[0] + span[1]
        assert obscured(made, begin, end) == list(range(first, min(last + 1, FRAMES)))


def test_segments_count_as_the_whole_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anonymize.media.video.segments.LEAST", Fraction(2, 5))
    gop = {"g": "10", "keyint_min": "10", "sc_threshold": "0"}
    made = flashing(tmp_path / "a.mkv", frames=FRAMES, start=Fraction(5000), options=gop)
    assert cut_up(made, made.name), "this clip is to be worked on in segments"
    assert obscured(made, "0.2", "0.4") == list(range(5, 10))
    spans = wanted(obscured=[{"start": "0.2", "end": "0.4"}], verify={"publish_unverified": False})
    anonymize.run(made, tmp_path / "two.mkv", spans, workers=2)
    assert flashes(tmp_path / "two.mkv") == pytest.approx([5000.6, 5001.0]), "the first is obscured"


@pytest.mark.parametrize(
    ("suffix", "target", "audio"),
    [
        *((suffix, target, Audio.KEEP) for suffix in (".ts", ".mkv", ".mp4") for target in (".ts", ".mp4", ".mkv")),
        (".ts", ".ts", Audio.MUTE),
        (".mkv", ".mov", Audio.MUTE),
        (".mp4", ".mov", Audio.KEEP),
    ],
)
def test_the_clock_goes_on_where_the_container_stays_and_else_begins_at_zero(
    suffix: str, target: str, audio: Audio, tmp_path: Path
) -> None:
    made = flashing(tmp_path / f"in{suffix}", start=Fraction(5000), lead=0.2)
    done = carry(made, tmp_path / f"out{target}", Output(speed="medium", audio=audio))
    assert done.failures == []
    assert float(done.times[0]) == pytest.approx(0.2, abs=0.025)
    assert done.info.origin == pytest.approx(4999.8, abs=0.025)
    same = {suffix, target} in ({suffix}, {".mp4", ".mov"})
    moved = 0 if same else -done.info.origin
    assert apart(flashes(done.path), [time + float(moved) for time in flashes(made)]) < 0.001
    if audio is Audio.KEEP:
        assert apart(flashes(done.path), beeps(done.path)) < LATE


@documented("times", "pictures before time zero (Matroska)", "kept at their times, in step with the sound")
@pytest.mark.parametrize("target", [".mkv", ".mp4", ".ts"])
@pytest.mark.parametrize("preset", ["ultrafast", "medium"])
def test_pictures_before_zero_keep_their_times(preset: str, target: str, tmp_path: Path) -> None:
    kept: dict[str, Any] = {"container_options": {"avoid_negative_ts": "disabled"}, "options": {"preset": preset}}
    source = flashing(tmp_path / "a.mkv", start=Fraction(-3, 10), lead=0.1, **kept)
    with av.open(str(source)) as file:
        assert next(file.demux(video=0)).pts is None, "FFmpeg tells no time"
    done = carry(source, tmp_path / f"out{target}")
    assert done.failures == []
    assert done.notes == ()
    assert float(done.info.origin) == pytest.approx(-0.4, abs=0.025)
    assert [float(t - done.times[0]) for t in done.times] == pytest.approx([i / RATE for i in range(50)], abs=0.001)
    assert apart(flashes(done.path), beeps(done.path)) < LATE
    assert obscured(source, "0.31", "0.45") == shown_of(done.times, "0.31", "0.45")


def shown_of(times: Sequence[Fraction], start: str, end: str) -> list[int]:
    """The frames that are on at some time from `start` to `end`."""
    return [i for i, time in enumerate(times) if Fraction(start) - Fraction(1, RATE) < time < Fraction(end)]


@documented("sound", "run-in of Opus or AAC in Matroska and WebM", "kept, and not heard")
@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".mp4"])
@pytest.mark.parametrize("target", [".mkv", ".webm", ".mp4"])
def test_the_run_in_is_kept_where_the_container_tells_of_it(suffix: str, target: str, tmp_path: Path) -> None:
    """Without it, decoders skip as much of what is to be heard, or begin with noise."""
    coded: dict[str, Any] = {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}
    source = make_video(tmp_path / f"a{suffix}", frames=20, audio="libopus", **coded)
    done = carry(source, tmp_path / f"out{target}", Output(codec=Codec.VP9, speed="ultrafast"))
    assert done.failures == []
    before, after = read_audio(source), read_audio(done.path)
    assert before.shape[1] <= after.shape[1] < before.shape[1] + 960, "at most the last packet's padding is heard"
    tick = range(AUDIO_RATE // 1000)  # of Matroska's clock
    heard = [np.array_equal(before[:, late:], after[:, : before.shape[1] - late]) for late in tick]
    assert any(heard)


@documented("times", "a time span meets no frame", "refused: the message names the span and the last frame's time")
@pytest.mark.parametrize("kind", ["video", "picture", "animation"])
@pytest.mark.parametrize("key", ["obscured", "only", "zones", "spared"])
def test_a_span_that_meets_no_frame_is_an_error(kind: str, key: str, tmp_path: Path) -> None:
    source = {
        "video": lambda: flashing(tmp_path / "a.ts", frames=FRAMES, start=Fraction(5000)),
        "picture": lambda: make_image(tmp_path / "a.png"),
        "animation": lambda: make_video(tmp_path / "a.gif", frames=10),
    }[kind]()
    past = {"start": "5000", "end": "5001"}
    given_ = {"polygon": CORNER, "span": past} if key in ("zones", "spared") else past
    zones = [{"polygon": CORNER}]
    values = {"zones": zones} | ({key: [given_]} if key != "zones" else {"zones": [*zones, given_]})
    for work in (
        lambda: anonymize.run(source, tmp_path / f"out{source.suffix}", wanted(**values)),
        lambda: anonymize.write_plan(source, tmp_path / "plan.jsonl", wanted(**values)),
    ):
        with pytest.raises(
            UsageError, match=r"5000-5001 meets no frame: (its last frame is shown at|it is one picture)"
        ):
            work()
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name]


def test_the_command_line_says_which_span_meets_no_frame(tmp_path: Path) -> None:
    source = flashing(tmp_path / "a.ts", frames=FRAMES, start=Fraction(5000))
    done = CliRunner().invoke(
        app, ["run", str(source), "-o", str(tmp_path / "out.ts"), "--targets", "faces", "--hide-span", "1:00-1:30"]
    )
    assert done.exit_code == 2
    assert "--hide-span 60-90 meets no frame: its last frame is shown at 0:01.18" in " ".join(done.output.split())
    assert not (tmp_path / "out.ts").exists()


def test_what_is_on_while_a_span_passes_is_obscured_though_it_began_before(tmp_path: Path) -> None:
    """Slides: one picture lasts for seconds, and no frame begins within the span."""
    made = make_video(tmp_path / "a.mp4", frames=3, pts=[0, 1000, 9000], time_base=Fraction(1, 1000))
    assert obscured(made, "4", "5") == [1]
    assert obscured(made, "0.5", "1") == [0], "half-open"
    assert obscured(made, "9.5", "10") == [2]


def test_reports_and_finds_count_as_spans_do(tmp_path: Path) -> None:
    source = flashing(tmp_path / "a.ts", frames=FRAMES, start=Fraction(5000), lead=0.4)
    report = anonymize.run(source, tmp_path / "out.ts", wanted())
    assert report.redacted["timeline"]["seconds"] == pytest.approx(0.4 + FRAMES / RATE, abs=0.025)
    with open_source(source) as opened:
        assert opened.info.start == pytest.approx(0.4, abs=0.025)
        assert opened.info.origin == pytest.approx(4999.6, abs=0.025)


@pytest.mark.parametrize("version", [0, 1])
def test_lengths_of_tracks_are_read_with_32_and_64_bits(version: int) -> None:
    wide, track = 4 + 4 * version, _EditedTrack()
    dates = bytes([version, 0, 0, 0]) + b"\7" * 2 * wide
    _learn(track, b"mdhd", dates + (600).to_bytes(4, "big") + (18_000).to_bytes(wide, "big"))
    _learn(track, b"tkhd", dates + (3).to_bytes(4, "big") + bytes(4) + (30).to_bytes(wide, "big"))
    assert (track.scale, track.length, track.number) == (600, 18_000, 3)
