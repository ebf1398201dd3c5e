from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from shelflife.tracking.errors import (
    ExperimentExistsError,
    LoggedModelBusyError,
    LostRaceError,
    PartUploadNotFoundError,
    RunExistsError,
)
from shelflife.tracking.index_entries import Entry, Place, entries_of, sort_key
from shelflife.tracking.logged_model import LoggedModel
from shelflife.tracking.model import DatasetSummary, Experiment, Metric, Run, Segment
from shelflife.tracking.ports import ArtifactEntry, ArtifactFile


class MemoryExperiments:
    def __init__(self) -> None:
        self._experiments: dict[str, Experiment] = {}

    def add(self, experiment: Experiment) -> None:
        if experiment.experiment_id in self._experiments or self.find_by_name(experiment.name):
            raise ExperimentExistsError(experiment.name)
        self._experiments[experiment.experiment_id] = experiment

    def find(self, experiment_id: str) -> Experiment | None:
        return self._experiments.get(experiment_id)

    def find_by_name(self, name: str) -> Experiment | None:
        return next((known for known in self._experiments.values() if known.name == name), None)

    def replace(self, experiment: Experiment, *, former_name: str) -> None:
        if self._experiments[experiment.experiment_id].revision != experiment.revision:
            raise LostRaceError(experiment.experiment_id)
        if experiment.name != former_name and self.find_by_name(experiment.name):
            raise ExperimentExistsError(experiment.name)
        changed = experiment.model_copy(update={"revision": experiment.revision + 1})
        self._experiments[experiment.experiment_id] = changed

    def every(self) -> Iterator[Experiment]:
        return iter([self._experiments[key] for key in sorted(self._experiments)])


class MemoryRuns:
    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    def add(self, run: Run) -> None:
        if run.run_id in self._runs:
            raise RunExistsError(run.run_id)
        self._runs[run.run_id] = run

    def find(self, run_id: str) -> Run | None:
        return self._runs.get(run_id)

    def replace(self, run: Run) -> None:
        if self._runs[run.run_id].revision != run.revision:
            raise LostRaceError(run.run_id)
        self._runs[run.run_id] = replace(run, revision=run.revision + 1, settled=False)

    def find_many(self, run_ids: Sequence[str]) -> list[Run]:
        return [self._runs[run_id] for run_id in run_ids if run_id in self._runs]

    def pending(self, segment: Segment) -> list[Run]:
        return [run for run in self._runs.values() if run.segment == segment and not run.settled]

    def settle(self, run_id: str) -> None:
        self._runs[run_id] = replace(self._runs[run_id], settled=True)


class MemoryLoggedModels:
    def __init__(self) -> None:
        self._models: dict[str, LoggedModel] = {}

    def add(self, model: LoggedModel) -> None:
        if model.model_id in self._models:
            raise LoggedModelBusyError(model.model_id)
        self._models[model.model_id] = model

    def find(self, model_id: str) -> LoggedModel | None:
        return self._models.get(model_id)

    def replace(self, model: LoggedModel) -> None:
        if self._models[model.model_id].revision != model.revision:
            raise LostRaceError(model.model_id)
        self._models[model.model_id] = replace(model, revision=model.revision + 1)

    def of(self, experiment_id: str, part: int) -> Iterator[LoggedModel]:
        found = [m for m in self._models.values() if (m.experiment_id, m.part) == (experiment_id, part)]
        return iter(sorted(found, key=lambda model: (-model.creation_time, model.model_id)))

    def of_run(self, run_id: str) -> Iterator[LoggedModel]:
        return (model for model in self._models.values() if model.source_run_id == run_id)


class MemoryDatasets:
    def __init__(self) -> None:
        self._known: set[DatasetSummary] = set()

    def note(self, summaries: Iterable[DatasetSummary]) -> None:
        self._known |= set(summaries)

    def of(self, experiment_id: str) -> Iterator[DatasetSummary]:
        found = [one for one in self._known if one.experiment_id == experiment_id]
        return iter(sorted(found, key=lambda one: (one.name, one.digest, one.context or "")))


