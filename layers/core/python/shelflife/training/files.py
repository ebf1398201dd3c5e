"""A job's files, below ``training/<job id>/`` of the artifact bucket."""

from dataclasses import dataclass

from pydantic import ValidationError

from shelflife.aws.objects import ObjectNotFoundError, Objects
from shelflife.contracts.training import TrainingResult
from shelflife.kernel.names import Prefix
from shelflife.training.errors import ResultMissingError, ResultUnreadableError
from shelflife.training.model import JobOrder

ORDER = "plan.json"
RESULT = "result.json"
FAILURE = "failure.txt"


@dataclass(frozen=True, slots=True)
class S3JobFiles:
    objects: Objects
    bucket_name: str

    def output_uri(self, job_id: str) -> str:
        return f"s3://{self.bucket_name}/{Prefix.TRAINING}{job_id}/"

    def write_order(self, order: JobOrder) -> str:
        uri = f"{self.output_uri(order.job_id)}{ORDER}"
        self.objects.write(uri, order.model_dump_json().encode(), content_type="application/json")
        return uri

    def result(self, job_id: str) -> TrainingResult:
        uri = f"{self.output_uri(job_id)}{RESULT}"
        try:
            result = TrainingResult.model_validate_json(self.objects.read(uri))
        except ObjectNotFoundError as error:
            raise ResultMissingError(job_id, uri) from error
        except ValidationError as error:
            raise ResultUnreadableError(job_id, uri, str(error)) from error
        if result.candidate.job_id != job_id:
            raise ResultUnreadableError(job_id, uri, f"it is that of job {result.candidate.job_id!r}")
        return result

    def failure(self, job_id: str) -> str | None:
        try:
            return self.objects.read(f"{self.output_uri(job_id)}{FAILURE}").decode().strip() or None
        except ObjectNotFoundError:
            return None
