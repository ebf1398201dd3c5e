"""Task: say of an ingestion that its function crashed, and why."""

from pydantic import ConfigDict

from shelflife.data.model import Ingestion
from shelflife.data.wiring import failures
from shelflife.entry.task import task
from shelflife.kernel.ids import Name
from shelflife.kernel.model import Model


class StateFailure(Model):
    """What Catch leaves; the names are those of Step Functions."""

    model_config = ConfigDict(alias_generator=str.capitalize)

    error: str = ""
    cause: str = ""


class RecordFailure(Model):
    name: Name
    ingestion_id: str
    failure: StateFailure


@task(RecordFailure)
def handler(asked: RecordFailure) -> Ingestion:
    return failures().record(asked.name, asked.ingestion_id, asked.failure.error, asked.failure.cause)
