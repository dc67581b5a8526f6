"""Cameras added in the control room: tried, written into the file of cameras, started alone, undone, removed.

A password goes into a file of its own, and nowhere else.
"""

import json
import stat
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from socket import AF_INET, SOCK_DGRAM, socket
from threading import Event, Thread
from time import monotonic
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from anonymize.errors import OutputError, UsageError
from anonymize.live.control_room.cameras_file import CamerasFile
from anonymize.live.control_room.cameras_toml import with_camera, without_camera
from anonymize.live.control_room.roster import Roster
from anonymize.live.control_room.tryout import TryOut
from anonymize.live.control_room.typed import SECRETS, typed
from anonymize.live.secrets import resolve
from anonymize.live.sinks.newest import Shown
from anonymize.live.supervisor.accepted import Accepted, checked
from anonymize.live.supervisor.child import Child
from anonymize.live.supervisor.run import _KILL_AFTER, _Supervisor
from anonymize.settings import Live, Transport
from benchmarks import clock
from tests.helpers.browser import needs_chromium, window
from tests.helpers.live import FAST, exposed, stream_of, street_camera
from tests.helpers.media import make_video
from tests.helpers.pace import Bound
from tests.helpers.servers import arguments_of_all, free_port, rtsp_camera, until
from tests.live.test_control_room import TOKEN, Client, chromium, clip, running  # noqa: F401 - fixtures
from tests.live.test_supervise import Supervised

PASSWORD = "s3cret-of-the-gate"
ZONE = "[[0, 0], [40, 0], [40, 40], [0, 40]]"
Both = tuple[Supervised, Client]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Iterator[Both]:  # noqa: F811
    folder = tmp_path_factory.mktemp("roster")
    preset = folder / "corner.toml"
    preset.write_text(f"targets = []\nzones = [{{ polygon = {ZONE} }}]\n")
    with running(folder, clip, ["one"], str(preset)) as found:
        yield found


@contextmanager
def gate(folder: Path) -> Iterator[str]:
    """A real RTSP camera that asks for a password; its address without user and password."""
    film = make_video(folder / "gate.ts", frames=1000, size=(320, 240), codec="libx264")
    port = free_port()
    with rtsp_camera(film, port, f"viewer:{PASSWORD}"):
        yield f"rtsp://127.0.0.1:{port}/live"


def send(client: Client, path: str, **asked: Any) -> tuple[int, Any]:
    body = {"by": "Ada Ø", "seen": client.get("/api/roster")["seen"]} | asked
    answer = client.ask("POST", f"/api/{path}", body)
    return answer.status, json.loads(answer.content)


def outcome(client: Client, **asked: Any) -> Any:
    """What a test says once it has come to something."""
    status, now = send(client, "tryout", **asked)
    assert status == 200, now
    until(lambda: client.get("/api/tryout")["state"] != "connecting", 30, "it connects, or does not")
    return client.get("/api/tryout")


def corner(picture: Any) -> tuple[int, int]:
    """The brightest pixel where the preset hides, and of all the rest."""
    high, wide = 40 * picture.shape[0] // 240, 40 * picture.shape[1] // 320
    return int(picture[4 : high - 4, 4 : wide - 4].max()), int(picture[2 * high :, 2 * wide :].max())


def everything(folder: Path) -> str:
    """What stands in the files beside the file of cameras."""
    return "".join(path.read_text() for path in folder.glob("cameras.toml*") if path.is_file())


