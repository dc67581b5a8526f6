"""Every option of every command, in one table. It makes their parameters, help, settings and docs/options.md.

To add an option, add a row to `TABLE` (fields: see `Option`; rows of a command are in the order of its help page). With
`sets`, it changes that setting, and nothing else is to be written; without, the functions of its commands get a
parameter of its name. Then run `make options`. tests/cli/test_options.py checks the rest.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anonymize.presets as presets
from anonymize.cli import values as v
from anonymize.cli.option import MAIN, Option, kind, kinds, named, named_plan, word, word_or_list
from anonymize.settings import Audio, Codec, Device, Settings, Style, Transport

LOOK, OUTPUT, WHERE, RUN = "What to find", "What comes out", "Where and when", "How it runs"
CLUSTER = "On a cluster"
PANELS = (MAIN, OUTPUT, LOOK, WHERE, RUN, CLUSTER)
"""Sections of a help page, in the order in which people need them."""
RENAMED = {
    "--zone": "--hide-zone",
    "--spare": "--show-zone (for things; a person: --show-person)",
    "--only": "--show-outside",
    "--obscure": "--hide-span",
}
"""Former names of options -> their names now."""


FILE = Path | None
PRESETS = "the preset's"
FINDING = "run, detect, verify, live"
"""Commands that run detectors of the user's choice."""

