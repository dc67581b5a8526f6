"""Sound in every codec and container: carried bit for bit, made FLAC and said so, or refused; in step, and whole."""

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from _pytest.mark.structures import ParameterSet
from av.packet import Packet
from av.stream import Stream

from anonymize.errors import UnsupportedInput
from anonymize.media import open_source
from anonymize.media.audio.copy import CopiedTrack
from anonymize.media.audio.flac import FlacTrack
from anonymize.media.audio.languages import language_code, written_code
from anonymize.media.clock.edits import Played
from anonymize.media.video.choose import choose
from anonymize.settings import Output
from tests.helpers.carry import carry
from tests.helpers.formats import documented
from tests.helpers.media import make_video
from tests.helpers.sound import heard, lag, with_sound

KEPT = "sound carried over as it is"
FLAC = "sound becomes FLAC, sample for sample, and it is said"

AS_IT_IS = """
.avi pcm_u8 48000 pcm_u8 .mkv
.avi pcm_s16le 48000 pcm_s16le .mp4
.avi pcm_s24le 48000 pcm_s24le .mp4
.avi pcm_alaw 48000 pcm_alaw .mov
.avi mp2 48000 mp3 .mp4
.avi libmp3lame 48000 mp3 .mp4
.avi ac3 48000 ac3 .mp4
.avi aac 48000 aac .mp4
.avi flac 48000 flac .mp4
.mov pcm_s16be 48000 pcm_s16be .mov
.mov pcm_s24be 48000 pcm_s24be .mov
.mov pcm_s32le 48000 pcm_s32le .mov
.mov pcm_f32le 48000 pcm_f32le .mov
.mov pcm_mulaw 48000 pcm_mulaw .mov
.mov pcm_u8 48000 pcm_u8 .mov
.mov adpcm_ima_qt 48000 adpcm_ima_qt .mov
.mov alac 48000 alac .mov
.mov aac 48000 aac .mov
.mov eac3 48000 eac3 .mov
.mp4 aac 48000 aac .mp4
.mp4 alac 48000 alac .mp4
.mp4 ac3 48000 ac3 .mp4
.mp4 eac3 48000 eac3 .mp4
.mp4 libmp3lame 48000 mp3 .mp4
.mp4 libopus 48000 opus .mp4
.mp4 flac 48000 flac .mp4
.mp4 dca 48000 dts .mp4
.mp4 truehd 48000 truehd .mp4
.mp4 pcm_s16le 48000 pcm_s16le .mp4
.mkv aac 48000 aac .mkv
.mkv ac3 48000 ac3 .mkv
.mkv eac3 48000 eac3 .mkv
.mkv mp2 48000 mp2 .mkv
.mkv alac 48000 alac .mkv
.mkv libmp3lame 48000 mp3 .mkv
.mkv libopus 48000 opus .mkv
.mkv libvorbis 48000 vorbis .mkv
.mkv flac 48000 flac .mkv
.mkv dca 48000 dts .mkv
.mkv truehd 44100 truehd .mkv
.mkv mlp 44100 mlp .mkv
.mkv wavpack 48000 wavpack .mkv
.mkv tta 48000 tta .mkv
.mkv pcm_f32le 48000 pcm_f32le .mkv
.mkv real_144 8000 ra_144 .mkv
.webm libopus 48000 opus .webm
.webm libvorbis 48000 vorbis .webm
.ts aac 48000 aac .ts
.ts mp2 48000 mp2 .ts
.ts libmp3lame 48000 mp3 .ts
.ts ac3 48000 ac3 .ts
.ts eac3 48000 eac3 .ts
.ts dca 48000 dts .ts
.ts libopus 48000 opus .ts
.flv aac 44100 aac .mp4
.flv libmp3lame 44100 mp3 .mp4
.flv nellymoser 44100 nellymoser .mov
.mpg mp2 48000 mp3 .mp4
.mpg ac3 48000 ac3 .mp4
.ogv libvorbis 48000 vorbis .mp4
.ogv libopus 48000 opus .mp4
.wmv libmp3lame 44100 mp3 .mp4
"""
"""Container, FFmpeg's encoder, samples a second; what becomes of them (FFmpeg takes MP2 in MP4 for MP3)."""
DECODED = """
.avi adpcm_ms 8000
.avi adpcm_ima_wav 8000
.avi adpcm_yamaha 8000
.avi wmav2 48000
.mov adpcm_ms 48000
.mov libopencore_amrnb 8000
.3gp libopencore_amrnb 8000
.mkv adpcm_g726 8000
.mkv wmav1 44100
.mkv g722 16000
.flv adpcm_swf 44100
.wmv wmav1 44100
.wmv wmav2 48000
.wmv adpcm_ms 44100
.mpg pcm_dvd 48000
"""


