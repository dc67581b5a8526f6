"""Files behind addresses: read in place, released whole. S3 is a real server on loopback where moto is installed."""

import importlib.util
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from anonymize import errors, plan, storage
from anonymize.batch import run as batch
from anonymize.batch.inputs import only_item, plan_items
from anonymize.batch.reports import Reports
from anonymize.media import open_source
from anonymize.progress import Progress
from anonymize.recorded import job
from anonymize.recorded.release import Refused
from anonymize.settings import Settings
from anonymize.storage import read, write
from anonymize.text.mapping import from_mapping
from tests.helpers.servers import pipe

UPath = pytest.importorskip("upath", reason="needs universal-pathlib: in requirements/dev.txt").UPath
S3 = all(importlib.util.find_spec(name) for name in ("s3fs", "moto", "flask"))
SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
QUICK = from_mapping(Settings, {"output": {"speed": "ultrafast"}}, Settings())


@pytest.fixture
def bucket(tmp_path):
    """A folder of this machine, behind an address of fsspec's."""
    (tmp_path / "bucket" / "day").mkdir(parents=True)
    return storage.place(f"local://{tmp_path}/bucket/day")


@pytest.fixture
def s3(monkeypatch):
    """An S3 server on loopback with a bucket `raw` and a bucket `safe`; its file system."""
    if not S3:
        pytest.skip("needs s3fs and moto: `make cluster-test` runs it")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://{}:{}".format(*server.get_host_and_port()),
    }.items():
        monkeypatch.setenv(name, value)
    files = UPath("s3://raw").fs
    for name in ("raw", "safe"):
        files.mkdir(name)
    yield files
    for name in ("raw", "safe"):
        files.rm(name, recursive=True)
    files.clear_instance_cache()
    server.stop()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("s3://key:secret@bucket/a.mp4", "credentials come from the environment"),
        ("https://host/a.mp4?signature=secret", "no user, password or query"),
        ("https://host/a.mp4", "it cannot be written to"),
        ("simplecache::s3://bucket/a.mp4", "raw copies on disk"),
        ("filecache://bucket/a.mp4", "a raw copy on this machine's disk"),
        ("nonsense://bucket/a.mp4", "unknown kind of storage"),
        ("data://x", "not allowed"),
        ("memory://bucket/a.mp4", "a single process"),
    ],
)
def test_addresses_that_are_refused(address, why):
    with pytest.raises(errors.UsageError, match=why) as raised:
        storage.place(address)
    assert "secret" not in str(raised.value)


def test_paths_stay_paths():
    assert storage.place("a/b.mp4") == Path("a/b.mp4")
    assert storage.place("file:///a/b.mp4") == Path("/a/b.mp4")


def test_a_folder_behind_an_address_is_mirrored_to_another(bucket, face_clip, empty_clip, tmp_path):
    (bucket / "a.mp4").write_bytes(face_clip.read_bytes())
    (bucket / "sub").mkdir()
    (bucket / "sub" / "b.mp4").write_bytes(empty_clip.read_bytes())
    (bucket / "sub" / ".hidden.mp4").write_bytes(b"x")
    (bucket / "broken.mp4").write_bytes(b"x" * 100)
    (bucket / "notes.txt").write_bytes(b"who was where")
    items = plan_items([str(bucket)], str(bucket.parent / "safe") + "/")
    outcomes = {o.item.relative.as_posix(): o for o in batch.run(items, QUICK, reports=Reports(tmp_path / "reports"))}
    assert sorted(outcomes) == ["a.mp4", "broken.mp4", "notes.txt", "sub/b.mp4"]
    assert outcomes["broken.mp4"].exit_code == 3
    assert outcomes["notes.txt"].left_out
    out = tmp_path / "bucket" / "safe"
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) == ["a.mp4", "sub/b.mp4"]
    job.run(only_item(str(face_clip), str(tmp_path / "a.mp4")), QUICK)
    assert (out / "a.mp4").read_bytes() == (tmp_path / "a.mp4").read_bytes()
    told = json.loads((tmp_path / "reports" / "a.mp4.report.json").read_text())
    assert told["output"]["sha256"] == storage.sha256(tmp_path / "a.mp4")
    assert "bucket" not in json.dumps(told)


