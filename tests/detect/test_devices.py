"""Devices: what was asked for is what runs, or nothing does. OpenVINO itself: tests/contracts/test_device.py."""

from pathlib import Path

import pytest

from anonymize import models
from anonymize.data import Kind
from anonymize.detect import DETECTORS, build, refuse_unfit
from anonymize.detect.detector import FLOOR
from anonymize.errors import ModelError, UsageError
from anonymize.live.detector.process import detectors as live_detectors
from anonymize.models.devices import AUTO, PROVIDERS
from anonymize.models.runtime import _words
from anonymize.recorded import job
from anonymize.report import doctor
from anonymize.settings import Detect, Device, Settings, Verify
from anonymize.text.mapping import from_mapping, to_mapping
from tests.cli.test_cli import anonymize

ABSENT = [
    device for device, provider in PROVIDERS.items() if provider.name not in models.engine().get_available_providers()
]
"""Devices that the onnxruntime of these tests does not have: all but the processor, with the ordinary wheel."""


@pytest.mark.parametrize("device", ABSENT)
def test_a_device_that_this_onnxruntime_lacks_is_refused_with_what_to_do(device: Device) -> None:
    with pytest.raises(ModelError) as refused:
        models.session("argus", device=device)
    message = str(refused.value)
    assert f"--device {device.value}" in message
    assert "supports only cpu" in message
    assert PROVIDERS[device].install in message
    assert "docs/devices.md" in message


def test_there_are_devices_to_be_refused() -> None:
    assert len(ABSENT) >= 2


@pytest.mark.parametrize(
    "words",
    [
        ["run", "{clip}", "-o", "{out}.mp4"],
        ["detect", "{clip}", "-o", "{out}.jsonl"],
        ["verify", "{clip}"],
        ["live", "{clip}", "--loop", "--to", "record:{out}"],
    ],
    ids=lambda words: words[0],
)
def test_every_command_refuses_it_and_leaves_nothing(words: list[str], face_clip: Path, tmp_path: Path) -> None:
    device = ABSENT[0]
    filled = [word.format(clip=face_clip, out=tmp_path / "out") for word in words]
    done = anonymize(*filled, "--device", device.value)
    assert done.returncode == ModelError.exit_code, done.stderr
    assert f"--device {device.value}" in done.stderr
    assert "supports only cpu" in done.stderr
    shown = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert shown == [] or words[0] == "live"  # which has sent black pictures meanwhile


def test_render_refuses_it_too(face_clip: Path, tmp_path: Path) -> None:
    plan, out = tmp_path / "plan.jsonl", tmp_path / "safe.mp4"
    assert anonymize("detect", face_clip, "-o", plan).returncode == 0
    done = anonymize("render", face_clip, "--plan", plan, "-o", out, "--device", ABSENT[0].value)
    assert done.returncode == ModelError.exit_code
    assert f"--device {ABSENT[0].value}" in done.stderr
    assert not out.exists()


def test_auto_takes_the_first_that_can_be_used_and_says_which() -> None:
    expected = next(device for device in AUTO if device not in ABSENT)
    session = models.session("argus", threads=1, device=Device.AUTO)
    assert session.device is expected
    assert session.device_report.startswith(expected.value)


def test_auto_ends_with_the_processor_and_has_nothing_twice() -> None:
    assert AUTO[-1] is Device.CPU
    assert len(set(AUTO)) == len(AUTO)
    assert set(PROVIDERS) == set(Device) - {Device.AUTO}


@pytest.mark.parametrize("name", ["blazeface", "blazeface-short"])
def test_a_detector_of_the_processor_only_refuses_other_devices(name: str) -> None:
    others = "--detectors argus,argus2,centerface,yunet"
    with pytest.raises(ModelError, match=rf"{name} runs on the processor only.*{others}"):
        build([name], {Kind.FACE}, device=Device.CUDA)
    refuse_unfit([name], Device.CPU)
    refuse_unfit([name], Device.AUTO)


def test_a_detector_of_verification_is_refused_before_detection() -> None:
    settings = Settings(detect=Detect(device=ABSENT[0]), verify=Verify(detectors=("blazeface",)))
    with pytest.raises(ModelError, match="blazeface runs on the processor only"):
        job.detectors_for(settings)
    with pytest.raises(UsageError, match="there is no 'retina'"):
        job.detectors_for(Settings(verify=Verify(detectors=("retina",))))


def test_the_detector_process_of_live_takes_the_device() -> None:
    with pytest.raises(ModelError, match=f"--device {ABSENT[0].value}"):
        live_detectors(Settings(detect=Detect(device=ABSENT[0])))


def test_a_preset_may_set_it(tmp_path: Path) -> None:
    settings = from_mapping(Settings, {"detect": {"device": "auto"}}, Settings())
    assert settings.detect.device is Device.AUTO
    assert to_mapping(settings)["detect"]["device"] == "auto"
    assert Settings().detect.device is Device.CPU
    with pytest.raises(UsageError, match=r"detect\.device = 'gpu'"):
        from_mapping(Settings, {"detect": {"device": "gpu"}}, Settings())


def test_a_report_says_on_what_each_detector_ran(face_clip: Path, tmp_path: Path) -> None:
    from anonymize import run
    from anonymize.report.page import page

    account = run(face_clip, tmp_path / "safe.mp4", Settings(detect=Detect(device=Device.AUTO))).as_dict()
    expected = models.session("centerface", threads=1, device=Device.AUTO).device_report
    assert account["devices"]["centerface"] == expected
    assert "argus" in account["devices"], "who took the second look is named too"
    assert f"centerface on {expected}" in page(account)
    assert page({key: value for key, value in account.items() if key != "devices"})  # as older reports are


def test_doctor_tries_devices_and_never_names_one_that_asks_a_server() -> None:
    findings = {finding.name: finding for finding in doctor.examine()}
    assert findings["engine"].ok
    assert "cpu" in findings["devices"].detail
    assert "auto takes " in findings["devices"].detail
    assert all(provider.name != "AzureExecutionProvider" for provider in PROVIDERS.values())


def test_the_message_of_onnxruntime_is_given_without_places_in_its_source() -> None:
    told = (
        "/src/pybind_state.cc:584 void python::Register(PySessionOptions&, const Options&) Please install TensorRT.\n"
    )
    assert _words(RuntimeError(told)) == "Please install TensorRT."
    assert _words(RuntimeError("out of memory\n at 3")) == "out of memory at 3"
    assert len(_words(RuntimeError("word " * 1000))) < 320


def test_every_detector_says_on_what_it_runs() -> None:
    for name in set(DETECTORS) & {"argus", "centerface"}:
        assert build([name], set(), threads=1)[0].device == "cpu"
    assert FLOOR > 0
