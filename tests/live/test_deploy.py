"""Everything in the container is pinned to a hash, or comes from this folder."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

from tests.helpers.media import make_video
from tests.helpers.terminals import PROGRAM
from tests.live.test_users import UNIT

DEPLOY = Path(__file__).parents[2] / "deploy"
needs_tools = pytest.mark.skipif(
    not (shutil.which("systemd-analyze") and shutil.which("docker-compose")),
    reason="needs systemd-analyze and docker-compose: make deploy-test",
)
DIGEST = re.compile(r"\S+@sha256:[0-9a-f]{64}")
HASHED = re.compile(r"\S+==\S+( ; .+)?( --hash=sha256:[0-9a-f]{64})+")


def instructions(text):
    """The instructions of a Dockerfile, each on one line, without comments."""
    plain = re.sub(r"(?m)^\s*#.*\n", "", text)
    return [line.strip() for line in plain.replace("\\\n", " ").splitlines() if line.strip()]


def loose(text):
    """What in a Dockerfile is fetched without a hash; Debian's packages are left out."""
    found, stages = [], set()
    for line in instructions(text):
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            image, _, stage = re.sub(r"--\S+\s+", "", rest).partition(" AS ")
            if not DIGEST.fullmatch(image) and image not in stages:
                found.append(line)
            stages.add(stage)
        elif word in ("COPY", "ADD"):
            source = re.search(r"--from=(\S+)", rest)
            if word == "ADD" or (source and source[1] not in stages and not DIGEST.fullmatch(source[1])):
                found.append(line)
        elif word == "RUN":
            found += [command for command in re.split(r"&&|;|\|", rest) if fetches(command)]
    return found


def fetches(command):
    """Whether a command of the shell fetches something that no hash holds."""
    if re.search(r"\b(curl|wget|git|npm|uv|pipx|easy_install|ensurepip)\b", command):
        return True
    if not re.search(r"\bpip3?\b.*\b(install|wheel|download)\b", command) or "--no-index" in command:
        return False
    files = re.findall(r"(?:^|\s)(?:-r|--requirement)[ =]?(\S+)", command)
    words = re.sub(r"(?:^|\s)(?:-r|--requirement)[ =]?\S+", "", command.split("install")[-1]).split()
    named = [word for word in words if not word.startswith("-")]
    return "--require-hashes" not in command or not files or bool(named) or not all(map(hashed, files))


def hashed(name):
    """Whether each package in a file of requirements has a version and hashes."""
    text = (DEPLOY.parent / name).read_text().replace("\\\n", " ")
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if line.strip()]
    return bool(lines) and all(HASHED.fullmatch(line) for line in lines)


def test_nothing_in_the_image_is_fetched_without_a_hash():
    text = (DEPLOY / "Dockerfile").read_text()
    assert loose(text) == []
    assert len(re.findall(r"@sha256:", text)) == 2
    assert text.count("--require-hashes") == 2


@pytest.mark.parametrize(
    "line",
    [
        "FROM python:3.12-slim-bookworm",
        "FROM python:3.12-slim-bookworm AS build",
        "FROM --platform=linux/amd64 python:3.12",
        "FROM python@sha256:34386ef0",
        "COPY --from=ghcr.io/astral-sh/uv:0.12 /uv /bin/uv",
        "ADD https://example.org/model.onnx /opt/",
        "RUN pip install numpy==2.0.0",
        "RUN true && \\\n    /opt/anonymize/bin/pip install -r requirements/run.txt",
        "RUN pip install --require-hashes -r requirements/run.txt wheel==0.45.1",
        "RUN pip install --require-hashes -r requirements/constraints.txt",
        "RUN pip wheel --no-deps .",
        "RUN python -m pip install --upgrade pip",
        "RUN apt-get update && curl -sSf https://example.org/install.sh | sh",
    ],
)
def test_a_line_that_fetches_without_a_hash_is_noticed(line):
    assert loose((DEPLOY / "Dockerfile").read_text() + line + "\n")


