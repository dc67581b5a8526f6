"""What every device promises: `make contracts-openvino`; where there is a GPU, DEVICE=cuda pytest tests/contracts."""

from __future__ import annotations

import gc
import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from anonymize import models
from anonymize.data import Detections
from anonymize.detect import Detector, build
from anonymize.errors import ModelError
from anonymize.models.devices import PROVIDERS
from anonymize.settings import Device
from tests.contracts.test_detector import DEVICE, IMPORTED

OTHER = pytest.mark.skipif(DEVICE is Device.CPU, reason="another device than the processor: make contracts-openvino")
OPENVINO = pytest.mark.skipif(DEVICE is not Device.OPENVINO, reason="onnxruntime-openvino: make contracts-openvino")
BOX, SCORE, FAINT = 1.0, 0.02, 0.07
"""How far finds of two devices may lie apart, in pixels and score; fainter ones may come and go around the floor."""
NETWORKS = ("argus", "centerface", "yunet")


def on(device: Device, name: str) -> Detector:
    with pytest.MonkeyPatch.context() as patch:
        if IMPORTED.is_dir():
            patch.setenv("ANONYMIZE_MODELS", str(IMPORTED))
        if models.verify()[name] is not models.ModelState.OK:
            pytest.skip(f"{name} is not installed: {models.find(name).install}")
        return build([name], set(), threads=1, device=device)[0]


def pictures() -> list[NDArray[np.uint8]]:
    """A face from close by to far away, alone and among noise; sizes that no network was made for."""
    spec = importlib.util.find_spec("skimage")
    assert spec is not None
    assert spec.origin is not None
    face = cv2.imread(str(Path(spec.origin).parent / "data" / "astronaut.png"))
    street = np.random.default_rng(1).integers(60, 160, (720, 1280, 3), np.uint8)
    for number, side in enumerate((24, 40, 60, 110, 200, 300)):
        head = cv2.resize(face[30:230, 120:320], (side, side), interpolation=cv2.INTER_AREA)
        street[100 : 100 + side, 20 + 200 * number : 20 + 200 * number + side] = head[:, : 1280 - 20 - 200 * number]
    return [np.asarray(face), street, street[:333, :517], cv2.resize(street, (905, 509)), face[::-1].copy()]


def apart(found: Detections, others: Detections) -> list[str]:
    """What in `found` has no like in `others`, in words."""
    words = []
    for box, score, kind in zip(found.xyxy, found.score, found.kind, strict=True):
        near = np.abs(others.xyxy - box).max(axis=1, initial=0) <= BOX
        alike = near & (np.abs(others.score - score) <= SCORE) & (others.kind == kind)
        if score >= FAINT and not alike.any():
            words.append(f"{box} {score:.3f}")
    return words


@OTHER
@pytest.mark.parametrize("name", NETWORKS)
def test_it_finds_what_the_processor_finds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = models.find(name)
    monkeypatch.setattr("anonymize.models.runtime.find", lambda _: replace(known, on_cpu=""))  # the same network
    here, there = on(Device.CPU, name), on(DEVICE, name)
    assert there.device.startswith(DEVICE.value)
    count = 0
    for picture in pictures():
        first, second = here.detect(picture), there.detect(picture)
        assert apart(first, second) == []
        assert apart(second, first) == []
        count += int((first.score > 0.5).sum())
    assert count >= 5


def resident() -> int:
    """Megabytes of memory that this process has."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the memory; CI has it")
def test_release_gives_the_memory_back_and_the_next_detection_is_the_same() -> None:
    detector = on(DEVICE, "centerface")
    picture = pictures()[1]
    first = detector.detect(picture)
    detector.release_memory()
    gc.collect()
    least = resident()
    for _ in range(3):
        again = detector.detect(picture)
        assert np.array_equal(first.xyxy, again.xyxy)
        assert np.array_equal(first.score, again.score)
        busy = resident()
        detector.release_memory()
        detector.release_memory()
        gc.collect()
        assert busy - resident() > 50, "what a look holds must come back"
    assert resident() - least < 60


def network(*nodes: onnx.NodeProto, operators: str = "") -> bytes:
    """A network of `nodes` from "picture" to "out"."""
    sides = [1, 3, None, None]
    graph = helper.make_graph(
        list(nodes),
        "network",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
    )
    imports = [helper.make_opsetid("", 17), *([helper.make_opsetid(operators, 1)] if operators else [])]
    return bytes(helper.make_model(graph, opset_imports=imports, ir_version=9).SerializeToString())


RELU = helper.make_node("Relu", ["picture"], ["out"])
AFTER = helper.make_node("Relu", ["between"], ["out"])
BEFORE = helper.make_node("Binarizer", ["picture"], ["between"], domain="ai.onnx.ml", threshold=1.0)
ONLY = helper.make_node("Binarizer", ["picture"], ["out"], domain="ai.onnx.ml", threshold=1.0)


def given(monkeypatch: pytest.MonkeyPatch, content: bytes) -> models.Session:
    monkeypatch.setattr("anonymize.models.runtime.read", lambda _: content)
    return models.session("argus", threads=1, device=DEVICE)


@OPENVINO
def test_a_network_that_runs_there_whole_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    assert given(monkeypatch, network(RELU)).device_report == "openvino"
    assert on(DEVICE, "argus").device == "openvino"
    assert on(DEVICE, "centerface").device == "openvino"


@OPENVINO
def test_steps_that_run_elsewhere_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    session = given(monkeypatch, network(BEFORE, AFTER, operators="ai.onnx.ml"))
    assert session.device_report == "openvino, but 1 of 2 steps"
    (out,) = session.run(None, {"picture": np.full((1, 3, 4, 4), 2, np.float32)})
    assert (out == 1).all()


@OPENVINO
def test_a_network_of_which_nothing_runs_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="no step of argus runs there"):
        given(monkeypatch, network(ONLY, operators="ai.onnx.ml"))


@OPENVINO
def test_hardware_that_is_not_there_is_refused_although_onnxruntime_would_take_the_processor() -> None:
    onnxruntime = models.engine()
    name, options = PROVIDERS[Device.OPENVINO_GPU].name, dict(PROVIDERS[Device.OPENVINO_GPU].options)
    silent = onnxruntime.InferenceSession(network(RELU), providers=[(name, options)], enable_fallback=0)
    if silent.get_providers()[0] == name:
        pytest.skip("this machine has Intel graphics: nothing to refuse; any machine without shows it")
    assert silent.get_providers() == ["CPUExecutionProvider"]
    with pytest.raises(ModelError, match=r"openvino-gpu cannot be used here.*OpenCL.*No other device is used"):
        models.session("argus", device=Device.OPENVINO_GPU)


@OPENVINO
def test_auto_does_not_take_it() -> None:
    assert models.session("argus", threads=1, device=Device.AUTO).device_report == "cpu"


@OPENVINO
def test_the_whole_job_on_it_opens_no_socket_and_leaves_nothing_in_the_home_folder(
    face_clip: Path, tmp_path: Path
) -> None:
    from tests.test_network import FORBID

    home = tmp_path / "home"
    home.mkdir()
    folders = {name: str(home) for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    program = FORBID + "from anonymize.cli import main; main()"
    words = ["run", str(face_clip), "-o", str(tmp_path / "safe.mp4"), "--device", "openvino", "--report", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        env={**os.environ, **folders},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "1 face" in done.stdout
    assert '"centerface": "openvino"' in (tmp_path / "safe.mp4.report.json").read_text()
    assert [path for path in home.rglob("*") if path.is_file()] == []
