from shelflife.contracts.data import DatasetManifest
from shelflife.contracts.training import StartTraining, TrainingResult
from shelflife.kernel.paging import Page, decode_cursor, encode_cursor
from shelflife.training.errors import (
    ResultMissingError,
    RetrainingRunningError,
    TrainingJobChangedError,
    TrainingJobExistsError,
)
from shelflife.training.model import JobOrder, TrainingJob


class MemoryJobs:
    def __init__(self) -> None:
        self._jobs: dict[str, TrainingJob] = {}
        self._retraining: dict[str, str] = {}
        self._registered: dict[str, tuple[int, str]] = {}

    def add(self, job: TrainingJob) -> None:
        if job.job_id in self._jobs:
            raise TrainingJobExistsError(job.job_id)
        self._jobs[job.job_id] = job

    def add_retraining(self, job: TrainingJob, *, after: str | None) -> None:
        model_name = job.plan.model_name
        if job.job_id in self._jobs:
            raise TrainingJobExistsError(job.job_id)
        if self._retraining.get(model_name) != after:
            raise RetrainingRunningError(model_name, self._retraining.get(model_name, ""))
        self._jobs[job.job_id] = job
        self._retraining[model_name] = job.job_id

    def change(self, job: TrainingJob) -> TrainingJob:
        known = self._jobs.get(job.job_id)
        if known is None or known.revision != job.revision:
            raise TrainingJobChangedError(job.job_id, f"at revision {job.revision}")
        following = job.model_copy(update={"revision": job.revision + 1})
        self._jobs[job.job_id] = following
        return following

    def find(self, job_id: str) -> TrainingJob | None:
        return self._jobs.get(job_id)

    def retraining_of(self, model_name: str) -> str | None:
        return self._retraining.get(model_name)

    def note_registered(self, model_name: str, version: int, job_id: str) -> None:
        if version > self._registered.get(model_name, (0, ""))[0]:
            self._registered[model_name] = (version, job_id)

    def registered_of(self, model_name: str) -> str | None:
        return self._registered[model_name][1] if model_name in self._registered else None

    def page(self, limit: int, cursor: str | None) -> Page[TrainingJob]:
        ordered = sorted(self._jobs.values(), key=lambda job: (job.requested_at, job.job_id), reverse=True)
        before = (decode_cursor(cursor) or {}).get("after")
        if before:
            place = next(i for i, job in enumerate(ordered) if job.job_id == before)
            ordered = ordered[place + 1 :]
        more = encode_cursor({"after": ordered[limit - 1].job_id}) if len(ordered) > limit else None
        return Page(items=tuple(ordered[:limit]), next_cursor=more)


class MemoryManifests:
    def __init__(self, *manifests: DatasetManifest) -> None:
        self.kept = {(manifest.name, manifest.version): manifest for manifest in manifests}

    def find(self, name: str, version: int) -> DatasetManifest | None:
        return self.kept.get((name, version))

    def latest(self, name: str) -> DatasetManifest | None:
        versions = [version for known, version in self.kept if known == name]
        return self.kept[name, max(versions)] if versions else None


class MemoryJobFiles:
    def __init__(self) -> None:
        self.orders: dict[str, JobOrder] = {}
        self.results: dict[str, TrainingResult] = {}
        self.failures: dict[str, str] = {}

    def output_uri(self, job_id: str) -> str:
        return f"s3://artifacts/training/{job_id}/"

    def write_order(self, order: JobOrder) -> str:
        self.orders[order.job_id] = order
        return f"{self.output_uri(order.job_id)}plan.json"

    def result(self, job_id: str) -> TrainingResult:
        if job_id not in self.results:
            raise ResultMissingError(job_id, f"{self.output_uri(job_id)}result.json")
        return self.results[job_id]

    def failure(self, job_id: str) -> str | None:
        return self.failures.get(job_id)


class MemoryExecutions:
    def __init__(self) -> None:
        self.started: dict[str, StartTraining] = {}
        self.stopped: list[str] = []

    def start(self, job_id: str, asked: StartTraining) -> str:
        self.started.setdefault(job_id, asked)
        return self._arn(job_id)

    def stop(self, job_id: str, execution_arn: str | None, reason: str) -> None:
        self.stopped.append(execution_arn or self._arn(job_id))

    def _arn(self, job_id: str) -> str:
        return f"arn:aws:states:eu-west-1:000000000000:execution:train_model:{job_id}"
