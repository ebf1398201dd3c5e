"""HTTP: MLflow's own pages, and what they ask of features that are not here: that there is nothing."""

from http import HTTPStatus

from shelflife.contracts.access import Role
from shelflife.entry.http import Answer, Call, HttpDoor
from shelflife.kernel.names import Context
from shelflife.tracking import pages

door = HttpDoor(Context.TRACKING)
handler = door.handle

FILES = "/static-files"
V2 = "/api/2.0/mlflow"
V3 = "/api/3.0/mlflow"
Nothing = dict[str, object]


@door.get("/", role=None)
def show_pages(call: Call[None]) -> Answer:
    """MLflow's pages; who is not signed in is led to where one does."""
    if call.known is None:
        # Relative, because the API may be below a stage's path.
        headers = {"Location": "sign-in", "Cache-Control": "no-store"}
        return Answer(status=HTTPStatus.FOUND, headers=headers)
    return _file(call, pages.INDEX)


@door.get(f"{FILES}/.+", role=None)
def get_page_file(call: Call[None]) -> Answer:
    """A file of MLflow's pages: anybody may have it, as anybody may have its package."""
    return _file(call, call.path.partition(f"{FILES}/")[2])


@door.get(f"{V2}/users/current")
def current_user(call: Call[None]) -> Nothing:
    """Who is signed in; nobody administers users in MLflow's pages, tokens are `access`'s."""
    user = {"username": call.principal.name, "is_admin": False}
    return {"user": user, "is_basic_auth": False}


@door.get(f"{V3}/users/current/permissions")
def current_permissions(call: Call[None]) -> Nothing:  # noqa: ARG001 - every route takes its call
    """None by name: a token's role decides."""
    return {"permissions": []}


@door.get(f"{V2}/gateway-proxy")
def list_gateway_routes(call: Call[None]) -> Nothing:  # noqa: ARG001 - every route takes its call
    return {"endpoints": []}


@door.get(f"{V2}/webhooks")
def list_webhooks(call: Call[None]) -> Nothing:  # noqa: ARG001 - see above
    return {}


@door.get(f"{V3}/assistant/config")
def assistant_config(call: Call[None]) -> Nothing:  # noqa: ARG001 - see above
    return {"providers": {}, "projects": {}, "remote_access_allowed": False}


@door.get(f"{V3}/assistant/providers")
def list_assistant_providers(call: Call[None]) -> Nothing:  # noqa: ARG001 - see above
    return {"providers": []}


@door.post(f"{V3}/datasets/search", role=Role.VIEWER)
def search_evaluation_datasets(call: Call[None]) -> Nothing:  # noqa: ARG001 - see above
    return {}


@door.get(f"{V3}/gateway/endpoints/list")
def list_gateway_endpoints(call: Call[None]) -> Nothing:  # noqa: ARG001 - see above
    return {}


@door.get(f"{V3}/gateway/endpoints/bindings/list")
def list_gateway_bindings(call: Call[None]) -> Nothing:  # noqa: ARG001 - see above
    return {}


@door.get(f"{V3}/gateway/secrets/config")
def gateway_secrets_config(call: Call[None]) -> Nothing:  # noqa: ARG001 - see above
    return {"secrets_available": False, "using_default_passphrase": False}


@door.post(f"{V3}/issues/search", role=Role.VIEWER)
def search_issues(call: Call[None]) -> Nothing:  # noqa: ARG001 - see above
    return {}


@door.get(f"{V3}/mcp-servers")
def list_mcp_servers(call: Call[None]) -> Nothing:  # noqa: ARG001 - see above
    return {"mcp_servers": []}


@door.get(f"{V3}/scorers/list")
def list_scorers(call: Call[None]) -> Nothing:  # noqa: ARG001 - see above
    return {}


@door.get(f"{V3}/scorers/online-configs")
def list_scorer_configs(call: Call[None]) -> Nothing:  # noqa: ARG001 - see above
    return {"configs": []}


@door.get(f"{V3}/ui-telemetry")
def telemetry_config(call: Call[None]) -> Nothing:  # noqa: ARG001 - see above
    """The pages tell nobody what is done in them."""
    return {"disable_ui_events": [], "disable_ui_telemetry": True, "ui_rollout_percentage": 0}


def _file(call: Call[None], path: str) -> Answer:
    compressed = "gzip" in call.headers.get("accept-encoding", "")
    found = pages.page_file(path, compressed=compressed)
    return Answer(found.body, headers=found.headers, content_type=found.content_type)
