"""Task: say where a logged model's files are, and note at it that it became a registered version."""

from shelflife.contracts.tracking import LinkedModel, LinkVersion
from shelflife.entry.task import task
from shelflife.tracking.errors import LoggedModelNotFoundError
from shelflife.tracking.wiring import logged_models


@task(LinkVersion)
def handler(asked: LinkVersion) -> LinkedModel:
    if not asked.logged_model_id:
        return LinkedModel()
    try:
        model = logged_models().link_version(asked.logged_model_id, asked.model_name, asked.version)
    except LoggedModelNotFoundError:
        return LinkedModel()
    return LinkedModel(artifact_uri=model.artifact_uri, run_id=model.source_run_id or None)