def test_pictures_and_mixed_places(bucket, tmp_path):
    from tests.helpers.media import make_image

    photo = make_image(tmp_path / "photo.jpg", gps=True)
    job.run(only_item(str(photo), str(bucket / "safe.jpg")), QUICK)
    job.run(only_item(str(bucket / "safe.jpg"), str(tmp_path / "again.jpg")), QUICK)
    assert open_source(tmp_path / "again.jpg").info.container == "jpg"


def test_nothing_of_a_source_is_written_on_the_way(bucket, face_clip, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (bucket / "a.mp4").write_bytes(face_clip.read_bytes())
    seen: dict[str, set[str]] = {}

    def look(progress: Progress) -> None:
        there = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} - {
            "bucket/day/a.mp4"
        }
        seen.setdefault(progress.stage, set()).update(there)

    job.run(only_item(str(bucket / "a.mp4"), str(bucket / "safe.mp4")), QUICK, on_progress=look)
    assert seen["detect"] == set()
    (made,) = seen["render"] | seen["verify"]
    assert made.endswith("/safe.mp4")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_plan_behind_an_address_is_not_read(bucket, face_clip, tmp_path):
    """An answer is saved where the plan was read, so it is read from this machine alone."""
    there = tmp_path / "bucket" / "day" / "a.plan.jsonl"
    job.detect(only_item(str(face_clip), str(there)), QUICK)
    assert plan.read(there).about.frames
    with pytest.raises(errors.PlanError, match="no such file"):
        plan.read(Path(f"{bucket}/a.plan.jsonl"))


def test_an_existing_output_is_replaced_only_by_force(bucket, face_clip):
    out = bucket / "safe.mp4"
    out.write_bytes(b"precious")
    item = only_item(str(face_clip), str(out))
    with pytest.raises(errors.OutputError, match="exists already"):
        job.run(item, QUICK)
    assert out.read_bytes() == b"precious"
    job.run(item, QUICK, force=True)
    assert out.stat().st_size > 1000


def test_an_output_that_fails_its_check_is_not_uploaded(bucket, face_clip, monkeypatch):
    from anonymize.kinds import Verdict
    from anonymize.recorded import release
    from anonymize.verify import Check, Verified

    failed = Verified(Verdict.FAIL, (Check("structure", False, "expected 20 frames, got 19"),))
    monkeypatch.setattr(release, "examine", lambda *_, **__: failed)
    with pytest.raises(Refused, match=r"safe\.mp4\.plan\.jsonl \(.* fetch it\)") as raised:
        job.run(only_item(str(face_clip), str(bucket / "safe.mp4")), QUICK)
    assert raised.value.kept is not None
    (made,) = bucket.fs.find(bucket.path)
    assert str(raised.value.kept.plan).endswith(made)
    assert "--plan safe.mp4.plan.jsonl -o" in raised.value.kept.command(face_clip)
    assert plan.parse((bucket / "safe.mp4.plan.jsonl").read_text().splitlines(), made).about.frames == 20


def test_a_storage_that_fails_is_not_the_end_of_the_file(bucket, face_clip, monkeypatch):
    """FFmpeg takes an error in reading for the end of the file: half of a clip must not pass for the whole."""
    (bucket / "a.mp4").write_bytes(face_clip.read_bytes())
    source = open_source(bucket / "a.mp4", allow_damaged=True)
    half = face_clip.stat().st_size // 2

    def failing(place, ahead=0):
        file = place.open("rb")
        whole = file.read

        def part(size=-1):
            if file.tell() + size > half:
                raise ConnectionError("the storage is gone")
            return whole(size)

        monkeypatch.setattr(file, "read", part, raising=False)
        return file

    monkeypatch.setattr(read, "opened", failing)
    with pytest.raises(errors.UnreadableInput, match="the storage is gone"):
        list(source.frames())


def test_where_files_show_before_they_are_whole_they_wait_under_another_name(bucket, face_clip, monkeypatch):
    names = []
    real = type(bucket.fs).mv

    def moved(fs, a, b, **k):
        names.append((a, b))
        return real(fs, a, b, **k)

    monkeypatch.setattr(type(bucket.fs), "mv", moved)
    job.run(only_item(str(face_clip), str(bucket / "safe.mp4")), QUICK)
    ((waited, final),) = names
    assert "/.anonymize-" in waited
    assert final == f"{bucket.path}/safe.mp4"
    assert [Path(path).name for path in bucket.fs.find(bucket.path)] == ["safe.mp4"]