def test_a_camera_is_tried_added_alone_undone_and_removed_and_its_password_is_in_one_file(
    both: Both, tmp_path: Path
) -> None:
    started, client = both
    path: Path = started.path
    text, secret = path.read_text(), path.with_name(path.name + SECRETS) / "gate"
    answers: list[Any] = []
    with gate(tmp_path) as address:
        wrong = outcome(client, address=address, user="viewer", password="wrong-and-long")
        assert wrong["state"] == "failed", wrong
        right = outcome(client, address=address, user="viewer", password=PASSWORD)
        answers += [wrong, right]
        assert (right["state"], right["codec"], right["size"], right["sound"]) == (
            "connected",
            "h264",
            [320, 240],
            False,
        )
        assert abs(right["rate"] - 25) < 2
        until(lambda: client.get("/api/tryout")["picture"], 30, "its picture comes")
        shown = client.ask("GET", "/api/tryout/picture")
        hidden, rest = corner(cv2.imdecode(np.frombuffer(shown.content, np.uint8), cv2.IMREAD_COLOR))
        assert (hidden < 40, rest > 60) == (True, True), "it is as it would be released"

        asked = {"name": "gate", "address": address, "user": "viewer", "password": PASSWORD, "keep": "7d"}
        status, now = send(client, "roster/add", **asked, to=[f"record:{tmp_path}/kept"])
        answers.append(now)
        assert status == 200, now
        assert now["cameras"] == ["one", "gate"]
        until(lambda: client.camera("gate")["picture"], 40, "it runs")
        assert client.get("/api/tryout")["state"] == "idle", "the test let the camera go"
        assert len(started.events("camera started", camera="one")) == 1, "the other went on"
        assert not started.events("settings reloaded"), "and noticed nothing"
        written = path.read_text()
        assert written.startswith(text)
        table = tomllib.loads(written)["cameras"]["gate"]
        whole = address.replace("rtsp://", f"rtsp://viewer:${{file:{secret}}}@")
        assert table == {"source": whole, "to": [f"record:{tmp_path}/kept"], "keep": "7d"}
        assert secret.read_text() == f"{PASSWORD}\n"
        assert [stat.S_IMODE(one.stat().st_mode) for one in (secret, secret.parent)] == [0o600, 0o700]

        status, now = send(client, "roster/undo", by="Bo")
        answers.append(now)
        assert (status, now["cameras"], path.read_text(), secret.exists()) == (200, ["one"], text, False), now
        status, now = send(client, "roster/add", **asked, to=[f"record:{tmp_path}/kept"])
        status, now = send(client, "roster/remove", camera="gate")
        answers.append(now)
        assert (status, now["cameras"], secret.exists()) == (200, ["one"], False), now
        assert "cameras.gate" not in path.read_text()
        assert list((tmp_path / "kept").glob("*.mp4")), "what it recorded stays"
        status, now = send(client, "roster/undo")
        assert (status, now["cameras"], secret.read_text()) == (200, ["one", "gate"], f"{PASSWORD}\n"), now
        until(lambda: client.camera("gate")["picture"], 40, "it runs again")
        answers += [client.get("/api/cameras"), client.get("/api/roster"), started.ask("metrics")]
        assert not [one for one in arguments_of_all() if PASSWORD in one and "GstRtspServer" not in one]
        assert send(client, "roster/remove", camera="gate")[0] == 200
        assert path.read_text() == text
    acts = [(one["act"], one["by"], one["camera"]) for one in client.get("/api/roster")["log"]]
    assert acts[-2:] == [("added-undo", "Bo", "gate"), ("added", "Ada Ø", "gate")]
    assert [act for act, *_ in acts] == ["removed", "removed-undo", "removed", "added", "added-undo", "added"]
    for where in (everything(path.parent), str(started.lines), str(answers)):
        assert PASSWORD not in where
        assert "wrong-and-long" not in where
    assert started.process.poll() is None


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"name": "one"}, "there is a camera of that name"),
        ({"name": "../one"}, "expected letters, digits"),
        ({"address": "/etc/passwd"}, "expected the address of a camera"),
        ({"address": "${HOME}"}, "type the password itself"),
        ({"address": "@file:/etc/passwd"}, "type the password itself"),
        ({"address": "ftp://10.0.0.5/x"}, "unsupported source"),
        ({"address": "rtsp://10.0.0.5/a b"}, "blanks"),
        ({"password": PASSWORD}, "a password needs a user"),
        ({"user": "u", "password": "blank-at-the-end "}, "cannot be kept in a file"),
        ({"address": f"rtsp://u:{PASSWORD}@10.0.0.5/", "user": "u"}, "give them once"),
        ({"to": []}, "nowhere to send the picture"),
        ({"to": ["record:${HOME}"]}, "type the password itself"),
        ({"to": ["-"]}, "standard input and output"),
        ({"to": [f"rtsp://u:{PASSWORD}@10.0.0.5/x"]}, "by hand"),
        ({"keep": "long"}, "expected a number"),
        ({"transport": "pigeon"}, "transport: expected one of"),
        ({"by": " "}, "give your name"),
        ({"seen": "old"}, "changed meanwhile"),
        ({"name": 7}, "expected a text"),
    ],
)
def test_what_is_refused_says_why_repeats_no_password_and_changes_nothing(
    both: Both, tmp_path: Path, asked: dict[str, Any], words: str
) -> None:
    started, client = both
    before = everything(started.path.parent)
    wanted = {"name": "two", "address": "rtsp://127.0.0.1:1/live", "to": [f"record:{tmp_path}"]} | asked
    status, answer = send(client, "roster/add", **wanted)
    assert status == 422
    assert words in answer["error"]
    assert PASSWORD not in answer["error"]
    assert everything(started.path.parent) == before
    assert not list(started.path.with_name(started.path.name + SECRETS).glob("two"))
    assert client.get("/api/roster")["cameras"] == ["one"]


