import os
import threading
import time
from fractions import Fraction
from typing import Any

import av
import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymize.errors import OutputError, UsageError
from anonymize.live.backoff import Backoff
from anonymize.live.chain.canvas import Canvas
from anonymize.live.metrics import Metrics
from anonymize.live.protocols import Picture, SoundInfo
from anonymize.live.secrets import mask
from anonymize.live.sinks import open
from anonymize.live.sinks.encode import CLOCK, LiveEncoder, LivePacket
from anonymize.live.sinks.feeder import Buffer, Feeder, Gone
from anonymize.live.sinks.open import Options, check, open_sinks
from anonymize.live.sinks.recording import Keep, Recording
from anonymize.live.sinks.stdout import PacketOutput, Y4m
from anonymize.live.sinks.virtual_camera import CameraOut
from anonymize.media.frames.orient import Orientation
from tests.helpers.media import pattern, time_of, tone
from tests.helpers.pace import Bound
from tests.helpers.servers import dead_server, free_port, until

SIZE = (160, 120)
PICTURE = Picture(*SIZE, Fraction(25))


def frames(count, *, start=0.0, rate=25):
    """Frames as the chain releases them."""
    canvas = Canvas(*SIZE)
    for index in range(count):
        picture = av.VideoFrame.from_ndarray(pattern(index, SIZE), "rgb24")
        yield canvas.frame(picture, Orientation(), index, round((start + index / rate) / CLOCK))


def coded(count, **options):
    """Packets as the encoder makes them, and the streams that they belong to."""
    encoder = LiveEncoder(PICTURE, 23, sound=False)
    return encoder, [packet for frame in frames(count, **options) for packet in encoder.picture(frame)]


def quiet(state, detail):
    """Ignore the state."""


def feed(sink, pictures):
    """Write frames, no faster than they are encoded."""
    for frame in pictures:
        sink.write(frame)
        while sink._frames:
            time.sleep(0.0005)


def times(path):
    with av.open(str(path)) as container:
        return [float(time_of(frame)) for frame in container.decode(video=0)]


def state(metrics, name):
    return metrics.snapshot()["stages"][f"sink {name}"]


# the encoder


def test_every_frame_is_a_packet_at_once_with_its_own_time():
    encoder = LiveEncoder(PICTURE, 23, sound=False)
    stamps = [0, 3600, 5000, 12345, 90000, 180001]
    for frame, stamp in zip(frames(len(stamps)), stamps, strict=True):
        frame.picture.pts = stamp
        (packet,) = encoder.picture(frame)
        assert packet.pts == stamp
    assert encoder.picture(next(iter(frames(1)))) == []  # its time does not rise


def test_a_key_picture_every_two_seconds_whatever_the_rate():
    for rate in (5, 25, 60):
        _, packets = coded(rate * 5, rate=rate)
        assert [round(packet.time, 2) for packet in packets if packet.key] == [0, 2, 4]


def test_the_encoder_leaves_no_trace_of_itself():
    _, packets = coded(3)
    assert b"x264" not in b"".join(packet.data for packet in packets)


