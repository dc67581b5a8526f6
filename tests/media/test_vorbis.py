import pytest

from anonymize.media.audio.vorbis import without_comments

FIRST = b"\x01vorbis" + bytes(23)
COMMENT = b"\x03vorbis" + b"encoder=somebody;TITLE=secret" * 20
SETUP = b"\x05vorbis" + bytes(range(256)) * 3


def laced() -> bytes:
    return (
        b"\x02"
        + bytes([len(FIRST)])
        + b"\xff" * (len(COMMENT) // 255)
        + bytes([len(COMMENT) % 255])
        + FIRST
        + COMMENT
        + SETUP
    )


def counted() -> bytes:
    return b"".join(len(header).to_bytes(2, "big") + header for header in (FIRST, COMMENT, SETUP))


@pytest.mark.parametrize("joined", [laced(), counted()])
def test_only_the_comments_go(joined: bytes) -> None:
    emptied = without_comments(joined)
    assert b"secret" not in emptied
    assert b"somebody" not in emptied
    assert emptied.endswith(FIRST + b"\x03vorbis" + bytes(8) + b"\x01" + SETUP)
    assert without_comments(emptied) == emptied


@pytest.mark.parametrize("broken", [b"", b"abc", b"\x02\x01\x01ab"])
def test_anything_else_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match="expected three headers"):
        without_comments(broken)
