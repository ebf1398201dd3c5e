"""HTTP: what MLflow's pages ask by GraphQL."""

import json
from collections.abc import Mapping

from pydantic import ValidationError

from shelflife.contracts.access import Role
from shelflife.entry.forms import InvalidInputError, failure_of, render
from shelflife.entry.http import Call, HttpDoor
from shelflife.kernel.names import Context
from shelflife.tracking.graph import Graph
from shelflife.tracking.requests import GraphQuery
from shelflife.tracking.wiring import experiments, logged_models, tracking

door = HttpDoor(Context.TRACKING)
handler = door.handle

PATH = "/graphql"


@door.post(PATH, role=Role.VIEWER, body=GraphQuery)
def query(call: Call[GraphQuery]) -> dict[str, object]:
    """The queries that MLflow's pages send; any other is an error in GraphQL's form."""
    graph = Graph(tracking=tracking(), experiments=experiments(), models=logged_models(), told=_told)
    return graph.answer(call.body.query, call.body.variables, call.body.operation_name)


def _told(error: Exception) -> Mapping[str, str]:
    """The error as the other routes would tell it."""
    known = InvalidInputError(error) if isinstance(error, ValidationError) else error
    told: Mapping[str, str] = json.loads(render(failure_of(known), PATH).body)
    return told
