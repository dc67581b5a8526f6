"""Whom a cluster speaks with, head and nodes and driver: itself. Every connection of every process is written down."""

import importlib.util
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.helpers.clusters import cluster

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray: `make cluster-test` runs it"
)

ROUTE_ONLY = "8.8.8.8"
"""Ray points a datagram socket at this address to learn which interface leads outwards. Nothing is sent."""
CALLS = "connect,sendto,sendmsg,sendmmsg,close"


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="ac", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def _addresses(trace: str) -> set[str]:
    """The internet addresses that calls name, IPv4 ones without their IPv6 clothing."""
    found = re.findall(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"', trace)
    return {(four or six).removeprefix("::ffff:") for four, six in found}


def _sent_after_connect(trace: str, address: str) -> list[str]:
    """Calls that send on a socket between its connection with `address` and its end."""
    sent, open_sockets = [], set()
    for line in trace.splitlines():
        call = re.match(r"(\d+)\s+(\w+)\((\d+)", line)
        if not call:
            continue
        process, name, socket = call.groups()
        if name == "connect" and address in line:
            open_sockets.add((process, socket))
        elif name == "close":
            open_sockets.discard((process, socket))
        elif (process, socket) in open_sockets:
            sent.append(line)
    return sent


def test_the_reader_of_traces_works():
    trace = (
        '7 connect(3, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("8.8.8.8")}, 16) = 0\n'
        '7 close(3) = 0\n7 sendto(3, "x", 1, 0, NULL, 0) = 1\n'
        '9 connect(4, {sa_family=AF_INET6, inet_pton(AF_INET6, "::ffff:9.9.9.9", &sin6_addr)}, 28) = 0\n'
        '9 sendto(4, "x", 1, 0, NULL, 0) = 1\n'
    )
    assert _addresses(trace) == {"8.8.8.8", "9.9.9.9"}
    assert _sent_after_connect(trace, "8.8.8.8") == []
    assert len(_sent_after_connect(trace, "9.9.9.9")) == 1


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, which CI installs")
def test_a_cluster_speaks_with_nobody_but_itself(folder, face_clip, tmp_path):
    strace = ("strace", "-ff", "--seccomp-bpf", "-qq", "-e", f"trace={CALLS}", "-e", "signal=none")
    traces = tmp_path / "traces"
    traces.mkdir()
    with cluster(folder, (*strace, "-o", str(traces / "t"))) as made:
        made.add()
        process = made.run(face_clip, "-o", tmp_path / "safe.mp4")
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    trace = "".join(
        f"{path.suffix[1:]} {line}\n" for path in traces.iterdir() for line in path.read_text().splitlines()
    )
    own = {address.address for of_one in psutil.net_if_addrs().values() for address in of_one}
    assert _addresses(trace) & own, "nothing was traced"
    assert _addresses(trace) - own - {"0.0.0.0", "::"} <= {ROUTE_ONLY}
    assert _sent_after_connect(trace, ROUTE_ONLY) == []


@pytest.mark.parametrize("variable", ["RAY_USAGE_STATS_ENABLED", "RAY_USAGE_STATS_REPORT_URL"])
def test_a_head_that_would_speak_with_others_is_refused(folder, face_clip, tmp_path, variable):
    """Whatever the head sends here goes to a closed port on loopback, so that this test contacts nobody either."""
    otherwise = {"RAY_USAGE_STATS_ENABLED": None, "RAY_USAGE_STATS_REPORT_URL": "http://127.1.1.1:9"}
    with cluster(folder, environment={variable: otherwise[variable]}) as made:
        process = made.run(face_clip, "-o", tmp_path / "safe.mp4")
        _, err = process.communicate(timeout=300)
    assert process.returncode == 13
    assert variable in err
    assert not (tmp_path / "safe.mp4").exists()
