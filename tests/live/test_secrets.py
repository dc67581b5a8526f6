import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from anonymize.cli.app import app
from anonymize.errors import UsageError
from anonymize.live.secrets import has_password, has_secret, mask, resolve


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://admin:p4ss@10.0.0.5/stream1", "rtsp://***@10.0.0.5/stream1"),
        ("rtsp://admin:p@ss@10.0.0.5:554/stream1", "rtsp://***@10.0.0.5:554/stream1"),
        ("rtsp://admin:p/ss@10.0.0.5/stream1", "rtsp://***"),
        ("rtsp://admin:12/34@10.0.0.5/stream1", "rtsp://***"),
        ("rtsp://admin:p?ss@10.0.0.5/stream1", "rtsp://***"),
        ("rtsp://admin:p#ss@10.0.0.5/stream1", "rtsp://***"),
        ("rtsp://admin:a@b/c@10.0.0.5/stream1", "rtsp://***"),
        ("rtsp://10.0.0.5:554/word@live", "rtsp://10.0.0.5:554/***"),
        ("rtsp://[fe80::1]:554/word", "rtsp://[fe80::1]:554/***"),
        ("http://token@10.0.0.5/video", "http://***@10.0.0.5/video"),
        ("http://cam/cgi?user=bob&pwd=1234&channel=2", "http://cam/cgi?user=***&pwd=***&channel=2"),
        ("http://cam/cgi?hunter2", "http://cam/cgi?***"),
        ("http://cam/cgi?hunter2=1", "http://cam/cgi?***=***"),
        ("http://cam/video#hunter2", "http://cam/video#***"),
        ("http://cam#token=hunter2", "http://cam#***"),
        ("http://cam?token=hunter2", "http://cam?token=***"),
        ("http://cam/8f3a9c2e7b1d/video.mjpg", "http://cam/***/video.mjpg"),
        ("http://cam/live;jsessionid=8f3a9c", "http://cam/***"),
        ("http://cam/a%62cdef/video", "http://cam/***/video"),
        ("rtsp://h/user=admin_password=geheim_channel=1.sdp", "rtsp://h/***"),
        ("rtsp://h/user=admin&password=geheim&channel=1&stream=0.sdp?real_stream", "rtsp://h/***?***"),
        ("rtsp://h/live/admin/geheim", "rtsp://h/live/***/***"),
        ("rtsp://h/live/admin:geheim", "rtsp://h/live/***"),
        ("rtsp:/u:geheim@h", "***"),
        ("rtsp:u:geheim@h/live", "***"),
        ("open rtsp:/u:geheim@h: refused", "open ***: refused"),
        ("srt://host:9000?mode=caller&passphrase=abcdefghij", "srt://host:9000?mode=caller&passphrase=***"),
        ("srt://host:9000?latency=geheim", "srt://host:9000?latency=***"),
        ("srt://host:9000?mode=geheim&latency=20", "srt://host:9000?mode=***&latency=20"),
        ("srt://host:9000?streamid=#!::u=bob,s=k&latency=200", "srt://host:9000?streamid=***"),
        ("srt://host:9000?streamid=publish:square:bob:pw", "srt://host:9000?streamid=***"),
        ("srt://host:9000?streamid=publish:8f3a9c2e7b1d", "srt://host:9000?streamid=***"),
        ("rtmp://a.example/live2/abcd-efgh", "rtmp://a.example/live2/***"),
        ("rtmps://a.example/live2/abcd?key=x", "rtmps://a.example/live2/***?key=***"),
        ("Authorization: Basic YWJjOmRlZg==\r\nHost: x", "Authorization: ***\r\nHost: x"),
        ('{"address": "rtsp://u:pw@h/live", "n": 1}', '{"address": "rtsp://***@h/live", "n": 1}'),
        ("open rtsp://u:a1@h/live and rtsp://v:b2@h/main.", "open rtsp://***@h/live and rtsp://***@h/main."),
        ("404 Not Found: /user=admin&password=geheim&x", "404 Not Found: /user=admin&password=***&x"),
    ],
)
def test_credentials_are_masked(text, shown):
    assert mask(text) == shown
    assert mask(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://10.0.0.5/stream1",
        "rtsp://10.0.0.5:554/Streaming/Channels/101",
        "rtsp://10.0.0.5/cam/realmonitor?channel=1&subtype=0",
        "rtsp://10.0.0.5/axis-media/media.amp?fps=25",
        "rtsp://10.0.0.5/h264/ch1/main/av_stream".replace("av_", ""),
        "http://10.0.0.5/mjpg/video.mjpg",
        "https://10.0.0.5/live/index.m3u8",
        "record:/var/lib/x",
        "hls:/srv/u:a@b",
        "/dev/video0",
        "a@b.example",
        "srt://host:8890?streamid=publish:city/square&latency=200",
        "srt://:9000?mode=listener&timeout=5000000",
        "udp://@239.0.0.1:1234",
        "rtsp://[fe80::1%eth0]:554/live",
        "at 12:30 rtsp: no answer",
    ],
)
def test_nothing_else_is_masked(text):
    assert mask(text) == text
    assert not has_secret(text)


