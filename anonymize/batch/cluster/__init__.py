"""The same work on many machines: a Ray cluster with storage that all of its nodes share (extra `cluster`).

Ray is loaded only when a cluster is used. `driver` assigns items to workers, `worker` processes one item, `connect`
opens the cluster and makes sure that it contacts nobody else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from anonymize.errors import UsageError

_ADDRESS = re.compile(r"(ray://)?[^\s/@:]+:\d+|(ray://)?\[[0-9a-fA-F:.]+\]:\d+")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster and the resources of its workers.

    Args:
        address: `ray://HOST:PORT`, `HOST:PORT`, or `auto` on a node of the cluster.
        workers: processes, each with one item at a time; None for as many as fit on the cluster.
        cpus: processors that each worker reserves and uses.
        gpus: GPUs that each worker reserves; below 1, a share of one.
        tries: how many workers may die on one item before it fails.

    Raises:
        UsageError: a value is invalid.
    """

    address: str
    workers: int | None = None
    cpus: float = 2.0
    gpus: float = 0.0
    tries: int = 3

    def __post_init__(self) -> None:
        if self.address != "auto" and not _ADDRESS.fullmatch(self.address):
            raise UsageError(
                "expected a cluster's address as ray://HOST:PORT or HOST:PORT, or auto on one of its nodes; to use "
                "this machine alone, --workers N is enough",
                self.address,
            )
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"a cluster needs at least 1 worker, not {self.workers}")
        if self.cpus <= 0:
            raise UsageError(f"processors for each worker: expected more than 0, got {self.cpus:g}")
        if self.gpus < 0 or (self.gpus > 1 and self.gpus != int(self.gpus)):
            raise UsageError(f"GPUs for each worker: expected a share below 1 or a whole number, got {self.gpus:g}")
        if self.tries < 1:
            raise UsageError(f"an item needs at least 1 try, not {self.tries}")
