from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from shelflife.tracking.index_entries import Entry, Place
from shelflife.tracking.logged_model import LoggedModel
from shelflife.tracking.model import DatasetSummary, Experiment, Metric, Run, Segment


class Experiments(Protocol):
    def add(self, experiment: Experiment) -> None:
        """Keep a new experiment.

        Raises:
            ExperimentExistsError: its name or its id is taken, be it by a deleted one.
        """

    def find(self, experiment_id: str) -> Experiment | None: ...

    def find_by_name(self, name: str) -> Experiment | None: ...

    def replace(self, experiment: Experiment, *, former_name: str) -> None:
        """Keep the experiment as it is now; its revision must be the stored one's, and goes up.

        Raises:
            LostRaceError: somebody else changed it since it was read.
            ExperimentExistsError: its new name is taken.
        """

    def every(self) -> Iterator[Experiment]: ...


class Runs(Protocol):
    def add(self, run: Run) -> None:
        """Keep a new run in its segment.

        Raises:
            RunExistsError: its id is taken.
        """

    def find(self, run_id: str) -> Run | None: ...

    def replace(self, run: Run) -> None:
        """Keep the run as it is now; its revision must be the stored one's, and goes up.

        Raises:
            LostRaceError: somebody else changed it since it was read.
            RunTooLargeError: it no longer fits.
        """


class Segments(Protocol):
    def open(self, experiment_id: str) -> Segment:
        """Where the experiment's next run belongs."""

    def all(self, experiment_id: str) -> list[Segment]:
        """Where the experiment's runs are."""


class RunIndex(Protocol):
    """Entries of runs by value, and the runs whose entries are still to be written."""

    def pending(self, segment: Segment) -> list[Run]:
        """Runs of which the index may not tell the truth."""

    def find_many(self, run_ids: Sequence[str]) -> list[Run]:
        """Those that there are, in no order."""

    def entries(  # noqa: PLR0913 - a stretch, its direction, and how much of it
        self,
        segment: Segment,
        place: Place,
        low: str,
        high: str,
        *,
        backwards: bool = False,
        expected: int = 100,
    ) -> Iterator[Entry]:
        """Entries by sort key from `low` to `high`, read as they are asked for, first about `expected`."""

    def write(self, run_id: str) -> None:
        """Make the index tell the truth of the run; doing it again changes nothing.

        Raises:
            IndexBusyError: somebody else is at it: do it again.
        """


class Datasets(Protocol):
    """What runs of an experiment read, as choosers show it."""

    def note(self, summaries: Iterable[DatasetSummary]) -> None:
        """Keep them; noting the same again changes nothing."""

    def of(self, experiment_id: str) -> Iterator[DatasetSummary]:
        """Those of an experiment by name, read while they are asked for."""


class KeptModels(Protocol):
    """Logged models, deleted ones too."""

    def add(self, model: LoggedModel) -> None:
        """Keep a new model.

        Raises:
            LoggedModelBusyError: there is one of this id, or was a moment ago.
        """

    def find(self, model_id: str) -> LoggedModel | None: ...

    def replace(self, model: LoggedModel) -> None:
        """Keep the model as it is now; its revision must be the stored one's, and goes up.

        Raises:
            LostRaceError: somebody else changed it since it was read.
            LoggedModelTooLargeError: it no longer fits.
        """

    def of(self, experiment_id: str, part: int) -> Iterator[LoggedModel]:
        """Those of a part of an experiment, newest first, read while they are asked for."""

    def of_run(self, run_id: str) -> Iterator[LoggedModel]: ...


class MetricHistory(Protocol):
    def append(self, run: Run, metrics: Sequence[Metric]) -> None:
        """Add values; a value that is there already stays there once."""

    def read(self, run: Run, key: str) -> list[Metric]:
        """All values of a metric by time, step and value."""


@dataclass(frozen=True, slots=True)
class ArtifactEntry:
    """A file, or a folder (which has no size), named relative to the folder that was listed."""

    name: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    size: int
    content_type: str


class ArtifactFiles(Protocol):
    """Files by path; `url`s work without a token until they expire."""

    def write(self, path: str, body: bytes, content_type: str) -> None: ...

    def find(self, path: str) -> ArtifactFile | None: ...

    def read(self, path: str) -> bytes: ...

    def download_url(self, path: str) -> str: ...

    def entries(self, path: str) -> list[ArtifactEntry]:
        """What is directly in a folder; nothing if there is no such folder."""

    def remove(self, path: str) -> None:
        """Forget the file, or the folder with all in it; nothing happens if there is neither."""

    def begin_upload(self, path: str, content_type: str) -> str: ...

    def part_url(self, path: str, upload_id: str, number: int) -> str: ...

    def complete_upload(self, path: str, upload_id: str, etags: Sequence[str]) -> None:
        """Make one file of the parts.

        Raises:
            PartUploadNotFoundError: there is no such upload.
        """

    def abort_upload(self, path: str, upload_id: str) -> None: ...
