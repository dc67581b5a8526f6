"""Finding a cluster, or starting one on this machine; and making sure that it tells nobody of itself."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anonymize.errors import ClusterError, UsageError

LOCAL = "local"
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
    # Under `uv run` Ray would copy the working directory, footage and all, to the cluster.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    # A worker without a GPU leaves the variables alone that say which there are.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_TOLD_ONLY_WITH_STATISTICS = ("git_commit", "session_start_timestamp_ms", "os")
"""What a cluster's description holds only where its head was started with usage statistics."""


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """The module `ray`, connected to the cluster at `address` for as long as the block lasts.

    Args:
        address: see `anonymize.cluster.Cluster`.

    Raises:
        UsageError: Ray is not installed.
        ClusterError: there is no cluster, or it sends usage statistics to somebody.
    """
    os.environ.update(_ENVIRONMENT)  # whatever it said before: Ray's default is to send usage statistics
    try:
        import ray
    except ImportError as error:
        raise UsageError("--cluster needs Ray: pip install 'anonymize[cluster]'") from error
    if ray.is_initialized():
        refuse_statistics()
        yield ray
        return
    options: dict[str, Any] = {"address": address, "log_to_driver": False, "logging_level": logging.CRITICAL}
    if address == LOCAL:
        options |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    with _own_signals():
        try:
            ray.init(**options)
        except Exception as error:  # Ray and gRPC raise a dozen classes that share only this one
            first = str(error).strip().partition("\n")[0]
            raise ClusterError(
                f"{address}: no cluster can be reached there: {first or type(error).__name__}"
            ) from error
    try:
        refuse_statistics()
        yield ray
    finally:
        ray.shutdown()


def refuse_statistics() -> None:
    """Make sure that the connected cluster's head was started without usage statistics.

    Raises:
        ClusterError: it was not, or it does not say.
    """
    from ray.experimental import internal_kv

    raw = internal_kv._internal_kv_get(b"CLUSTER_METADATA", namespace=b"cluster")
    told = json.loads(raw) if raw else None
    if told is None or any(name in told for name in _TOLD_ONLY_WITH_STATISTICS):
        raise ClusterError(
            "this cluster sends usage statistics to Ray's makers, or does not say that it does not: start its head "
            "with RAY_USAGE_STATS_ENABLED=0 in the environment (docs/cluster.md)"
        )


@contextmanager
def _own_signals() -> Iterator[None]:
    """Leave this process's reaction to SIGTERM as it is: Ray sets one of its own, with another exit code."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
