"""A checked model, ready to run: onnxruntime on the CPU, without telemetry, for pictures of any size."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from anonymize.errors import ModelError
from anonymize.models.registry import read

if TYPE_CHECKING:
    from onnx import GraphProto
    from onnxruntime import InferenceSession

ERRORS_ONLY = 3
"""onnxruntime's log level: warnings about a model's making are no business of a user's."""


def engine() -> Any:
    """The module onnxruntime, which takes 0.1 s to load, hence only when it is used.

    From 1.29 on it holds an uploader of usage data, and writes an identifier of the machine into the home folder as it
    is loaded, unless the environment forbids it by then. We ask for an older one; this is for where somebody has put a
    newer one in its place.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return onnxruntime


def session(name: str, threads: int = 0) -> InferenceSession:
    """An inference session for the ONNX model `name`.

    The height and width of its inputs are made symbolic, so that pictures of any size may be given. Idle worker threads
    sleep rather than spin: spinning was measured to cost half again the processor time on a busy machine, which is
    what the encoder then lacks.

    Args:
        name: a registered ONNX model.
        threads: worker threads; 0 takes every core that this process may use.

    Raises:
        ModelError: not registered, absent, altered, or not a model that onnxruntime can run.
    """
    content = read(name)
    onnxruntime = engine()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.intra_op_num_threads = threads or _cores()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        made: InferenceSession = onnxruntime.InferenceSession(
            flexible(content), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnx and onnxruntime raise a dozen classes that share only this one
        raise ModelError(f"onnxruntime cannot run the model {name!r}: {error}") from error
    return made


def release(session: InferenceSession) -> None:
    """Give back the memory that `session` keeps for its next picture: hundreds of megabytes after large ones.

    onnxruntime does so only after a run, hence a very small one (its arena shrinkage, "cpu:0").
    """
    import numpy as np

    options = engine().RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    (picture,) = session.get_inputs()
    sample = np.uint8 if picture.type == "tensor(uint8)" else np.float32
    session.run(None, {picture.name: np.zeros((1, 3, 32, 32), sample)}, options)


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def flexible(content: bytes) -> bytes:
    """The ONNX model `content` with symbolic height and width, and its weights as constants.

    Older exporters list the weights among the inputs, which keeps onnxruntime from folding batch normalisation into
    convolutions; and they write the shape they were traced with (N, C, H, W) into the file.
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
