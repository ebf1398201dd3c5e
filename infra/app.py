"""Composes the stacks; there are no resources here, and nothing remote is asked.

``python -m infra.app [STAGE] [FOLDER] [--check]``; under the CDK command the stage is ``-c stage=prod``.
"""

import json
import os
import sys
from pathlib import Path

from aws_cdk import App, Tags

from infra.checks import check
from infra.config import BUILD, ROOT, Stage, stage
from infra.stacks.access import AccessStack
from infra.stacks.data import DataStack
from infra.stacks.edge import EdgeStack
from infra.stacks.foundation import Foundation
from infra.stacks.monitoring import MonitoringStack
from infra.stacks.registry import RegistryStack
from infra.stacks.removal import RemovalStack
from infra.stacks.serving import ServingStack
from infra.stacks.tracing import TracingStack
from infra.stacks.tracking import TrackingStack
from infra.stacks.training import TrainingStack
from infra.stacks.validation import ValidationStack


def compose(app: App, chosen: Stage) -> list[str]:
    """All stacks of a stage, in an order in which they can be deployed; the answer names them."""
    prefix = chosen.stack_prefix
    foundation = Foundation(app, f"{prefix}-foundation", stage=chosen)
    access = AccessStack(app, f"{prefix}-access", stage=chosen, foundation=foundation)
    data = DataStack(app, f"{prefix}-data", stage=chosen, foundation=foundation)
    tracking = TrackingStack(app, f"{prefix}-tracking", stage=chosen, foundation=foundation)
    tracing = TracingStack(app, f"{prefix}-tracing", stage=chosen, foundation=foundation)
    registry = RegistryStack(
        app, f"{prefix}-registry", stage=chosen, foundation=foundation, tracking=tracking
    )
    validation = ValidationStack(
        app, f"{prefix}-validation", stage=chosen, foundation=foundation, registry=registry
    )
    training = TrainingStack(
        app,
        f"{prefix}-training",
        stage=chosen,
        foundation=foundation,
        access=access,
        validation=validation,
        registry=registry,
    )
    serving = ServingStack(app, f"{prefix}-serving", stage=chosen, foundation=foundation)
    monitoring = MonitoringStack(app, f"{prefix}-monitoring", stage=chosen, foundation=foundation)
    removal = RemovalStack(
        app,
        f"{prefix}-removal",
        stage=chosen,
        foundation=foundation,
        tracking=tracking,
        tracing=tracing,
        registry=registry,
    )
    contexts = (access, data, tracking, tracing, registry, validation, training, serving, monitoring)
    edge = EdgeStack(
        app,
        f"{prefix}-edge",
        stage=chosen,
        authorize=access.authorize,
        authorize_pages=access.authorize_pages,
        routes=[route for stack in (*contexts, removal) for route in stack.routes],
    )
    Tags.of(app).add("application", "shelflife")
    Tags.of(app).add("stage", chosen.name)
    return [stack.stack_name for stack in (foundation, *contexts, removal, edge)]


def synthesize(stage_name: str, folder: Path, *, checked: bool = False) -> list[str]:
    """Write the cloud assembly of a stage; the answer names its stacks in order.

    `checked` has cdk-nag look at it, which fails on a finding that nothing acknowledges.
    """
    context = json.loads((ROOT / "infra" / "cdk.json").read_text())["context"]
    app = App(outdir=str(folder), context=context, analytics_reporting=False)
    names = compose(app, stage(stage_name))
    if checked:
        check(app)
    else:
        app.synth()
    (folder / "order.json").write_text(json.dumps(names))
    return names


def main() -> None:
    """For the CDK command, which tells its folder by CDK_OUTDIR, and for people."""
    checked = "--check" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    if "CDK_OUTDIR" in os.environ:
        app = App(analytics_reporting=False)
        compose(app, stage(app.node.try_get_context("stage") or "dev"))
        app.synth()
        return
    name = arguments[0] if arguments else "local"
    synthesize(name, Path(arguments[1]) if len(arguments) > 1 else BUILD / "cdk" / name, checked=checked)


if __name__ == "__main__":
    main()
