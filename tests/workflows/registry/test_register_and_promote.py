import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.registry.api.handler import handler as api
from functions.registry.move_alias.handler import handler as move_alias
from functions.registry.register_version.handler import handler as register_version
from shelflife.aws.items import Items
from shelflife.contracts.models import ModelVersionReference
from shelflife.registry.dynamo_models import DynamoRegisteredModels
from shelflife.registry.errors import AliasMovedError, ModelVersionExistsError
from tests.harness.events import LambdaContext, golden, http_event
from tests.harness.workflows import Handler, TaskFailed, run

REGISTER = "registry/register_model"
PROMOTE = "registry/promote_model"


@pytest.fixture(autouse=True)
def installed(table: Items) -> None:
    pass


def registration(job_id: str = "job-1") -> Any:
    event = golden("registry/register_version")
    event["candidate"]["job_id"] = job_id
    return event


def before(handler: Handler, happen: Callable[[], Any]) -> Handler:
    """The handler, but the first time, after something else happened."""
    left = [happen]

    def handle(event: Any, context: Any) -> Any:
        if left:
            left.pop()()
        return handler(event, context)

    return handle


def test_a_candidate_is_registered_and_promoted() -> None:
    ended = run(REGISTER, registration())
    assert (ended.status, ended.states) == (
        "SUCCEEDED",
        ("WhoseVersion", "RegisterVersion", "Registered"),
    )
    registered = ModelVersionReference.model_validate(ended.output["registered"])
    assert registered.version == 1
    ended = run(PROMOTE, golden("registry/move_alias"))
    assert (ended.status, ended.states) == ("SUCCEEDED", ("MoveAlias", "Promoted"))
    assert ModelVersionReference.model_validate(ended.output["promoted"]) == registered


def test_what_a_client_registered_goes_the_same_way(table: Items) -> None:
    model = http_event("POST", "/api/2.0/mlflow/registered-models/create", {"name": "churn"})
    sent = {"name": "churn", "source": "s3://elsewhere/model"}
    version = http_event("POST", "/api/2.0/mlflow/model-versions/create", sent)
    for event in (model, version):
        assert api(event, LambdaContext())["statusCode"] == 200
    (item,) = table.get_many([("NAME#churn", "NAME")])
    told = {"model_id": item["model_id"], "model_name": "churn", "version": 1, "logged_model_id": "m-1"}
    linked = {"artifact_uri": None, "run_id": "r1"}
    for _ in range(2):
        ended = run(REGISTER, told, handlers={"link_version": lambda _event, _context: linked})
        assert ended.states == ("WhoseVersion", "LinkVersion", "InspectVersion", "Registered")
        assert ended.output["inspected"]["servable"] is False


def test_a_workflow_that_was_cut_off_can_be_run_again() -> None:
    for _ in range(2):
        assert run(REGISTER, registration()).output["registered"]["version"] == 1
    for _ in range(2):
        assert run(PROMOTE, golden("registry/move_alias")).output["promoted"]["version"] == 1


@pytest.mark.parametrize(
    ("machine", "event", "error"),
    [
        (REGISTER, "registry/register_version", ModelVersionExistsError("bikeshare", 1)),
        (PROMOTE, "registry/move_alias", AliasMovedError("bikeshare", "champion")),
    ],
)
def test_a_lost_race_is_retried(
    monkeypatch: pytest.MonkeyPatch, machine: str, event: str, error: Exception
) -> None:
    if machine == PROMOTE:
        run(REGISTER, registration())
    commit = DynamoRegisteredModels.commit
    lost = [error]

    def raced(self: Any, asked: Any) -> None:
        if lost:
            raise lost.pop()
        commit(self, asked)

    monkeypatch.setattr(DynamoRegisteredModels, "commit", raced)
    assert run(machine, golden(event)).status == "SUCCEEDED"
    assert lost == []


@pytest.mark.parametrize("error", ["Lambda.ServiceException", "Lambda.TooManyRequestsException"])
def test_lambdas_own_troubles_are_retried(error: str) -> None:
    def fail() -> None:
        raise TaskFailed(error)

    handlers = {
        "register_version": before(register_version, fail),
        "move_alias": before(move_alias, fail),
    }
    assert run(REGISTER, registration(), handlers=handlers).status == "SUCCEEDED"
    assert run(PROMOTE, golden("registry/move_alias"), handlers=handlers).status == "SUCCEEDED"


def test_a_refusal_is_a_named_failure() -> None:
    event = registration()
    event["verdict"]["passed"] = False
    ended = run(REGISTER, event)
    assert (ended.status, ended.error) == ("FAILED", "CandidateNotPassedError")
    assert "job-1" in json.loads(ended.cause or "")["errorMessage"]
    ended = run(PROMOTE, golden("registry/move_alias"))
    assert (ended.status, ended.error) == ("FAILED", "RegisteredModelNotFoundError")
    assert ended.states == ("MoveAlias", "PromotionFailed")
