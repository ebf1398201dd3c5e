import secrets
from dataclasses import replace
from typing import Any

import pytest

from shelflife.tracking.dynamo_models import DynamoLoggedModels
from shelflife.tracking.errors import LoggedModelBusyError, LoggedModelTooLargeError, LostRaceError
from shelflife.tracking.logged_model import LoggedModel, LoggedModelStatus, Measured
from shelflife.tracking.model import Metric
from shelflife.tracking.ports import KeptModels
from shelflife.tracking.settings import TABLE
from tests.fakes.tracking import MemoryLoggedModels
from tests.harness.cloud import make_table


def model(model_id: str, creation_time: int = 5, **more: Any) -> LoggedModel:
    artifact_uri = f"mlflow-artifacts:/1/models/{model_id}/artifacts"
    return LoggedModel(model_id, "1", "model", artifact_uri, creation_time, creation_time, **more)


FULL = model(
    "m-1",
    model_type="onnx",
    source_run_id="r1",
    status=LoggedModelStatus.READY,
    params={"depth": "3"},
    tags={"größe": ""},
    measured=(Measured("r1", Metric("mae", 0.1 + 0.2, 7, 2), "bikes", "d1"),),
)


@pytest.fixture(params=["memory", "dynamo"])
def models(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryLoggedModels()
    request.getfixturevalue("aws")
    return DynamoLoggedModels(make_table(TABLE))


def test_a_model_comes_back_as_it_was(models: KeptModels) -> None:
    assert models.find("m-1") is None
    models.add(FULL)
    assert models.find("m-1") == FULL
    models.replace(replace(FULL, tags={}, deleted_at=9))
    assert models.find("m-1") == replace(FULL, tags={}, deleted_at=9, revision=1)


def test_an_id_is_given_once(models: KeptModels) -> None:
    models.add(FULL)
    with pytest.raises(LoggedModelBusyError):
        models.add(model("m-1", 6, source_run_id="r2"))
    assert models.find("m-1") == FULL
    assert [list(models.of("1", 0)), list(models.of_run("r2"))] == [[FULL], []]


def test_who_has_not_seen_the_last_change_loses(models: KeptModels) -> None:
    models.add(FULL)
    models.replace(replace(FULL, params={"winner": "yes"}))
    with pytest.raises(LostRaceError):
        models.replace(replace(FULL, params={"winner": "no"}))
    found = models.find("m-1")
    assert found is not None
    assert found.params == {"winner": "yes"}


def test_models_are_listed_newest_first_and_by_run(models: KeptModels) -> None:
    for one in (FULL, model("m-2", 9), model("m-3", 7, source_run_id="r1"), model("m-4", part=1)):
        models.add(one)
    assert [one.model_id for one in models.of("1", 0)] == ["m-2", "m-3", "m-1"]
    assert [one.model_id for one in models.of("1", 1)] == ["m-4"]
    assert sorted(one.model_id for one in models.of_run("r1")) == ["m-1", "m-3"]


def test_what_leads_to_a_model_that_is_gone_is_passed_over(aws: None) -> None:
    table = make_table(TABLE)
    models = DynamoLoggedModels(table)
    models.add(FULL)
    models.add(model("m-2", source_run_id="r1"))
    table.delete("MODEL#m-1", "MODEL")
    assert [one.model_id for one in models.of("1", 0)] == ["m-2"]
    assert [one.model_id for one in models.of_run("r1")] == ["m-2"]


def test_a_model_that_no_longer_fits_is_refused_with_its_size(aws: None) -> None:
    models = DynamoLoggedModels(make_table(TABLE))
    models.add(FULL)
    with pytest.raises(LoggedModelTooLargeError, match="380000"):
        models.replace(replace(FULL, params={str(at): secrets.token_hex(4000) for at in range(100)}))
    assert models.find("m-1") == FULL
