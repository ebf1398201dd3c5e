"""What tracking is asked by workflows."""

from shelflife.kernel.model import Model


class LinkVersion(Model):
    """A registered version came from a logged model, if `logged_model_id` is not empty."""

    logged_model_id: str
    model_name: str
    version: int


class LinkedModel(Model):
    """Where the logged model's files are, and the run that made it; nothing, if there is no such model."""

    artifact_uri: str | None = None
    run_id: str | None = None