def test_nothing_is_added_or_removed_while_the_file_is_invalid_or_was_edited(both: Both, tmp_path: Path) -> None:
    started, client = both
    text = started.path.read_text()
    asked = {"name": "two", "address": "rtsp://u:secret-enough@127.0.0.1:1/live", "to": [f"record:{tmp_path}"]}
    for other in (text + "\n[cameras", text.replace("segment = 2", "segment = 3")):
        started.path.write_text(other)
        try:
            for path, words in (("add", asked), ("remove", {"camera": "one"}), ("undo", {})):
                assert "edited and not applied" in send(client, f"roster/{path}", **words)[1]["error"], path
            assert started.path.read_text() == other
        finally:
            started.path.write_text(text)
    assert "the last camera" in send(client, "roster/remove", camera="one")[1]["error"]
    assert not list(started.path.with_name(started.path.name + SECRETS).glob("two"))


class Still:
    """A supervisor without processes."""

    def __init__(self, folder: Path, cameras: dict[str, str], extra: str = "") -> None:
        self.path = folder / "cameras.toml"
        secrets = self.path.with_name(self.path.name + SECRETS)
        secrets.mkdir(exist_ok=True)
        tables = "".join(
            f'[cameras.{name}]\nsource = "{source}"\nto = ["record:{folder}/{name}"]\n'
            for name, source in cameras.items()
        )
        self.path.write_text(extra + tables.replace("SECRETS", str(secrets)))
        self.children: dict[str, Child] = {}
        self.changed: list[str] = []
        self.late = False
        self.secrets = secrets

    def loaded(self) -> "Still":
        self.accepted = checked(self.path)
        return self

    def change(self, accepted: Accepted, changed: Iterable[str]) -> None:
        self.accepted, self.changed = accepted, list(changed)
        if self.late:
            raise OutputError("it is written, and not in force yet: the log says why", self.path)

    def roster(self) -> Roster:
        return Roster(CamerasFile(self), TryOut())

    def asked(self, **asked: Any) -> dict[str, Any]:
        return {"by": "Ada", "seen": CamerasFile(self).seen, **asked}


NVR = "rtsp://u:${file:SECRETS/nvr1}@10.0.0.1/"


def still(folder: Path, cameras: dict[str, str], extra: str = "") -> Still:
    """The same, with a secret `nvr1`."""
    made = Still(folder, cameras, extra)
    for name in ("nvr1", "nvr12"):
        (made.secrets / name).write_text(f"{PASSWORD}-{name}\n")
    return made.loaded()


def test_a_password_that_another_camera_uses_is_neither_deleted_nor_written_over(tmp_path: Path) -> None:
    found = still(tmp_path, {"nvr1": NVR + "1", "other": NVR + "2"})
    roster, file = found.roster(), found.secrets / "nvr1"
    roster.remove(found.asked(camera="nvr1"))
    assert file.read_text() == f"{PASSWORD}-nvr1\n"
    new = {"name": "nvr1", "address": "rtsp://10.0.0.9/1", "user": "u", "password": "another-password"}
    with pytest.raises(UsageError, match="has its password in the file for this name"):
        roster.add(found.asked(**new, to=[f"record:{tmp_path}/kept"]))
    assert file.read_text() == f"{PASSWORD}-nvr1\n"
    roster.undo(found.asked())
    assert list(found.accepted.fleet.cameras) == ["nvr1", "other"]
    roster.remove(found.asked(camera="other"))
    assert file.exists()


