"""A program of its own: takes packets on standard input and sends them to a stream server.

It does what ``ffmpeg -c copy`` does, but reads the address from standard input too, so that a password in it never
stands in an argument list. Run by path, without the package: first a line of JSON (`address`, `form`, `options`), then
NUT. It prints ``connected`` once the server has answered, and ``sent=SECONDS`` about once a second. Exit code 1 and a
line on standard error when the server is lost.
"""

import json
import sys
import time
from io import RawIOBase
from typing import BinaryIO

import av


def main() -> int:
    """Relay until standard input ends."""
    # Unbuffered: a buffered read would take the beginning of what follows with it, and wait for more than a packet.
    incoming = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - it lives as long as the process
    order = json.loads(incoming.readline())
    try:
        relay(incoming, order["address"], order["form"], order["options"])
    except (av.error.FFmpegError, OSError) as error:
        sys.stderr.write(f"{error.strerror or type(error).__name__}\n")
        return 1
    return 0


def relay(incoming: BinaryIO | RawIOBase, address: str, form: str, options: dict[str, str]) -> None:
    """Copy every packet from `incoming` to `address`, timestamps as they are."""
    said = 0.0
    # What NUT's header says is enough. (FFmpeg's "nobuffer" would throw the first key picture away.)
    source = av.open(incoming, "r", format="nut", options={"probesize": "32", "analyzeduration": "0"})
    sink = av.open(address, "w", format=form, container_options=options)
    with source, sink:
        tracks = [sink.add_stream_from_template(stream) for stream in source.streams]
        sink.start_encoding()
        _say("connected")
        for packet in source.demux():
            if packet.pts is None or packet.time_base is None:
                continue
            time_sent = float(packet.pts * packet.time_base)
            packet.stream = tracks[packet.stream.index]
            sink.mux(packet)
            if time.monotonic() - said >= 1:
                said = time.monotonic()
                _say(f"sent={time_sent:.3f}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
