"""Running a checked model on pictures of any size, with onnxruntime without telemetry, on the chosen device."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from anonymize.errors import ModelError
from anonymize.models.devices import PROVIDERS, choices, refuse_if_absent, unusable
from anonymize.models.registry import OWN, Model, find, read
from anonymize.settings import Device
from anonymize.text.ranges import brief
from anonymize.text.words import printable

if TYPE_CHECKING:
    from onnx import GraphProto
    from onnxruntime import InferenceSession, RunOptions, SessionOptions

ERRORS_ONLY, NOTHING = 3, 4
"""onnxruntime's log levels: warnings about how a model was made do not help users, and our own errors report failures
of a device."""
_REASON = 300
"""The most letters of onnxruntime's message in an error: it may contain stack traces."""
_PLACE = re.compile(r"/\S+\.(?:cc|h):\d+ [^()]*\([^()]*\) (?=[A-Z\[])")


def engine() -> Any:
    """The module onnxruntime, loaded on first use because that takes 0.1 s.

    From 1.29 on it uploads usage data, and on loading writes an identifier of the machine into the home folder, unless
    the environment forbids it. Our dependencies exclude those versions; this is in case one was installed anyway.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return onnxruntime


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a network: numbers in `shape` are fixed sizes, texts and None any size."""

    name: str
    shape: tuple[int | str | None, ...]
    numbers: str

    @property
    def dtype(self) -> type[np.generic]:
        """The type of its numbers. Raises `KeyError` for one that no detector takes or gives."""
        return _TYPES[self.numbers]

    def __str__(self) -> str:
        sides = ", ".join(str(side) if isinstance(side, int) else "any" for side in self.shape)
        return f"{brief(printable(self.name), 40)} ({sides}) {self.numbers.removeprefix('tensor(').removesuffix(')')}"


def _tensor(one: Any) -> Tensor:
    """What onnxruntime says of an input or output; some exporters write -1 for any size."""
    shape = (None if isinstance(side, int) and side < 0 else side for side in one.shape)
    return Tensor(one.name, tuple(shape), one.type)


_TYPES: dict[str, type[np.generic]] = {
    "tensor(uint8)": np.uint8,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}


class Session:
    """A network on one device. It keeps memory for its next picture; `release_memory` releases it.

    Args:
        model: its registry entry.
        content: its ONNX file, with variable height and width (`flexible`).
        threads: worker threads, more than 0.
        device: not `auto`.
        options: of onnxruntime for each run; to end one that takes too long. What is constant is then computed in a
            run, too, and not while the session is made, which nothing can end.

    Raises:
        ModelError: the device is unavailable, no part of the network runs on it, or the file is not a valid network.
    """

    def __init__(
        self, model: Model, content: bytes, threads: int, device: Device, options: RunOptions | None = None
    ) -> None:
        self._options_of_runs = options
        self._name, self._content, self._threads = model.name, content, threads
        self._foreign = model.where == OWN
        self.sha256 = model.sha256
        self.device = device
        self._turn = (
            nullcontext() if device is Device.CPU else Lock()
        )  # DirectML needs the lock, and others gain nothing without it
        self.device_report = ""
        """The device, and how much of the network onnxruntime runs elsewhere, for reports."""
        self._made: InferenceSession | None = self._make()

    def takes(self) -> list[Tensor]:
        """What the network takes."""
        return [_tensor(one) for one in self._ready().get_inputs()]

    def gives(self) -> list[Tensor]:
        """What the network gives."""
        return [_tensor(one) for one in self._ready().get_outputs()]

    def notes(self) -> dict[str, str]:
        """What its file says of itself beside the network: ONNX's metadata properties."""
        return dict(self._ready().get_modelmeta().custom_metadata_map)

    def _ready(self) -> InferenceSession:
        if self._made is None:
            self._made = self._make()
        return self._made

    def run(self, outputs: Sequence[str] | None, inputs: dict[str, Any]) -> list[Any]:
        """The arrays `outputs` (None: all) for the arrays `inputs`. Thread-safe.

        Raises:
            ModelError: the device failed; no other is tried.
        """
        with self._turn:
            try:
                found: list[Any] = self._ready().run(outputs, inputs, self._options_of_runs)
            except Exception as error:  # as in `_make`
                raise ModelError(f"{self._name} failed on {self.device.value}: {_words(error)}") from error
            return found

    def release_memory(self, least: int = 32) -> None:
        """Give back what is kept for the next picture: hundreds of megabytes after large ones.

        On the processor onnxruntime does so after a run, hence a very small one. What other providers hold is theirs,
        and goes with the session; the next run makes another. Where the network takes any size, it takes one of `least`
        by `least` pixels.
        """
        if self._made is None or PROVIDERS[self.device].slow_to_make:
            return
        if self.device is not Device.CPU:
            self._made = None
            return
        options = engine().RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        (picture,) = self.takes()
        height, width = (side if isinstance(side, int) else least for side in picture.shape[2:])
        try:
            self._made.run(None, {picture.name: np.zeros((1, 3, height, width), picture.dtype)}, options)
        except Exception:  # noqa: BLE001 as in `_make`; a user's own network may not take so small a picture
            self._made = None

    def _make(self) -> InferenceSession:
        """A session of onnxruntime that really runs on the device.

        If a provider, its libraries or its hardware are missing, onnxruntime silently uses the processor (whatever
        `enable_fallback` says, which only concerns exceptions), and prints to the terminal. So the provider is checked
        before, and again in the finished session.
        """
        onnxruntime, provider = engine(), PROVIDERS[self.device]
        refuse_if_absent(self.device, onnxruntime)
        missing = _nvidia_libraries(onnxruntime) if provider.nvidia else ""
        if self.device is not Device.CPU:
            onnxruntime.set_default_logger_severity(NOTHING)
        options = dict(provider.options)
        if provider.threads:
            options[provider.threads] = str(self._threads)
        wanted: list[Any] = [(provider.name, options)]
        if provider.beside:
            beside = next(each for each in PROVIDERS.values() if each.name == provider.beside)
            wanted.append((beside.name, dict(beside.options)))
        try:
            made: InferenceSession = onnxruntime.InferenceSession(
                self._content, self._options(onnxruntime), providers=wanted, enable_fallback=0
            )
        except Exception as error:  # onnx and onnxruntime raise a dozen classes that share only this one
            if self.device is Device.CPU:
                raise ModelError(f"onnxruntime cannot run the model {self._name!r}: {_words(error)}") from error
            raise unusable(self.device, "; ".join(filter(None, (missing, _words(error))))) from error
        if made.get_providers()[0] != provider.name:
            raise unusable(self.device, missing)
        self.device_report = self._placed(made)
        made.disable_fallback()  # otherwise a failing run continues on the processor, with only a line on stdout
        return made

    def _options(self, onnxruntime: Any) -> SessionOptions:
        """Session options. Idle threads sleep rather than spin: spinning costs half as much processor time again on a
        busy machine, which the encoder then lacks."""
        options = onnxruntime.SessionOptions()
        ours = self.device is Device.CPU and not self._foreign
        options.log_severity_level = ERRORS_ONLY if ours else NOTHING
        if self._options_of_runs is not None:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if self.device is not Device.CPU:
            options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        if self.device is Device.DIRECTML:
            options.enable_mem_pattern = False  # DirectML does not support it
        return options

    def _placed(self, made: InferenceSession) -> str:
        """The text of `device_report`.

        Raises:
            ModelError: no step of the network runs on the device.
        """
        if self.device is Device.CPU:
            return self.device.value
        steps = Counter[str]()
        for part in made.get_provider_graph_assignment_info():
            steps[part.ep_name] += len(part.get_nodes())
        here, total = steps[PROVIDERS[self.device].name], steps.total()
        if not here:
            raise unusable(self.device, f"no step of {self._name} runs there, all {total} would run elsewhere")
        return self.device.value if here == total else f"{self.device.value}, but {total - here} of {total} steps"