def test_the_password_of_a_camera_is_told_from_one_whose_name_begins_alike(tmp_path: Path) -> None:
    found = still(tmp_path, {"nvr1": NVR.replace("nvr1", "nvr12") + "1", "other": "rtsp://10.0.0.1/2"})
    found.roster().remove(found.asked(camera="nvr1"))
    assert (found.secrets / "nvr1").exists()


@pytest.mark.parametrize("act", ["add", "remove"])
def test_an_undo_puts_no_preset_in_force_that_was_edited_meanwhile(tmp_path: Path, act: str) -> None:
    preset = tmp_path / "ours.toml"
    preset.write_text(f"targets = []\nzones = [{{ polygon = {ZONE} }}]\n")
    found = still(tmp_path, {"one": "rtsp://h/1", "two": "rtsp://h/2"}, f'preset = "{preset}"\n')
    roster = found.roster()
    if act == "add":
        roster.add(found.asked(name="new", address="rtsp://h/3", to=[f"record:{tmp_path}/kept"]))
    else:
        roster.remove(found.asked(camera="two"))
    preset.write_text(f"targets = []\nzones = [{{ polygon = {ZONE.replace('40', '20')} }}]\n")
    before = found.path.read_text()
    with pytest.raises(UsageError, match="a preset was edited meanwhile"):
        roster.undo(found.asked())
    assert found.path.read_text() == before
    preset.write_text(f"targets = []\nzones = [{{ polygon = {ZONE} }}]\n")
    roster.undo(found.asked())
    assert list(found.accepted.fleet.cameras) == ["one", "two"]


def test_what_is_written_can_be_undone_and_leaves_no_password_even_if_it_is_not_in_force_in_time(
    tmp_path: Path,
) -> None:
    found = still(tmp_path, {"nvr1": NVR + "1", "two": "rtsp://h/2"})
    roster, file, found.late = found.roster(), found.secrets / "nvr1", True
    with pytest.raises(OutputError, match="not in force yet"):
        roster.remove(found.asked(camera="nvr1"))
    assert not file.exists()
    with pytest.raises(OutputError, match="not in force yet"):
        roster.undo(found.asked())
    assert file.read_text() == f"{PASSWORD}-nvr1\n"
    assert not roster.listing()["undo"]
    asked = {"name": "new", "address": "rtsp://10.0.0.9/1", "user": "u", "password": "another-password"}
    with pytest.raises(OutputError, match="not in force yet"):
        roster.add(found.asked(**asked, to=[f"record:{tmp_path}/kept"]))
    assert (found.secrets / "new").exists()
    assert roster.listing()["undo"]
    with pytest.raises(OutputError, match="not in force yet"):
        roster.undo(found.asked())
    assert not (found.secrets / "new").exists()
    assert found.changed == []


def test_a_file_of_cameras_that_is_private_is_never_readable_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, seen = still(tmp_path, {"one": "rtsp://h/1", "two": "rtsp://h/2"}), list[int]()
    found.path.chmod(0o600)
    really = Path.replace

    def replaced(temporary: Path, target: Path) -> Path:
        if Path(target) == found.path.resolve():
            seen.append(stat.S_IMODE(temporary.stat().st_mode))
        return really(temporary, target)

    monkeypatch.setattr(Path, "replace", replaced)
    found.roster().remove(found.asked(camera="two"))
    assert (seen, stat.S_IMODE(found.path.stat().st_mode)) == ([0o600], 0o600)


def test_only_cameras_with_other_settings_are_waited_for(tmp_path: Path) -> None:
    found = still(tmp_path, {"one": "rtsp://h/1", "two": "rtsp://h/2"})
    zone = f"[cameras.one]\nsettings.zones = [{{ polygon = {ZONE} }}]"
    text = found.path.read_text().replace("[cameras.one]", zone)
    CamerasFile(found).write(checked(found.path, text), "zones", "Ada", lambda: None)
    assert found.changed == ["one"]


