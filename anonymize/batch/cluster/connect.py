"""Connecting to a cluster, and making sure that it contacts nobody else.

Ray sends usage statistics unless they are switched off. Even then, the head of a cluster reports once to Ray's vendor
that they are off, and asks the cloud's metadata services where it runs (seen in 2.60). Both happen when the head
starts, so only the person who starts it can prevent them; a cluster whose head was started otherwise is refused.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from anonymize.errors import ClusterError, UsageError
from anonymize.text.words import extra

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
    "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9",
    # Under `uv run` Ray would copy the working directory, footage and all, to the cluster.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    # A worker without a GPU leaves the variables alone that list the GPUs.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_BOOTSTRAP = Path("~/ray_bootstrap_config.yaml")
"""If this file exists, Ray does not ask the cloud's metadata services."""
_HEAD = "node:__internal_head__"
"""The resource that only a cluster's head has."""
_TRIES, _PAUSE = 5, 1.0
"""Attempts to connect, and seconds between them: the head forks a process for each connection while its other threads
use gRPC, which now and then kills that process (seen in 2.60; ray-project/ray#63202)."""
_ANSWER = 60.0
"""Seconds that the head has to answer how it was started."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How a cluster's head was started, as far as it decides whom the head contacts.

    Args:
        enabled: its RAY_USAGE_STATS_ENABLED.
        url: its RAY_USAGE_STATS_REPORT_URL.
        bootstrap: whether it has the file that keeps it from asking metadata services.
    """

    enabled: str
    url: str
    bootstrap: bool

    def faults(self) -> list[str]:
        """What must be changed, in words; empty if the head contacts nobody."""
        wrong = []
        if self.enabled != "0":
            wrong.append("RAY_USAGE_STATS_ENABLED=0 is not set: it sends usage statistics to Ray's vendor")
        if urlsplit(self.url).hostname not in ("127.0.0.1", "localhost", "::1"):
            wrong.append(
                "RAY_USAGE_STATS_REPORT_URL=http://127.0.0.1:9 is not set: it reports each start to Ray's vendor"
            )
        if not self.bootstrap:
            wrong.append(f"the file {_BOOTSTRAP} is missing: it asks cloud metadata services at each start")
        return wrong


def habits() -> Habits:
    """The `Habits` of the machine that this runs on: workers inherit the environment of their node's `ray start`."""
    environment = os.environ.get
    return Habits(
        environment("RAY_USAGE_STATS_ENABLED", ""),
        environment("RAY_USAGE_STATS_REPORT_URL", ""),
        _BOOTSTRAP.expanduser().is_file(),
    )


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """The module `ray`, connected to the cluster at `address` (see `anonymize.batch.cluster.Cluster`) in the block.

    Raises:
        UsageError: Ray is not installed.
        ClusterError: there is no cluster, or its head contacts others.
    """
    os.environ.update(_ENVIRONMENT)
    try:
        import ray
    except ImportError as error:
        raise UsageError(f"--cluster needs Ray: {extra('cluster')}") from error
    with _own_signals():
        _connect(ray, address)
    try:
        _refuse_talkative(ray)
        yield ray
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    """Connect `ray`, the module. Raises `ClusterError`."""
    for tries_left in reversed(range(_TRIES)):
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
        except ConnectionAbortedError as error:
            ray.shutdown()
            if not tries_left:
                raise ClusterError(
                    f"this cluster's head is there, but {_TRIES} times did not start the process that it starts for "
                    "each connection. Is its machine out of memory, or very busy? Its ray_client_server logs may tell",
                    address,
                ) from error
            time.sleep(_PAUSE)
        except Exception as error:  # Ray and gRPC raise a dozen classes that share only this one
            first = str(error).strip().partition("\n")[0]
            raise ClusterError(f"cannot connect to this cluster: {first or type(error).__name__}", address) from error
        else:
            return


def _refuse_talkative(ray: Any) -> None:
    """Raise `ClusterError` if the head of the connected cluster contacts others, or does not answer whether it does."""
    ask = ray.remote(habits).options(num_cpus=0, resources={_HEAD: 0.001})
    try:
        found: Habits = ray.get(ask.remote(), timeout=_ANSWER)
    except ray.exceptions.RayError as error:
        raise ClusterError(
            "the cluster's head does not answer how it was started; is anonymize with its extra `cluster` installed "
            f"there? ({str(error).strip().partition(chr(10))[0]})"
        ) from error
    if wrong := found.faults():
        raise ClusterError(
            f"this cluster's head contacts others: {'; '.join(wrong)}. docs/cluster.md says how to start it"
        )


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep this process's SIGTERM handler: Ray installs its own, with another exit code."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
