"""What MLflow's clients send of files."""

from pydantic import Field

from shelflife.tracking.requests import Request, RunId


class ArtifactsOf(RunId):
    """A file or folder of a run."""

    path: str = ""
    page_token: str | None = None


class UploadedFile(Request):
    #: The file's path where the client has it.
    path: str = Field(min_length=1)

    @property
    def file_name(self) -> str:
        return self.path.replace("\\", "/").rpartition("/")[2]


class BeginUpload(UploadedFile):
    num_parts: int = Field(1, ge=0, le=10_000)


class SentPart(Request):
    part_number: int
    etag: str


class EndUpload(UploadedFile):
    upload_id: str = Field(min_length=1)
    parts: tuple[SentPart, ...] = ()

    def etags(self) -> list[str]:
        """The parts' tags in order."""
        return [part.etag for part in sorted(self.parts, key=lambda part: part.part_number)]