def test_a_camera_that_nobody_reaches_holds_up_no_change_of_another(tmp_path: Path) -> None:
    found = still(tmp_path, {"one": "rtsp://h/1"})
    supervisor = object.__new__(_Supervisor)
    supervisor.path, supervisor._changes = found.path, SimpleQueue()
    ready, silent = SimpleNamespace(in_force=Event()), SimpleNamespace(in_force=Event())
    ready.in_force.set()
    supervisor.children = {"one": ready, "two": silent}  # type: ignore[dict-item]
    Thread(target=lambda: supervisor._changes.get()[1].set(), daemon=True).start()
    began = monotonic()
    supervisor.change(found.accepted, ["one"])
    assert monotonic() - began < _KILL_AFTER


def test_the_picture_of_a_test_never_shows_a_face() -> None:
    """Only what would be released leaves the process of the test."""
    tryout, judged, bound = TryOut(), 0, Bound(60)
    patient = replace(FAST, live=Live(lookahead=2.0))  # a busy machine hides less
    stream_of(range(400))  # the camera sends at once
    with street_camera() as camera:
        tryout.begin(camera.address, Transport.AUTO, patient)
        try:
            last = None

            def another() -> bool:
                now = tryout.as_dict()
                assert now["state"] in ("connecting", "connected"), now
                return now["picture"] not in (None, last)

            while judged < 4 and not bound.over():
                until(another, 40, "a picture comes")
                shown = tryout.shown
                assert shown is not None
                last = shown.number
                picture: Any = cv2.imdecode(np.frombuffer(shown.jpeg, np.uint8), cv2.IMREAD_COLOR)
                grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
                luma = np.asarray(np.round(16 + grey * 219 / 255), np.uint8)
                number = clock.read(luma)
                if number is not None:
                    judged += 1
                    assert not exposed(luma, number), number
        finally:
            tryout.end()
    assert judged == 4, "no picture showed the scene"
    assert tryout.shown is None


def test_a_test_that_is_ended_while_somebody_asks_has_no_picture() -> None:
    class Ended(Shown):
        def __bool__(self) -> bool:
            tryout.shown = None
            return True

    tryout = TryOut()
    tryout.shown = Ended(3, b"", (1280, 720))
    assert tryout.as_dict() == {"state": "idle", "picture": 3}


def test_the_test_of_an_srt_camera_leaves_its_port_free() -> None:
    port, tryout = free_port(), TryOut()

    def taken() -> bool:
        with socket(AF_INET, SOCK_DGRAM) as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                return True
        return False

    tryout.begin(f"srt://127.0.0.1:{port}?mode=listener", Transport.AUTO, FAST)
    try:
        until(taken, 60, "it listens")
    finally:
        tryout.end()
    until(lambda: not taken(), 10, "the port is free")


def test_a_test_that_nobody_asks_about_lets_the_camera_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anonymize.live.control_room.tryout.FORGOTTEN", 1.0)
    tryout = TryOut()
    stream_of(range(400))
    with street_camera() as camera:
        tryout.begin(camera.address, Transport.AUTO, FAST)
        thread = tryout._thread  # asking would keep it alive
        assert thread is not None
        until(lambda: not thread.is_alive(), 30, "it ends")
    assert tryout.as_dict() == {"state": "over", "picture": None}


