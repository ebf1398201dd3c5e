"""Task: check an upload, and make a version of it."""

from shelflife.data.model import Ingestion
from shelflife.data.wiring import ingest
from shelflife.entry.task import task
from shelflife.kernel.ids import Name
from shelflife.kernel.model import Model


class ProfileDataset(Model):
    name: Name
    ingestion_id: str


@task(ProfileDataset)
def handler(asked: ProfileDataset) -> Ingestion:
    return ingest().run(asked.name, asked.ingestion_id)
