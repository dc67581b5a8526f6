"""Devices: onnxruntime's execution providers, under the names in settings."""

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
REPORTS_FROM = (1, 24)
"""The first version that reports which steps of a network run where."""

_GPU_WHEEL = "pip uninstall onnxruntime, then pip install 'onnxruntime-gpu[cuda,cudnn]<1.29'"
_OPENVINO_WHEEL = "pip uninstall onnxruntime, then pip install 'onnxruntime-openvino<1.29'"
_OPENVINO_PROCESSOR = json.dumps({"CPU": {"ENABLE_CPU_PINNING": "NO", "INFERENCE_PRECISION_HINT": "f32"}})
_OPENVINO_GRAPHICS = json.dumps({"GPU": {"INFERENCE_PRECISION_HINT": "f32"}})


@dataclass(frozen=True, slots=True)
class Provider:
    """One execution provider. Precision is 32 bits wherever possible, so that finds do not depend on the device."""

    name: str
    """Its name in onnxruntime."""
    install: str = ""
    """How to get an onnxruntime with it."""
    needs: str = ""
    """What else it needs on the machine."""
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    threads: str = ""
    """The option that limits its threads, if it runs on the processor."""
    beside: str = ""
    """A provider for the steps that this one does not support, before the processor."""
    slow_to_make: bool = False
    """Whether making a session takes minutes, so that it is kept, with its memory."""
    nvidia: bool = False
    """Whether it needs NVIDIA's libraries, which may come from Python packages."""


PROVIDERS: dict[Device, Provider] = {
    Device.CPU: Provider("CPUExecutionProvider"),
    Device.CUDA: Provider(
        "CUDAExecutionProvider",
        _GPU_WHEEL,
        "an NVIDIA card with its driver, and the CUDA and cuDNN versions that this onnxruntime needs",
        # The default tries every algorithm at every new size of a picture, and TF32 has 10 bits of precision.
        {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"},
        nvidia=True,
    ),
    Device.TENSORRT: Provider(
        "TensorrtExecutionProvider",
        _GPU_WHEEL + " and pip install tensorrt",
        "an NVIDIA card with its driver, and the CUDA, cuDNN and TensorRT versions that this onnxruntime needs",
        beside="CUDAExecutionProvider",
        slow_to_make=True,
        nvidia=True,
    ),
    Device.OPENVINO: Provider(
        "OpenVINOExecutionProvider",
        _OPENVINO_WHEEL,
        "a 64-bit Intel or AMD processor",
        # Pinned threads of several workers would share the first cores; with AMX its default is bfloat16.
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
"""The provider of each device."""

AUTO = (Device.CUDA, Device.DIRECTML, Device.COREML, Device.CPU)
"""What `auto` tries, in this order. Not TensorRT, which compiles for minutes at every new size of a picture, nor
OpenVINO, which measured slower than onnxruntime's own code for the processor (docs/devices.md)."""


def choices(device: Device) -> tuple[Device, ...]:
    """The devices to try for `device`: itself, or those of `auto`."""
    return AUTO if device is Device.AUTO else (device,)


def refuse_if_absent(device: Device, onnxruntime: Any) -> None:
    """Raise `ModelError` unless the module `onnxruntime` has the provider of `device`."""
    provider, available = PROVIDERS[device], onnxruntime.get_available_providers()
    if provider.name not in available:
        names = dict.fromkeys(d.value for d, other in PROVIDERS.items() if other.name in available)
        raise ModelError(
            f"--device {device.value}: the installed onnxruntime ({onnxruntime.__version__}) supports only "
            f"{', '.join(names)}. To get it: {provider.install} (docs/devices.md). Or use --device cpu"
        )
    if device is not Device.CPU and version(onnxruntime) < REPORTS_FROM:
        raise ModelError(
            f"--device {device.value}: onnxruntime {onnxruntime.__version__} does not report which steps really run "
            f"there; install {REPORTS_FROM[0]}.{REPORTS_FROM[1]} or newer, but below 1.29. Or use --device cpu"
        )


def unusable(device: Device, reason: str) -> ModelError:
    """The error for a device that onnxruntime supports but cannot use; `reason` is its message, may be empty."""
    why = f" ({reason})" if reason else ""
    return ModelError(
        f"--device {device.value} cannot be used here{why}. It needs {PROVIDERS[device].needs} (docs/devices.md). "
        "No other device is used instead: choose --device cpu or another"
    )


def version(onnxruntime: Any) -> tuple[int, ...]:
    """Major and minor version of the module `onnxruntime`."""
    return tuple(int(part) for part in onnxruntime.__version__.split(".")[:2])
