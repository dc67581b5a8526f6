"""The commands: each calls the library once and prints the result by `cli.render`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import anonymize.presets as presets
from anonymize.cli import doubts as doubts_command
from anonymize.cli import evaluate as evaluate_command
from anonymize.cli import recordings as recordings_commands
from anonymize.cli import report as report_commands
from anonymize.cli import review as review_command
from anonymize.cli import status as status_command
from anonymize.cli import verify as verify_command
from anonymize.cli.guesses import named_like_media, to_run
from anonymize.cli.help import App, Group
from anonymize.cli.live import live
from anonymize.cli.options import RENAMED, settings_of, takes
from anonymize.cli.values import reports_in
from anonymize.errors import ExitCode, UsageError

Input = Annotated[
    str, typer.Argument(help="A video or picture, or - for standard input.", metavar="INPUT", show_default=False)
]


class Broken(Exception):
    """A command failed with an `EOFError` or `OSError`, which is the cause."""


class _Commands(Group):
    """The commands. Wraps the errors at which Typer would exit without a message."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that `args` begin with; `run` if they begin with a file and the user confirms it.

        Raises:
            UsageError: they begin with a file, and the user does not confirm or cannot be asked.
        """
        name = args[0] if args else ""
        if name not in self.commands and not name.startswith("-") and named_like_media(name):
            from anonymize.cli.render.output import confirm

            meant = to_run(args)
            command = shlex.join(["anonymize", *meant])
            if not confirm(f"{name} is not a command. To anonymise it: {command}", "Run that?"):
                raise UsageError(f"{name} is not a command; to anonymise it: {command}")
            return super().resolve_command(ctx, meant)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (EOFError, OSError) as error:
            raise Broken from error
        except Exception as error:
            old = getattr(error, "option_name", "")  # set by Typer for unknown options
            if old in RENAMED:
                raise UsageError(f"{old} is called {RENAMED[old]} now") from None
            raise


app = App(
    name="anonymize",
    cls=_Commands,
    help="Find faces and licence plates in video and pictures, and remove them, offline.",
    epilog="Options: --version, -h, --help. Each command has --help, too, with examples.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
presets_app = App(no_args_is_help=True, help="Settings for a purpose: list them, show one.")
models_app = App(no_args_is_help=True, help="The detectors' weights: list, verify, import, fetch, remove.")
app.add_typer(presets_app, name="presets")
app.add_typer(models_app, name="models")
app.command(context_settings={"allow_extra_args": True})(live)  # Typer would repeat them, and passwords, in its error
app.add_typer(report_commands.app, name="report")
app.add_typer(recordings_commands.app, name="recordings")
app.command()(evaluate_command.evaluate)
app.command()(doubts_command.doubts)
app.command()(review_command.review)
app.command()(verify_command.verify)
app.command()(status_command.status)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Print the version, if asked for."""
    if version:
        from anonymize._version import __version__
        from anonymize.cli.render.output import say

        say(f"anonymize {__version__}")
        raise typer.Exit


@app.command(name="help")
def help_(
    command: Annotated[
        list[str] | None, typer.Argument(help="The command whose page to show.", metavar="COMMAND", show_default=False)
    ] = None,
) -> None:
    """Show examples and exit codes, or the page of a command."""
    from anonymize.cli.help import guidance

    if command:
        app([*command, "--help"], prog_name="anonymize", standalone_mode=False)
    else:
        guidance()


@app.command()
@takes("run")
def run(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Videos, pictures, folders, patterns, or - for standard input.", metavar="INPUT", show_default=False
        ),
    ],
    output: str,
    preset: str,
    force: bool,
    dry_run: bool,
    workers: int | None,
    cluster: str | None,
    cpus_per_worker: float,
    gpus_per_worker: float,
    report: Path | None,
    title: str,
    quiet: bool,
    json: bool,
    **asked: Any,
) -> None:
    """Anonymise videos, pictures and folders: find, redact, verify."""
    from anonymize.batch import run as batch
    from anonymize.batch.cluster import Cluster
    from anonymize.batch.inputs import plan_items
    from anonymize.batch.outcome import exit_code
    from anonymize.cli.render.progress import RunDisplay

    settings = settings_of(presets.load(preset).settings, asked)
    items = plan_items(inputs, output)
    if dry_run and cluster:
        raise UsageError("--dry-run runs on this machine: leave out --cluster")
    if dry_run:
        with RunDisplay(items, machine=json, quiet=quiet) as display:
            found = batch.forecast(items, settings, force=force, stdin=_stdin(inputs), on_item=display)
        display.foreseen(found)
        raise typer.Exit(exit_code(found))
    with RunDisplay(items, machine=json, quiet=quiet) as display:
        outcomes = batch.run(
            items,
            settings,
            force=force,
            workers=Cluster(cluster, workers, cpus_per_worker, gpus_per_worker) if cluster else workers or 1,
            reports=reports_in(report, title),
            stdin=_stdin(inputs),
            on_item=display,
            on_start=display.begun,
        )
    if len(items) != 1:
        display.done(outcomes)
    if code := exit_code(outcomes):
        raise typer.Exit(code)


@app.command()
@takes("detect")
def detect(
    source: Input,
    output: str,
    preset: str,
    force: bool,
    workers: int,
    page: Path | None,
    quiet: bool,
    json: bool,
    **asked: Any,
) -> None:
    """Write a plan of what to redact: read it, edit it, `render` it."""
    from anonymize.batch.inputs import only_item
    from anonymize.cli.render.progress import RunDisplay
    from anonymize.recorded import job

    chosen = presets.load(preset)
    settings = settings_of(chosen.settings, asked)
    item = only_item(source, output)
    with RunDisplay([item], machine=json, quiet=quiet) as display:
        made, times = job.detect(
            item,
            settings,
            preset=chosen.as_dict(),
            force=force,
            stdin=_stdin([source]),
            workers=workers,
            on_progress=lambda news: display(item, news),
            page=page,
        )
        display.planned(item, made, times, page)


