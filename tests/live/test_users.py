"""Cameras whose processes are another user's, run for real by root, with numbers that nobody has."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from anonymize.errors import UsageError
from anonymize.live.recordings import custody, index, owner
from anonymize.live.supervisor import config
from anonymize.live.supervisor.accepted import checked
from anonymize.parallel import user
from tests.helpers.media import make_video
from tests.helpers.servers import pipe, until
from tests.helpers.terminals import PROGRAM

ONE, TWO = 61001, 61002
UNIT = ("setuid", "setgid", "kill", "chown", "dac_override")
"""Capabilities of deploy/one-user-each.conf."""
SPAN = ("--from", "2000-01-01", "--to", "2100-01-01")
needs_root = pytest.mark.skipif(
    not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("unshare") and shutil.which("setpriv")),
    reason="needs root, unshare and setpriv: make deploy-test as root",
)
PYTHON_FOR_ALL = """set -e
if [ -n "$1" ]; then
  mount -t tmpfs -o mode=0755 none {aside}
  mkdir {aside}/python
  mount --bind "$2" {aside}/python
  mount -t tmpfs -o mode=0755 none "$1"
  mkdir -p "$2"
  mount --bind {aside}/python "$2"
fi
shift 2
umask 0027
exec "$@"
"""
"""In a mount namespace: the folder of Python can be read by all, as it can where a program is installed."""


@pytest.fixture
def folder():
    """One that others may enter, which pytest's own may not be."""
    path = Path(tempfile.mkdtemp(prefix="anonymize-users-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def in_the_open(folder, *command, **how):
    """Start `command` with a Python that every user can read."""
    prefix = Path(sys.base_prefix)
    closed = next((one for one in reversed(prefix.parents) if not one.stat().st_mode & 0o001), "")
    (folder / "aside").mkdir(exist_ok=True)
    script = PYTHON_FOR_ALL.format(aside=folder / "aside")
    within = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(closed), str(prefix)]
    if subprocess.run([*within, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs root, unshare and setpriv: this one may not mount")
    return subprocess.Popen([*within, *command], cwd="/", **how)


def as_user(uid, *command):
    return subprocess.run(
        ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command],
        capture_output=True,
        text=True,
        check=False,
    )


def ids(process):
    """User, capabilities and further groups of a process."""
    found = Path(f"/proc/{process}/status").read_text()
    values = {line.partition(":")[0]: line.partition(":")[2].split() for line in found.splitlines()}
    assert set(values["Gid"]) == set(values["Uid"])
    assert {*values["CapPrm"], *values["CapEff"], *values["CapAmb"]} == {"0" * 16}
    assert values["NoNewPrivs"] == ["1"]
    assert values["Groups"] == []
    return set(map(int, values["Uid"]))


@needs_root
def test_each_camera_is_a_user_of_its_own_whose_files_no_other_reads_and_root_goes_on_with_them(folder):
    clip = make_video(folder / "clip.mp4", frames=100, size=(320, 240))
    clip.chmod(0o644)
    secret = folder / "secret"
    secret.write_text(f"{clip}\n")
    secret.chmod(0o600)  # root's alone, as what systemd and compose hand out may be
    (folder / "cameras.toml").write_text(f"""
[cameras.one]
source = "@file:{secret}"
user = "{ONE}"
loop = true
to = ["record:{folder}/one"]
segment = 2
settings.targets = ["face"]
[cameras.two]
source = "{clip}"
user = "{TWO}"
loop = true
to = ["record:{folder}/two"]
segment = 2
settings.targets = []
settings.zones = [{{ polygon = [[0, 0], [40, 0], [40, 40], [0, 40]] }}]
""")
    lines: list[dict[str, Any]] = []
    command = [
        "setpriv",
        "--no-new-privs",
        "--bounding-set=-all," + ",".join(f"+{one}" for one in UNIT),
        sys.executable,
        "-X",
        "faulthandler",
    ]
    command += [*PROGRAM[1:], "live", "--config", str(folder / "cameras.toml"), "--json"]
    running = in_the_open(folder, *command, stderr=subprocess.PIPE, text=True)
    said = pipe(running.stderr)
    reader = threading.Thread(
        target=lambda: lines.extend(json.loads(x) if x.startswith("{") else {"event": x} for x in said)
    )
    reader.start()

    def started(camera):
        return [x["process"] for x in lines if x["event"] == "camera started" and x["camera"] == camera]

    def finished(name):
        return sorted((folder / name).glob("*.mp4"))

    def soon(condition, what):
        until(lambda: condition() or running.poll() is not None, 60, what)
        assert condition(), lines

    def processes(camera):
        first = psutil.Process(started(camera)[-1])
        return [first.pid, *(one.pid for one in first.children(recursive=True))]

    try:
        soon(lambda: finished("one") and finished("two"), "both record")
        assert len(processes("one")) > 1, "the detector's process, too"
        assert {tuple(ids(process)) for process in processes("one")} == {(ONE,)}
        assert {tuple(ids(process)) for process in processes("two")} == {(TWO,)}

        assert {path.stat().st_uid for path in (folder / "two").iterdir()} == {TWO}
        read = finished("two")[0]
        assert as_user(TWO, "head", "-c1", str(read)).returncode == 0
        assert "Permission denied" in as_user(ONE, "head", "-c1", str(read)).stderr
        assert "Permission denied" in as_user(ONE, "ls", str(folder / "two")).stderr

        # Root holds what a camera recorded: the log is the camera's, which goes on with it and with the index.
        held = subprocess.run(
            [*PROGRAM, "recordings", "hold", str(folder / "two"), *SPAN, "--reason", "case 7"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert held.returncode == 0, held.stderr
        assert (folder / "two" / custody.NAME).stat().st_uid == TWO
        os.kill(started("two")[0], signal.SIGKILL)
        before = len(finished("two"))
        soon(lambda: len(started("two")) == 2, "it starts again")
        soon(lambda: len(finished("two")) > before, "and records")
        assert {tuple(ids(process)) for process in processes("two")} == {(TWO,)}

        text = (folder / "cameras.toml").read_text()
        (folder / "cameras.toml").write_text(text.replace("[40, 40]", "[200, 100]"))
        running.send_signal(signal.SIGHUP)
        soon(lambda: any(x["event"] == "settings reloaded" for x in lines), "a zone is applied")
        (folder / "cameras.toml").write_text(text.replace(f'user = "{TWO}"', 'user = "nobody-of-this-name"'))
        running.send_signal(signal.SIGHUP)
        soon(lambda: any("no user nobody-of-this-name" in x.get("error", "") for x in lines), "refused")
        running.send_signal(signal.SIGTERM)
        until(lambda: running.poll() is not None, 60, "it ends")
        assert running.returncode in (0, 17), lines  # on a busy machine it may be failing
    finally:
        running.kill()
        running.wait()
        reader.join()
        said.close()
    assert not [x for x in lines if x["event"] == "segment not in the index"]
    assert {row.camera for row in index.read(folder / "two").values()} == {"two"}


@needs_root
def test_what_a_user_cannot_read_or_write_is_said_before_a_camera_starts(folder):
    def refused(text, error, command=()):
        path = folder / "cameras.toml"
        path.write_text(text)
        script = (
            f"from pathlib import Path; from anonymize.live.supervisor.accepted import checked; checked(Path('{path}'))"
        )
        ended = in_the_open(folder, *command, sys.executable, "-c", script, stderr=subprocess.PIPE, text=True)
        words = ended.communicate()[1]
        assert re.search(error, words), words

    camera = f'[cameras.one]\nsource = "0"\nuser = "{ONE}"\nto = ["record:{folder}/one"]\n'
    (folder / "one").mkdir()
    refused(camera, rf"OutputError: camera one: user {ONE} cannot write into .*: chown -R {ONE} {folder}/one")
    os.chown(folder / "one", ONE, ONE)
    (folder / "one" / custody.NAME).touch()
    refused(camera, rf"OutputError: camera one: user {ONE} cannot write .*custody.jsonl: chown -R {ONE}")
    (folder / "one" / custody.NAME).unlink()
    viewers = folder / "viewers.toml"
    viewers.write_text('anna = "0123456789abcdef"')
    viewers.chmod(0o600)
    refused(f'{camera}viewers = "{viewers}"\n', f"UsageError: camera one: user {ONE} cannot read {viewers}")
    without = ["setpriv", "--bounding-set=-setuid", "--inh-caps=-setuid"]
    refused(camera, "UsageError: camera one: user 61001: only root .* this process lacks CAP_SETUID", without)


@needs_root
def test_a_user_with_capabilities_starts_them_and_hands_none_on(folder):
    """As a service that is not root's: AmbientCapabilities=CAP_SETUID CAP_SETGID CAP_KILL."""
    script = f"""
from pathlib import Path
from typing import Any
from anonymize.parallel import process, user

if __name__ == "__main__":
    needs = user.Needs((Path("{folder}/{ONE}"),))
    spawned = process.spawn(user.try_needs, "{ONE}", needs, user=user.find("{ONE}"))
    print(repr(spawned.line.recv()), flush=True)
    spawned.process.join()
    print(spawned.process.exitcode)
"""
    (folder / f"{ONE}").mkdir()
    os.chown(folder / f"{ONE}", ONE, ONE)
    (folder / "start.py").write_text(script)
    kept = "+setuid,+setgid,+kill"
    within = [
        "setpriv",
        "--reuid=61009",
        "--regid=61009",
        "--clear-groups",
        f"--inh-caps={kept}",
        f"--ambient-caps={kept}",
    ]
    ended = in_the_open(folder, *within, sys.executable, str(folder / "start.py"), stdout=subprocess.PIPE, text=True)
    assert ended.communicate()[0] == "''\n0\n"


def test_users_that_are_refused(monkeypatch, tmp_path):
    with pytest.raises(UsageError, match=r"no user nobody-of-this-name .*useradd"):
        user.find("nobody-of-this-name")
    with pytest.raises(UsageError, match="no user 99999999999"):
        user.find("99999999999")
    assert user.find(str(os.geteuid())) is None, "it is one already"
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    with pytest.raises(UsageError, match="user root: name one that may do less"):
        user.find("root")
    path = tmp_path / "cameras.toml"
    path.write_text(
        'user = "anna"\n[cameras.one]\nsource = "0"\nto = ["hls:/x"]\n'
        '[cameras.two]\nuser = "bob"\nsource = "1"\nto = ["hls:/y"]'
    )
    fleet = config.read(path)
    assert (fleet.user, [one.user for one in fleet.cameras.values()]) == ("anna", ["anna", "bob"])
    with pytest.raises(UsageError, match="camera one: there is no user anna"):
        checked(path)


@needs_root
def test_nothing_of_root_s_is_handed_to_whom_a_link_leads(tmp_path):
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.write_text("root's")
    theirs.mkdir()
    os.chown(theirs, ONE, ONE)
    (theirs / "link").symlink_to(mine)
    owner.hand_over(theirs / "link", theirs)
    assert mine.stat().st_uid == 0
    assert (theirs / "link").lstat().st_uid == ONE
    owner.made(theirs / "new")
    assert (theirs / "new").stat().st_uid == ONE