@pytest.mark.parametrize(
    ("asked", "source", "secret"),
    [
        ({"address": "rtsp://10.0.0.5/stream1"}, "rtsp://10.0.0.5/stream1", ""),
        ({"address": "0"}, "0", ""),
        ({"address": "rtsp://h/1", "user": "a b", "password": "p@s/s"}, "rtsp://a%20b:${file:/x}@h/1", "p@s/s"),
        ({"address": "rtsp://u:p@ss%2F1@h:554/1"}, "rtsp://u:${file:/x}@h:554/1", "p@ss/1"),
        ({"address": "rtsp://h/1", "user": "u"}, "rtsp://u@h/1", ""),
        ({"address": "http://h/v.cgi?user=u&pwd=s3cret9"}, "@file:/x", "http://h/v.cgi?user=u&pwd=s3cret9"),
        (
            {"address": "http://h/v.cgi?pwd=s3cret9", "user": "u", "password": "p!"},
            "@file:/x",
            "http://u:p%21@h/v.cgi?pwd=s3cret9",
        ),
    ],
)
def test_how_an_address_is_written_and_what_is_kept_apart(
    asked: dict[str, Any], source: str, secret: str, tmp_path: Path
) -> None:
    camera = typed({"name": "gate"} | asked)
    assert (camera.source(Path("/x")), camera.secret()) == (source, secret)
    file = tmp_path / "kept"
    file.write_text(secret + "\n")
    assert resolve(camera.source(file)) == camera.whole, "both lead to the same address"
    assert not secret or secret not in repr(camera)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("[cameras.one]\nsource = '0' # the gate", ["source = '0' # the gate"]),
        ("# top\n[cameras.one]\nsource = '0'\n[cameras.one.settings]\ntargets = []\n# end\n", ["# top", "# end"]),
        ("[cameras]\none.source = '0' # dotted\n", ["# dotted"]),
        ("[[cameras.one.settings.zones]] # a window\npolygon = []\n", ["# a window"]),
    ],
)
@pytest.mark.parametrize("name", ["two", "gate.north"])
def test_a_camera_is_written_and_taken_out_however_the_file_is_written(text: str, kept: list[str], name: str) -> None:
    values = {"source": 'rtsp://h/"x"', "to": ["record:/a b"]}
    made = with_camera(text, name, values)
    assert tomllib.loads(made)["cameras"][name] == values
    assert made.startswith(text)
    again = without_camera(made, name)
    assert tomllib.loads(again) == tomllib.loads(text)
    assert all(words in again for words in kept)
    first = without_camera(made, "one")
    assert tomllib.loads(first)["cameras"] == {name: values}


def test_a_file_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be changed here"):
        without_camera("[cameras.two]\n", "one")


@needs_chromium
def test_a_camera_is_added_by_mouse_and_removed_by_keyboard(
    both: Both,
    chromium: Browser,  # noqa: F811
    tmp_path: Path,
) -> None:
    started, client = both
    text = started.path.read_text()
    with gate(tmp_path) as address, window(chromium) as page:
        page.goto(f"http://127.0.0.1:{client.port}/{TOKEN}/")
        page.get_by_role("button", name="Add or remove cameras").click()
        page.locator("#new-name").click()
        page.keyboard.type("gate")
        expect(page.locator("#new-to")).to_have_value(f"record:{started.path.parent}/gate")
        for field, words in (("address", address), ("user", "viewer"), ("password", "wrong-and-long")):
            page.locator(f"#new-{field}").click()
            page.keyboard.type(words)
        page.locator("#new-test").click()
        expect(page.locator("#new-found")).to_contain_text("No picture:", timeout=60_000)
        page.fill("#new-password", PASSWORD)
        page.locator("#new-test").click()
        expect(page.locator("#new-found")).to_contain_text("It answers: H.264, 320 × 240, 25", timeout=60_000)
        expect(page.locator("#new-picture")).to_have_js_property("naturalWidth", 320, timeout=60_000)
        expect(page.locator("#new-shown")).to_contain_text("As it would be released.")
        page.locator("#new-save").click()
        expect(page.locator("#new-error")).to_contain_text("Give your name")
        page.fill("#new-by", "Ada")
        page.locator("#new-save").click()
        expect(page.locator("#roster-log li").first).to_contain_text("gate added by Ada")
        expect(page.locator("#message")).to_have_text("gate is written and started.")
        expect(page.locator("#new-password")).to_have_value("")
        assert PASSWORD not in page.content()
        for width, height in ((1280, 720), (390, 800)):
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.locator("#roster").evaluate("(one) => one.scrollWidth - one.clientWidth") <= 1

        page.locator("#roster-undo").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#roster-log li").first).to_contain_text("adding gate undone by Ada")
        page.locator("#new-name").focus()
        for words in ("gate", address, "viewer", PASSWORD, "", ""):
            page.keyboard.type(words)
            page.keyboard.press("Tab")
        expect(page.locator("#new-keep")).to_be_focused()
        page.keyboard.type("7d")
        page.keyboard.press("Enter")
        expect(page.locator("#new-gone option")).to_have_count(2)
        page.locator("#new-gone").focus()
        page.keyboard.press("End")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#roster-log li").first).to_contain_text("gate removed by Ada")
        page.keyboard.press("Escape")
        expect(page.locator("#roster")).to_be_hidden()
    assert started.path.read_text() == text
    assert PASSWORD not in everything(started.path.parent) + str(started.lines)
