"""The examples at the end of each help page. tests/cli/test_docs.py runs them as written."""

EXAMPLES = {
    "": (
        "anonymize demo",
        "anonymize run interview.mp4 -o interview-safe.mp4",
        "anonymize run footage/ -o safe/ --preset journalist",
    ),
    "help": (
        "anonymize help",
        "anonymize help run",
        "anonymize help report sign",
    ),
    "run": (
        "anonymize run interview.mp4 -o interview-safe.mp4",
        "anonymize run footage/ -o safe/ --preset journalist --report reports/",
        "anonymize run photo.jpg -o photo-safe.jpg --targets faces --style mosaic",
    ),
    "demo": (
        "anonymize demo",
        "anonymize demo -o try/",
        "anonymize demo -o solid/ --preset journalist",
    ),
    "live": (
        "anonymize live interview.mp4 --to record:kept/",
        "anonymize live 0 --to /dev/video9 --preview 8080",
        "anonymize live rtsp://10.0.0.5/stream1 --to rtsp://127.0.0.1:8554/square",
    ),
    "recordings": (
        "anonymize recordings list kept/",
        "anonymize recordings export kept/ --from 2026-11-29T10:05Z --to 10:06 -o a.mp4",
        "anonymize recordings list kept/ --from 2026-11-29 --to 2026-11-30",
    ),
    "recordings list": (
        "anonymize recordings list kept/",
        "anonymize recordings list kept/ --from '2026-11-29 11:00+01:00'",
        "anonymize recordings list kept/ --json",
    ),
    "recordings export": (
        "anonymize recordings export kept/ --from 2026-11-29T10:05Z --to 10:06 -o a.mp4",
        "anonymize report keygen office.key",
        "anonymize report sign a.mp4.report.json --key office.key",
    ),
    "recordings hold": (
        "anonymize recordings hold kept/ --from 2026-11-29T10 --to 11:00 --reason C7",
        "anonymize recordings list kept/",
        "anonymize recordings release kept/ --from 2026-11-29T10 --to 11:00 --reason C7",
    ),
    "recordings release": (
        "anonymize recordings hold kept/ --from 2026-11-29T10 --to 11:00 --reason C7",
        "anonymize recordings release kept/ --from 2026-11-29T10 --to 11:00 --reason C7",
        "anonymize recordings list kept/",
    ),
    "recordings verify": (
        "anonymize recordings verify kept/",
        "anonymize recordings verify kept/ --from 2026-11-29T10Z --to 11:00 -t faces",
        "anonymize recordings verify kept/ --report reports/",
    ),
    "detect": (
        "anonymize detect street.mp4 -o plan.jsonl",
        "anonymize detect street.mp4 -o faces.jsonl --targets faces --page faces.html",
        "anonymize detect street.mp4 -o zone.jsonl --hide-zone '0,0 90,0 90,60 0,60'",
    ),
    "review": (
        "anonymize review street.mp4",
        "anonymize review street.mp4 --plan plan.jsonl --by 'desk 2'",
        "anonymize review recordings/ --no-browser --port 8400",
    ),
    "doubts": (
        "anonymize doubts plan.jsonl street.mp4",
        "anonymize doubts plan.jsonl --list",
        "anonymize doubts plan.jsonl --hide all --by 'desk 2'",
    ),
    "render": (
        "anonymize render street.mp4 --plan plan.jsonl -o street-safe.mp4",
        "anonymize render street.mp4 --plan plan.jsonl -o mosaic.mp4 --style mosaic",
        "anonymize render street.mp4 --plan plan.jsonl -o mute.mp4 --audio mute",
    ),
    "verify": (
        "anonymize verify street-safe.mp4",
        "anonymize verify street-safe.mp4 --source street.mp4",
        "anonymize verify street-safe.mp4 --targets faces --report reports/",
    ),
    "evaluate": (
        "anonymize evaluate street.mp4 street-safe.mp4 street.jsonl",
        "anonymize evaluate street.mp4 street-safe.mp4 street.jsonl --json",
        "anonymize evaluate originals/ outputs/ truth/ --html page.html",
    ),
    "status": (
        "anonymize run footage/ -o safe/",
        "anonymize status safe/",
        "anonymize status safe/ --json",
    ),
    "doctor": (
        "anonymize doctor",
        "anonymize run --codec list",
        "anonymize run --device list",
    ),
    "presets": (
        "anonymize presets list",
        "anonymize presets show journalist",
        "anonymize run interview.mp4 -o interview-safe.mp4 --preset journalist",
    ),
    "presets list": (
        "anonymize presets list",
        "anonymize run interview.mp4 -o interview-safe.mp4 --preset journalist",
        "anonymize demo --preset research",
    ),
    "presets show": (
        "anonymize presets show journalist",
        "anonymize presets show journalist > ours.toml",
        "anonymize run interview.mp4 -o interview-safe.mp4 --preset ours.toml",
    ),
    "models": (
        "anonymize models list",
        "anonymize models verify",
        "anonymize models fetch yunet",
    ),
    "models list": (
        "anonymize models list",
        "anonymize models list --json",
        "anonymize run photo.jpg -o photo-safe.jpg -t faces --detectors centerface",
    ),
    "models verify": (
        "anonymize models verify",
        "anonymize models verify && anonymize run photo.jpg -o photo-safe.jpg",
        "anonymize doctor",
    ),
    "models import": (
        "anonymize models import yunet face_detection_yunet_2023mar.onnx",
        "anonymize models import screens.onnx --card screens.toml",
        "anonymize models list",
    ),
    "models remove": (
        "anonymize models import screens.onnx --card screens.toml",
        "anonymize models remove screens",
        "anonymize models list",
    ),
    "models fetch": (
        "anonymize models fetch yunet",
        "anonymize models verify",
        "anonymize run interview.mp4 -o interview-safe.mp4 --detectors yunet",
    ),
    "report": (
        "anonymize report page film.mp4.report.json",
        "anonymize report keygen office.key",
        "anonymize report dpia reports/ -o annex",
    ),
    "report page": (
        "anonymize report page film.mp4.report.json",
        "anonymize report page film.mp4.report.json -o film.html",
        "anonymize report page reports/film.mp4.report.json",
    ),
    "report index": (
        "anonymize report index reports/",
        "anonymize report index .",
        "anonymize report page reports/film.mp4.report.json",
    ),
    "report keygen": (
        "anonymize report keygen office.key",
        "anonymize report sign film.mp4.report.json --key office.key",
        "anonymize report check film.mp4.report.json --key office.key.pub",
    ),
    "report sign": (
        "anonymize report keygen office.key",
        "anonymize report sign film.mp4.report.json --key office.key",
        "anonymize report sign film.mp4.report.json --key office.key --force",
    ),
    "report check": (
        "anonymize report keygen office.key",
        "anonymize report sign film.mp4.report.json --key office.key",
        "anonymize report check film.mp4.report.json --key office.key.pub -o film.mp4",
    ),
    "report dpia": (
        "anonymize report dpia reports/ -o annex",
        "anonymize report dpia reports/ evaluation.json metrics.json -o annex --force",
        "anonymize report dpia --live cameras.toml -o pilot",
    ),
}
"""Command without `anonymize` -> examples, which can be run one after the other."""
