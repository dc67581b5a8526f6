"""Metadata put into finished files on purpose: by FFmpeg where it can, byte by byte where it would not."""

import struct
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext

from anonymize.data import Timestamps
from anonymize.media import open_sink, open_source
from anonymize.settings import Output
from anonymize.verify.structure import Wanted, is_picture, of_picture, of_video

Plant = Callable[[Path, Path], Path]
"""Makes of a finished file another that holds what it should not."""
SECRET = b"Alex Example, 59.9139N 10.7522E"
UUID = bytes(range(16))


def carried(source: Path, target: Path, output: Output) -> Path:
    """What our writer makes of `source`."""
    with open_source(source) as opened, open_sink(target, opened, output) as sink:
        for frame in opened.frames():
            sink.write(frame.writable())
        sink.finish()
    return target


def complaints(path: Path, source: Path | None) -> str:
    """What is wrong with the structure of `path`, with its source at hand or without."""
    wanted = None
    if source:
        with open_source(source) as opened:
            times = Timestamps()
            for frame in opened.frames():
                times.append(frame)
            wanted = Wanted.of(opened, times)
    if is_picture(path):
        return "; ".join(of_picture(path, wanted))
    with open_source(path) as result:
        for _ in result.frames():
            continue
        return "; ".join(of_video(path, result.info, wanted))


def remuxed(
    path: Path,
    target: Path,
    *,
    tags: Mapping[str, str] | None = None,
    stream_tags: Mapping[str, str] | None = None,
    chapters: bool = False,
    attachment: bool = False,
    cover: bool = False,
    subtitle: str = "",
    data: bool = False,
    options: Mapping[str, str] | None = None,
    change: Callable[[bytes], bytes] | None = None,
    bitexact: bool = True,
) -> Path:
    """Copy all streams of `path` to `target`, pictures as they are (or as `change` makes them), and add things."""
    with av.open(str(path)) as source, av.open(str(target), "w", container_options=dict(options or {})) as out:
        if bitexact:
            out.flags |= 0x400
        out.metadata.update(tags or {})
        copies = {
            s.index: out.add_stream_from_template(s, opaque=True)
            for s in source.streams
            if s.type in ("video", "audio")
        }
        copies[source.streams.video[0].index].metadata.update(stream_tags or {})
        extra = []
        if cover:
            picture = out.add_stream("mjpeg", rate=1)
            picture.width, picture.height, picture.pix_fmt = 16, 16, "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
            blank = av.VideoFrame(16, 16, "yuvj420p")
            blank.pts = 0
            extra = [*picture.encode(blank), *picture.encode(None)]
        if subtitle:
            text = out.add_stream(subtitle)
            assert isinstance(text.codec_context, av.subtitles.codeccontext.SubtitleCodecContext)
            text.codec_context.subtitle_header = b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n\n[Events]\n"
            text.codec_context.time_base = Fraction(1, 1000)
            body = SECRET if subtitle != "mov_text" else len(SECRET).to_bytes(2, "big") + SECRET
            extra.append(_packet(text, body, Fraction(1, 1000)))
        if data:
            extra.append(_packet(out.add_data_stream("bin_data"), SECRET, Fraction(1, 90_000)))
        if attachment:
            out.add_attachment("secret.txt", "text/plain", SECRET)
        if chapters:
            out.set_chapters(
                [{"id": 0, "start": 0, "end": 100, "time_base": Fraction(1, 1000), "metadata": {"title": "home"}}]
            )
        for packet in extra:
            out.mux(packet)
        for packet in source.demux(*(source.streams[i] for i in copies)):
            if packet.dts is None:
                continue
            own = packet
            if change and packet.stream.type == "video":
                own = av.Packet(change(bytes(packet)))
                own.pts, own.dts, own.time_base, own.duration = (
                    packet.pts,
                    packet.dts,
                    packet.time_base,
                    packet.duration,
                )
                own.is_keyframe = packet.is_keyframe
            own.stream = copies[packet.stream.index]
            out.mux(own)
    return target


