"""The options that only `live` has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymize.cli.options import OUTPUT, RUN, word
from anonymize.settings import Audio

Source = Annotated[
    str | None,
    typer.Argument(
        help="A camera (0, /dev/video0), an rtsp://, rtmp://, http://, srt:// or udp:// address, a file, or - for "
        "standard input. Write passwords as ${NAME} or ${file:/path}.",
        metavar="SOURCE",
        show_default=False,
    ),
]
Sinks = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        metavar="ADDRESS",
        help="Where it goes: rtsp://, rtmp:// or srt:// address, hls:FOLDER, record:FOLDER, /dev/videoN (a virtual "
        "camera), - (MPEG-TS on standard output) or y4m:-. Repeatable.",
        show_default=False,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="Several cameras, from a TOML file: see docs/live.md.",
        metavar="FILE",
        show_default=False,
    ),
]
LiveAudio = Annotated[
    Audio,
    typer.Option("--audio", help="What becomes of the sound.", parser=word(Audio), metavar="keep|mute"),
]
LiveQuality = Annotated[
    int,
    typer.Option(
        "--quality",
        help="0 (best, largest) to 51, on x264's scale.",
        min=0,
        max=51,
        metavar="0..51",
        rich_help_panel=OUTPUT,
    ),
]
Lookahead = Annotated[
    float | None,
    typer.Option(
        help="How long a frame waits, so that a face is covered from its first frame.",
        metavar="SECONDS",
        show_default="the preset's",
        rich_help_panel=RUN,
    ),
]
Loop = Annotated[bool, typer.Option("--loop", help="Play a file again and again.", rich_help_panel=RUN)]
KeepFor = Annotated[
    str,
    typer.Option(
        "--keep",
        help="How long recordings are kept: 36h, 7d ...",
        metavar="TIME",
        show_default="for ever",
        rich_help_panel=OUTPUT,
    ),
]
SegmentLength = Annotated[
    float,
    typer.Option(
        "--segment",
        help="Length of a recording's files, 1 to 86400.",
        min=1,
        max=86_400,
        metavar="SECONDS",
        rich_help_panel=OUTPUT,
    ),
]
PreviewPort = Annotated[
    int | None,
    typer.Option(
        "--preview",
        help="Serve a page with the anonymised picture on this port of 127.0.0.1; 0: any that is free.",
        min=0,
        max=65_535,
        metavar="PORT",
        show_default="no page",
        rich_help_panel=RUN,
    ),
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics",
        help="Serve /metrics (Prometheus) and /healthz on this port of 127.0.0.1.",
        min=0,
        max=65_535,
        metavar="PORT",
        show_default="none",
        rich_help_panel=RUN,
    ),
]