# fmt: off
TABLE = (
    Option("--key -k", "report sign", Path, "FILE", "Your private key.", default=..., shown=False),
    Option("--key -k", "report check", FILE, "FILE", "The public key of the expected signer.", shown=False),
    Option("--source", "verify", FILE, "FILE", "The file that it was made from.", shown=False),
    Option("--plan", "verify", FILE, "FILE", "The plan that was rendered.", shown=False),
    Option("--plan", "review", FILE, "FILE", "The plan to correct.",
           shown="beside the source, as SOURCE-safe.plan.jsonl; made if missing"),
    Option("--plan", "render", Path, "FILE", "The plan to render.", default=..., shown=False),
    Option("--version", "render, verify", str, "NAME",
           "The version of the plan, as `review` names them: who stays visible is decided for each.",
           default="", shown="what holds for all versions"),
    Option("--to", "live", list[str] | None, "ADDRESS",
           "Where to send it: an rtsp://, rtmp:// or srt:// address, hls:FOLDER, record:FOLDER, webrtc:PORT (for "
           "browsers), /dev/videoN (a virtual camera), - (MPEG-TS on stdout) or y4m:-. Repeatable.", shown=False),
    Option("--from", "recordings list, recordings verify", str | None, "TIME",
           "From when on, as 2026-11-29T10:05Z or 2026-11-29T11:05+01:00; UTC if it does not say.",
           shown="the first", to="start"),
    Option("--to", "recordings list, recordings verify", str | None, "TIME", "Until when; 10:06 is on the same day.",
           shown="the last", to="end"),
    Option("--from", "recordings export, recordings hold, recordings release", str, "TIME",
           "From when on, as 2026-11-29T10:05Z or 2026-11-29T11:05+01:00; UTC if it does not say.",
           default=..., shown=False, to="start"),
    Option("--to", "recordings export, recordings hold, recordings release", str, "TIME",
           "Until when; 10:06 is on the same day.", default=..., shown=False, to="end"),
    Option("--config -c", "live", FILE, "FILE", "Several cameras, from a TOML file: see docs/live.md.", shown=False),
    Option("--live", "report dpia", FILE, "FILE",
           "The file of cameras of a running `live --config`: its figures, recordings and logs.", shown=False),
    Option("--output -o", "run, render", str, "FILE",
           "The file to write, or the folder for several inputs.", default=..., shown=False),
    Option("--output -o", "detect", str, "FILE",
           "The plan to write (.jsonl).", default=..., shown=False, more={"callback": named_plan}),
    Option("--output -o", "recordings export", Path, "FILE",
           "The film to write (.mp4).", default=..., shown=False, more={"callback": named}),
    Option("--output -o", "demo", Path, "FOLDER",
           "Folder for the sample and the result.", default=Path("demo"), more={"callback": named}),
    Option("--output -o", "report page", FILE, "FILE",
           "The page to write.", shown="beside the report, with .html", more={"callback": named}),
    Option("--output -o", "report check", FILE, "FILE", "Compare this file with the report's output.", shown=False),
    Option("--output -o", "report dpia", Path, "NAME",
           "The annex to write: NAME.md and NAME.html.", default=..., shown=False, more={"callback": named}),
    Option("--source", "report check", FILE, "FILE", "Compare this file with the report's source.", shown=False),
    Option("--preset -p", "run, detect, review, live, demo, recordings verify", str, "PRESET",
           "Settings for a purpose (`anonymize presets list` names them), or a .toml file.",
           default=presets.DEFAULT, shown="the one named default"),
    Option("--preset -p", "render, verify", str | None, "PRESET",
           "Take style, sound, output and check from this preset or .toml file, not from the plan.",
           shown="as the plan was made"),
    Option("--targets -t", f"{FINDING}, recordings verify", str | None, "WHAT",
           "What to find: faces,heads,persons,plates,text with commas; both is faces,plates; none; live: motion.",
           shown="faces,plates, and heads not seen from behind", sets="targets", convert=v.targets,
           more={"parser": kinds}),
    Option("--detectors", f"{FINDING}, render", str | None, "MODELS",
           "Models to detect with, comma-separated (`anonymize models list` names them).",
           LOOK, shown=PRESETS, sets="detect.detectors", convert=v.names),
    Option("--device", f"{FINDING}, render", Device | None, "DEVICE",
           "Where detectors run; a device that cannot be used is refused. `--device list` shows which can.",
           RUN, shown=PRESETS, sets="detect.device", more={"parser": word_or_list(Device), "is_eager": True}),
    Option("--min-face", FINDING, float | None, "PIXELS",
           "Height of the smallest face to find, 4 or more. Smaller is slower.",
           LOOK, shown=PRESETS, sets="detect.min_face", more={"min": 4}),
    Option("--min-plate", FINDING, float | None, "PIXELS",
           "Width of the smallest plate to find, 4 or more.",
           LOOK, shown=PRESETS, sets="detect.min_plate", more={"min": 4}),
    Option("--min-head", FINDING, float | None, "PIXELS",
           "Height of the smallest head to find, 4 or more.",
           LOOK, shown=PRESETS, sets="detect.smallest.head", more={"min": 4}),
    Option("--min-person", FINDING, float | None, "PIXELS",
           "Height of the smallest person to find, 4 or more.",
           LOOK, shown=PRESETS, sets="detect.smallest.person", more={"min": 4}),
    Option("--style -s", "run, detect, render, live", Style | None, "STYLE",
           "How faces (heads, persons) are removed: solid, mosaic or blur. Plates and text are always solid.",
           shown=PRESETS, sets="redact.face.style", more={"parser": word(Style)}),
    Option("--audio", "run, render", Audio | None, "keep|mute",
           "Keep the sound or leave it out.", shown=PRESETS, sets="output.audio", more={"parser": word(Audio)}),
    Option("--audio", "live", Audio, "keep|mute",
           "Keep the sound or leave it out.", default=Audio.MUTE, more={"parser": word(Audio)}),
    Option("--codec", "run, render", Codec | None, "CODEC",
           "The video encoder, as h264. `--codec list` shows all, and which can be used on this machine.",
           OUTPUT, shown="auto", sets="output.codec", more={"parser": word_or_list(Codec), "is_eager": True}),
    Option("--quality", "run, render", int | None, "0..51",
           "0 (best, largest) to 51, on x264's scale.",
           OUTPUT, shown="about as large as the source", sets="output.quality", more={"min": 0, "max": 51}),
    Option("--quality", "verify", int | None, "0..51",
           "Quality that it was encoded with, 0 (best) to 51, as in its report.",
           OUTPUT, shown="as of a good encoding", sets="output.quality", more={"min": 0, "max": 51}),
    Option("--quality", "live", int, "0..51",
           "0 (best, largest) to 51, on x264's scale.", OUTPUT, default=23, more={"min": 0, "max": 51}),
    Option("--hide-zone", "run, detect, live", list[str] | None, "ZONE",
           "Always hide this zone: corners as 'x,y x,y x,y ...' in upright pixels, or a JSON file. Repeatable.",
           WHERE, shown=False, sets="zones", convert=v.zones("zones")),
    Option("--show-zone", "run, detect, live", list[str] | None, "ZONE",
           "Leave things visible in this zone (a poster), but not people who walk in. As for --hide-zone. Repeatable.",
           WHERE, shown=False, sets="spared", convert=v.zones("spared")),
    Option("--show-outside", "run, detect, verify", list[str] | None, "SPAN",
           "Redact finds only in this span, as '0:10-0:25' or '90-', and leave all visible outside it. "
           "Repeatable.", WHERE, shown=False, sets="only", convert=v.spans),
    Option("--hide-span", "run, detect", list[str] | None, "SPAN",
           "Hide the whole picture in this span, as '0:10-0:25'. Repeatable.",
           WHERE, shown=False, sets="obscured", convert=v.spans),
    Option("--show-person", "run, detect, render", list[str] | None, "PERSON",
           "Leave one person visible: a point and a time, as '160,240@0:02' (in a picture '160,240'), or a track of "
           "the plan, as '3' or '3@0:02', as long as nobody else can be taken for them. Needs --reason. Repeatable.",
           WHERE, shown=False, sets="show_persons"),
    Option("--reason", "run, detect, render", list[str] | None, "TEXT",
           "Why that person may be seen, as 'release form 12'; plan and report show it, so give no name. One for all, "
           "or one for each in turn.", WHERE, shown=False, sets="show_persons"),
    Option("--force -f -y", "run", bool, "",
           "Replace existing outputs; in a folder, do again what was done before.", RUN, default=False),
    Option("--force -f -y", "detect, render, recordings export, report dpia", bool, "",
           "Replace an existing output.", RUN, default=False),
    Option("--dry-run", "run", bool, "",
           "Detect, and report what would be hidden, how long a run would take and how large its output would be. "
           "Nothing is written.", RUN, default=False),
    Option("--allow-damaged", "run, detect, render", bool, "",
           "Write what could be read of a damaged input; the report says what was lost.",
           RUN, default=False, sets="allow_damaged", convert=v.if_on),
    Option("--pixel-aspect", f"{FINDING}, render", str | None, "RATIO",
           "Width to height of a pixel, as 2:1, if the source's pixels are oblong and it does not say so. The output "
           "will.", LOOK, shown="as the source says", sets="pixel_aspect"),
    Option("--workers", "run", int | None, "N",
           "Processes side by side: on files, or on the parts of one long video.",
           RUN, shown="1; on a cluster as many as it has room for", more={"min": 1}),
    Option("--workers", "detect, render", int, "N",
           "Processes side by side, 1 to 64: on files, or on the parts of one long video.",
           RUN, default=1, more={"min": 1, "max": 64}),
    Option("--cluster", "run", str | None, "ADDRESS",
           "Work on a Ray cluster: ray://HOST:PORT, HOST:PORT, or auto (docs/cluster.md).",
           CLUSTER, shown="this machine alone"),
    Option("--cpus-per-worker", "run", float, "N",
           "Processors of each worker.", CLUSTER, default=2.0, more={"min": 0.1}),
    Option("--gpus-per-worker", "run", float, "N",
           "GPUs of each worker; 0.25 shares one.", CLUSTER, default=0.0, more={"min": 0}),
    Option("--lookahead", "live", float | None, "SECONDS",
           "Delay of every frame: a face found within it is covered on the frames before, too.",
           RUN, shown=PRESETS, sets="live.lookahead"),
    Option("--loop", "live", bool, "", "Play a file again and again.", RUN, default=False),
    Option("--transport", "live", Transport, "auto|tcp|udp|multicast",
           "How an RTSP camera sends: TCP, else UDP, else multicast; or the one named.", RUN, default=Transport.AUTO),
    Option("--poll", "live", float, "SECONDS",
           "Fetch a picture every so many seconds from an http address that gives one at a time.",
           RUN, default=0.0, shown="a stream", more={"min": 0, "max": 3600}),
    Option("--keep", "live", list[str] | None, "LIMIT",
           "How long recordings are kept, as 36h or 7d, or how much of them, as 200GB. Both, if given twice: whichever "
           "comes first.", OUTPUT, shown="all for ever"),
    Option("--segment", "live", float, "SECONDS",
           "Length of a recording's files, 1 to 86400.", OUTPUT, default=60.0, more={"min": 1, "max": 86400}),
    Option("--viewers", "live", FILE, "FILE",
           "Who may watch webrtc:PORT: lines as anna = \"token\", readable by you alone. Beside it a log says who did.",
           OUTPUT, shown="a token that each start makes and prints"),
    Option("--tls-cert", "live", FILE, "FILE",
           "The TLS certificate of webrtc:ADDRESS:PORT (PEM), without which it is served on this machine alone.",
           OUTPUT, shown=False),
    Option("--tls-key", "live", FILE, "FILE", "Its private key (PEM, without a passphrase).", OUTPUT, shown=False),
    Option("--preview", "live", int | None, "PORT",
           "Serve a page with the anonymised picture on this port of 127.0.0.1; 0: any free port.",
           RUN, shown="no page", more={"min": 0, "max": 65535}),
    Option("--metrics", "live", int | None, "PORT",
           "Serve /metrics (Prometheus) and /healthz on this port of 127.0.0.1.",
           RUN, shown="none", more={"min": 0, "max": 65535}),
    Option("--name", "live", str, "NAME", "The camera's name in logs, metrics and on the page.", default="camera"),
    Option("--page", "detect", FILE, "FILE",
           "Also write a page (.html) of the tracks: shapes, places and times, no pictures.",
           RUN, shown=False, more={"callback": named}),
    Option("--repair/--no-repair", "run, render", bool | None, "",
           "Also redact what the second look finds, in up to 3 more passes; without, it fails the file.",
           RUN, shown=PRESETS, sets="verify.repair", convert=v.repair),
    Option("--publish-unverified", "run, render", bool, "",
           "Release the output without any check. Nobody will have looked at it.",
           RUN, default=False, sets="verify.publish_unverified", convert=v.if_on),
    Option("--report", "run, render, verify, recordings verify", FILE, "FOLDER",
           "Folder for a report of each input, as a page and as JSON, and an index.",
           RUN, shown=False, more={"callback": named}),
    Option("--key -k", "recordings export", FILE, "FILE",
           "A private key that signs the report (`anonymize report keygen` makes one).", RUN, shown=False),
    Option("--report", "recordings export", FILE, "FOLDER",
           "Folder for the report.", RUN, shown="beside the film", more={"callback": named}),
    Option("--title", "run, render, verify, recordings export", str, "TEXT",
           "Heading of each report; not the name of a person.", RUN, default="", shown=False),
    Option("--title", "report dpia", str, "TEXT", "Its heading.", default="", shown=False),
    Option("--passphrase", "report keygen, report sign, recordings export", str, "TEXT",
           "Of the private key. Prefer ANONYMIZE_KEY_PASSPHRASE: others can read your commands.",
           default="", shown=False, more={"envvar": "ANONYMIZE_KEY_PASSPHRASE"}),
    Option("--force -f", "report sign", bool, "", "Replace another signature.", default=False),
    Option("--card -c", "models import", FILE, "FILE",
           "Describes a model of your own: what it takes and gives, and what its classes are.", shown=False),
    Option("--force -f", "models import", bool, "", "Replace another model of your own with this name.", default=False),
    Option("--kind", "evaluate", str | None, "KIND",
           "Measure this kind alone (.jsonl); count COCO's category of this name, too; what MOT's boxes are.",
           shown="all; of MOT, face", more={"parser": kind}),
    Option("--html", "evaluate", FILE, "FILE", "Write a page with plots.", shown=False, more={"callback": named}),
    Option("--hide", "doubts", str | None, "TRACKS",
           "Hide these tracks: numbers, as 3,5, or all for every open doubt.", shown=False),
    Option("--nothing", "doubts", str | None, "TRACKS",
           "Nothing is to be hidden in these tracks: numbers, as 7, or all for every open doubt.", shown=False),
    Option("--by", "doubts, review", str, "NAME",
           "Who answers, as 'desk 2', for the plan and the report.", default="", shown="nobody is named"),
    Option("--reason", "recordings hold, recordings release", str, "TEXT",
           "Why, as a case number, for the custody log; give no name.", default=..., shown=False),
    Option("--by", "recordings export, recordings hold, recordings release, recordings verify", str, "NAME",
           "Who does it, as 'desk 2', for the custody log.", default="", shown="the user of the system"),
    Option("--port", "review", int, "PORT",
           "Serve the page on this port of 127.0.0.1.", RUN, default=0, shown="any free one",
           more={"min": 0, "max": 65535}),
    Option("--browser/--no-browser", "review", bool, "",
           "Open the page in the browser, or only print its address.", RUN, default=True),
    Option("--list", "doubts", bool, "",
           "List the doubts and their answers; ask nothing.", default=False, to="listed"),
    Option("--everything", "doubts", bool, "",
           "Ask about all else that may be wrong, too, as `review` does; needs SOURCE.", default=False),
    Option("--quiet -q", "run, detect, render, verify, recordings verify", bool, "",
           "Print errors only; with --json, all but progress.", RUN, default=False),
    Option("--json", "run, detect, render, verify, live, doubts, evaluate, status, models list, report check, "
           "recordings list, recordings export, recordings hold, recordings release, recordings verify", bool, "",
           "Print JSON lines for machines.", RUN, default=False),
)
# fmt: on


