"""What players do not play of a file, because its edit lists say so, is not in the output: no picture, no sound."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from anonymize.errors import UnsupportedInput
from anonymize.media import open_source
from anonymize.settings import Output
from anonymize.verify.containers.isobmff import foreign as foreign_in_mp4
from anonymize.verify.containers.matroska import foreign as foreign_in_matroska
from tests.helpers.boxes import boxes, joined, set_edits
from tests.helpers.carry import carry
from tests.helpers.formats import documented
from tests.helpers.media import make_video
from tests.helpers.sound import heard, lag, unplayed, with_sound
from tests.helpers.structure import check_structure

GONE = "what it hides is not in the output"
CUTS = [
    ("the start is cut off", [(0.5, 0.513)]),
    ("the end is cut off", [(0.513, 0.0)]),
    ("both ends are cut off", [(0.4, 0.411)]),
    ("a pause comes first", [(0.3, None), (0.5, 0.413)]),
    ("two parts are played", [(0.3, 0.1), (0.3, 0.7)]),
    ("one part is played twice", [(0.2, 0.5), (0.2, 0.5)]),
]


@pytest.mark.parametrize(
    "edits",
    [pytest.param(e, marks=documented("times", f"MP4 and MOV edit list: {w}", GONE)) for w, e in CUTS],
)
@pytest.mark.parametrize(
    ("codec", "suffix", "most"),
    [
        ("aac", ".mp4", 0.025),
        ("aac", ".mov", 0.025),
        ("ac3", ".mp4", 0.036),
        ("libmp3lame", ".mp4", 0.0),
        ("libopus", ".mp4", 0.0),
        ("alac", ".mov", 0.0),
        ("flac", ".mp4", 0.0),
        ("pcm_s16le", ".mov", 0.0),
        ("truehd", ".mp4", 0.002),
    ],
)
def test_what_an_edit_list_hides_is_gone(
    tmp_path: Path, codec: str, suffix: str, most: float, edits: Sequence[tuple[float, float | None]]
) -> None:
    """All but what a decoder needs to begin: no more than a packet."""
    source = with_sound(tmp_path / f"in{suffix}", codec)
    for kind in ("vide", "soun"):
        set_edits(source, kind, edits)
    done = carry(source, tmp_path / "out")
    assert done.failures == []
    with open_source(done.path) as opened:
        shown = sum(1 for _ in opened.frames())
    lasts = sum(length for length, start in edits if start is not None)
    assert abs(shown - 25 * lasts) <= len(edits)
    assert unplayed(done.path) <= max(most, 0.05 if codec in ("libopus", "libmp3lame") and edits[0][1] == 0.0 else 0)
    before, after = heard(source), heard(done.path)
    assert abs(after.start - before.start) < 0.002
    assert abs(len(after.samples) / after.rate - lasts) < 0.05
    if len([e for e in edits if e[1] is not None]) == 1:
        shift = lag(before.samples, after.samples)
        assert abs(after.start - before.start - shift / before.rate) <= 0.001


@pytest.mark.parametrize("target", [".mkv", ".ts", ".mov"])
def test_what_an_edit_list_hides_is_gone_in_other_containers(tmp_path: Path, target: str) -> None:
    source = with_sound(tmp_path / "in.mp4", "aac")
    for kind in ("vide", "soun"):
        set_edits(source, kind, [(0.5, 0.513)])
    done = carry(source, tmp_path / f"out{target}")
    assert done.failures == []
    before, after = heard(source), heard(done.path)
    assert after.start >= -0.0001
    assert abs(after.start - before.start - lag(before.samples, after.samples) / before.rate) <= 0.001


def test_fragments_that_an_edit_list_hides_are_gone(tmp_path: Path) -> None:
    """FFmpeg reads them, with times before zero."""
    flags = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    source = make_video(
        tmp_path / "in.mp4", frames=50, audio=True, options={"preset": "ultrafast", "g": "10"}, container_options=flags
    )
    top = boxes(source.read_bytes())
    source.write_bytes(
        joined([part for part in top if part[0] != b"moov"] + [part for part in top if part[0] == b"moov"])
    )
    for kind in ("vide", "soun"):
        set_edits(source, kind, [(0.0, 0.8)])
    *others, movie = boxes(source.read_bytes())
    source.write_bytes(joined([others[0], movie, *others[1:]]))
    done = carry(source, tmp_path / "out")
    assert done.failures == []
    assert len(done.times) == pytest.approx(30, abs=1)
    assert unplayed(done.path) <= 0.03
    assert len(heard(done.path).samples) / 48_000 == pytest.approx(1.2, abs=0.05)


@pytest.mark.parametrize(
    ("edits", "rate", "words"),
    [
        pytest.param(
            [(0.5, 0.0)],
            0.5,
            "changes the speed",
            marks=documented("times", "edit list that plays at another speed", "refused"),
        ),
        pytest.param(
            [(0.5, 0.5)],
            0.0,
            "changes the speed",
            marks=documented("times", "edit list that holds a picture still", "refused"),
        ),
        pytest.param(
            [(0.3, 0.1), (0.2, None), (0.3, 0.7)],
            1.0,
            "pauses in the middle",
            marks=documented("times", "edit list that pauses in the middle", "refused"),
        ),
    ],
)
@pytest.mark.parametrize("kind", ["vide", "soun"])
def test_edits_that_players_do_not_agree_on_are_refused(
    tmp_path: Path, kind: str, edits: Sequence[tuple[float, float | None]], rate: float, words: str
) -> None:
    source = set_edits(make_video(tmp_path / "in.mp4", frames=25, audio=True), kind, edits, rate=rate)
    with pytest.raises(UnsupportedInput, match=rf"in\.mp4: its edit list .*{words}.*export it"):
        carry(source, tmp_path / "out.mp4")


def test_hidden_sound_that_a_container_cannot_leave_out_is_refused(tmp_path: Path) -> None:
    source = set_edits(with_sound(tmp_path / "in.mp4", "libmp3lame"), "soun", [(0.5, 0.513)])
    with pytest.raises(
        UnsupportedInput, match=r"its edit list cuts it .*\.ts cannot hold it decoded; name the output \.mkv"
    ):
        carry(source, tmp_path / "out.ts")


@pytest.mark.parametrize("kind", ["vide", "soun"])
@pytest.mark.parametrize("edits", [[(0.7, 0.3)], [(0.7, 0.0)], [(0.3, 0.0), (0.3, 0.7)], [(0.1, None), (0.5, 0.5)]])
def test_verification_finds_what_is_not_played(
    tmp_path: Path, kind: str, edits: Sequence[tuple[float, float | None]]
) -> None:
    path = make_video(tmp_path / "out.mp4", frames=25, audio=True)
    assert not [what for what in foreign_in_mp4(path) if "not played" in what]
    set_edits(path, kind, edits)
    assert [what for what in foreign_in_mp4(path) if "s of a track that are not played" in what]


def element(identity: bytes, content: bytes) -> bytes:
    """A Matroska element."""
    return identity + (0x10000000 | len(content)).to_bytes(4, "big") + content


@pytest.mark.parametrize("nanoseconds", [0, 6_500_000, 74_000_000, 76_000_000, 3_000_000_000])
def test_verification_finds_what_matroska_does_not_play(tmp_path: Path, nanoseconds: int) -> None:
    delay = element(b"\x56\xaa", nanoseconds.to_bytes(5, "big"))
    path = tmp_path / "out.mkv"
    tracks = element(b"\x16\x54\xae\x6b", element(b"\xae", delay))
    path.write_bytes(element(b"\x1a\x45\xdf\xa3", b"") + element(b"\x18\x53\x80\x67", tracks))
    assert ("sound that is not played" in set(foreign_in_matroska(path))) is (nanoseconds > 75_000_000)


@pytest.mark.parametrize("nanoseconds", [100_000_000, 300_000_000, -300_000_000])
def test_verification_finds_what_a_block_does_not_play(tmp_path: Path, nanoseconds: int) -> None:
    padding = element(b"\x75\xa2", nanoseconds.to_bytes(5, "big", signed=True))
    path = tmp_path / "out.mkv"
    cluster = element(b"\x1f\x43\xb6\x75", element(b"\xa0", padding))
    path.write_bytes(element(b"\x1a\x45\xdf\xa3", b"") + element(b"\x18\x53\x80\x67", cluster))
    assert ("sound that is not played" in set(foreign_in_matroska(path))) is (abs(nanoseconds) > 200_000_000)


def test_sound_that_begins_or_ends_elsewhere_fails(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", frames=25, audio="flac", audio_delay=0.3)
    done = carry(source, tmp_path / "out.mkv")
    other = make_video(tmp_path / "other.mkv", frames=25, audio="flac")
    with open_source(source) as opened:
        list(opened.frames())
        failures = check_structure(other, opened.info, done.times, Output())
    assert any("sound track 0: expected it to begin at 0.30 s, got 0.00" in what for what in failures)
