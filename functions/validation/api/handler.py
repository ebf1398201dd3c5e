"""HTTP: the gates of a model, and the evaluations of its candidates."""

from shelflife.contracts.access import Role
from shelflife.entry.http import Call, HttpDoor, InvalidParameterError
from shelflife.kernel.ids import checked_name
from shelflife.kernel.names import Context
from shelflife.validation.model import EvaluationRecord, Gates, Policy
from shelflife.validation.wiring import validation

door = HttpDoor(Context.VALIDATION)
handler = door.handle


@door.get("/v1/validation/policies/<model_name>")
def get_policy(call: Call[None], model_name: str) -> Policy:  # noqa: ARG001 - every route takes its call
    return validation().policy(checked_name("model_name", model_name))


@door.put("/v1/validation/policies/<model_name>", role=Role.APPROVER, body=Gates)
def set_gates(call: Call[Gates], model_name: str) -> Policy:
    return validation().set_gates(
        checked_name("model_name", model_name), call.body, changed_by=call.principal.name
    )


@door.get("/v1/validation/evaluations")
def list_evaluations(call: Call[None]) -> dict[str, object]:
    model_name = call.parameter("model_name")
    if not model_name:
        raise InvalidParameterError("model_name", model_name or "", "the name of a registered model")
    page = validation().page(model_name, *call.page())
    shown = [record.model_dump(mode="json") for record in page.items]
    return {"evaluations": shown, "next_cursor": page.next_cursor}


@door.get("/v1/validation/evaluations/<evaluation_id>")
def get_evaluation(call: Call[None], evaluation_id: str) -> EvaluationRecord:  # noqa: ARG001 - see above
    return validation().evaluation(evaluation_id)