def rows(table: str, outcome: str) -> Iterator[ParameterSet]:
    """The lines of `table` as parameters; the third is a number."""
    for line in table.strip().splitlines():
        suffix, codec, rate, *out = line.split()
        name = codec.removeprefix("lib")
        mark = documented("sound", f"`{name}` in `{suffix}`", outcome)
        yield pytest.param(suffix, codec, int(rate), *out, marks=mark)


def same(source: Path, target: Path, *, most: float = 1e-4, over: int = 0) -> None:
    """What is heard of `target` is what is heard of `source`, at the same time; `over` samples more may be."""
    before, after = heard(source), heard(target)
    assert after.rate == before.rate
    assert abs(after.start - before.start) <= 0.001
    shift = lag(before.samples, after.samples)
    assert abs(after.start - before.start - shift / before.rate) <= 0.001
    assert -abs(shift) <= len(after.samples) - len(before.samples) <= over + abs(shift)
    length = min(len(before.samples), len(after.samples)) - abs(shift)
    x, y = before.samples[max(0, shift) :], after.samples[max(0, -shift) :]
    np.testing.assert_allclose(x[:length], y[:length], atol=most)


@pytest.mark.parametrize(("suffix", "codec", "rate", "name", "out"), list(rows(AS_IT_IS, KEPT)))
def test_sound_is_carried_as_it_is(tmp_path: Path, suffix: str, codec: str, rate: int, name: str, out: str) -> None:
    source = with_sound(tmp_path / f"in{suffix}", codec, rate=rate)
    done = carry(source, tmp_path / "out")
    assert done.failures == []
    assert not [note for note in done.notes if "FLAC" in note]
    with av.open(str(done.path)) as container:
        assert (container.streams.audio[0].codec_context.codec.canonical_name, done.path.suffix) == (name, out)
        lasts = (container.streams.audio[0].duration or 0) * (container.streams.audio[0].time_base or 0)
    if suffix in (".avi", ".flv") and out != ".mkv":
        assert lasts >= len(heard(source).samples) / rate - 0.004, "an MP4 says for how long the last packet is played"
    # MP4 says where Opus, Vorbis and others end, but FFmpeg plays their last packet to its end.
    same(source, done.path, over=1024)


@pytest.mark.parametrize(("suffix", "codec", "rate"), list(rows(DECODED, FLAC)))
def test_other_sound_becomes_flac(tmp_path: Path, suffix: str, codec: str, rate: int) -> None:
    source = with_sound(tmp_path / f"in{suffix}", codec, rate=rate)
    done = carry(source, tmp_path / "out")
    assert done.failures == []
    assert any("the sound became FLAC (lossless): " in note for note in done.notes)
    with av.open(str(done.path)) as container:
        assert container.streams.audio[0].codec_context.name == "flac"
    # The end that an edit list cuts off is played by FFmpeg, not by others, and is not in the output.
    cut = heard(source).samples[: len(heard(done.path).samples)] if suffix in (".mov", ".3gp") else None
    if cut is None:
        same(source, done.path)
        assert len(heard(done.path).samples) == len(heard(source).samples)
    else:
        np.testing.assert_allclose(cut, heard(done.path).samples, atol=1e-4)
        assert len(cut) == round(1.2 * rate)


@pytest.mark.parametrize("suffix", [".wmv", ".avi", ".mkv"])
def test_the_last_sound_is_in_the_output(tmp_path: Path, suffix: str) -> None:
    """A decoder and an encoder hold the last of it until they are told that nothing more comes."""
    source = with_sound(tmp_path / f"in{suffix}", "wmav2", rate=44_100)
    done = carry(source, tmp_path / "out")
    with av.open(str(source)) as container:
        unflushed = sum(f.samples for p in container.demux(audio=0) if p.size for f in p.decode())
    assert len(heard(done.path).samples) > unflushed
    same(source, done.path)