def _packet(stream: av.stream.Stream, body: bytes, base: Fraction) -> "av.Packet[av.stream.Stream]":
    packet: av.Packet[av.stream.Stream] = av.Packet(body)
    packet.stream, packet.pts, packet.dts, packet.duration, packet.time_base = stream, 0, 0, 100, base
    return packet


def with_sei(path: Path, target: Path, text: str) -> Path:
    """Put a message of an encoder, or of anybody, into every key frame of an H.264 file."""
    with av.open(str(path)) as source, av.open(str(target), "w") as out:
        out.flags |= 0x400
        stream = source.streams.video[0]
        filtered = BitStreamFilterContext(
            f"h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+{text}", stream
        )
        copy = out.add_stream_from_template(stream)
        for packet in source.demux(stream):
            for changed in filtered.filter(packet if packet.dts is not None else None):
                changed.stream = copy
                out.mux(changed)
    return target


def sei(kind: int, body: bytes, hevc: bool = False) -> bytes:
    """An SEI unit of H.264 or H.265, after its length in four bytes."""
    unit = (b"\x4e\x01" if hevc else b"\x06") + bytes([kind, len(body)]) + body + b"\x80"
    return len(unit).to_bytes(4, "big") + unit


CAPTIONS = b"\xb5\x00\x31GA94\x03\x41\xff\xfc\x80\x80\xff"
"""ATSC A/53 closed captions, one pair of bytes."""


def box(kind: bytes, body: bytes) -> bytes:
    """An ISO base media box."""
    return struct.pack(">I", 8 + len(body)) + kind + body


def within_moov(path: Path, target: Path, extra: bytes, where: tuple[bytes, ...] = ()) -> Path:
    """Add `extra` at the end of the moov box (or of the first box that the path `where` within it leads to).

    What follows moves, so the places of samples are moved with it.
    """
    content = bytearray(path.read_bytes())
    start = _find(content, 0, len(content), b"moov")
    media = _find(content, 0, len(content), b"mdat")
    chain, inner = [start], start
    for name in where:
        inner = _find(content, inner + 8, inner + _size(content, inner), name)
        chain.append(inner)
    end = inner + _size(content, inner)
    for place in chain:
        content[place : place + 4] = struct.pack(">I", _size(content, place) + len(extra))
    content[end:end] = extra
    if media > start:
        _shift(content, start, len(extra))
    target.write_bytes(content)
    return target


def _shift(content: bytearray, moov: int, by: int) -> None:
    for kind, width in ((b"stco", 4), (b"co64", 8)):
        place = content.find(kind, moov)
        while place >= 0:
            count = int.from_bytes(content[place + 8 : place + 12], "big")
            for i in range(place + 12, place + 12 + width * count, width):
                content[i : i + width] = (int.from_bytes(content[i : i + width], "big") + by).to_bytes(width, "big")
            place = content.find(kind, place + 4)


def _size(content: bytearray, place: int) -> int:
    return int.from_bytes(content[place : place + 4], "big")


def _find(content: bytearray, start: int, end: int, kind: bytes) -> int:
    while start < end:
        if content[start + 4 : start + 8] == kind:
            return start
        start += _size(content, start)
    raise ValueError(f"no box {kind!r}")


def rewritten(path: Path, target: Path, old: bytes, new: bytes, *, offset: int = 0) -> Path:
    """Overwrite bytes `offset` after the first `old` with `new`."""
    content = bytearray(path.read_bytes())
    place = content.index(old) + offset
    content[place : place + len(new)] = new
    target.write_bytes(content)
    return target


def extended(path: Path, target: Path, extra: bytes) -> Path:
    """Add bytes at the end."""
    target.write_bytes(path.read_bytes() + extra)
    return target


def inserted(path: Path, target: Path, place: int, extra: bytes) -> Path:
    """Add bytes at `place`."""
    content = path.read_bytes()
    target.write_bytes(content[:place] + extra + content[place:])
    return target


