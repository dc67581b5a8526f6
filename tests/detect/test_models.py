"""The registry: nothing unverified is used, nothing is downloaded unasked, nothing half-written is left."""

from __future__ import annotations

import hashlib
import io
import urllib.parse
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage

from anonymize import models
from anonymize.data import Kind
from anonymize.detect.centerface import CenterFace
from anonymize.errors import ModelError
from anonymize.models import ModelState, registry
from anonymize.models.runtime import flexible
from anonymize.track.pairs import iou
from training.sources import SOURCES

CONTENT = b"weights"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user's folder, and `yunet` registered with the contents `CONTENT`."""
    monkeypatch.setenv("ANONYMIZE_MODELS", str(tmp_path / "models"))
    fake = models.find("yunet")
    changed = {name: getattr(fake, name) for name in fake.__dataclass_fields__}
    changed |= {"sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}
    monkeypatch.setitem(registry._registry(), "yunet", models.Model(**changed))
    return tmp_path / "models"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "some.onnx"
    path.write_bytes(CONTENT)
    return path


def test_every_entry_is_complete() -> None:
    for model in models.list_models():
        assert len(model.sha256) == 64
        assert model.size > 0
        assert model.kinds
        assert all((model.licence, model.source, model.install, model.trained_on, model.recall))
        assert model.where in ("package", "user", "shipped")
        assert (model.where == "package") == bool(model.package)
        assert not model.url or model.url.startswith("https://")


def test_the_default_model_is_there_and_sound() -> None:
    assert models.verify()["centerface"] is ModelState.OK
    path = models.locate("centerface")
    assert path.stat().st_size == models.find("centerface").size
    assert models.find("centerface").kinds == (Kind.FACE,)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelError, match=r"'resnet'.*centerface"):
        models.locate("resnet")


def test_an_absent_model_says_how_to_get_it(folder: Path) -> None:
    assert models.verify()["yunet"] is ModelState.ABSENT
    with pytest.raises(ModelError, match=r"not installed.*models import yunet"):
        models.locate("yunet")


def test_an_altered_model_is_not_used(folder: Path) -> None:
    folder.mkdir()
    (folder / models.find("yunet").file).write_bytes(b"other weights")
    assert models.verify()["yunet"] is ModelState.ALTERED
    with pytest.raises(ModelError, match="sha256 differs"):
        models.read("yunet")


def test_import_checks_and_stores(folder: Path, source: Path) -> None:
    stored = models.import_model("yunet", source)
    assert stored.parent == folder
    assert models.locate("yunet") == stored
    assert models.read("yunet") == CONTENT
    assert models.verify()["yunet"] is ModelState.OK


def test_import_refuses_another_file_and_leaves_nothing(folder: Path, source: Path) -> None:
    source.write_bytes(CONTENT + b"!")
    with pytest.raises(ModelError, match="nothing was imported"):
        models.import_model("yunet", source)
    assert not folder.exists()


def test_import_of_a_missing_file(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        models.import_model("yunet", tmp_path / "absent.onnx")


def test_import_where_nothing_can_be_written(source: Path, folder: Path, tmp_path: Path) -> None:
    folder.write_text("a file where the folder should be")
    with pytest.raises(ModelError, match="cannot make this folder"):
        models.import_model("yunet", source)


def test_a_packaged_model_is_not_imported(source: Path) -> None:
    with pytest.raises(ModelError, match="comes with a package"):
        models.import_model("centerface", source)


def test_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ANONYMIZE_MODELS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert registry.user_folder() == tmp_path / "anonymize" / "models"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert registry.user_folder() == Path.home() / ".local" / "share" / "anonymize" / "models"


class Server(urllib.request.HTTPSHandler):
    """Answers every https request by itself, without a network: the first by a redirect where `location` is given."""

    def __init__(self, content: bytes | None = None, location: str = "") -> None:
        super().__init__()
        self.content, self.location = content, location
        self.asked: list[str | None] = []

    def https_open(self, request: urllib.request.Request) -> Any:
        if self.content is None and not self.location:
            raise urllib.error.URLError("no route to host")
        headers = urllib.request.http.client.HTTPMessage()  # type: ignore[attr-defined]
        self.asked.append(urllib.parse.urlsplit(request.full_url).hostname)
        redirect = bool(self.location) and len(self.asked) == 1
        if redirect:
            headers["Location"] = self.location
        answer = urllib.response.addinfourl(
            io.BytesIO(self.content or b""), headers, request.full_url, 302 if redirect else 200
        )
        answer.msg = "Found" if redirect else "OK"  # type: ignore[attr-defined]
        return answer


def serve(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    opener = urllib.request.build_opener
    monkeypatch.setattr(urllib.request, "build_opener", lambda *handlers: opener(server, *handlers))


def test_fetch_stores_what_was_registered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, Server(CONTENT))
    assert models.fetch("yunet").read_bytes() == CONTENT


@pytest.mark.parametrize("content", [b"", b"weightz", CONTENT + b" and more" * 1000])
def test_fetch_refuses_anything_else(folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    serve(monkeypatch, Server(content))
    with pytest.raises(ModelError, match="nothing was imported"):
        models.fetch("yunet")
    assert not folder.exists()


def test_fetch_without_a_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, Server())
    with pytest.raises(ModelError, match=r"no route to host.*models import yunet FILE"):
        models.fetch("yunet")


def test_fetch_follows_redirects_to_https_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, Server(location="http://example.org/weights"))
    with pytest.raises(ModelError, match="not https"):
        models.fetch("yunet")


