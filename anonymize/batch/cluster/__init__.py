"""The same work on many machines: a Ray cluster over storage that all of its nodes see (extra `cluster`).

Nothing here loads Ray until a cluster is asked for. `driver` hands out items, `worker` works on one, `connect` finds
the cluster and makes sure that it tells nobody of itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from anonymize.errors import UsageError

_ADDRESS = re.compile(r"(ray://)?[^\s/@:]+:\d+|(ray://)?\[[0-9a-fA-F:.]+\]:\d+")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where to work, and with what.

    Args:
        address: `ray://HOST:PORT`, `HOST:PORT`, or `auto` on a node of the cluster.
        workers: processes, each with one item at a time; None for as many as the cluster has room for.
        cpus: processors that each worker reserves and uses.
        gpus: GPUs that each reserves: below 1 a share of one.
        tries: how many workers may die of one item before it is given up.

    Raises:
        UsageError: numbers that make no sense.
    """

    address: str
    workers: int | None = None
    cpus: float = 2.0
    gpus: float = 0.0
    tries: int = 3

    def __post_init__(self) -> None:
        if self.address != "auto" and not _ADDRESS.fullmatch(self.address):
            raise UsageError(
                f"{self.address}: expected a cluster's address as ray://HOST:PORT or HOST:PORT, or auto on a node of "
                "it; to use this machine alone, --workers N is enough"
            )
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"a cluster needs at least 1 worker, not {self.workers}")
        if self.cpus <= 0:
            raise UsageError(f"a worker needs some processor: more than {self.cpus:g}")
        if self.gpus < 0 or (self.gpus > 1 and self.gpus != int(self.gpus)):
            raise UsageError(f"GPUs for each worker: a share below 1, or a whole number, not {self.gpus:g}")
        if self.tries < 1:
            raise UsageError(f"an item needs at least 1 try, not {self.tries}")