def ts_packet(pid: int, body: bytes, *, start: bool = True, counter: int = 0) -> bytes:
    """An MPEG-TS packet with `body`, filled up."""
    head = bytes([0x47, (0x40 if start else 0) | pid >> 8, pid & 0xFF, 0x10 | counter])
    return (head + body)[:188].ljust(188, b"\xff")


def with_program_descriptor(path: Path, target: Path, tag: int, body: bytes) -> Path:
    """Put a descriptor of the program into every program map table of an MPEG-TS file, each of one packet."""
    raw = path.read_bytes()
    packets = [raw[at : at + 188] for at in range(0, len(raw), 188)]
    changed = 0
    for number, packet in enumerate(packets):
        section = packet[5:]
        if not packet[1] & 0x40 or packet[3] & 0x20 or packet[4] != 0 or section[:1] != b"\x02":
            continue
        length = int.from_bytes(section[1:3], "big") & 0x0FFF
        before, streams = int.from_bytes(section[10:12], "big") & 0x0FFF, section[12 : 3 + length - 4]
        held = bytes([tag, len(body)]) + body
        table = section[:1] + (0xB000 | length + len(held)).to_bytes(2, "big") + section[3:10]
        table += (0xF000 | before + len(held)).to_bytes(2, "big") + held + streams
        packets[number] = packet[:5] + (table + _crc(table)).ljust(183, b"\xff")
        changed += 1
    assert changed, "it has no such table"
    target.write_bytes(b"".join(packets))
    return target


def _crc(table: bytes) -> bytes:
    """The checksum of an MPEG-2 table."""
    crc = 0xFFFFFFFF
    for byte in table:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc.to_bytes(4, "big")


def ts_private(body: bytes) -> bytes:
    """An empty MPEG-TS packet whose adaptation field holds private data."""
    return bytes([0x47, 0x1F, 0xFF, 0x20, 183, 0x02, len(body)]) + body.ljust(181, b"\xff")


def appended(extra: bytes) -> Plant:
    """Plants bytes at the end."""
    return lambda path, target: extended(path, target, extra)


def in_moov(extra: bytes, where: tuple[bytes, ...] = ()) -> Plant:
    """Plants a box in the moov box, or in one within it."""
    return lambda path, target: within_moov(path, target, extra, where)


def patched(old: bytes, new: bytes, *, offset: int = 0) -> Plant:
    """Plants `new` in the place of what is there."""
    return lambda path, target: rewritten(path, target, old, new, offset=offset)


def png_chunk(name: bytes, body: bytes) -> bytes:
    """A PNG chunk."""
    import zlib

    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def segment(marker: int, body: bytes) -> bytes:
    """A JPEG segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def webp_with(path: Path, target: Path, name: bytes, body: bytes) -> Path:
    """Add a chunk to a WebP file and correct its length; other chunks stay as they are."""
    content = path.read_bytes()
    chunk = name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    whole = content[8:] + chunk
    target.write_bytes(b"RIFF" + struct.pack("<I", len(whole)) + whole)
    return target


def tiff_with(path: Path, target: Path, entries: Iterable[tuple[int, bytes]]) -> Path:
    """Write the directory of a little-endian TIFF anew at its end, with further tags of bytes."""
    content = path.read_bytes()
    (place,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, place)
    tags = [content[place + 2 + 12 * i : place + 14 + 12 * i] for i in range(count)]
    for tag, body in entries:
        body = body.ljust(5, b"\0")
        tags.append(struct.pack("<HHII", tag, 7, len(body), len(content)))
        content += body
    tags.sort(key=lambda entry: entry[:2][::-1])
    directory = struct.pack("<H", len(tags)) + b"".join(tags) + bytes(4)
    target.write_bytes(content[:4] + struct.pack("<I", len(content)) + content[8:] + directory)
    return target
