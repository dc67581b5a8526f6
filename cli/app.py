"""The commands. Each parses, makes one call into the library, and hands what came back to `render`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from anonymize import presets
from anonymize.cli import doubts as doubts_command
from anonymize.cli import evaluate as evaluate_command
from anonymize.cli import report as report_commands
from anonymize.cli import status as status_command
from anonymize.cli import verify as verify_command
from anonymize.cli.guesses import named_like_media, to_run
from anonymize.cli.help import App, Group
from anonymize.cli.live import live
from anonymize.cli.options import RENAMED, settings_of, takes
from anonymize.cli.wanted import Asked, title_of
from anonymize.errors import ExitCode, UsageError

Input = Annotated[
    str, typer.Argument(help="A video or picture, or - for standard input.", metavar="INPUT", show_default=False)
]


class Broken(Exception):
    """A command broke; the cause says over what."""


class _Commands(Group):
    """The commands. Over some errors Typer ends without a word of its own: here they come out."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that `args` begin with; where a file stands in its place, `run`, if a person says so.

        Raises:
            UsageError: a file stands in its place, and there is nobody to ask.
        """
        name = args[0] if args else ""
        if name not in self.commands and not name.startswith("-") and named_like_media(name):
            from anonymize.cli.render import asked

            meant = to_run(args)
            command = shlex.join(["anonymize", *meant])
            if not asked(f"{name} is no command. To anonymise it: {command}", "Run that?"):
                raise UsageError(f"{name} is no command; to anonymise it: {command}")
            return super().resolve_command(ctx, meant)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (EOFError, OSError) as error:
            raise Broken from error
        except Exception as error:
            old = getattr(error, "option_name", "")  # of an option that does not exist
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
models_app = App(no_args_is_help=True, help="The detectors' weights: list, verify, import, fetch.")
app.add_typer(presets_app, name="presets")
app.add_typer(models_app, name="models")
app.command(context_settings={"allow_extra_args": True})(live)  # else they are refused by repeating them
app.add_typer(report_commands.app, name="report")
app.command()(evaluate_command.evaluate)
app.command()(doubts_command.doubts)
app.command()(verify_command.verify)
app.command()(status_command.status)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Nothing to do before a command but to answer `--version`."""
    if version:
        from anonymize import __version__
        from anonymize.cli.render import say

        say(f"anonymize {__version__}")
        raise typer.Exit


@app.command(name="help")
def help_(
    command: Annotated[
        list[str] | None, typer.Argument(help="Whose page to show.", metavar="COMMAND", show_default=False)
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
    asked: Asked,
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
) -> None:
    """Anonymise videos, pictures and folders: find, redact, check."""
    from anonymize.batch import run as batch
    from anonymize.batch.cluster import Cluster
    from anonymize.batch.inputs import plan_items
    from anonymize.batch.outcome import exit_code
    from anonymize.cli import render as show

    settings = settings_of(presets.load(preset).settings, asked)
    items = plan_items(inputs, output)
    if dry_run and cluster:
        raise UsageError("--dry-run looks on this machine: leave out --cluster")
    if dry_run:
        with show.Display(items, machine=json, quiet=quiet) as display:
            found = batch.forecast(items, settings, force=force, stdin=_stdin(inputs), on_item=display)
        show.foreseen(found, machine=json, quiet=quiet)
        raise typer.Exit(exit_code(found))
    with show.Display(items, machine=json, quiet=quiet) as display:
        outcomes = batch.run(
            items,
            settings,
            force=force,
            workers=workers or 1,
            reports=report,
            title=title_of(report, title),
            stdin=_stdin(inputs),
            on_item=display,
            on_start=display.begun,
            cluster=Cluster(cluster, workers, cpus_per_worker, gpus_per_worker) if cluster else None,
        )
    if len(items) != 1 and not json and not quiet:
        show.summary(outcomes)
    if code := exit_code(outcomes):
        raise typer.Exit(code)


@app.command()
@takes("detect")
def detect(
    source: Input,
    output: str,
    preset: str,
    asked: Asked,
    force: bool,
    workers: int,
    page: Path | None,
    quiet: bool,
    json: bool,
) -> None:
    """Write what would be redacted as a plan: read, edit, `render` it."""
    from anonymize.batch.inputs import only_item
    from anonymize.cli import render as show
    from anonymize.recorded import job

    chosen = presets.load(preset)
    settings = settings_of(chosen.settings, asked)
    item = only_item(source, output)
    with show.Display([item], machine=json, quiet=quiet) as display:
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
    output: str,
    preset: str | None,
    asked: Asked,
    force: bool,
    workers: int,
    report: Path | None,
    title: str,
    quiet: bool,
    json: bool,
) -> None:
    """Redact a video as a plan says, check it, release it.

    With the settings that the plan was made with, but for the options given here.
    """
    from anonymize import plan as plans
    from anonymize.batch import run as batch
    from anonymize.batch.inputs import only_item
    from anonymize.cli import render as show
    from anonymize.plan.settings import to_render

    item = only_item(source, output)
    made = plans.read(plan)
    settings = settings_of(to_render(made.about, presets.load(preset).settings if preset else None), asked)
    item = only_item(source, output)
    with show.Display([item], machine=json, quiet=quiet) as display:
        outcome = batch.render(
            item,
            made,
            settings,
            force=force,
            workers=workers,
            reports=report,
            title=title_of(report, title),
            stdin=_stdin([source]),
            on_item=display,
        )
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)


