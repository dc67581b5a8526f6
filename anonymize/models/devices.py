"""On what networks run: onnxruntime's execution providers, under the names that people use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from anonymize.errors import ModelError
from anonymize.settings import Device

CLEAN_BELOW = (1, 29)
"""The first version of onnxruntime that uploads usage data."""
TELLING_FROM = (1, 24)
"""The first version that says which steps of a network run where."""

_GPU_WHEEL = "pip uninstall onnxruntime, then pip install 'onnxruntime-gpu[cuda,cudnn]<1.29'"
_OPENVINO_WHEEL = "pip uninstall onnxruntime, then pip install 'onnxruntime-openvino<1.29'"
_OPENVINO_PROCESSOR = json.dumps({"CPU": {"ENABLE_CPU_PINNING": "NO", "INFERENCE_PRECISION_HINT": "f32"}})
_OPENVINO_GRAPHICS = json.dumps({"GPU": {"INFERENCE_PRECISION_HINT": "f32"}})


@dataclass(frozen=True, slots=True)
class Provider:
    """One execution provider. Precision is 32 bits wherever it can be chosen: finds must not hang on the device."""

    name: str
    """onnxruntime's name of it."""
    install: str = ""
    """How to get an onnxruntime that has it."""
    needs: str = ""
    """What must be on the machine besides."""
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    threads: str = ""
    """The option that limits its threads, where it runs on the processor."""
    beside: str = ""
    """A provider that takes the steps which this one cannot, before the processor does."""
    slow_to_make: bool = False
    """A session is kept, with its memory, since to make it again takes minutes."""
    nvidia: bool = False
    """It needs NVIDIA's libraries, which may lie in Python packages."""


PROVIDERS: dict[Device, Provider] = {
    Device.CPU: Provider("CPUExecutionProvider"),
    Device.CUDA: Provider(
        "CUDAExecutionProvider",
        _GPU_WHEEL,
        "an NVIDIA card with its driver, and CUDA and cuDNN as this onnxruntime wants them",
        # The default search tries every algorithm at every new size of a picture, and TF32 has 10 bits of precision.
        {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"},
        nvidia=True,
    ),
    Device.TENSORRT: Provider(
        "TensorrtExecutionProvider",
        _GPU_WHEEL + " and pip install tensorrt",
        "an NVIDIA card with its driver, CUDA, cuDNN and TensorRT as this onnxruntime wants them",
        beside="CUDAExecutionProvider",
        slow_to_make=True,
        nvidia=True,
    ),
    Device.OPENVINO: Provider(
        "OpenVINOExecutionProvider",
        _OPENVINO_WHEEL,
        "a 64-bit Intel or AMD processor",
        # Pinned threads of several workers would share the first cores; bfloat16 is its default where there is AMX.
        {"device_type": "CPU", "load_config": _OPENVINO_PROCESSOR},
        threads="num_of_threads",
    ),
    Device.OPENVINO_GPU: Provider(
        "OpenVINOExecutionProvider",
        _OPENVINO_WHEEL,
        "Intel graphics with its OpenCL driver",
        {"device_type": "GPU", "load_config": _OPENVINO_GRAPHICS},
    ),
    Device.COREML: Provider(
        "CoreMLExecutionProvider",
        "use a Mac, where every onnxruntime has it",
        "macOS 12 or newer",
        # The Neural Engine computes with 16 bits.
        {"ModelFormat": "MLProgram", "MLComputeUnits": "CPUAndGPU"},
    ),
    Device.DIRECTML: Provider(
        "DmlExecutionProvider",
        "on Windows, pip uninstall onnxruntime, then pip install 'onnxruntime-directml<1.29'",
        "Windows 10 or newer and a card with DirectX 12",
    ),
}
"""What each device is for onnxruntime."""

AUTO = (Device.CUDA, Device.DIRECTML, Device.COREML, Device.CPU)
"""What `auto` tries, in this order. Not TensorRT, which compiles for minutes at every new size of a picture, nor
OpenVINO, which was measured to be slower than onnxruntime's own code for the processor (docs/devices.md)."""


def choices(device: Device) -> tuple[Device, ...]:
    """The devices to try for what was asked for: itself, or those of `auto`."""
    return AUTO if device is Device.AUTO else (device,)


def refuse_if_absent(device: Device, onnxruntime: Any) -> None:
    """Raises `ModelError` unless the module `onnxruntime` was built with the provider of `device`."""
    provider, available = PROVIDERS[device], onnxruntime.get_available_providers()
    if provider.name not in available:
        names = dict.fromkeys(d.value for d, other in PROVIDERS.items() if other.name in available)
        raise ModelError(
            f"--device {device.value}: the onnxruntime that is installed here ({onnxruntime.__version__}) knows only "
            f"{', '.join(names)}. To get it: {provider.install} (docs/devices.md). Or give --device cpu"
        )
    if device is not Device.CPU and version(onnxruntime) < TELLING_FROM:
        raise ModelError(
            f"--device {device.value}: onnxruntime {onnxruntime.__version__} does not tell which steps really run "
            f"there; install one from {TELLING_FROM[0]}.{TELLING_FROM[1]} on, below 1.29. Or give --device cpu"
        )


def unusable(device: Device, reason: str) -> ModelError:
    """The error for a device that onnxruntime knows and cannot use; `reason` in its words, may be empty."""
    why = f" ({reason})" if reason else ""
    return ModelError(
        f"--device {device.value} cannot be used here{why}. It needs {PROVIDERS[device].needs} (docs/devices.md). "
        "Nothing else is taken in its place: give --device cpu or another"
    )


def version(onnxruntime: Any) -> tuple[int, ...]:
    """Major and minor version of the module."""
    return tuple(int(part) for part in onnxruntime.__version__.split(".")[:2])
