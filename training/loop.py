"""The training loop: seeded, resumable, on a GPU or shared by processes that average their gradients."""

from __future__ import annotations

import copy
import fcntl
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from training.batches import Batches
from training.decode import FIRST_EDITION
from training.loss import belief_loss, box_loss, heat_loss
from training.model import Net, NetShape
from training.sources import KINDS
from training.start import start, widen


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast. The rate climbs over `warmup` steps, stays, and falls to zero over the last `cooldown`.

    Each step draws the side of its crops from `sides`; a step of larger crops has fewer of them, for the same pixels.
    """

    steps: int
    sides: tuple[int, ...] = (256,)
    batch: int = 16
    """Crops in a step of one process, when they have the first of `sides`."""
    rate: float = 2e-3
    warmup: int = 300
    cooldown: int = 2000
    decay: float = 0.02
    box_weight: float = 2.0
    averaging: float = 0.998
    seed: int = 1
    save_every: int = 250
    save_seconds: float = 240.0
    """A checkpoint is also written when the last one is this old."""
    start: str = ""
    """What a new run starts from: an edition's ONNX file, or the checkpoint (`.pt`) of a run with a net that is
    no larger; fresh weights if empty."""
    teacher: str = ""
    """ONNX file of the first edition, whose belief is learnt where nobody labelled its kinds; nobody's if empty."""
    belief_weight: float = 1.0
    bf16: bool = True
    """Whether the forward pass runs in bfloat16: faster on a GPU and on processors with AMX, slower on others."""
    device: str = "cpu"
    """What PyTorch computes on: "cpu" or "cuda"."""
    loaders: int = 0
    """Processes that make crops while the device computes; 0 makes them in between."""

    def crops_at(self, step: int) -> tuple[int, int]:
        """How many crops a step has, and their side."""
        side = self.sides[int(np.random.default_rng((self.seed, step)).integers(len(self.sides)))]
        return max(1, self.batch * self.sides[0] ** 2 // side**2), side

    def rate_at(self, step: int) -> float:
        """The learning rate of one step."""
        rise = min(1.0, (step + 1) / self.warmup)
        fall = min(1.0, max(0.0, (self.steps - step) / max(1, self.cooldown)))
        return self.rate * rise * fall


def train(
    make_batches: Callable[[], Batches], plan: Schedule, folder: Path, processes: int = 1, shape: NetShape | None = None
) -> None:
    """Trains until `plan.steps`, from `folder`'s checkpoint where there is one.

    Each process runs one thread; several are started afresh, so `make_batches` must be picklable for them.

    Args:
        make_batches: gives what is trained on.
        plan: how long and how fast.
        folder: of the run.
        processes: how many share the work.
        shape: of the network of a new run; a checkpoint has its own.

    Raises:
        ValueError: `shape` is not that of the checkpoint.
        RuntimeError: a process stopped before the end, or another one trains in `folder` at this moment.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "pid").open("a+", encoding="ascii") as pid:
        try:
            fcntl.flock(pid, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"{folder} is being trained already, by the process named in {folder / 'pid'}") from None
        pid.truncate(0)
        pid.write(f"{os.getpid()}\n")
        pid.flush()
        _train(make_batches, plan, folder, processes, shape)


def _train(
    make_batches: Callable[[], Batches], plan: Schedule, folder: Path, processes: int, shape: NetShape | None
) -> None:
    cv2.setNumThreads(1)  # before the loaders are forked: a child has none of its parent's threads
    if processes == 1:
        _run(0, 1, make_batches(), plan, folder, shape)
        return
    meeting = folder / f"meeting.{os.getpid()}"
    context = torch.multiprocessing.get_context("spawn")
    arguments = (processes, meeting, make_batches, plan, folder, shape)
    workers = [context.Process(target=_work, args=(rank, *arguments)) for rank in range(processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    meeting.unlink(missing_ok=True)
    if any(worker.exitcode for worker in workers):
        raise RuntimeError(f"training stopped: exit codes {[worker.exitcode for worker in workers]}")


def _work(
    rank: int,
    processes: int,
    meeting: Path,
    make_batches: Callable[[], Batches],
    plan: Schedule,
    folder: Path,
    shape: NetShape | None,
) -> None:
    """One of several processes: meets the others over a file, then runs."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    rendezvous = meeting.absolute().as_uri()
    dist.init_process_group("gloo", rendezvous, timedelta(hours=12), processes, rank)
    try:
        _run(rank, processes, make_batches(), plan, folder, shape)
    finally:
        dist.destroy_process_group()


class _Steps(Dataset[tuple[Tensor, ...]]):
    """The batch of each step, as tensors: pictures, heat, counts, edges, weight."""

    def __init__(self, batches: Batches, plan: Schedule, rank: int) -> None:
        self._batches, self._plan, self._rank = batches, plan, rank

    def __len__(self) -> int:
        return self._plan.steps

    def __getitem__(self, step: int) -> tuple[Tensor, ...]:
        batch = self._batches.batch((self._plan.seed, step, self._rank), *self._plan.crops_at(step))
        return tuple(torch.from_numpy(getattr(batch, field.name)) for field in fields(batch))


def _run(rank: int, processes: int, batches: Batches, plan: Schedule, folder: Path, shape: NetShape | None) -> None:
    torch.manual_seed(plan.seed)
    torch.backends.cudnn.benchmark = True
    net = _begun(batches, plan, folder / "last.pt", shape)
    net = net.to(plan.device, memory_format=torch.channels_last)
    teacher = _teacher(batches, plan)
    average = copy.deepcopy(net).eval()
    decayed = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": plan.decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=plan.rate)
    first = resume(folder / "last.pt", net, average, optimizer)
    total, pixels, since, saved, spent = torch.zeros(3, device=plan.device), 0, first, time.monotonic(), _cpu()
    steps = _Steps(batches, plan, rank)
    loader = DataLoader(
        steps, None, sampler=range(first, plan.steps), num_workers=plan.loaders, pin_memory=plan.device != "cpu"
    )
    with _asked_to_stop() as stop:
        for step, batch in enumerate(loader, first):
            for group in optimizer.param_groups:
                group["lr"] = plan.rate_at(step)
            parts = [part.to(plan.device, non_blocking=True) for part in batch]
            total += _step(net, optimizer, parts, plan, processes, teacher)
            blend(average, net, min(plan.averaging, (1 + step) / (10 + step)))
            done, pixels, seconds = step + 1, pixels + batch[0][..., 0].numel(), time.monotonic() - saved
            late = seconds >= plan.save_seconds or stop.is_set()
            if rank == 0 and (done % plan.save_every == 0 or done == plan.steps or late):
                save(folder / "last.pt", net, average, optimizer, done)
                cost = {"megapixels": pixels * processes / 1e6, "seconds": seconds, "cpu_seconds": _cpu() - spent}
                _log(folder, plan, done, total / (done - since), cost)
                total.zero_()
                pixels, since, saved, spent = 0, done, time.monotonic(), _cpu()
            if stop.is_set() and processes == 1:
                return


def _begun(batches: Batches, plan: Schedule, checkpoint: Path, shape: NetShape | None) -> Net:
    """The network of a run: of the shape of its checkpoint, or with the weights that a new run starts from."""
    if checkpoint.exists():
        has = averaged(checkpoint).shape
        if shape not in (None, has):
            raise ValueError(f"{checkpoint} has a network of another shape, {has}: give a new run another name")
        return Net(has)
    net = Net(shape)
    if plan.start.endswith(".pt"):
        widen(net, averaged(Path(plan.start)))
    elif plan.start:
        start(net, Path(plan.start), _some_pictures(batches, plan))
    return net


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """An event that SIGTERM sets; the step in progress is then finished and saved."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)


def _some_pictures(batches: Batches, plan: Schedule) -> list[Tensor]:
    """Training pictures, for the statistics of a start from a file."""
    made = (batches.batch((plan.seed, plan.steps, number), *plan.crops_at(0)) for number in range(4))
    return [torch.from_numpy(batch.pictures).permute(0, 3, 1, 2) for batch in made]


def _teacher(batches: Batches, plan: Schedule) -> Net | None:
    """The first edition as a network that is not trained, if the plan wants it."""
    if not plan.teacher:
        return None
    net = Net()
    start(net, Path(plan.teacher), _some_pictures(batches, plan))
    net.eval()
    net.requires_grad_(False)
    placed: Net = net.to(plan.device, memory_format=torch.channels_last)
    return placed


def _step(
    net: Net,
    optimizer: torch.optim.Optimizer,
    batch: list[Tensor],
    plan: Schedule,
    processes: int,
    teacher: Net | None = None,
) -> Tensor:
    """One update; gives the heat, box and belief losses of this process."""
    pictures, true_heat, counts, edges, weight = batch
    seen = pictures.permute(0, 3, 1, 2).float()
    with torch.autocast(plan.device, torch.bfloat16, enabled=plan.bf16):
        logits, distances = net(seen)
    heat = heat_loss(logits.float(), true_heat, counts)
    box = box_loss(distances.float(), edges, weight)
    belief = torch.zeros((), device=heat.device)
    if teacher is not None:
        known = [KINDS.index(kind) for kind in FIRST_EDITION]
        with torch.no_grad(), torch.autocast(plan.device, torch.bfloat16, enabled=plan.bf16):
            said = tuple(part.float() for part in teacher(seen))
        ours, theirs = (
            (a[:, known], b.unflatten(1, (-1, 4))[:, known].flatten(1, 2))
            for a, b in ((logits.float(), distances.float()), said)
        )
        belief = belief_loss(*ours, theirs, counts[:, known], true_heat[:, known])
    optimizer.zero_grad(set_to_none=True)
    (heat + plan.box_weight * box + plan.belief_weight * belief).backward()
    parameters = [p for p in net.parameters() if p.grad is not None]
    if processes > 1:
        _share(parameters, processes)
    torch.nn.utils.clip_grad_norm_(parameters, 10.0)
    optimizer.step()
    return torch.stack([heat.detach(), box.detach(), belief.detach()])


def _share(parameters: list[torch.nn.Parameter], processes: int) -> None:
    """Averages the gradients of all processes, in one message."""
    grads = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.flatten() for g in grads])
    dist.all_reduce(flat)
    flat /= processes
    start = 0
    for grad in grads:
        grad.copy_(flat[start : start + grad.numel()].view_as(grad))
        start += grad.numel()


@torch.no_grad()
def blend(average: Net, net: Net, keep: float) -> None:
    """Moves the averaged weights, and the batch norms' statistics, towards the present ones."""
    present = net.state_dict()
    pairs = [(value, present[name]) for name, value in average.state_dict().items()]
    smooth = [pair for pair in pairs if pair[0].is_floating_point()]
    torch._foreach_lerp_([kept for kept, _ in smooth], [new for _, new in smooth], 1 - keep)
    for kept, new in pairs:
        if not kept.is_floating_point():
            kept.copy_(new)


def save(path: Path, net: Net, average: Net, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Writes a checkpoint whole or not at all."""
    state = {
        "shape": asdict(net.shape),
        "net": net.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
    }
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def resume(path: Path, net: Net, average: Net, optimizer: torch.optim.Optimizer) -> int:
    """Loads a checkpoint, if there is one; returns the number of steps done."""
    if not path.exists():
        return 0
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    net.load_state_dict(state["net"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def steps_done(path: Path) -> int:
    """How many steps a checkpoint has behind it."""
    return int(torch.load(path, map_location="cpu", weights_only=True)["step"])


def averaged(path: Path) -> Net:
    """The averaged network of a checkpoint, ready to be used."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    net = Net(NetShape(**state["shape"]))
    net.load_state_dict(state["average"])
    net.eval()
    return net


def _cpu() -> float:
    """Processor time of this process and its ended children, in seconds: what a step costs on a busy machine, too."""
    return sum(os.times()[:4])


def _log(folder: Path, plan: Schedule, step: int, losses: Tensor, cost: dict[str, float]) -> None:
    heat, box, belief = (round(float(v), 4) for v in losses)
    row = {
        "step": step,
        "heat": heat,
        "box": box,
        "belief": belief,
        "rate": plan.rate_at(step),
        "sides": plan.sides,
        **{name: round(value, 1) for name, value in cost.items()},
    }
    with (folder / "log.jsonl").open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row) + "\n")