class MemorySegments:
    """Segments of `size` runs, counted exactly."""

    def __init__(self, size: int = 100_000) -> None:
        self._size = size
        self._runs: dict[str, int] = {}

    def open(self, experiment_id: str) -> Segment:
        count = self._runs.get(experiment_id, 0)
        self._runs[experiment_id] = count + 1
        return Segment(experiment_id, count // self._size)

    def all(self, experiment_id: str) -> list[Segment]:
        last = max(self._runs.get(experiment_id, 0) - 1, 0) // self._size
        return [Segment(experiment_id, number) for number in range(last, -1, -1)]


class MemoryRunIndex:
    """The entries of the fake's runs, kept until they are written anew."""

    def __init__(self, runs: MemoryRuns) -> None:
        self._runs = runs
        self._entries: dict[str, tuple[Segment, list[Entry]]] = {}

    def pending(self, segment: Segment) -> list[Run]:
        return self._runs.pending(segment)

    def find_many(self, run_ids: Sequence[str]) -> list[Run]:
        return self._runs.find_many(run_ids)

    def entries(
        self,
        segment: Segment,
        place: Place,
        low: str,
        high: str,
        *,
        backwards: bool = False,
        expected: int = 100,
    ) -> Iterator[Entry]:
        found = [
            entry
            for known, entries in self._entries.values()
            for entry in entries
            if known == segment and entry.place == place and low <= sort_key(entry) <= high
        ]
        return iter(sorted(found, key=sort_key, reverse=backwards))

    def write(self, run_id: str) -> None:
        run = self._runs.find(run_id)
        if run is not None:
            self._entries[run_id] = run.segment, list(entries_of(run))
            self._runs.settle(run_id)


class MemoryMetricHistory:
    def __init__(self) -> None:
        self._points: dict[tuple[str, str], dict[tuple[int, int, str], Metric]] = {}

    def append(self, run: Run, metrics: Sequence[Metric]) -> None:
        for metric in metrics:
            points = self._points.setdefault((run.run_id, metric.key), {})
            points[metric.timestamp, metric.step, repr(metric.value)] = metric

    def read(self, run: Run, key: str) -> list[Metric]:
        points = self._points.get((run.run_id, key), {})
        return sorted(points.values(), key=lambda metric: (metric.timestamp, metric.step, metric.rank[2]))


class MemoryArtifactFiles:
    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, str]] = {}
        self.uploads: dict[str, tuple[str, str]] = {}
        self.parts: dict[str, bytes] = {}

    def write(self, path: str, body: bytes, content_type: str) -> None:
        self.files[path] = body, content_type

    def find(self, path: str) -> ArtifactFile | None:
        known = self.files.get(path)
        return ArtifactFile(len(known[0]), known[1]) if known else None

    def read(self, path: str) -> bytes:
        return self.files[path][0]

    def download_url(self, path: str) -> str:
        return f"https://storage.example/{path}"

    def entries(self, path: str) -> list[ArtifactEntry]:
        folder = f"{path}/" if path else ""
        below = {
            name.removeprefix(folder): body
            for name, (body, _) in self.files.items()
            if name.startswith(folder)
        }
        files = [ArtifactEntry(name, len(body)) for name, body in below.items() if "/" not in name]
        folders = {name.partition("/")[0] for name in below if "/" in name}
        return sorted([*files, *map(ArtifactEntry, folders)], key=lambda entry: entry.name)

    def remove(self, path: str) -> None:
        self.files = {
            name: file
            for name, file in self.files.items()
            if name != path and not name.startswith(f"{path}/")
        }

    def begin_upload(self, path: str, content_type: str) -> str:
        upload_id = f"upload-{len(self.uploads) + 1}"
        self.uploads[upload_id] = path, content_type
        return upload_id

    def part_url(self, path: str, upload_id: str, number: int) -> str:
        return f"https://storage.example/{path}?uploadId={upload_id}&partNumber={number}"

    def send_part(self, url: str, body: bytes) -> str:
        """What a client does with a part's URL; the answer is the part's tag."""
        self.parts[url] = body
        return url

    def complete_upload(self, path: str, upload_id: str, etags: Sequence[str]) -> None:
        begun = self.uploads.pop(upload_id, None)
        if begun:
            self.files[path] = b"".join(self.parts[etag] for etag in etags), begun[1]
        elif path not in self.files:
            raise PartUploadNotFoundError(upload_id)

    def abort_upload(self, path: str, upload_id: str) -> None:
        self.uploads.pop(upload_id, None)