@app.command()
@takes("render")
def render(
    source: Input,
    plan: Path,
    version: str,
    output: str,
    preset: str | None,
    force: bool,
    workers: int,
    report: Path | None,
    title: str,
    quiet: bool,
    json: bool,
    **asked: Any,
) -> None:
    """Redact a video as a plan says, verify it, release it.

    Uses the settings that the plan was made with, except for the options given here.
    """
    from anonymize import plan as plans
    from anonymize.batch import run as batch
    from anonymize.batch.inputs import only_item
    from anonymize.cli.render.progress import RunDisplay
    from anonymize.plan.settings import to_render

    item = only_item(source, output)
    made = plans.read(plan, version)
    settings = settings_of(to_render(made.about, presets.load(preset).settings if preset else None), asked)
    with RunDisplay([item], machine=json, quiet=quiet) as display:
        outcome = batch.render(
            item,
            made,
            settings,
            force=force,
            workers=workers,
            reports=reports_in(report, title or (version if report else "")),
            stdin=_stdin([source]),
            on_item=display,
        )
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)


@presets_app.command("list")
def presets_list() -> None:
    """List the presets and whom each is for."""
    from anonymize.cli.render.output import table

    table([(name, presets.load(name).whom) for name in presets.names()])


@presets_app.command("show")
def presets_show(
    name: Annotated[str, typer.Argument(help="A preset's name, or a .toml file.", metavar="PRESET")],
) -> None:
    """Print all settings of a preset, defaults included, as TOML."""
    from anonymize.cli.render.output import say
    from anonymize.text.mapping import to_toml

    preset = presets.load(name)
    say(f"# {preset.whom}", *to_toml(preset.settings).split("\n"))


@models_app.command("list")
@takes("models list")
def models_list(json: bool) -> None:
    """List the registered models: what they find, licence, hash, source, training data."""
    from anonymize import models
    from anonymize.cli.render import lists

    found, damaged = models.whole_models()
    lists.models(found, models.verify(), machine=json)
    for error in damaged.values():
        raise error


@models_app.command("verify")
def models_verify() -> None:
    """Compare every installed model with its registered hash."""
    from anonymize import models
    from anonymize.cli.render.output import table

    states = models.verify()
    table([(name, state.value) for name, state in states.items()])
    if models.ModelState.ALTERED in states.values():
        raise typer.Exit(ExitCode.MODEL)


@models_app.command("import")
@takes("models import")
def models_import(
    names: Annotated[
        list[str],
        typer.Argument(
            help="A registered model's name, and its file; with --card the file alone.", metavar="[MODEL] FILE"
        ),
    ],
    *,
    card: Path | None,
    force: bool,
) -> None:
    """Install a registered model from a file with the registered hash, or one of your own that a card describes."""
    from anonymize import detect, models
    from anonymize.cli.render.output import say

    *name, path = names
    if len(names) != (2 if card is None else 1):
        raise UsageError(
            "expected a registered model and its file (anonymize models import yunet FILE), or a model of your own and "
            "its card (anonymize models import FILE.onnx --card CARD.toml)"
        )
    if card is not None:
        made = detect.import_own(Path(path), card, force=force)
    else:
        made = models.import_model(name[0], Path(path))
    say(f"{made.name.partition('.')[0] if card else name[0]} is installed: {made}")


@models_app.command("remove")
def models_remove(name: Annotated[str, typer.Argument(help="Its name.", metavar="MODEL")]) -> None:
    """Remove a model of your own, or one that was imported or fetched."""
    from anonymize import models
    from anonymize.cli.render.output import say

    say(f"{name} is removed: {models.remove_model(name)}")


@models_app.command("fetch")
def models_fetch(name: Annotated[str, typer.Argument(help="A registered model's name.", metavar="MODEL")]) -> None:
    """Download a model, from the hosts registered for it and no others."""
    from anonymize import models
    from anonymize.cli.render.output import say

    say(f"{name} is installed: {models.fetch(name)}")


@app.command()
def doctor() -> None:
    """Examine this machine: codecs, devices, models, cameras, memory."""
    from anonymize.cli.render.lists import findings
    from anonymize.report.doctor import examine

    found = list(examine())
    findings(found)
    if not all(finding.ok for finding in found):
        raise typer.Exit(ExitCode.INTERNAL)


@app.command()
@takes("demo")
def demo(output: Path, preset: str) -> None:
    """Make a sample video, anonymise it, and show where both are."""
    from anonymize.batch import run as batch
    from anonymize.cli.render import lists
    from anonymize.cli.render.progress import RunDisplay
    from anonymize.samples.demo import prepare

    sample = prepare(output)
    settings = presets.load(preset).settings
    with RunDisplay([sample.item], machine=False) as display:
        (outcome,) = batch.run([sample.item], settings, force=True, reports=reports_in(output), on_item=display)
    if outcome.output is None:
        raise typer.Exit(outcome.exit_code)
    lists.demo(sample.item, sample.compare(Path(str(outcome.output))))


def _stdin(inputs: list[str]) -> bytes:
    """Standard input, if an input is `-`; else empty."""
    from anonymize.batch.inputs import STDIN, read_all

    return read_all(sys.stdin.buffer) if STDIN in inputs else b""
