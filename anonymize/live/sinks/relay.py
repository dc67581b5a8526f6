"""A program that reads packets from standard input and sends them to a stream server.

Like ``ffmpeg -c copy``, but it reads the address from standard input too, so that a password in it is never in an
argument list. Run by path, without the package. Input: a line of JSON (`address`, `form`, `options`), then NUT. Output:
``connected`` once the server has answered, then ``sent=SECONDS`` about once a second. If the server is lost: exit code
1 and a line on standard error.
"""

import json
import sys
import time
from io import RawIOBase
from typing import BinaryIO

import av


def main() -> int:
    """Relay until standard input ends."""
    # Unbuffered: a buffered read would consume the start of the NUT stream, and wait for more than one packet.
    incoming = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - open as long as the process
    request = json.loads(incoming.readline())
    try:
        relay(incoming, request["address"], request["form"], request["options"])
    except (av.error.FFmpegError, OSError) as error:
        sys.stderr.write(f"{error.strerror or type(error).__name__}\n")
        return 1
    return 0


def relay(incoming: BinaryIO | RawIOBase, address: str, form: str, options: dict[str, str]) -> None:
    """Copy every packet to a server, timestamps unchanged.

    Args:
        incoming: NUT.
        address: of the server.
        form: FFmpeg's container name.
        options: of the container and the protocol.
    """
    reported = 0.0
    # NUT's header is enough. (FFmpeg's "nobuffer" would discard the first key picture.)
    source = av.open(incoming, "r", format="nut", options={"probesize": "32", "analyzeduration": "0"})
    sink = av.open(address, "w", format=form, container_options=options)
    with source, sink:
        tracks = [sink.add_stream_from_template(stream) for stream in source.streams]
        sink.start_encoding()
        _report("connected")
        for packet in source.demux():
            if packet.pts is None or packet.time_base is None:
                continue
            time_sent = float(packet.pts * packet.time_base)
            packet.stream = tracks[packet.stream.index]
            sink.mux(packet)
            if time.monotonic() - reported >= 1:
                reported = time.monotonic()
                _report(f"sent={time_sent:.3f}")


def _report(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
