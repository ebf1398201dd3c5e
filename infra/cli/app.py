"""The `shelflife` command: the local cloud, deployments, logs, schedules and tokens."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra.cli import cloud, gc, logs, moving, redrive, schedules
from infra.deploy.deployer import DeploymentFailedError
from infra.installation import ROOT, SynthesisFailedError, TokenRefusedError
from infra.local.state import LocalCloudError
from infra.moving.plan import ALL, Choice, Part
from infra.moving.server import MovingError
from shelflife.contracts.access import Role

app = typer.Typer(
    name="shelflife",
    help="A serverless MLOps platform that keeps models fresh.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
token_app = typer.Typer(help="API tokens.", no_args_is_help=True)
app.add_typer(token_app, name="token")
captures_app = typer.Typer(help="Captured requests.", no_args_is_help=True)
app.add_typer(captures_app, name="captures")
import_app = typer.Typer(help="Bring things over from elsewhere.", no_args_is_help=True)
app.add_typer(import_app, name="import")
export_app = typer.Typer(help="Take things elsewhere.", no_args_is_help=True)
app.add_typer(export_app, name="export")

FOLDER = ROOT / ".build" / "local"

Folder = Annotated[
    Path, typer.Option("--state", help="Folder of the local cloud.", show_default=".build/local")
]
Endpoint = Annotated[str | None, typer.Option(help="AWS endpoint; without it, the running local cloud.")]
Region = Annotated[
    str | None, typer.Option(help="AWS region; without it, the local cloud's or your default.")
]
StageName = Annotated[str, typer.Option("--stage", help="Stage of infra/config.py.")]

Only = Annotated[list[Part] | None, typer.Option(help="Only this part; may be given several times.")]
Experiments = Annotated[
    list[str] | None,
    typer.Option("--experiments", help="Only this experiment, by id or name; several times."),
]
Journals = Annotated[Path, typer.Option("--journal", help="Folder of the journal, by which a move goes on.")]
Workers = Annotated[int, typer.Option(min=1, max=32, help="How many things are moved at a time.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count what there is.")]
Verify = Annotated[bool, typer.Option(help="Read both sides again at the end, and compare.")]

#: What a person can mend.
_MENDABLE = (
    LocalCloudError,
    DeploymentFailedError,
    SynthesisFailedError,
    TokenRefusedError,
    MovingError,
    cloud.UsageError,
)


@app.command()
def up(
    folder: Folder = FOLDER,
    port: Annotated[int | None, typer.Option(help="A fixed port; free by default.")] = None,
) -> None:
    """Start the local cloud, deploy every stack, and stay until Ctrl-C."""
    cloud.up(folder, port)


@app.command()
def down(folder: Folder = FOLDER) -> None:
    """Stop the local cloud; its state is kept."""
    cloud.down(folder)


@app.command()
def status(folder: Folder = FOLDER) -> None:
    """What runs where, and what is deployed."""
    cloud.status(folder)


@app.command()
def deploy(
    folder: Folder = FOLDER,
    endpoint_url: Endpoint = None,
    region: Region = None,
    stage: StageName = "local",
) -> None:
    """Synthesize a stage and bring every stack to its template, wherever CloudFormation is spoken."""
    cloud.deploy(cloud.target(folder, endpoint_url, region), stage, folder)


@app.command("logs")
def show_logs(
    function: Annotated[str, typer.Argument(help="<context>/<use case>, such as registry/api.")],
    folder: Folder = FOLDER,
    endpoint_url: Endpoint = None,
    region: Region = None,
    minutes: Annotated[int, typer.Option(help="How far back.")] = 60,
) -> None:
    """What a function has logged."""
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    logs.show(cloud.target(folder, endpoint_url, region), function, since)


@app.command()
def fire(
    schedule: Annotated[str, typer.Argument(help="Name of a schedule, or a part of it: drift.")],
    folder: Folder = FOLDER,
    endpoint_url: Endpoint = None,
    region: Region = None,
) -> None:
    """Run a schedule's target now, with the schedule's own input."""
    schedules.fire(cloud.target(folder, endpoint_url, region), schedule)


@app.command("gc")
def collect_garbage(
    *,
    older_than: Annotated[
        float | None,
        typer.Option(help="Days since the deletion; without it, those of the stage.", min=0),
    ] = None,
    experiment: Annotated[
        list[str] | None, typer.Option(help="Only this experiment, by id; may be given several times.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what there is to remove.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    folder: Folder = FOLDER,
    endpoint_url: Endpoint = None,
    region: Region = None,
    stage: StageName = "local",
) -> None:
    """Remove for good what was deleted: runs, logged models, experiments, their files and traces.

    It is shown first, and asked about. What registered versions came from stays. The deployment, if it is
    not the local cloud, knows you by an admin's token in SHELFLIFE_TOKEN.
    """
    server = moving.ours(lambda: cloud.target(folder, endpoint_url, region), stage, folder)
    gc.collect(server, gc.Asked(older_than, tuple(experiment or ()), dry_run=dry_run, yes=yes))


@app.command()
def demo() -> None:
    """The whole loop on real data: train, deploy, predict, drift, retrain, better model."""
    # Imported here: it brings the client side of MLflow and more along.
    from infra.demo.story import tell  # noqa: PLC0415 - see above

    raise typer.Exit(tell(ROOT / ".build" / "demo"))


@token_app.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="Who the token is for.")],
    role: Annotated[Role, typer.Option(help="What the token may do.")] = Role.CONTRIBUTOR,
    days: Annotated[float, typer.Option(help="Days until it expires; 365 at the most.")] = 90,
    folder: Folder = FOLDER,
    endpoint_url: Endpoint = None,
    region: Region = None,
    stage: StageName = "local",
) -> None:
    """Make an API token; it is shown once."""
    cloud.create_token(cloud.target(folder, endpoint_url, region), stage, (name, role, days))


@captures_app.command("redrive")
def redrive_captures(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many wait.")] = False,
    folder: Folder = FOLDER,
    endpoint_url: Endpoint = None,
    region: Region = None,
) -> None:
    """Move captures and shadow requests from their dead-letter queues back to where they came from.

    Each is stored once, however often it comes: run it again if it was cut off.
    """
    redrive.redrive(cloud.target(folder, endpoint_url, region), dry_run=dry_run)


@import_app.command("mlflow")
def import_mlflow(
    *,
    source: Annotated[str, typer.Option("--from", help="Tracking URI of the MLflow server.")],
    only: Only = None,
    experiments: Experiments = None,
    workers: Workers = 4,
    journal: Journals = Path(),
    dry_run: DryRun = False,
    verify: Verify = True,
    folder: Folder = FOLDER,
    endpoint_url: Endpoint = None,
    region: Region = None,
    stage: StageName = "local",
) -> None:
    """Bring everything over from an MLflow server, verified; cut off, the same command goes on.

    The server knows you by MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD;
    the deployment, if it is not the local cloud, by an admin's token in SHELFLIFE_TOKEN.
    """
    asked = moving.Asked(_choice(only, experiments), workers, journal, dry_run=dry_run, verify=verify)
    target = moving.ours(lambda: cloud.target(folder, endpoint_url, region), stage, folder)
    raise typer.Exit(0 if moving.bring(moving.foreign(source), target, asked) else 1)


@export_app.command("mlflow")
def export_mlflow(
    *,
    target: Annotated[str, typer.Option("--to", help="Tracking URI of the MLflow server.")],
    only: Only = None,
    experiments: Experiments = None,
    workers: Workers = 4,
    journal: Journals = Path(),
    dry_run: DryRun = False,
    verify: Verify = True,
    folder: Folder = FOLDER,
    endpoint_url: Endpoint = None,
    region: Region = None,
    stage: StageName = "local",
) -> None:
    """Take everything to an MLflow server, verified; cut off, the same command goes on.

    Any other server gives out ids of runs itself: they are tagged with the ids that they had here. Who you
    are is told as for `import mlflow`.
    """
    asked = moving.Asked(_choice(only, experiments), workers, journal, dry_run=dry_run, verify=verify)
    source = moving.ours(lambda: cloud.target(folder, endpoint_url, region), stage, folder)
    raise typer.Exit(0 if moving.bring(source, moving.foreign(target), asked) else 1)


def _choice(only: list[Part] | None, experiments: list[str] | None) -> Choice:
    return Choice(parts=frozenset(only) if only else ALL, experiments=tuple(experiments or ()))


def main() -> None:
    """Run the command; what a person can mend is said in one line, without a trace."""
    try:
        app()
    except _MENDABLE as error:
        Console(stderr=True).print(
            f"shelflife: {error}", style="red", highlight=False, markup=False, soft_wrap=True
        )
        sys.exit(1)
