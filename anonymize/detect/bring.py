"""Importing a user's own model: the network is compared with its card before anything is kept.

The file is untrusted. It is data for onnxruntime: no code of it runs, and nothing beside it is read. It is run on a few
pictures, with limits of time and memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

import numpy as np

from anonymize.detect.own import Misfit, Own
from anonymize.errors import ModelError
from anonymize.models import Session, cores, engine, keep_own, whole_models
from anonymize.models.cards import Activation, Card, Form, KeptCard, read_card
from anonymize.models.registry import OWN, own_model
from anonymize.settings import Device
from anonymize.text import untrusted
from anonymize.text.ranges import brief
from anonymize.text.words import system

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

LARGEST = 512 << 20
"""The most bytes of a network's file."""
MEMORY = 4 << 30
"""The most bytes that a network may take for a picture when it is tried."""
SECONDS = 60.0
"""The most seconds that it may take then."""
NODES = 200_000
"""The most nodes of a network, functions put in the place of their calls."""
NEUTRAL = 0.5
"""What becomes of a score of 0."""
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""Sets of operators that onnxruntime has; others would need a library of code."""


def import_own(path: Path, card: Path, *, force: bool = False) -> Path:
    """Register the network at `path` as `card` describes it.

    Args:
        path: an ONNX file.
        card: a TOML file.
        force: replace another model of this name.

    Returns:
        Where it is kept.

    Raises:
        ModelError: one of them cannot be read, the network cannot be run, or it is not what the card says; nothing is
            kept then.
    """
    said = read_card(card)
    taken = next((model for model in whole_models()[0] if model.name == said.name), None)
    if taken is not None and taken.where != OWN:
        raise ModelError(f"name = {said.name!r} is the name of a model that is known already: choose another", card)
    content = _content(path)
    _refuse_foreign(content, path)
    try:
        with _bounded_memory():
            _try(said, content)
    except Misfit as error:
        raise ModelError(f"does not fit its card {card}: {error}", path) from error
    except ModelError as error:
        raise ModelError(error.message, path) from error
    return keep_own(said, content, force=force)


def _content(path: Path) -> bytes:
    try:
        content = untrusted.content(path, LARGEST + 1)
    except OSError as error:
        raise ModelError(f"cannot be read: {system(error)}", path) from error
    if len(content) > LARGEST:
        raise ModelError(f"is larger than {LARGEST >> 20} MiB, which no detector for video is", path)
    return content


def _refuse_foreign(content: bytes, path: Path) -> None:
    """Refuse what is no ONNX network, and one that would read other files or needs operators from elsewhere."""
    import onnx

    try:
        model = onnx.load_from_string(content)
    except Exception as error:  # protobuf's own classes
        raise ModelError("is not an ONNX network: export it as ONNX", path) from error
    if not model.graph.node:
        raise ModelError("is not an ONNX network, or an empty one: export it as ONNX", path)
    if outside := sorted({where for tensor in _parts(model, "TensorProto") if (where := _outside(tensor))}):
        raise ModelError(
            f"keeps its weights in other files ({brief(outside[0], 60)}): export it with all weights in one file", path
        )
    try:
        nodes = _nodes(model)
    except RecursionError as error:
        raise ModelError("has functions that call each other too deeply: export it without functions", path) from error
    if nodes > NODES:
        raise ModelError(f"has {nodes:,} operators, at most {NODES:,} are run: no detector for video has so many", path)
    foreign = sorted({domain for domain in _domains(model) if domain not in DOMAINS})
    if foreign:
        raise ModelError(
            f"needs operators of {brief(', '.join(foreign), 100)}, which onnxruntime does not have: export it without",
            path,
        )


def _parts(message: Any, kind: str) -> Iterator[Any]:
    """All messages of the class `kind` in `message`, wherever they are: in graphs of nodes, functions, and so on."""
    waiting = [message]
    while waiting:
        one = waiting.pop()
        if type(one).__name__ == kind:
            yield one
        if type(one).__name__ != "TensorProto":  # it holds much, and of these only itself
            for field, value in one.ListFields():
                if field.message_type is not None:
                    waiting += value if hasattr(value, "append") or hasattr(value, "add") else [value]


def _outside(tensor: TensorProto) -> str:
    """Where the values of `tensor` lie, if not in the file."""
    if tensor.data_location != tensor.EXTERNAL and not tensor.external_data:
        return ""
    return next((entry.value for entry in tensor.external_data if entry.key == "location"), tensor.name) or "unnamed"


def _nodes(model: ModelProto) -> int:
    """How many nodes a network has once the functions of its file are put in the place of their calls."""
    functions = {_named(one): one for one in model.functions}
    known: dict[tuple[str, ...], int] = {}

    def count(graph: Any, within: frozenset[tuple[str, ...]]) -> int:
        total = 0
        for node in _parts(graph, "NodeProto"):
            called = _called(node)
            if called in functions and called not in within:  # onnxruntime refuses those that call themselves
                if called not in known:
                    known[called] = count(functions[called], within | {called})
                total += known[called]
            total += 1
        return total

    return count(model.graph, frozenset())


def _domains(model: ModelProto) -> Iterator[str]:
    functions = {_named(one) for one in model.functions}
    return (node.domain for node in _parts(model, "NodeProto") if _called(node) not in functions)


def _named(function: Any) -> tuple[str, ...]:
    """What calls of a function name."""
    return function.domain, function.name, function.overload


def _called(node: Any) -> tuple[str, ...]:
    """The operator, or function, that a node calls."""
    return node.domain, node.op_type, node.overload


def _try(card: Card, content: bytes) -> None:
    """Run the network on a few pictures. Raises `ModelError`."""
    options = engine().RunOptions()
    timer = Timer(SECONDS, lambda: setattr(options, "terminate", True))
    timer.daemon = True
    made = own_model(KeptCard("", len(content), card))
    network = Session(made, content, min(cores(), 4), Device.CPU, options)
    detector = Own(made, network)
    noise = np.random.default_rng(1).integers(0, 256, (96, 160, 3), np.uint8)
    least: list[float] = []
    timer.start()
    try:
        for picture in (np.zeros((64, 64, 3), np.uint8), noise, np.ascontiguousarray(noise.transpose(1, 0, 2))):
            detector.detect(picture)
            least.append(detector.least_score(picture))
        neutral = NEUTRAL ** (2 if card.outputs.form is Form.YOLOX else 1)  # it multiplies two of them
        if card.outputs.activated is Activation.SIGMOID and min(least) >= neutral:
            raise Misfit(
                f"{card.name}: expected scores that are no probabilities yet (activation sigmoid), the network "
                f"gives none below 0, so that all would be {neutral:g} and more: write activation = "
                '"none" under [outputs]'
            )
    except Misfit:
        raise
    except MemoryError as error:
        raise ModelError(f"{card.name}: it needs over {MEMORY >> 30} GiB of memory for a picture") from error
    except ModelError as error:
        if options.terminate:
            raise ModelError(f"{card.name}: it took over {SECONDS:.0f} s for its first pictures") from error
        if detector.any_size:
            raise ModelError(
                f"{error.message}. If it takes no picture of {card.input.least} pixels, write the least side that it "
                "takes into the card, as least = 320 under [input]"
            ) from error
        raise
    finally:
        timer.cancel()


@contextmanager
def _bounded_memory() -> Iterator[None]:
    """Allow this process `MEMORY` more than it has, where the system can: asking for more fails, and nothing else."""
    try:
        import resource
    except ImportError:  # Windows
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    mapped = _mapped()
    if mapped:
        limit = mapped + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit if before[1] < 0 else min(limit, before[1]), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _mapped() -> int:
    """Bytes of memory that this process has mapped; 0 if unknown."""
    try:
        return 1024 * next(
            int(line.split()[1])
            for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines()
            if line.startswith("VmSize:")
        )
    except (OSError, StopIteration, ValueError):
        return 0