@pytest.mark.parametrize("lost", [(9, 9), (0.31, 0.977)])
@pytest.mark.parametrize("codec", ["aac", "pcm_mulaw", "libopus", "mp2"])
def test_any_sound_becomes_aac_in_step(codec, lost, tmp_path):
    """Also where packets were lost on the way."""
    rate = 8000 if codec == "pcm_mulaw" else 48_000
    layout = "mono" if codec == "pcm_mulaw" else "stereo"
    source = av.CodecContext.create(codec, "w")
    source.sample_rate, source.layout, source.format = rate, layout, source.codec.audio_formats[0].name
    source.open()
    info = SoundInfo(codec.removeprefix("lib"), rate, layout, source.extradata or b"")
    resampler = av.AudioResampler(source.format.name, layout, rate, frame_size=source.frame_size or 160)
    beep = tone(2, rate=rate, channels=1 if layout == "mono" else 2)
    beep[:, : rate * 3 // 2] = 0  # silence, then a tone from 1.5 s on
    samples = av.AudioFrame.from_ndarray(beep, "fltp", layout)
    samples.sample_rate, samples.pts, samples.time_base = rate, 0, Fraction(1, rate)
    encoder = LiveEncoder(Picture(*SIZE, Fraction(25), info), 23, sound=True)
    path = tmp_path / "out"
    recording = Recording(path, encoder.streams, Keep(room=0), quiet)
    for frame in frames(50):
        for packet in encoder.picture(frame):
            recording.write(packet)
    for piece in (*resampler.resample(samples), *resampler.resample(None)):
        for packet in source.encode(piece):
            if lost[0] <= time_of(packet) < lost[1]:
                continue
            for made in encoder.sound(packet):
                recording.write(made)
    for packet in source.encode(None):
        for made in encoder.sound(packet):
            recording.write(made)
    for made in encoder.flush():
        recording.write(made)
    recording.close()
    (made,) = path.glob("*.mp4")
    with av.open(str(made)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        heard = [
            (float(time_of(f)), float(time_of(f)) + f.samples / f.sample_rate, np.abs(f.to_ndarray()).max())
            for f in container.decode(audio=0)
        ]
    begins = min(at for at, _, loud in heard if loud > 0.1)
    assert 1.40 < begins < 1.55
    assert max(end for _, end, loud in heard if loud > 0.1) > 1.999, "a decoder or encoder held the last of it back"


# the buffer and the feeder


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans()), max_size=60), st.integers(50, 200))
def test_a_buffer_is_bounded_and_begins_where_one_may_begin(items, limit):
    dropped: list[int] = []
    buffer: Buffer[tuple[int, bool, int]] = Buffer(
        limit, weigh=lambda i: i[0], starts=lambda i: i[1], on_drop=dropped.append
    )
    for index, (weight, key) in enumerate(items):
        buffer.offer((weight, key, index))
    buffer.close()
    left = list(iter(buffer.take, None))
    assert sum(item[0] for item in left) <= limit
    assert not left or left[0][1]
    assert [item[2] for item in left] == sorted(item[2] for item in left)
    assert sum(dropped) + len(left) == len(items)
    if left:  # the newest are kept, without holes
        assert [item[2] for item in left] == list(range(left[0][2], len(items)))


class Flaky:
    """A peer that accepts `after` items, then fails."""

    def __init__(self, got, after):
        self.got, self.left = got, after

    def write(self, item):
        if self.left == 0:
            raise ConnectionResetError("hung up")
        self.left -= 1
        self.got.append(item)

    def close(self):
        self.got.append("closed")

    def abandon(self):
        self.got.append("abandoned")


def test_a_lost_peer_is_found_again():
    metrics, lives = Metrics(), iter([2, 0, 99])
    got: list[object] = []
    buffer: Buffer[int] = Buffer(99, weigh=lambda _: 1, starts=lambda _: True, on_drop=lambda _: None)
    feeder = Feeder("peer", lambda _: Flaky(got, next(lives)), buffer, metrics, fresh=False, backoff=Backoff(0.2, 1.0))
    begun = time.monotonic()
    for item in range(6):
        feeder.offer(item)
    until(lambda: len(got) >= 6)
    assert time.monotonic() - begun > 0.6, "it waited 0.2 s, then 0.4 s"
    feeder.close(2)
    assert got == [0, 1, "abandoned", "abandoned", 4, 5, "closed"]
    assert metrics.snapshot()["reconnects"] == {"sink peer": 2}
    assert state(metrics, "peer")["state"] == "stopped"


def test_a_permanently_lost_peer_is_not_retried():
    class Dead(Flaky):
        def __init__(self):
            raise Gone("nobody reads")

    metrics = Metrics()
    gone: list[str] = []
    buffer: Buffer[int] = Buffer(9, weigh=lambda _: 1, starts=lambda _: True, on_drop=lambda _: None)
    feeder = Feeder("peer", lambda _: Dead(), buffer, metrics, fresh=True, on_gone=gone.append)
    feeder.offer(1)
    until(lambda: gone)
    feeder.close(1)
    assert gone == ["nobody reads"]
    assert state(metrics, "peer")["state"] == "failed"


