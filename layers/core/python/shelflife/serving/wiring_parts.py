"""What several services are built of (wiring.py), each over one table."""

from typing import TYPE_CHECKING

from shelflife.aws.clients import client
from shelflife.aws.items import Items
from shelflife.kernel.ids import new_id, utc_now
from shelflife.serving.dynamo import DynamoDeployments, DynamoVersions
from shelflife.serving.dynamo_rollouts import DynamoRollouts

if TYPE_CHECKING:
    from shelflife.serving.endings import Endings
    from shelflife.serving.executions import SfnExecutions
    from shelflife.serving.experiment_endings import ExperimentEndings
    from shelflife.serving.shifts import Shifts

# ruff: noqa: PLC0415 - see wiring.py


def shifts_of(items: Items) -> "Shifts":
    from shelflife.serving.shifts import Shifts

    return Shifts(
        deployments=DynamoDeployments(items), versions=DynamoVersions(items), now=utc_now, new_id=new_id
    )


def endings_of(items: Items) -> "Endings":
    from shelflife.serving.endings import Endings

    return Endings(
        deployments=DynamoDeployments(items),
        rollouts=DynamoRollouts(items),
        shifts=shifts_of(items),
        now=utc_now,
        new_id=new_id,
    )


def experiment_endings_of(items: Items) -> "ExperimentEndings":
    from shelflife.serving.dynamo_experiments import DynamoExperiments
    from shelflife.serving.experiment_endings import ExperimentEndings

    return ExperimentEndings(
        deployments=DynamoDeployments(items),
        experiments=DynamoExperiments(items),
        shifts=shifts_of(items),
        now=utc_now,
        new_id=new_id,
    )


def executions() -> "SfnExecutions":
    from shelflife.serving.executions import SfnExecutions

    return SfnExecutions(client("stepfunctions"))
