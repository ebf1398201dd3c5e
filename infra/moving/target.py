"""Where things are moved to: what is asked of every target, and what all of them do alike."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from infra.moving import otlp, things
from infra.moving.files import FileServer
from infra.moving.journal import Journal
from infra.moving.reader import Reader
from infra.moving.server import API, API3, Json, MovingError, RefusedError, Server
from infra.moving.things import Names

T = TypeVar("T")
Points = Callable[[str], Iterator[list[Json]]]

EXPERIMENT, RUN, LOGGED_MODEL, MODEL, VERSION, TRACE, FILE = (
    "experiment",
    "run",
    "logged_model",
    "model",
    "version",
    "trace",
    "file",
)
_PROTOBUF = {"Content-Type": "application/x-protobuf"}
#: Of a trace's spans, about what one request may carry.
_SPANS = 200


class TakenError(MovingError):
    """Something else has the name or the id at the target."""


class Target(ABC):
    """Every move may be done again: what is there already, and is the same, is left as it is."""

    #: Whether ids and times stay what they were.
    keeps_ids: bool

    def __init__(self, server: Server, journal: Journal) -> None:
        self.server = server
        self.reader = Reader(server)
        self.files = FileServer(server)
        self.journal = journal
        self.names = Names(experiment=self._experiment_name, thing=self._thing_name)

    @abstractmethod
    def experiment(self, told: Json) -> str:
        """Make the experiment, active for now; the answer is its id here.

        Raises:
            TakenError: its name is another's.
        """

    @abstractmethod
    def run(self, told: Json, points: Points) -> str:
        """Make the run with all that was logged to it; the answer is its id here."""

    @abstractmethod
    def link_run(self, told: Json, id: str) -> None:
        """Finish the run, once every run and logged model that it may name is here."""

    @abstractmethod
    def logged_model(self, told: Json, points: Points) -> str:
        """Make the logged model; its run is here already. The answer is its id here."""

    @abstractmethod
    def model(self, told: Json) -> None:
        """Make the registered model, without versions and aliases."""

    @abstractmethod
    def versions(self, told: list[Json]) -> None:
        """Make the versions of one registered model, which are sorted by number."""

    @abstractmethod
    def close_experiment(self, told: Json, id: str) -> None:
        """Delete the experiment, if it was deleted: all that belongs to it is here."""

    def folder(self, kind: str, id: str) -> str:
        """Where this target keeps the files of a run or a logged model."""
        found = self.reader.run(id) if kind == RUN else self.reader.logged_model(id)
        if found is None:
            raise MovingError(f"{kind} {id!r} is gone from {self.server.url}")
        return str(found["info"].get("artifact_uri", ""))

    def aliases(self, told: Json) -> None:
        """Let aliases point to where they point; those that the source does not have are removed."""
        name = told["name"]
        found = self.server.find(f"{API}/registered-models/get", {"name": name})
        known = things.registered_model(found["registered_model"])["aliases"] if found else {}
        for alias, version in told["aliases"].items():
            if known.get(alias) != version:
                body = {"name": name, "alias": alias, "version": version}
                self.server.post(f"{API}/registered-models/alias", body)
        for alias in known.keys() - told["aliases"].keys():
            self.server.delete(f"{API}/registered-models/alias", {"name": name, "alias": alias})

    def trace(self, raw: Json, spans: list[Json]) -> None:
        """Make the trace, which keeps its id; one that was begun before, or has changed, is made anew."""
        trace_id = raw["trace_id"]
        experiment_id = self.names.experiment(things.experiment_of_trace(raw))
        if self.journal.find(TRACE, trace_id) is not None:
            self._forget_trace(experiment_id, trace_id)
        self.journal.begin(TRACE, trace_id)
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
        metadata = things.without(raw.get("trace_metadata", {}), things.OF_THE_SERVER)
        info = raw | {
            "trace_location": place,
            "trace_metadata": {key: self.names.mapped(value) for key, value in metadata.items()},
            "tags": things.without(raw.get("tags", {}), things.OF_THE_SERVER),
        }
        assessments = raw.get("assessments", [])
        info["assessments"] = [one for one in assessments if not one.get("overrides")]
        self.server.post(f"{API3}/traces", {"trace": {"trace_info": info}})
        # One that overrides another makes that invalid when it is made by itself, and only then.
        for one in assessments:
            if one.get("overrides"):
                self.server.post(f"{API3}/traces/{trace_id}/assessments", {"assessment": one})
        headers = _PROTOBUF | {"x-mlflow-experiment-id": experiment_id}
        for some in batches(spans, _SPANS):
            self.server.send("POST", "/v1/traces", otlp.request(some), headers)

    def _forget_trace(self, experiment_id: str, trace_id: str) -> None:
        body = {"experiment_id": experiment_id, "request_ids": [trace_id]}
        try:
            self.server.post(f"{API}/traces/delete-traces", body)
        except RefusedError as error:
            if not error.missing:
                raise

    def _experiment_name(self, id: str) -> str:
        return self.journal.target_of(EXPERIMENT, id) or id

    def _thing_name(self, id: str) -> str:
        return self.journal.target_of(RUN, id) or self.journal.target_of(LOGGED_MODEL, id) or id


def metrics_of(page: Iterable[Json], **told: Any) -> Iterator[Json]:
    """Points as they are logged; what else a server tells of them stays behind."""
    kept = ("key", "value", "timestamp", "step")
    return ({name: point[name] for name in kept if name in point} | told for point in page)


def batches(all_of: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(all_of)
    while some := list(islice(left, size)):
        yield some