# the other sinks


def test_standard_output_as_mpeg_ts_and_as_y4m():
    encoder, packets = coded(10)
    for form in ("mpegts", "yuv4mpegpipe"):
        reader, writer = os.pipe()
        got: list[bytes] = []
        listener = threading.Thread(target=lambda r=reader, g=got: g.extend(iter(lambda: os.read(r, 65536), b"")))
        listener.start()
        out: Any
        items: list[Any]
        if form == "mpegts":
            out, items = PacketOutput(writer, encoder.streams, quiet), packets
        else:
            out, items = Y4m(writer, PICTURE, quiet), list(frames(10))
        for item in items:
            out.write(item)
        out.close()
        os.close(writer)
        listener.join()
        os.close(reader)
        shown = subprocess_decode(b"".join(got), form)
        assert len(shown) == 10
        assert np.abs(shown[3].to_ndarray(format="rgb24").astype(int) - pattern(3, SIZE)).mean() < 12


def subprocess_decode(data, form):
    import io

    with av.open(io.BytesIO(data), "r", format=form) as container:
        return list(container.decode(video=0))


def test_a_reader_of_standard_output_that_goes():
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(Gone, match="has ended"):
        Y4m(writer, PICTURE, quiet).write(next(iter(frames(1))))
    os.close(writer)


def test_a_virtual_camera_that_is_none(tmp_path):
    with pytest.raises(OutputError, match="no such device"):
        CameraOut("/dev/video97", PICTURE, quiet)
    with pytest.raises(OutputError, match="is it a v4l2loopback device"):
        CameraOut("/dev/null", PICTURE, quiet)


def test_slow_and_dead_peers_do_not_delay_others(tmp_path):
    with dead_server() as dead:
        metrics = Metrics()
        slow, gone = f"rtsp://127.0.0.1:{dead}/live", f"rtsp://u:geheim@127.0.0.1:{free_port()}/x"
        (sink,) = open_sinks([slow, f"record:{tmp_path}", gone], PICTURE, metrics, Options(stall=0.5))
        taken = []
        for frame in frames(100):
            before = time.monotonic()
            sink.write(frame)
            taken.append(time.monotonic() - before)
            time.sleep(0.03)  # three seconds: two attempts
        assert metrics.snapshot()["reconnects"].get("sink " + mask(gone), 0) > 0
        assert state(metrics, slow) | {"since": 0} == {"state": "starting", "detail": "connecting", "since": 0}
        bound = Bound(10)
        sink.close(3)
    assert not bound.over()
    assert not [child for child in psutil.Process().children() if str(dead) in " ".join(child.cmdline())]
    assert np.median(taken) < 0.05
    assert max(taken) < 0.5, "shorter than a peer may stall, however busy the machine"
    assert sum(len(times(path)) for path in tmp_path.glob("*.mp4")) == 100
    assert "geheim" not in str(metrics.snapshot())


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "no sink"),
        ("nonsense", "no sink"),
        ("ftp://host/x", "no sink"),
        ("rtsp://", "a server is missing"),
        ("record:", "no sink"),
        ("hls:", "no sink"),
        ("hls:/srv/100%.m3u8", "a % in the name"),
        ("srt://host:1?passphrase=secret-phrase", "list of processes"),
    ],
)
def test_invalid_addresses(address, words):
    with pytest.raises(UsageError, match=words) as caught:
        check(address)
    assert "secret-phrase" not in str(caught.value)


def test_sinks_that_look_alike_have_names_of_their_own():
    addresses = [f"rtsp://127.0.0.1:{free_port()}/north-gate", "record:/srv/x"]
    addresses.insert(1, addresses[0].replace("north", "south"))
    names = open._names(addresses)
    assert list(names.values()) == [mask(addresses[0]), mask(addresses[0]) + " (2)", "record:/srv/x"]
    assert "gate" not in "".join(names.values())


def test_packets_are_never_changed_by_a_sink():
    _, packets = coded(3)
    with pytest.raises(AttributeError):
        packets[0].pts = 7
    assert isinstance(packets[0], LivePacket)