@pytest.mark.parametrize(
    "location",
    [
        "https://example.org/weights",
        "https://github.com.example.org/weights",
        "https://github.com@example.org/weights",
        "https://github.com:8443/weights",
        "//example.org/weights",
    ],
)
def test_fetch_follows_no_redirect_to_a_host_that_is_not_registered(
    folder: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    server = Server(CONTENT, location)
    serve(monkeypatch, server)
    with pytest.raises(ModelError, match=r"no registered host of this model.*models import yunet FILE"):
        models.fetch("yunet")
    assert server.asked == ["github.com"]
    assert not folder.exists()


@pytest.mark.parametrize("host", ["github.com", *models.find("yunet").hosts])
def test_fetch_follows_redirects_to_registered_hosts(folder: Path, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    server = Server(CONTENT, f"https://{host}/weights")
    serve(monkeypatch, server)
    assert models.fetch("yunet").read_bytes() == CONTENT
    assert server.asked == ["github.com", host]


def test_fetch_needs_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="comes with a package"):
        models.fetch("centerface")


def test_a_session_takes_any_size_and_runs_on_the_processor_only() -> None:
    session = models.session("centerface", threads=1)
    assert session.device_report == "cpu"
    assert session._made is not None
    assert session._made.get_providers() == ["CPUExecutionProvider"]
    for height, width in ((32, 64), (96, 32)):
        (heat,) = session.run(["537"], {"input.1": np.zeros((1, 3, height, width), np.float32)})
        assert heat.shape == (1, 1, height // 4, width // 4)


def test_a_session_needs_a_model_that_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anonymize.models.runtime.read", lambda _: b"no model at all")
    with pytest.raises(ModelError, match="cannot run the model 'yunet'"):
        models.session("yunet")


def test_eight_bits_find_what_thirty_two_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same faces at the same scores, near enough, from close by to far away."""
    picture = cv2.imread(str(Path(skimage.__file__).parent / "data" / "astronaut.png"))
    street = np.random.default_rng(1).integers(60, 160, (480, 1280, 3), np.uint8)
    for number, side in enumerate((40, 60, 90, 140, 200, 300)):
        head = cv2.resize(picture[30:230, 120:320], (side, side), interpolation=cv2.INTER_AREA)
        street[100 : 100 + side, 200 * number : 200 * number + side] = head[:, : 1280 - 200 * number]
    rounded = CenterFace(1)
    known = models.find("centerface")
    monkeypatch.setattr("anonymize.models.runtime.find", lambda _: replace(known, on_cpu=""))
    exact = CenterFace(1)
    assert (rounded.sha256, exact.sha256) == (models.find("centerface-int8").sha256, known.sha256)
    first, second = rounded.detect(street), exact.detect(street)
    first, second = first.select(first.score > 0.5), second.select(second.score > 0.5)
    assert len(first) == len(second) == 6
    nearest = iou(first.xyxy[:, None], second.xyxy[None, :])
    assert nearest.max(axis=1).min() > 0.85
    assert np.abs(first.score - second.score[nearest.argmax(axis=1)]).max() < 0.1


def test_flexible_leaves_only_real_inputs() -> None:
    import onnx

    graph = onnx.load_from_string(flexible(models.read("centerface"))).graph
    assert [value.name for value in graph.input] == ["input.1"]
    dims = graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in dims] == [1, 3, "height", "width"]


def test_every_model_has_a_card_and_ours_names_every_set_it_was_made_from() -> None:
    card = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    for model in models.list_models():
        assert f"| [{model.name}](#" in card
    assert models.find("argus").sha256 in card
    for source in SOURCES:
        assert source.name in card
        if source.ships:
            assert f"| {source.name} | {source.licence.replace(' (uploader)', ' by its uploader')} |" in card


def test_what_reports_say_of_argus_is_the_estimate_for_unknown_streets_and_stands_in_its_card() -> None:
    card = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    assert "| 640 | .275 | 995 | .956 |" in card
    assert ".569 from half on (1,110; .540 to .598) |" in card
    for name in ("argus", "argus-int8"):
        told = models.find(name).recall
        assert "it does not know" in told.partition(".956 of 995 (.941-.967)")[0]
        assert "faces" in told.partition(".569 of 1,110 from half on (.540-.598")[0]
        assert told.index(".956") < told.index(".65") < told.index("of 208")
    plates, faces = models.find("argus").recall.split("; faces at ")
    for text, cell, which, widths in (
        (plates, 2, 0, ("16-24", "24-32", "32-64", "64-128", "128-256")),
        (faces, 3, -1, ("24-32", "32-64", "64-128", "128-256")),
    ):
        for width in widths:
            row = [line for line in card.splitlines() if line.startswith(f"| {width} |")][which]
            count, share = row.split("|")[cell].split("/")[0].split(":")
            assert f"{share.strip()} of {count.strip()}" in text