@pytest.mark.parametrize("target", ["mp4", "mov", "mkv", "ts"])
@pytest.mark.parametrize("source", ["mp4", "mov", "mkv", "ts"])
def test_sound_stays_in_step_from_one_container_to_another(tmp_path: Path, source: str, target: str) -> None:
    made = with_sound(tmp_path / f"in.{source}", "aac")
    done = carry(made, tmp_path / f"out.{target}")
    assert done.failures == []
    # Without its run-in, which only some containers can hide, AAC fades in.
    before, after = heard(made), heard(done.path)
    shift = lag(before.samples, after.samples)
    assert abs(after.start - before.start - shift / before.rate) <= 0.001
    assert abs(len(after.samples) + shift - len(before.samples)) <= 48
    assert after.start - before.start < 0.022


@pytest.mark.parametrize("target", [".mkv", ".mp4"])
def test_packets_that_share_their_times(tmp_path: Path, target: str) -> None:
    """TrueHD comes in pieces of 0.9 ms, and Matroska counts milliseconds."""
    source = with_sound(tmp_path / "in.mkv", "truehd", rate=44_100)
    with av.open(str(source)) as container:
        times = [p.pts for p in container.demux(audio=0) if p.size]
    assert len(set(times)) < len(times)
    done = carry(source, tmp_path / f"out{target}")
    assert done.failures == []
    with av.open(str(done.path)) as container:
        made = [(p.pts or 0) * p.time_base for p in container.demux(audio=0) if p.size]
    assert max(abs(time - Fraction(own or 0, 1000)) for time, own in zip(made, times, strict=True)) < Fraction(1, 2000)
    same(source, done.path)