@presets_app.command("list")
def presets_list() -> None:
    """The presets, and for whom each is made."""
    from anonymize.cli.render import table

    table([(name, presets.load(name).whom) for name in presets.names()])


@presets_app.command("show")
def presets_show(
    name: Annotated[str, typer.Argument(help="A preset's name, or a .toml file.", metavar="PRESET")],
) -> None:
    """Everything that a preset sets, the defaults included, as TOML."""
    from anonymize.cli.render import say
    from anonymize.text.mapping import to_toml

    preset = presets.load(name)
    say(f"# {preset.whom}", *to_toml(preset.settings).split("\n"))


@models_app.command("list")
@takes("models list")
def models_list(json: bool) -> None:
    """The registered models: what they find, licence, hash, source, what they were trained on."""
    from anonymize import models
    from anonymize.cli import render as show

    show.models(models.list_models(), models.verify(), machine=json)


@models_app.command("verify")
def models_verify() -> None:
    """Compare every installed model with its registered hash."""
    from anonymize import models
    from anonymize.cli.render import table

    states = models.verify()
    table([(name, state.value) for name, state in states.items()])
    if models.ModelState.ALTERED in states.values():
        raise typer.Exit(ExitCode.MODEL)


@models_app.command("import")
def models_import(
    name: Annotated[str, typer.Argument(help="A registered model's name.", metavar="MODEL")],
    path: Annotated[Path, typer.Argument(help="Its file.", metavar="FILE")],
) -> None:
    """Take a model's file in, if its hash is the registered one."""
    from anonymize import models
    from anonymize.cli.render import say

    say(f"{name} is installed: {models.import_model(name, path)}")


@models_app.command("fetch")
def models_fetch(name: Annotated[str, typer.Argument(help="A registered model's name.", metavar="MODEL")]) -> None:
    """Download a model from its registered source. The only command that uses the network."""
    from anonymize import models
    from anonymize.cli.render import say

    say(f"{name} is installed: {models.fetch(name)}")


@app.command()
def doctor() -> None:
    """Examine this machine: codecs, devices, models, cameras, memory."""
    from anonymize.cli.render import findings
    from anonymize.report.doctor import examine

    found = list(examine())
    findings(found)
    if not all(finding.ok for finding in found):
        raise typer.Exit(ExitCode.INTERNAL)


@app.command()
@takes("demo")
def demo(output: Path, preset: str) -> None:
    """Make a sample video, anonymise it, and say where to look."""
    from anonymize.batch import run as batch
    from anonymize.cli import render as show
    from anonymize.samples.demo import prepare

    sample = prepare(output)
    settings = presets.load(preset).settings
    with show.Display([sample.item], machine=False) as display:
        (outcome,) = batch.run([sample.item], settings, force=True, reports=output, on_item=display)
    if outcome.output is None:
        raise typer.Exit(outcome.exit_code)
    show.demo(sample.item, sample.compare(Path(str(outcome.output))))


def _stdin(inputs: list[str]) -> bytes:
    """What is on standard input, where an input is `-`."""
    from anonymize.batch.inputs import STDIN, read_all

    return read_all(sys.stdin.buffer) if STDIN in inputs else b""