def takes(command: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Tell Typer that a function has the options of `command`, after its own parameters.

    It gets their values by `Option.key`. Those that change settings are for its `**asked`, for `settings_of`.
    """
    options = [option for option in TABLE if command in option.commands]

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = [
            one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, one in inspect.signature(function, eval_str=True).parameters.items()
            if one.kind is not inspect.Parameter.VAR_KEYWORD and name not in {option.key for option in options}
        ]
        parameters = [*own, *(option.parameter() for option in options)]
        vars(function)["__signature__"] = inspect.Signature(parameters)
        return function

    return decorate


def settings_of(base: Settings, asked: v.Asked) -> Settings:
    """`base` changed by the options given on the command line. Raises `UsageError`."""
    from anonymize.text.mapping import from_mapping

    changed: dict[str, Any] = {}
    if persons := v.persons(asked.get("show_person") or (), asked.get("reason") or ()):
        changed["show_persons"] = persons  # the only setting that two options make together
    for option in TABLE:
        value = asked.get(option.key) if option.sets not in ("", "show_persons") else None
        if value in (None, []) or (made := option.convert(value, base)) is None:
            continue
        *above, last = option.sets.split(".")
        table = changed
        for part in above:
            table = table.setdefault(part, {})
        table[last] = made
    v.every_head(changed)
    if style := asked.get("style"):
        v.style(changed, base, style)
    return from_mapping(Settings, changed, base)