def test_sound_without_times_follows_on(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", frames=25, audio="flac")
    with open_source(source) as opened:
        target = choose(opened.info, Output())
    out = tmp_path / "out.mkv"
    with av.open(str(source)) as container, av.open(str(out), "w") as output:
        stream = container.streams.audio[0]
        track = CopiedTrack(stream, output, target, Played(Fraction(0), Fraction(0)), "in.mkv", matroska=True)
        for number, packet in enumerate(p for p in container.demux(stream) if p.size):
            bare: Packet[Stream] = Packet(bytes(packet))
            bare.time_base, bare.duration = packet.time_base, packet.duration
            bare.pts = bare.dts = None if number % 3 else packet.pts
            track.write(bare)
    with av.open(str(source)) as before, av.open(str(out)) as after:
        wanted, got = ([p.pts for p in c.demux(audio=0) if p.size] for c in (before, after))
    assert len(got) == len(wanted)
    assert max(abs(a - b) for a, b in zip(wanted, got, strict=True) if a is not None and b is not None) <= 3


@pytest.mark.parametrize("codec", ["adpcm_ms", "wmav2"])
def test_where_sound_is_missing_there_is_silence(tmp_path: Path, codec: str) -> None:
    lost = ("-bsf:a", r"noise=drop=between(pts*tb\,0.4\,0.7)")
    source = with_sound(tmp_path / "in.mkv", codec, *lost)
    done = carry(source, tmp_path / "out")
    assert done.failures == []
    after = heard(done.path)
    assert np.abs(after.samples[round(0.5 * after.rate) : round(0.6 * after.rate)]).max() == 0
    same(source, done.path)
    with av.open(str(done.path)) as container:
        pieces = [(p.pts, p.duration) for p in container.demux(audio=0) if p.size]
    assert all(at is not None and at + (length or 0) == end for (at, length), (end, _) in itertools.pairwise(pieces))


@pytest.mark.parametrize("other", [{"channels": 2}, {"rate": 44_100}])
def test_decoded_sound_that_changes_on_the_way_is_refused(tmp_path: Path, other: dict[str, int]) -> None:
    first = with_sound(tmp_path / "first.mkv", "ac3")
    second = with_sound(tmp_path / "second.mkv", "ac3", **other)
    with (
        av.open(str(first)) as before,
        av.open(str(second)) as after,
        av.open(str(tmp_path / "out.mkv"), "w") as output,
    ):
        stream = before.streams.audio[0]
        track = FlacTrack(stream, output, Played(Fraction(0), Fraction(0)), "in.mkv")
        for packet in before.demux(stream):
            if packet.size:
                track.write(packet)
        later = next(after.demux(audio=0))
        with pytest.raises(UnsupportedInput, match=r"in\.mkv: its sound changes its channels or sample rate"):
            track.write(later)


def test_more_channels_than_flac_holds_are_refused(tmp_path: Path) -> None:
    source = with_sound(tmp_path / "in.mkv", "adpcm_ms", "-af", "aformat=channel_layouts=stereo", channels=2)
    with av.open(str(source)) as container, av.open(str(tmp_path / "out.mkv"), "w") as output:
        stream = container.streams.audio[0]
        stream.codec_context.layout = "hexadecagonal"
        with pytest.raises(UnsupportedInput, match=r"in\.mkv: its sound has 16 channels and would have to become FLAC"):
            FlacTrack(stream, output, Played(Fraction(0), Fraction(0)), "in.mkv")


LANGUAGES = "all tracks stay; languages of ISO 639 stay, any other text is listed as removed"


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("deu", "deu"),
        ("ger", "deu"),
        ("de", "deu"),
        ("de-CH", "deu"),
        ("FRE", "fra"),
        ("pt_BR", "por"),
        ("nb", "nob"),
        ("chi", "zho"),
        ("und", ""),
        ("", ""),
        ("eva", ""),
        ("tom", ""),
        ("Tante Erna", ""),
        ("qaa", ""),
        ("d", ""),
        ("deutsch", ""),
    ],
)
def test_only_languages_are_languages(tag: str, code: str) -> None:
    assert language_code(tag) == code
    for container in ("mkv", "webm", "mov", "mp4", "ts"):
        assert language_code(written_code(code, container)) in ((code, "") if container == "mov" else (code,))


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        pytest.param(
            suffix, codec, marks=documented("sound", f"several tracks with languages in `{suffix}`", LANGUAGES)
        )
        for suffix, codec in (
            (".mp4", "aac"),
            (".mov", "aac"),
            (".mkv", "aac"),
            (".webm", "libopus"),
            (".ts", "mp2"),
            (".avi", "adpcm_ms"),
        )
    ],
)
def test_every_track_and_its_language_stays(tmp_path: Path, suffix: str, codec: str) -> None:
    named = suffix != ".avi"
    tags = [word for i, tag in enumerate(("ger", "fra", "eva")) for word in (f"-metadata:s:a:{i}", f"language={tag}")]
    flags = ["-disposition:a:0", "0", "-disposition:a:1", "default+forced+hearing_impaired", "-disposition:a:2", "0"]
    source = with_sound(tmp_path / f"in{suffix}", codec, *(tags + flags if named else ()), tracks=3)
    done = carry(source, tmp_path / "out")
    assert done.failures == []
    with av.open(str(done.path)) as container:
        tracks = container.streams.audio
        languages = [language_code(track.metadata.get("language", "")) for track in tracks]
        assert len(tracks) == 3
        assert b"eva" not in done.path.read_bytes()
        if named:
            assert languages == ["deu", "fra", ""]
            assert [track.disposition.value & 1 for track in tracks] == ([0, 1, 0] if suffix != ".ts" else [0, 0, 0])
            kept = tracks[1].disposition.value
            assert kept & 64 == (64 if suffix in (".mkv", ".webm") else 0)
            assert kept & 128 == (128 if suffix in (".mkv", ".ts") else 0)
    assert ("language tags that name no language" in done.info.removed) is (named and suffix != ".mov")


@pytest.mark.parametrize(("codec", "name"), [("aac", rb"Lavc"), ("libmp3lame", rb"LAME|Lavc")])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_name_of_the_encoder_is_not_in_the_sound(tmp_path: Path, suffix: str, codec: str, name: bytes) -> None:
    source = with_sound(tmp_path / f"in{suffix}", codec)
    done = carry(source, tmp_path / "out")
    assert re.search(name, source.read_bytes())
    with av.open(str(done.path)) as container:
        assert not any(re.search(name, bytes(p)) for p in container.demux(audio=0))
    same(source, done.path, over=1152)


def test_it_is_noted_which_sound_a_container_cannot_hold(tmp_path: Path) -> None:
    with open_source(with_sound(tmp_path / "in.wmv", "wmav2", rate=44_100)) as source:
        notes = choose(source.info, Output(), ".mp4").notes
    assert "the sound became FLAC (lossless): .mp4 cannot hold wmav2" in notes
