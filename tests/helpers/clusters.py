"""A Ray cluster on this machine: a head and worker nodes, each started as people start theirs."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

BIN = Path(sys.executable).parent
LIMIT = 300.0
"""Seconds in which a node must be up, or a run be over."""


@dataclass
class Cluster:
    """A running cluster.

    Args:
        folder: its home, temporary files and logs; short, since sockets lie in it.
        ports: of the head: for nodes, and for `ray://`.
        environment: of all its processes.
        prefix: what every command is run by.
        nodes: the worker nodes' processes.
    """

    folder: Path
    ports: tuple[int, int]
    environment: dict[str, str]
    prefix: tuple[str, ...] = ()
    nodes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"ray://127.0.0.1:{self.ports[1]}"

    @property
    def gcs(self) -> str:
        return f"127.0.0.1:{self.ports[0]}"

    def add(self, cpus: int = 1, gpus: int = 0) -> subprocess.Popen[bytes]:
        """Start a worker node and wait until the cluster counts it."""
        node = self.start("--address", self.gcs, f"--num-cpus={cpus}", f"--num-gpus={gpus}")
        self.nodes.append(node)
        return node

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """`ray start`, until it says that the node is up."""
        command = [*self.prefix, str(BIN / "ray"), "start", "--block", "--object-store-memory=100000000", *words]
        log = self.folder / f"log{secrets.token_hex(4)}.txt"
        with log.open("wb") as file:
            started = subprocess.Popen(command, env=self.environment, stdout=file, stderr=subprocess.STDOUT)
        until(lambda: "Ray runtime started" in log.read_text() or started.poll() is not None, f"see {log}")
        assert started.poll() is None, log.read_text()[-2000:]
        return started

    def run(self, *words: object, address: str = "") -> subprocess.Popen[str]:
        """`anonymize run ... --json` on this cluster, with one processor for each worker."""
        cluster = ("--cluster", address or self.address, "--cpus-per-worker", "1", "--json")
        command = [*self.prefix, str(BIN / "anonymize"), "run", *map(str, words), *cluster]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


@contextmanager
def cluster(
    folder: Path, prefix: tuple[str, ...] = (), environment: Mapping[str, str | None] | None = None
) -> Iterator[Cluster]:
    """A cluster whose head does no work, as docs/cluster.md says to start it.

    Args:
        folder: its home, empty, with a short name.
        prefix: what every command is run by.
        environment: what is otherwise than it should be; None leaves a variable out.
    """
    (folder / "ray_bootstrap_config.yaml").write_text("provider: {type: local}\n")
    (folder / "tmp").mkdir()
    own = {
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9",
    }
    wanted = {**os.environ, **own, **(environment or {})}
    present = {name: value for name, value in wanted.items() if value is not None}
    made = Cluster(folder, (_free_port(), _free_port()), present, prefix)
    ports = (f"--port={made.ports[0]}", f"--ray-client-server-port={made.ports[1]}")
    head = made.start(
        "--head", "--num-cpus=0", "--include-dashboard=false", f"--temp-dir={folder / 'ray'}", *ports
    )  # fmt: skip
    try:
        until(lambda: _listens(made.ports[1]), "nobody listens for ray://")
        yield made
    finally:
        for process in (*made.nodes, head):
            kill_node(process)
        for process in psutil.process_iter():
            with _gone_is_fine():
                if any(str(folder) in word for word in process.cmdline()):
                    process.kill()


def busiest_node(made: Cluster) -> subprocess.Popen[bytes]:
    """The node whose worker has worked most: the others may not have begun yet."""
    busiest = max(hands(made), key=lambda hand: sum(hand.cpu_times()[:2]))
    above = {process.pid for process in busiest.parents()}
    return next(node for node in made.nodes if node.pid in above)


def kill_node(node: subprocess.Popen[bytes]) -> list[str]:
    """Kill a node with all its processes at once, as a power cut does; the names of those that were killed."""
    victims: list[psutil.Process] = []
    with _gone_is_fine():
        victims = psutil.Process(node.pid).children(recursive=True)
    names = []
    for process in victims:
        with _gone_is_fine():
            names.append(" ".join(process.cmdline()))
            process.send_signal(signal.SIGKILL)
    node.kill()
    node.wait()
    return names


def hands(made: Cluster) -> list[psutil.Process]:
    """The processes of our workers."""
    found = []
    for process in psutil.process_iter():
        with _gone_is_fine():
            command = " ".join(process.cmdline())
            if command.startswith("ray::ClusterWorker") and process.environ().get("HOME") == str(made.folder):
                found.append(process)
    return found


def client_servers(made: Cluster) -> set[psutil.Process]:
    """The processes that the head has started for connections by `ray://`, one for each."""
    found = set()
    for process in psutil.process_iter():
        with _gone_is_fine():
            words = process.cmdline()
            ours = any(str(made.folder) in word for word in words) or process.environ().get("HOME") == str(made.folder)
            if ours and "ray.util.client.server" in words and any("specific-server" in word for word in words):
                found.add(process)
    return found


def events(stream: IO[str] | None) -> Iterator[dict[str, Any]]:
    """The JSON lines of a run, as they come."""
    assert stream is not None
    yield from map(json.loads, stream)


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except psutil.Error:
        return


def until(condition: Callable[[], bool], otherwise: str, limit: float = LIMIT) -> None:
    """Wait for `condition`, at most `limit` seconds."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.1)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
