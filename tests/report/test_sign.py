import json
import stat

import pytest

from anonymize.errors import OutputError, ReportError, UsageError
from anonymize.kinds import Verdict
from anonymize.report import Report, read, sha256, write
from anonymize.report.sign import canonical, check, keygen, sign, sign_file
from tests.cli.test_cli import anonymize


@pytest.fixture
def key(tmp_path):
    keygen(tmp_path / "court.key")
    return tmp_path / "court.key"


@pytest.fixture
def report(tmp_path):
    """A report of two files, unsigned."""
    for name in ("source", "output"):
        (tmp_path / f"{name}.mp4").write_bytes(name.encode())
    made = Report(
        Verdict.PASS,
        source={"sha256": sha256(tmp_path / "source.mp4"), "frames": 3, "duration": 0.08},
        output={"sha256": sha256(tmp_path / "output.mp4"), "notes": ["ä"]},
    )
    write(made, tmp_path / "a.report.json")
    return tmp_path / "a.report.json"


def change(path, edit):
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_what_was_signed_holds(report, key):
    name = sign_file(report, key)
    public = key.with_name("court.key.pub")
    assert check(read(report)).known is False
    assert check(read(report), public).key == name
    assert f"key {name}" in report.with_suffix(".html").read_text()


def test_layout_and_order_do_not_matter(report, key):
    sign_file(report, key)
    content = read(report)
    report.write_text(json.dumps(dict(reversed(content.items())), indent=7, ensure_ascii=True))
    assert check(read(report)).key == content["signature"]["key"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda r: r.update(verdict="pass-with-doubts"),
        lambda r: r["source"].update(frames=4),
        lambda r: r["output"].update(sha256="0" * 64),
        lambda r: r["output"]["notes"].append("a note"),
        lambda r: r["settings"].update(zones=[]),
        lambda r: r.update(created="2020-01-01T00:00:00Z"),
        lambda r: r["signature"].update(value="0" * 128),
        lambda r: r["signature"].update(key="1" * 64),
    ],
    ids=["verdict", "number", "hash", "list", "empty list", "date", "value", "key"],
)
def test_any_change_is_noticed(report, key, edit):
    sign_file(report, key)
    change(report, edit)
    with pytest.raises(ReportError, match="changed after it was signed"):
        check(read(report))


def test_another_key_is_not_the_one_that_signed(report, key, tmp_path):
    sign_file(report, key)
    other, _ = keygen(tmp_path / "other.key")
    with pytest.raises(ReportError, match="signed with another key"):
        check(read(report), other)


def test_a_report_that_someone_signed_anew_is_not_the_courts(report, key, tmp_path):
    sign_file(report, key)
    keygen(tmp_path / "other.key")
    change(report, lambda r: r.update(verdict="pass-with-doubts"))
    sign_file(report, tmp_path / "other.key", force=True)
    assert not check(read(report)).known
    with pytest.raises(ReportError, match="another key"):
        check(read(report), key.with_name("court.key.pub"))


def test_files_are_compared(report, key, tmp_path):
    sign_file(report, key)
    content = read(report)
    both = {"source": tmp_path / "source.mp4", "output": tmp_path / "output.mp4"}
    assert check(content, **both).files == ("source", "output")
    with pytest.raises(ReportError, match=r"source\.mp4 is not the output"):
        check(content, output=tmp_path / "source.mp4")
    with pytest.raises(ReportError, match="cannot read it"):
        check(content, output=tmp_path / "gone.mp4")


def test_a_report_without_a_hash_compares_nothing(key, tmp_path):
    signed = sign(Report(Verdict.FAIL, error="no faces were looked for").as_dict(), key)
    with pytest.raises(ReportError, match="does not hold the hash"):
        check(signed, output=key)


def test_an_unsigned_report_says_so(report):
    with pytest.raises(ReportError, match="not signed"):
        check(read(report))


def test_a_signed_report_is_not_signed_again_unasked(report, key):
    sign_file(report, key)
    with pytest.raises(ReportError, match="--force"):
        sign_file(report, key)


def test_canonical_json_is_that_of_rfc_8785():
    assert canonical({"b": [1.0, 1e21, 0.002], "a": "é\u20ac\n", "signature": {}}) == (
        '{"a":"é€\\n","b":[1,1e+21,0.002]}'.encode()
    )
    with pytest.raises(ReportError, match="no canonical form"):
        canonical({"a": float("nan")})


def test_keys_are_private_and_never_replaced(key, tmp_path):
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    with pytest.raises(OutputError, match="never replaced"):
        keygen(key)
    key.with_name("court.key.pub").unlink()
    with pytest.raises(OutputError, match="never replaced"):
        keygen(key)
    assert key.read_bytes() == before


def test_a_passphrase_protects_the_key(report, tmp_path):
    keygen(tmp_path / "locked.key", "open sesame")
    assert "open sesame" not in (tmp_path / "locked.key").read_text()
    with pytest.raises(UsageError, match="ANONYMIZE_KEY_PASSPHRASE"):
        sign_file(report, tmp_path / "locked.key")
    with pytest.raises(UsageError, match="passphrase"):
        sign_file(report, tmp_path / "locked.key", "open barley")
    assert sign_file(report, tmp_path / "locked.key", "open sesame")


def test_what_is_no_key_is_refused(report, key, tmp_path):
    with pytest.raises(UsageError, match="cannot read this key"):
        sign_file(report, tmp_path / "gone")
    with pytest.raises(UsageError, match="not a private key"):
        sign_file(report, key.with_name("court.key.pub"))
    sign_file(report, key)
    with pytest.raises(UsageError, match="not a public key"):
        check(read(report), key)


def test_the_commands(report, tmp_path):
    key, public = tmp_path / "court.key", tmp_path / "court.key.pub"
    assert anonymize("report", "keygen", key).returncode == 0
    assert anonymize("report", "sign", report, "--key", key).returncode == 0
    done = anonymize("report", "check", report, "--key", public, "--output", tmp_path / "output.mp4", "--json")
    assert json.loads(done.stdout.splitlines()[0])["compared"] == ["output"]
    change(report, lambda r: r.update(error="all is well"))
    done = anonymize("report", "check", report)
    assert (done.returncode, "Traceback" in done.stderr) == (12, False)
    assert f"{report}: the signature does not hold: the report was changed after it was signed" in done.stderr