UNUSUAL = [
    "rtsp:/u:geheim@h",
    "rtsp:u:geheim@h/live",
    "rtsp//u:geheim@h/live",
    "//u:geheim@h/live",
    "u:geheim@h/live",
    "rtsp:\\\\u:geheim@h",
    "http:/h/live?token=geheim",
    "geheim:word@h://live",
    "rtsp://u:ge/heim@h/live",
    "rtsp://u:geheim@h:port/live",
    "rtsp://u:geheim@h:/live",
    "rtsp://u:geheim@/live/@",
    "rtsp://h/user=admin password=geheim channel=1.sdp",
    "rtsp://h/live\nfile geheim",
    "rtsp://h/live\x00geheim",
    "rtsp://u:geh eim@h/live",
    " rtsp://u:geheim@h/live",
]


@pytest.mark.parametrize("address", UNUSUAL)
def test_what_cannot_be_understood_is_refused_and_not_repeated(address):
    with pytest.raises(UsageError, match="not repeated") as caught:
        resolve(address)
    assert "eim" not in str(caught.value)


@pytest.mark.parametrize("address", ["clip.mp4", "a:b.mp4", "12:30.mp4"])
def test_a_file_is_no_address(address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / address).touch()
    assert resolve(address) == address


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("rtsp://h/user=admin_password=geheim_channel=1.sdp", "cannot open user=admin_password=geheim_channel=1.sdp"),
        ("rtsp://h/user=admin_password=geheim_channel=1.sdp", "the server says: geheim is wrong"),
        ("http://h/8f3a9c2e7b1geheim/video", "GET /8f3a9c2e7b1geheim/video: 404"),
        ("http://h/video?hash=geheim77", "no such hash: geheim77"),
        ("rtsp://u:geheim%21@h/live", "user u, password geheim!"),
        ("rtmp://h/live/abcd-efgh-geheim", "stream abcd-efgh-geheim is taken"),
    ],
)
def test_parts_of_an_address_are_known_wherever_they_turn_up(address, said):
    resolve(address)
    assert "geheim" not in mask(said)


@pytest.mark.parametrize(
    ("address", "warns"),
    [
        ("rtsp://127.0.0.1:8554/market", False),
        ("rtsp://127.0.0.1/live/north-gate.sdp", False),
        ("tcp://127.0.0.1:5000", False),
        ("rtsp://10.0.0.5", False),
        ("srt://10.0.0.5:9000?mode=caller", False),
        ("tcp://u:p@127.0.0.1:5000", True),
        ("rtmp://127.0.0.1/live/abcd-efgh-1234-5678", True),
        ("rtsp://admin:${PASSWORD}@h/live?token=${TOKEN}", False),
        ("rtsp://${USER}:${file:/run/x}@h/live", False),
        ("rtmp://h/live/${KEY}", False),
        ("http://h/${KEY}.mjpg", False),
        ("rtsp://h/user=${USER}_password=${PASSWORD}_channel=1.sdp", False),
        ("rtsp://h/user=${USER}_password=geheim_channel=1.sdp", True),
        ("rtsp://h/user=admin_password=${PASSWORD}_channel=1.sdp", True),
        ("http://h/live?t=${TOKEN}", False),
        ("http://h/live?a=${ONE}&b=${TWO}", False),
        ("http://h/live?a=${ONE}&b=8f3a", True),
        ("http://h/live?a=8f3a${ONE}", True),
        ("rtsp://token@h/live", True),
        ("rtsp://u:p@127.0.0.1/live", True),
        ("rtsp://127.0.0.1/user=u_password=p", True),
        ("http://127.0.0.1/live?t=8f3a", True),
        ("http://127.0.0.1/8f3a9c2e7b1d8f3a9c2e7b1d/live", True),
    ],
)
def test_who_types_a_password_is_warned_and_who_types_a_name_is_not(address, warns):
    assert has_password(address) == warns