@needs_tools
def test_systemd_takes_the_unit(tmp_path):
    unit = (DEPLOY / "anonymize-live.service").read_text()
    (tmp_path / "anonymize-live.service").write_text(unit.replace("/opt/anonymize/bin/anonymize", "/bin/true"))
    command = ["systemd-analyze", "verify", str(tmp_path / "anonymize-live.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    wrong = unit.replace("/opt/anonymize/bin/anonymize", "/bin/true").replace("Restart=always", "Restart=allways")
    (tmp_path / "anonymize-live.service").write_text(wrong)
    assert "allways" in subprocess.run(command, capture_output=True, text=True, check=False).stderr


@needs_tools
def test_systemd_finds_the_unit_little_exposed(tmp_path):
    (tmp_path / "anonymize-live.service").write_text((DEPLOY / "anonymize-live.service").read_text())
    command = ["systemd-analyze", "security", "--offline=true", str(tmp_path / "anonymize-live.service")]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    exposed = re.search(r"Overall exposure level for anonymize-live.service: ([\d.]+) OK", said)
    assert exposed, said[-300:]
    assert float(exposed[1]) < 2


CONFINED = """set -e
mount --bind {state} {state}
mount -o remount,bind,ro /
cd {state}
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all --ambient-caps=-all -- "$@"
"""
"""As in the container and the unit: nothing but the state's folder is writable, and there are no capabilities."""


def confined(state, *command):
    """The command that runs `command` so; the test is skipped where that is not allowed."""
    if shutil.which("unshare") is None or shutil.which("setpriv") is None or os.geteuid() != 0:
        pytest.skip("needs root, unshare and setpriv: make deploy-test as root")
    started = ["unshare", "--mount", "--propagation", "private", "sh", "-c", CONFINED.format(state=state), "sh"]
    tried = subprocess.run([*started, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip("needs root, unshare and setpriv: this one may not mount")
    return [*started, *command]


def test_it_runs_on_a_read_only_root_without_capabilities(tmp_path):
    clip = make_video(tmp_path / "clip.mp4", frames=50, size=(160, 120))
    state = tmp_path / "state"
    (state / "tmp").mkdir(parents=True)
    program = [*PROGRAM, "live", str(clip), "--to", f"record:{state}/out", "--json"]
    look = "grep -E 'Cap(Prm|Eff|Bnd)' /proc/self/status; touch /elsewhere 2>/dev/null || echo refused; exec \"$@\""
    done = subprocess.run(
        confined(state, "sh", "-c", look, "sh", *program, "--targets", "none", "--hide-zone", "0,0 80,0 80,60 0,60"),
        env={"PATH": os.environ["PATH"], "TMPDIR": f"{state}/tmp", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *held, refused = done.stdout.split("\n")[:4]
    assert {line.split()[1] for line in held} == {"0" * 16}
    assert refused == "refused"
    assert list((state / "out").glob("*.mp4"))


ROOT = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin"}
"""Links at the root of Debian."""


def contained(folder, state):
    """`podman run` with the rights that compose.yaml gives: our user, nothing writable but the state, no network.

    Its root is this machine's programs and this checkout, read-only: the image itself cannot be built here.
    """
    podman = ["podman", "--storage-driver", "vfs", "--root", str(folder / "images"), "--runroot", str(folder / "run")]
    podman += ["--runtime", "runc", "--cgroup-manager", "cgroupfs", "run", "--rm", "--network", "none"]
    rights = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "10001:10001"]
    limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"]  # podman's own are higher than ours
    root = folder / "root"
    root.mkdir()
    for name, to in ROOT.items():
        (root / name).symlink_to(to)
    there = {DEPLOY.parent, Path(sys.prefix), Path(sys.base_prefix), *map(Path, sys.path)}
    mounts = [f"{one}:{one}:ro" for one in sorted({Path("/usr"), *there}) if one.is_dir() and one != Path("/")]
    mounts.append(f"{state}:/var/lib/anonymize")
    volumes = [word for one in mounts for word in ("--volume", one)]
    command = [*podman, *rights, *limits, "--tmpfs", "/tmp", *volumes, "--rootfs", str(root)]
    if shutil.which("podman") is None or shutil.which("runc") is None or os.geteuid() != 0:
        pytest.skip("needs root, unshare and setpriv, podman and runc too: make deploy-test as root")
    if subprocess.run([*command, "/bin/true"], capture_output=True, check=False).returncode:
        pytest.skip("needs root, unshare and setpriv, podman and runc too: this one may not start containers")
    return command


@pytest.fixture
def short():
    """A folder with a short name: podman takes no runroot of more than 50 characters."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def test_it_runs_in_a_container_with_the_rights_that_compose_gives(tmp_path, short):
    make_video(tmp_path / "clip.mp4", frames=50, size=(160, 120))
    state = tmp_path / "state"
    state.mkdir()
    shutil.move(tmp_path / "clip.mp4", state)
    os.chown(state, 10001, 10001)
    program = [*PROGRAM, "live", "/var/lib/anonymize/clip.mp4", "--to", "record:/var/lib/anonymize/out", "--json"]
    look = "grep -E 'Uid|CapEff|NoNewPrivs|Seccomp:' /proc/self/status; touch /x 2>&1; exec \"$@\""
    done = subprocess.run(
        [*contained(short, state), "sh", "-c", look, "sh", *program],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.split("\n")
    assert [line.split()[1] for line in said[:4]] == ["10001", "0" * 16, "1", "2"]
    assert "Read-only file system" in said[4]
    (made,) = (state / "out").glob("*.mp4")
    assert made.stat().st_uid == 10001


@needs_tools
def test_compose_takes_its_file_and_gives_our_container_no_rights():
    command = ["docker-compose", "-f", str(DEPLOY / "compose.yaml"), "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ours = done.stdout.split("\n  anonymize:\n")[1].split("\n  mediamtx:\n")[0]
    for line in ("cap_drop:\n    - ALL", "read_only: true", "no-new-privileges:true", "user: 10001:10001"):
        assert line in ours, line
    assert "ports:" not in ours


def test_each_image_beside_ours_is_held_to_its_digest():
    images = re.findall(r"(?m)^\s*image: (\S+)", (DEPLOY / "compose.yaml").read_text())
    assert images[0] == "anonymize"  # built from the Dockerfile
    assert images[1:]
    assert all(map(DIGEST.fullmatch, images[1:]))


def test_the_builder_gets_every_file_that_the_dockerfile_copies():
    lines = instructions((DEPLOY / "Dockerfile").read_text())
    copied = {
        name
        for line in lines
        if line.startswith("COPY") and "--from" not in line
        for name in line.split()[1:-1]
        if not name.startswith("--")
    }
    sent = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == sent
    assert all((DEPLOY.parent / name).exists() for name in sent)


def test_the_unit_s_cameras_name_no_host_and_no_file_that_only_containers_have():
    """The address of the media server was the name of a container, and frames went nowhere."""
    unit = (DEPLOY / "anonymize-live.service").read_text()
    found = re.search(r"^#   (sed .*) deploy/cameras.toml > /etc/anonymize/cameras.toml$", unit, re.MULTILINE)
    assert found
    program = shlex.split(found[1])
    changed = subprocess.run([*program, DEPLOY / "cameras.toml"], capture_output=True, text=True, check=True).stdout
    camera = tomllib.loads(changed)["cameras"]["market"]
    assert camera["to"][0] == "rtsp://127.0.0.1:8554/market"
    held = re.search(r"LoadCredential=(\S+):", unit)
    assert held
    assert f"${{file:/run/credentials/anonymize-live.service/{held[1]}}}" in camera["source"]
    services = (DEPLOY / "compose.yaml").read_text()
    named = tomllib.loads((DEPLOY / "cameras.toml").read_text())["cameras"]["market"]["to"][0]
    assert f"\n  {named.split('//')[1].split(':')[0]}:\n" in services, "the container has the name that is in the file"


@needs_tools
def test_systemd_takes_the_unit_with_a_user_for_each_camera(tmp_path):
    unit = (DEPLOY / "anonymize-live.service").read_text()
    (tmp_path / "anonymize-live.service").write_text(unit.replace("/opt/anonymize/bin/anonymize", "/bin/true"))
    drop_in = tmp_path / "anonymize-live.service.d" / "one-user-each.conf"
    drop_in.parent.mkdir()
    drop_in.write_text((DEPLOY / "one-user-each.conf").read_text())
    command = ["systemd-analyze", "verify", str(tmp_path / "anonymize-live.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    drop_in.write_text(drop_in.read_text().replace("User=root", "Usr=root"))
    assert "Usr" in subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_the_unit_with_a_user_for_each_camera_has_the_capabilities_that_it_was_tried_with():
    found = re.search(r"(?m)^CapabilityBoundingSet=(.*)$", (DEPLOY / "one-user-each.conf").read_text())
    assert found
    assert tuple(one.removeprefix("CAP_").lower() for one in found[1].split()) == UNIT
