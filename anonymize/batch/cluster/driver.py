"""Assigns items to workers, one each, collects their progress, and retries an item whose worker died."""

from __future__ import annotations

import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anonymize import storage
from anonymize._version import __version__
from anonymize.batch.cluster import Cluster
from anonymize.batch.cluster.connect import connected
from anonymize.batch.cluster.worker import ClusterWorker, WorkerReady
from anonymize.batch.outcome import OnItem, Outcome, failed, failed_with
from anonymize.errors import AnonymizeError, ClusterError, ExitCode, UsageError
from anonymize.progress import Progress
from anonymize.recorded.item import Item
from anonymize.settings import Settings

if TYPE_CHECKING:
    from anonymize.storage import Place

PATIENCE = 600.0
"""Seconds without a message from any worker after which the remaining items fail: the cluster is full or gone."""
_PACE = 0.5
"""The least seconds between two messages of one worker."""
_MESSAGES = 200
"""Messages a second from all workers together, about: with many workers, each sends fewer."""
_FAREWELL = 10.0
"""Seconds that workers get to clean up."""
_STARTS = 3
"""How many workers in a row may die before they are ready until no more are started."""


def run_on(
    cluster: Cluster, items: Sequence[Item], settings: Settings, force: bool, on_item: OnItem
) -> dict[Item, Outcome]:
    """Anonymise every item on `cluster`; the outcome of each.

    Args:
        cluster: where.
        items: inputs and outputs, in storage that all nodes share.
        settings: the same for all.
        force: replace existing outputs.
        on_item: called with progress and outcomes, in this process.

    Raises:
        UsageError: an item is standard input, or Ray is not installed.
        ClusterError: the cluster cannot be reached, has no room, or cannot be used.
        ModelError: a model is missing on a worker.
    """
    if any(item.source is None for item in items):
        raise UsageError("a cluster cannot take standard input: the raw recording would pass through its memory")
    if not items:
        return {}
    with connected(cluster.address) as ray:
        wanted = min(len(items), cluster.workers or room(ray.nodes(), cluster))
        workers = _Workers(ray, cluster, settings, force, wanted, on_item)
        try:
            workers.work(items)
        finally:
            workers.dismiss()
    return workers.outcomes


def room(nodes: Iterable[Mapping[str, Any]], cluster: Cluster) -> int:
    """How many workers fit on `nodes`, as `ray.nodes()` lists them.

    Raises:
        ClusterError: not one.
    """
    needs = {"CPU": cluster.cpus} | ({"GPU": cluster.gpus} if cluster.gpus else {})
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    fits = sum(int(min(has.get(name, 0.0) / need + 1e-9 for name, need in needs.items())) for has in alive)
    if not fits:
        wants = " and ".join(f"{need:g} {name}s" for name, need in needs.items())
        have = "; ".join(", ".join(f"{has.get(name, 0):g} {name}s" for name in needs) for has in alive) or "no node"
        raise ClusterError(
            f"no node of this cluster has room for a worker of {wants} (it has {have}): change --cpus-per-worker or "
            "--gpus-per-worker; or give a number with --workers, to wait for a cluster that grows"
        )
    return fits


@dataclass(slots=True, eq=False)
class _Worker:
    """The driver's record of a worker.

    Args:
        actor: Ray's handle of a `ClusterWorker`.
        ready: whether it has reported that it can work.
        item: the item it works on.
        token: of the current attempt.
        made: the verified output that it is about to release.
    """

    actor: Any
    ready: bool = False
    item: Item | None = None
    token: str = ""
    made: Outcome | None = None


