from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

from shelflife.kernel.extents import Extent
from shelflife.kernel.ids import Moment
from shelflife.kernel.paging import Page
from shelflife.tracking.logged_model import LoggedModel
from shelflife.tracking.model import Experiment, Lifecycle, Run
from shelflife.tracking.removal_model import Kind, Scope, Tally, ToldThing

T = TypeVar("T", Run, LoggedModel)


class Part(NamedTuple):
    """Where some of an experiment's runs or logged models are listed.

    Runs by their lifecycle; in a list without one are those whose entries are still to be written.
    """

    kind: Kind
    partition: str
    lifecycle: Lifecycle | None = None


@dataclass(frozen=True, slots=True)
class Marked(Generic[T]):
    """A run or logged model, and whether it is marked to be removed."""

    thing: T
    removing: bool


class Removable(Protocol):
    """What removals look at, marked or not."""

    def next_experiment(self, after: str) -> Experiment | None:
        """The experiment with the next id."""

    def parts(self, experiment_id: str) -> list[Part]: ...

    def page(self, part: Part, limit: int, cursor: str | None) -> Page[str]:
        """Ids of what is listed there."""

    def runs(self, run_ids: Sequence[str]) -> list[Marked[Run]]:
        """Those that there are, in no order."""

    def models(self, model_ids: Sequence[str]) -> list[Marked[LoggedModel]]:
        """Those that there are, in no order."""

    def mark(self, thing: Run | LoggedModel) -> None:
        """Let nobody find it any more.

        Raises:
            LostRaceError: somebody changed it since it was read.
        """

    def release(self, thing: Run | LoggedModel) -> None:
        """Let it be as it was before it was marked.

        Raises:
            LostRaceError: it is not as it was read.
        """

    def remove_run(self, run: Run) -> None:
        """Remove a marked run with its history and entries.

        Raises:
            LostRaceError: it is not as it was read.
        """

    def remove_model(self, model: LoggedModel) -> None:
        """Remove a marked logged model.

        Raises:
            LostRaceError: it is not as it was read.
        """

    def is_empty(self, experiment_id: str) -> bool:
        """Whether nothing is listed in the experiment."""

    def remove_experiment(self, experiment: Experiment) -> None:
        """Remove an empty experiment, which is being removed; its name is free then.

        Raises:
            LostRaceError: it is not as it was read.
        """


class Folders(Protocol):
    """Folders of artifacts, with all versions of their files."""

    def extent(self, path: str) -> Extent:
        """How much is there."""

    def erase(self, path: str) -> Extent:
        """Remove the folder for good; the answer is how much that was."""


class RemovalReports(Protocol):
    """What became of things, in pages; they are kept for 90 days."""

    def keep(self, removal_id: str, page: int, told: Sequence[ToldThing], tally: Tally, at: datetime) -> None:
        """Keep a page; keeping one of the same number again replaces it."""

    def tally(self, removal_id: str) -> Tally:
        """What the removal has come to so far."""

    def page(self, removal_id: str, limit: int, cursor: str | None) -> Page[ToldThing]: ...


@dataclass(frozen=True, slots=True)
class Execution:
    """How a removal is; `error` and `cause` are a failed one's."""

    removal_id: str
    status: str
    started_at: Moment
    ended_at: Moment | None = None
    scope: Scope | None = None
    error: str | None = None
    cause: str | None = None


class Executions(Protocol):
    """Executions of `remove_deleted`, named after their removals."""

    def start(self, removal_id: str, scope: Scope) -> None:
        """Start one; starting the same again changes nothing.

        Raises:
            RemovalNotStartedError: it could not be started now.
        """

    def find(self, removal_id: str) -> Execution | None: ...

    def page(self, limit: int, cursor: str | None) -> Page[Execution]:
        """Executions, newest first, without their scopes."""