@given(
    user=st.text("abcXYZ019._%-", min_size=1, max_size=8),
    password=st.text("abcXYZ019!$&()*+,;=:@._~%-", min_size=4, max_size=20),
    scheme=st.sampled_from(["rtsp", "rtsps", "rtmp", "srt", "http"]),
)
def test_no_password_survives(user, password, scheme):
    shown = mask(f"cannot open '{scheme}://{user}:{password}@camera.example/x': refused")
    assert password not in shown.replace(user, "")
    assert "refused" in shown


def test_a_reference_to_the_environment(monkeypatch):
    monkeypatch.setenv("CAM_USER", "admin")
    monkeypatch.setenv("CAM_PASSWORD", "p@ss/w:rd")
    address = resolve("rtsp://${CAM_USER}:${CAM_PASSWORD}@10.0.0.5/stream1")
    assert address == "rtsp://admin:p%40ss%2Fw%3Ard@10.0.0.5/stream1"
    assert mask("FFmpeg says: user admin, password p@ss/w:rd") == "FFmpeg says: user ***, password ***"
    assert mask("the same, encoded: p%40ss%2Fw%3Ard") == "the same, encoded: ***"


def test_a_reference_to_a_file(tmp_path):
    (tmp_path / "password").write_text("hunter22\n")
    (tmp_path / "address").write_text("rtsp://bob:whole-pw@10.0.0.5/x\n")
    assert resolve(f"srt://h:1?passphrase=${{file:{tmp_path}/password}}") == "srt://h:1?passphrase=hunter22"
    assert resolve(f"@file:{tmp_path}/address") == "rtsp://bob:whole-pw@10.0.0.5/x"
    assert mask("it was whole-pw or hunter22") == "it was *** or ***"


def test_references_that_lead_nowhere(tmp_path, monkeypatch):
    monkeypatch.delenv("NOT_SET_AT_ALL", raising=False)
    (tmp_path / "two").write_text("first-secret\nsecond-secret\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    os.mkfifo(tmp_path / "pipe")
    for address, words in [
        ("rtsp://u:${NOT_SET_AT_ALL}@h/x", "no such variable"),
        (f"rtsp://u:${{file:{tmp_path}/none}}@h/x", "no such file"),
        (f"@file:{tmp_path}/two", "expected one line"),
        (f"@file:{tmp_path}/binary", "not UTF-8 text"),
        (f"@file:{tmp_path}/pipe", "a device or a pipe"),
    ]:
        with pytest.raises(UsageError, match=words) as caught:
            resolve(address)
        assert "secret" not in str(caught.value)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="arguments are hidden on Linux only; CI is Linux")
def test_our_own_arguments_are_hidden():
    code = (
        "from anonymize.live.secrets import hide_arguments; import sys\n"
        "hide_arguments(); sys.stdout.write(open('/proc/self/cmdline').read()); sys.stdout.write(' '.join(sys.argv))"
    )
    unusual = ["--to=rtsp://h/user=admin password=hidden-pw", "rtsp:/u:hidden-pw@h", "rtsp://h/live/hidden-pw"]
    given_address = "rtsp://bob:hidden-pw@10.0.0.5/x"
    shown = subprocess.run(
        [sys.executable, "-c", code, *unusual, given_address, "--loop"], capture_output=True, check=True
    ).stdout
    listed, _, known = shown.rpartition(b"\0")
    assert b"hidden-pw" not in listed
    assert b"rtsp://***@10.0.0.5/***\0--loop" in listed
    assert given_address.encode() in known


@pytest.mark.parametrize(
    "address",
    ["h/live/geheim7", "10.0.0.5:554/live/geheim7", "10.0.0.5/geheim7?x=1", "live/../geheim7", "cam/geheim7.sdp"],
)
@pytest.mark.parametrize("place", ["source", "sink"])
def test_an_address_without_its_scheme_is_not_repeated(tmp_path, address, place):
    """What is called as a video, or begins as paths do, is a file that is missing."""
    given = [address, "--to", f"hls:{tmp_path}/o"] if place == "source" else ["-", "--to", address]
    done = CliRunner().invoke(app, ["live", *given])
    assert isinstance(done.exception, UsageError)
    assert "geheim7" not in f"{done.output}{done.exception}"


@pytest.mark.parametrize("path", ["away/clip.mp4", "./away/clip", "/away/clip", "../clip", "clip", "away/clip.MKV"])
def test_a_path_may_lead_to_nothing_yet(path):
    assert resolve(path) == path