class _Workers:
    """All workers, their items, and what is left to do. Each worker has one call under way at any time."""

    def __init__(
        self, ray: Any, cluster: Cluster, settings: Settings, force: bool, wanted: int, on_item: OnItem
    ) -> None:
        self._ray, self._cluster, self._settings, self._force = ray, cluster, settings, force
        self._wanted, self._on_item = wanted, on_item
        self._pace = max(_PACE, wanted / _MESSAGES)
        self._waiting: deque[Item] = deque()
        self._workers: set[_Worker] = set()
        self._calls: dict[Any, tuple[_Worker, Callable[[_Worker, Any], None]]] = {}
        self._lost: Counter[Item] = Counter()
        self._stillborn = 0
        self.outcomes: dict[Item, Outcome] = {}

    def work(self, items: Sequence[Item]) -> None:
        """Work until every item has its outcome."""
        self._waiting.extend(items)
        for _ in range(self._wanted):
            self._hire()
        while len(self.outcomes) < len(items):
            try:
                answered = self._answered()
            except (self._ray.exceptions.RayError, ConnectionError) as error:
                self._give_up(items, f"the connection to the cluster was lost ({_first_line(error)})")
                return
            if not answered:
                self._give_up(items, f"no worker started or answered for {PATIENCE:.0f} seconds; is the cluster full?")
                return
            for call in answered:
                self._hear(*self._calls.pop(call), call)

    def dismiss(self) -> None:
        """Stop all workers; busy ones clean up first."""
        with suppress(self._ray.exceptions.RayError, ConnectionError):
            stops = [worker.actor.stop.remote() for worker in self._everyone() if worker.ready]
            if stops:
                self._ray.wait(stops, num_returns=len(stops), timeout=_FAREWELL)
        for worker in self._everyone():
            self._end(worker)

    def _everyone(self) -> set[_Worker]:
        """All workers, including those that were stopped but have not ended yet."""
        return self._workers | {worker for worker, _ in self._calls.values()}

    def _answered(self) -> list[Any]:
        """The calls that have ended: at least one, or none after `PATIENCE`."""
        first, rest = self._ray.wait(list(self._calls), num_returns=1, timeout=PATIENCE)
        if first and rest:
            more, _ = self._ray.wait(rest, num_returns=len(rest), timeout=0)
            return [*first, *more]
        return list(first)

    def _hear(self, worker: _Worker, then: Callable[[_Worker, Any], None], call: Any) -> None:
        errors = self._ray.exceptions
        try:
            value = self._ray.get(call)
        except errors.RayTaskError as error:  # a fault of ours in a worker's method
            self._fail(worker, f"internal error on a worker, please report it: {_first_line(error.cause)}")
        except errors.RayError as error:
            self._lose(worker, error)
        else:
            then(worker, value)

    def _hire(self) -> None:
        """Request one more worker; the cluster starts it where and when it has room."""
        wants: dict[str, Any] = {"num_cpus": self._cluster.cpus, "num_gpus": self._cluster.gpus}
        remote = self._ray.remote(ClusterWorker).options(**wants, max_restarts=0, scheduling_strategy="SPREAD")
        worker = _Worker(remote.remote(self._settings, max(1, int(self._cluster.cpus))))
        self._workers.add(worker)
        self._call(worker.actor.warm.remote(), worker, self._welcome)

    def _call(self, call: Any, worker: _Worker, then: Callable[[_Worker, Any], None]) -> None:
        self._calls[call] = (worker, then)

    def _welcome(self, worker: _Worker, answer: WorkerReady | AnonymizeError) -> None:
        if isinstance(answer, AnonymizeError):
            raise answer  # a missing model, for instance: it would fail every item
        if answer.version != __version__:
            raise ClusterError(
                f"the worker {answer.node} has version {answer.version} of anonymize, this is {__version__}: install "
                "the same version on all nodes"
            )
        worker.ready, self._stillborn = True, 0
        self._assign(worker)

    def _assign(self, worker: _Worker) -> None:
        """Give `worker` the next item, or stop it."""
        worker.item, worker.made = None, None
        if not self._waiting:
            self._workers.discard(worker)
            self._call(worker.actor.stop.remote(), worker, lambda worker, _: self._end(worker))
            return
        worker.item = self._waiting.popleft()
        worker.token = (f"{worker.item.mark}-" if worker.item.mark else "") + secrets.token_hex(6)
        self._call(worker.actor.start.remote(_everywhere(worker.item), force=self._force), worker, self._listen)

    def _listen(self, worker: _Worker, _: None) -> None:
        self._call(worker.actor.news.remote(self._pace), worker, self._news)

    def _news(self, worker: _Worker, news: Progress | Outcome | None) -> None:
        item = worker.item
        assert item is not None
        if not isinstance(news, Outcome):
            if news:
                self._on_item(item, news)
            self._listen(worker, None)
            return
        if news.output is None:
            self._settle(replace(news, item=item))
            self._assign(worker)
            return
        worker.made = replace(news, item=item, output=item.target.with_name(news.output.name))
        there = _everywhere(item)
        target = there.target.with_name(news.output.name)
        call = worker.actor.release.remote(there, target, force=self._force, token=worker.token)
        self._call(call, worker, self._released)

    def _released(self, worker: _Worker, error: AnonymizeError | None) -> None:
        done = worker.made
        assert done is not None
        self._settle(failed_with(done.item, error) if error else done)
        self._assign(worker)

    def _settle(self, outcome: Outcome) -> None:
        self.outcomes[outcome.item] = outcome
        self._on_item(outcome.item, outcome)

    def _fail(self, worker: _Worker, message: str) -> None:
        """Fail the item of `worker` and end the worker."""
        self._workers.discard(worker)
        self._end(worker)
        if worker.item is None:
            raise ClusterError(message)
        self._settle(failed(worker.item, message, ExitCode.INTERNAL))
        self._replace()

    def _lose(self, worker: _Worker, error: Exception) -> None:
        """Give the item of `worker`, which died or whose node did, to another, unless it was released already."""
        if worker not in self._workers:
            return  # it had been stopped
        self._workers.discard(worker)
        self._end(worker)  # it may only be cut off
        if not worker.ready:
            self._stillborn += 1
            if self._stillborn >= _STARTS:
                raise ClusterError(
                    f"{_STARTS} workers in a row did not start; is anonymize with its extra `cluster` installed on "
                    f"all nodes? The last error: {_first_line(error)}"
                )
        if worker.item is not None:
            self._requeue(worker.item, worker)
        self._replace()

    def _requeue(self, item: Item, worker: _Worker) -> None:
        if worker.made and _is_released(worker.made):
            self._settle(worker.made)
            return
        if worker.made and worker.made.output:
            storage.forget(worker.made.output, worker.token)
        self._lost[item] += 1
        if self._lost[item] < self._cluster.tries:
            self._waiting.appendleft(item)
            return
        times = f"{self._lost[item]} times" if self._lost[item] > 1 else "once"
        message = f"its worker died {times} (out of memory, or the node was lost?)"
        self._settle(failed(item, message, ExitCode.INTERNAL))

    def _replace(self) -> None:
        if self._waiting and len(self._workers) < self._wanted:
            self._hire()

    def _give_up(self, items: Sequence[Item], message: str) -> None:
        for item in items:
            if item not in self.outcomes:
                self._settle(failed(item, message, ClusterError.exit_code))

    def _end(self, worker: _Worker) -> None:
        with suppress(self._ray.exceptions.RayError, ConnectionError, ValueError):  # it may be gone already
            self._ray.kill(worker.actor)


def _everywhere(item: Item) -> Item:
    """`item` with absolute paths, which mean the same on every node."""
    claim = item.claim.absolute() if item.claim else None
    source = _absolute(item.source) if item.source else None
    return replace(item, source=source, target=_absolute(item.target), claim=claim)


def _absolute(place: Place) -> Place:
    return place.absolute() if isinstance(place, Path) else place


def _is_released(made: Outcome) -> bool:
    """Whether the output is in place, byte for byte as verified: the worker died after the release."""
    with suppress(OSError, AnonymizeError):
        return made.output is not None and storage.sha256(made.output) == made.report.output["sha256"]
    return False


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