def test_a_private_folder_is_private_and_goes():
    with storage.private_folder() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "a.mp4").write_bytes(b"x")
        storage.sweep()
        assert (folder / "a.mp4").exists()
    assert not folder.exists()


def test_what_a_killed_process_left_goes_with_the_next(tmp_path, monkeypatch):
    code = (
        "import sys, time; from anonymize.storage import private_folder\n"
        "with private_folder() as folder: (folder / 'a').touch(); print(folder, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True) as process:
        left = Path(pipe(process.stdout).readline().strip())
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with storage.private_folder():
            assert (left / "a").exists()  # that process lives
        process.send_signal(signal.SIGKILL)
    with storage.private_folder():
        assert not left.exists()


def test_s3_in_and_out(s3, face_clip, empty_clip, tmp_path, capfd):
    s3.put_file(str(face_clip), "raw/day/a.mp4")
    s3.put_file(str(empty_clip), "raw/day/sub/b.mp4")
    items = plan_items(["s3://raw/day"], "s3://safe/")
    outcomes = batch.run(items, QUICK, reports=Reports(tmp_path / "reports"))
    assert [outcome.exit_code for outcome in outcomes] == [0, 0]
    assert sorted(s3.find("safe")) == ["safe/a.mp4", "safe/sub/b.mp4"]
    job.run(only_item(str(face_clip), str(tmp_path / "a.mp4")), QUICK)
    assert s3.cat("safe/a.mp4") == (tmp_path / "a.mp4").read_bytes()
    told = "".join(path.read_text() for path in tmp_path.rglob("*.json")) + "".join(capfd.readouterr())
    assert SECRET not in told + repr(outcomes) + repr(items)
    again = batch.run(items, QUICK)
    assert [outcome.exit_code for outcome in again] == [6, 6]
    assert "exists already" in again[0].report.error


def test_s3_takes_no_second_file_of_a_name_even_at_the_last_moment(s3, face_clip, monkeypatch):
    target: Any = storage.place("s3://safe/a.mp4")
    s3.pipe_file("safe/a.mp4", b"precious")
    monkeypatch.setattr(write, "exists", lambda _: False)  # it appears after the look
    with pytest.raises(errors.OutputError, match="exists already"):
        storage.upload(face_clip, target, force=False, token="t")
    assert s3.cat("safe/a.mp4") == b"precious"


def test_s3_says_what_is_wrong(s3, face_clip):
    with pytest.raises(errors.UnreadableInput, match="no such file or folder"):
        plan_items(["s3://raw/nothing"], "s3://safe/")
    with pytest.raises(errors.UnreadableInput, match="no file matches"):
        plan_items(["s3://raw/*.mp4"], "s3://safe/")
    with pytest.raises(errors.OutputError, match="no such bucket"):
        job.run(only_item(str(face_clip), "s3://nobucket/a.mp4"), QUICK)


@pytest.mark.parametrize("own", [None, "false"])
def test_the_metadata_service_is_off_unless_it_is_asked_for(bucket, monkeypatch, own):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", own or "")
    if own is None:
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    storage.place(f"local://{bucket.path}")
    assert os.environ["AWS_EC2_METADATA_DISABLED"] == (own or "true")


@pytest.mark.skipif(not importlib.util.find_spec("s3fs"), reason="needs s3fs: `make cluster-test` runs it")
@pytest.mark.parametrize(("own", "asked"), [("", False), ("false", True)])
def test_without_credentials_s3_asks_no_metadata_service(tmp_path, own, asked):
    """The service stands on loopback here; a process of its own has no credentials anywhere."""
    with socket.create_server(("127.0.0.1", 0)) as service:
        service.settimeout(0.1)
        mine = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {
            "HOME": str(tmp_path),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{service.getsockname()[1]}",
            "AWS_METADATA_SERVICE_TIMEOUT": "1",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_MAX_ATTEMPTS": "1",
            **({"AWS_EC2_METADATA_DISABLED": own} if own else {}),
        }
        code = (
            "from anonymize import storage; from anonymize.storage import read; read.kind_of(storage.place('s3://b/a'))"
        )
        subprocess.run([sys.executable, "-c", code], env=mine, capture_output=True, timeout=60, check=False)
        try:
            service.accept()[0].close()
            was_asked = True
        except TimeoutError:
            was_asked = False
    assert was_asked is asked
