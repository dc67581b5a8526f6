"""Nothing phones home: the job runs in a process in which the kernel kills whoever opens a socket, in any language."""

import os
import platform
import subprocess
import sys
import textwrap
from importlib import metadata

import cv2
import numpy as np
import pytest

from anonymize import models
from tests.helpers import networks

NUMBERS = {"x86_64": 41, "aarch64": 198}
"""The number of the system call `socket`."""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in NUMBERS,
    reason="needs Linux's seccomp on x86-64 or ARM64; CI has it",
)

FORBID = f"""
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
program = b"".join(struct.pack("HBBI", *step) for step in (
    (0x20, 0, 0, 0),                                    # load the number of the system call
    (0x15, 0, 1, {NUMBERS.get(platform.machine(), 0)}), # is it socket()?
    (0x06, 0, 0, 0x80000000),                           # kill the process
    (0x06, 0, 0, 0x7FFF0000),                           # allow
))
buffer = ctypes.create_string_buffer(program)
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_void_p)]
assert libc.prctl(38, 1, 0, 0, 0) == 0                  # PR_SET_NO_NEW_PRIVS
assert libc.prctl(22, 2, ctypes.byref(Filter(4, ctypes.addressof(buffer))), 0, 0) == 0  # PR_SET_SECCOMP, filter
"""


def _without_sockets(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    program = FORBID + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def test_the_guard_works():
    done = _without_sockets("import socket; socket.socket(); print('alive')")
    assert done.returncode < 0
    assert "alive" not in done.stdout


def test_the_whole_job_opens_no_socket(face_clip, tmp_path):
    code = """
        import sys
        sys.argv[0] = "anonymize"
        from anonymize.cli import main
        main()
    """
    done = _without_sockets(code, "run", face_clip, "-o", tmp_path / "safe.mp4", "--report", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 face" in done.stdout


def test_a_model_of_your_own_opens_no_socket(tmp_path, monkeypatch):
    monkeypatch.setenv("ANONYMIZE_MODELS", str(tmp_path / "models"))
    network, card = networks.save(tmp_path, "yolov8")
    code = """
        import sys
        from pathlib import Path
        import numpy as np
        from anonymize import detect
        detect.import_own(Path(sys.argv[1]), Path(sys.argv[2]))
        picture = np.full((90, 90, 3), 50, np.uint8)
        picture[20:34, 20:34] = 250, 20, 20
        print(detect.build(["mine"], set(), 1)[0].detect(picture).kinds())
    """
    done = _without_sockets(code, network, card)
    assert done.returncode == 0, done.stderr
    assert "SCREEN" in done.stdout


def test_finding_and_reading_text_opens_no_socket_and_runs_no_code_of_the_wheel(tmp_path):
    if models.state_of("ppocr") is not models.ModelState.OK:
        pytest.skip("the model 'ppocr' is not installed: make setup")
    code = """
        import sys
        sys.argv[0] = "anonymize"
        from anonymize.cli import main
        try:
            main()
        finally:
            print("code of the wheel:", [name for name in sys.modules if name.startswith("rapidocr")])
    """
    picture, preset = np.full((240, 480, 3), 230, np.uint8), tmp_path / "text.toml"
    cv2.putText(picture, "Room 4711", (60, 90), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (20, 20, 20), 2)
    cv2.putText(picture, "no entry", (60, 190), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (20, 20, 20), 2)
    cv2.imwrite(str(tmp_path / "door.png"), picture)
    preset.write_text('targets = ["text"]\n[text]\nmatch = "4711"\n')
    done = _without_sockets(code, "run", tmp_path / "door.png", "-o", tmp_path / "safe.png", "--preset", preset)
    assert done.returncode == 0, done.stderr
    assert "code of the wheel: []" in done.stdout
    safe = cv2.imread(str(tmp_path / "safe.png"))
    assert safe[62:92, 65:240].max() == 0
    assert (safe[160:200, 60:240] == picture[160:200, 60:240]).mean() > 0.99


def test_the_job_leaves_nothing_in_the_home_folder(face_clip, tmp_path):
    """Telemetry begins with an identifier that is kept: onnxruntime 1.29 and later write one when they are loaded."""
    home = tmp_path / "home"
    home.mkdir()
    folders = {name: str(home) for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    command = [sys.executable, "-c", "from anonymize.cli import main; main()"]
    words = ["run", str(face_clip), "-o", str(tmp_path / "safe.mp4")]
    subprocess.run([*command, *words], env={**os.environ, **folders}, check=True, capture_output=True, timeout=120)
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_no_engine_that_uploads_usage_data_is_asked_for():
    (wanted,) = (text for text in metadata.requires("anonymize") or () if text.startswith("onnxruntime"))
    assert "<1.29" in wanted
    assert tuple(int(part) for part in metadata.version("onnxruntime").split(".")[:2]) < (1, 29)


def test_a_playlist_in_a_videos_clothing_reaches_nothing(tmp_path):
    secret = tmp_path / "secret.ts"
    secret.write_bytes(b"x" * 1000)
    trap = tmp_path / "trap.mp4"
    trap.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://192.0.2.1/a.ts\n#EXTINF:1,\n{secret}\n")
    code = """
        import sys
        from anonymize.cli import main
        main()
    """
    done = _without_sockets(code, "run", trap, "-o", tmp_path / "safe.mp4")
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
