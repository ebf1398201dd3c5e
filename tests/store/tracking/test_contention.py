"""A transaction that meets another is told as what it is: somebody else is at it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from shelflife.aws.items import Items
from shelflife.kernel.errors import ShelflifeError
from shelflife.tracking.dynamo_experiments import DynamoExperiments
from shelflife.tracking.dynamo_index import DynamoRunIndex
from shelflife.tracking.dynamo_models import DynamoLoggedModels
from shelflife.tracking.dynamo_runs import DynamoRuns
from shelflife.tracking.errors import (
    ExperimentBusyError,
    IndexBusyError,
    LoggedModelBusyError,
    LostRaceError,
    RunExistsError,
)
from shelflife.tracking.logged_model import LoggedModel
from shelflife.tracking.model import Experiment, Lifecycle, Run, RunStatus
from shelflife.tracking.settings import TABLE
from tests.harness.cloud import make_table
from tests.harness.turning_away import contended

RUN = Run("r1", "1", "ripe-plum-417", "ada", RunStatus.RUNNING, 5, "mlflow-artifacts:/1/r1")
EXPERIMENT = Experiment(
    experiment_id="1",
    name="one",
    artifact_location="mlflow-artifacts:/1",
    lifecycle=Lifecycle.ACTIVE,
    creation_time=1,
    last_update_time=1,
    tags={},
)
MODEL = LoggedModel("m-1", "1", "model", "mlflow-artifacts:/1/models/m-1", 5, 5)


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (lambda items: DynamoRuns(items).add(replace(RUN, run_id="r2")), RunExistsError),
        (lambda items: DynamoRuns(items).replace(replace(RUN, settled=True)), LostRaceError),
        (lambda items: DynamoRunIndex(items).write("r1"), IndexBusyError),
        (lambda items: DynamoExperiments(items).add(EXPERIMENT), ExperimentBusyError),
        (lambda items: DynamoExperiments(items).replace(EXPERIMENT, former_name="one"), LostRaceError),
        (lambda items: DynamoLoggedModels(items).add(MODEL), LoggedModelBusyError),
    ],
)
def test_a_transaction_that_meets_another_is_told_so(
    aws: None, write: Callable[[Items], object], error: type[ShelflifeError]
) -> None:
    items = make_table(TABLE)
    DynamoRuns(items).add(RUN)
    with pytest.raises(error):
        write(contended(items))
