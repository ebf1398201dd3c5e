"""HTTP: training jobs."""

from http import HTTPStatus
from typing import Any

from shelflife.entry.http import Answer, Call, HttpDoor
from shelflife.kernel.names import Context, Header
from shelflife.training.model import TrainingJob, TrainingPlan
from shelflife.training.wiring import log_groups, training

door = HttpDoor(Context.TRAINING)
handler = door.handle


@door.post("/v1/training/jobs", body=TrainingPlan)
def request_job(call: Call[TrainingPlan]) -> Answer:
    """Check the plan and start a job; the same Idempotency-Key is answered with the same job."""
    key = call.headers.get(Header.IDEMPOTENCY_KEY)
    job = training().request(call.body, requested_by=call.principal.name, key=key)
    return Answer(_shown(job), HTTPStatus.ACCEPTED)


@door.get("/v1/training/jobs")
def list_jobs(call: Call[None]) -> dict[str, object]:
    page = training().page(*call.page())
    return {"jobs": [_shown(job) for job in page.items], "next_cursor": page.next_cursor}


@door.get("/v1/training/jobs/<job_id>")
def show_job(call: Call[None], job_id: str) -> object:  # noqa: ARG001 - every route takes its call
    return _shown(training().find(job_id))


@door.post("/v1/training/jobs/<job_id>/cancel")
def cancel_job(call: Call[None], job_id: str) -> Answer:
    job = training().cancel(job_id, cancelled_by=call.principal.name)
    return Answer(_shown(job), HTTPStatus.ACCEPTED)


def _shown(job: TrainingJob) -> dict[str, Any]:
    links = {
        "execution_arn": job.execution_arn,
        "run_id": job.run_id,
        "model_version": job.model_version,
        "logs": {"log_group": log_groups()[job.plan.backend], "job_name": job.backend_job},
    }
    hidden = {"revision", "execution_arn", "run_id", "model_version", "backend_job"}
    return job.model_dump(mode="json", exclude=hidden) | {"links": links}
