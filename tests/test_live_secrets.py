import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymize.errors import UsageError
from anonymize.live.secrets import has_secret, mask, resolve


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://admin:p4ss@10.0.0.5/stream1", "rtsp://admin:***@10.0.0.5/stream1"),
        ("rtsp://admin:p@ss@10.0.0.5:554/stream1", "rtsp://admin:***@10.0.0.5:554/stream1"),
        ("rtsp://admin:p/ss@10.0.0.5/stream1", "rtsp://admin:***@10.0.0.5/stream1"),
        ("http://token@10.0.0.5/video", "http://***@10.0.0.5/video"),
        ("http://cam/cgi?user=bob&pwd=1234&channel=2", "http://cam/cgi?user=***&pwd=***&channel=2"),
        ("srt://host:9000?mode=caller&passphrase=abcdefghij", "srt://host:9000?mode=caller&passphrase=***"),
        ("srt://host:9000?streamid=#!::u=bob,s=k&latency=200", "srt://host:9000?streamid=***&latency=200"),
        ("srt://host:9000?streamid=publish:square:bob:pw", "srt://host:9000?streamid=***"),
        ("rtmp://a.example/live2/abcd-efgh", "rtmp://a.example/live2/***"),
        ("rtmps://a.example/live2/abcd?key=x", "rtmps://a.example/live2/***?key=***"),
        ("Authorization: Basic YWJjOmRlZg==\r\nHost: x", "Authorization: ***\r\nHost: x"),
        ('{"address": "rtsp://u:pw@h/x", "n": 1}', '{"address": "rtsp://u:***@h/x", "n": 1}'),
        ("open rtsp://u:a1@h/x and rtsp://v:b2@h/y", "open rtsp://u:***@h/x and rtsp://v:***@h/y"),
    ],
)
def test_credentials_are_masked(text, shown):
    assert mask(text) == shown
    assert mask(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://10.0.0.5:554/a@b",
        "rtsp://10.0.0.5/stream1",
        "record:/var/lib/x",
        "/dev/video0",
        "a@b.example",
        "srt://host:8890?streamid=publish:city/square&latency=200",
    ],
)
def test_nothing_else_is_masked(text):
    assert mask(text) == text
    assert not has_secret(text)


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
    for address, words in [
        ("rtsp://u:${NOT_SET_AT_ALL}@h/x", "no such variable"),
        (f"rtsp://u:${{file:{tmp_path}/none}}@h/x", "No such file"),
        (f"@file:{tmp_path}/two", "expected one line"),
        (f"@file:{tmp_path}/binary", "not text"),
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
    given_address = "rtsp://bob:hidden-pw@10.0.0.5/x"
    shown = subprocess.run(
        [sys.executable, "-c", code, given_address, "--loop"], capture_output=True, check=True
    ).stdout
    listed, _, known = shown.rpartition(b"\0")
    assert b"hidden-pw" not in listed
    assert b"rtsp://bob:***@10.0.0.5/x\0--loop" in listed
    assert given_address.encode() in known