def session(name: str, threads: int = 0, device: Device = Device.CPU) -> Session:
    """The ONNX model `name`, ready to run on inputs of any height and width.

    Args:
        name: a registered ONNX model; on a processor its `on_cpu` is used.
        threads: worker threads; 0 for every core that this process may use.
        device: where it runs; `auto` takes the first of `anonymize.models.devices.AUTO` that can be used.

    Raises:
        ModelError: not registered, absent, altered, unusable for onnxruntime, or the device cannot be used.
    """
    *others, last = choices(device)
    for one in others:
        try:
            return _session(name, threads, one)
        except ModelError:
            continue  # `auto` guarantees no device; reports say which was used
    return _session(name, threads, last)


def _session(name: str, threads: int, device: Device) -> Session:
    """The model for `name` on one device."""
    model = find(name)
    if model.on_cpu and device is Device.CPU:
        model = find(model.on_cpu)
    content = read(model.name)
    if model.where not in ("shipped", OWN):  # ours take any size, and of a user's own the card and the file say which
        try:
            content = flexible(content)
        except Exception as error:  # as in `Session`
            raise ModelError(f"onnxruntime cannot run the model {model.name!r}: {error}") from error
    return Session(model, content, threads or cores(), device)


def _nvidia_libraries(onnxruntime: Any) -> str:
    """Load NVIDIA's libraries from Python packages, if installed. Return the message for the first that is missing."""
    with redirect_stdout(StringIO()) as printed:
        onnxruntime.preload_dlls()
    return printed.getvalue().partition("\n")[0].strip()


def _words(error: Exception) -> str:
    """The message of `error`, on one line, without places in onnxruntime's source."""
    text = printable(_PLACE.sub("", " ".join(str(error).split())))
    return text if len(text) <= _REASON else f"{text[:_REASON]} ..."


def cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def flexible(content: bytes) -> bytes:
    """The ONNX model `content` with symbolic height and width, and its weights as constants.

    Older exporters list the weights among the inputs, which keeps onnxruntime from folding batch normalisation into
    convolutions; and they fix the shape (N, C, H, W) that they were traced with.
    """
    import onnx  # 0.2 s: only when a model is used

    model = onnx.load_from_string(content)
    _keep_real_inputs(model.graph)
    for value in model.graph.input:
        dims = value.type.tensor_type.shape.dim
        if len(dims) == 4:
            dims[0].dim_value = 1
            dims[2].dim_param, dims[3].dim_param = "height", "width"
    for value in model.graph.output:
        for dim in value.type.tensor_type.shape.dim:
            dim.Clear()
    del model.graph.value_info[:]
    return bytes(model.SerializeToString())


def _keep_real_inputs(graph: GraphProto) -> None:
    """Drop the weights from the list of inputs."""
    weights = {tensor.name for tensor in graph.initializer}
    real = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(real)
