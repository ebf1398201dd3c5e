"""Source and target, read again and compared: nothing that was written down on the way is trusted.

Only what a file holds at the source is taken from the journal, where its SHA-256 was noted while it was read;
the target's file is read to its end.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from infra.moving import things
from infra.moving.files import FileServer, Folder
from infra.moving.journal import Journal
from infra.moving.mover import Tell, file_id
from infra.moving.parallel import each
from infra.moving.plan import Part, Plan
from infra.moving.protocol_registry import at_target
from infra.moving.reader import Reader
from infra.moving.server import Json, RefusedError
from infra.moving.target import EXPERIMENT, FILE, LOGGED_MODEL, MODEL, RUN, TRACE, Target

#: What only a target that keeps everything can keep.
_TIMES: Final = ("creation_time", "last_update_time")
_MOST_TOLD: Final = 200
#: So much of a value is told where it differs.
_SHOWN: Final = 120


@dataclass(slots=True)
class Tally:
    """How many there are at the source, and how many of these are equal at the target."""

    source: int = 0
    equal: int = 0


@dataclass(slots=True)
class Report:
    tallies: dict[str, Tally] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    different: int = 0

    @property
    def equal(self) -> bool:
        return self.different == 0


@dataclass(slots=True)
class Verification:
    source: Reader
    target: Target
    journal: Journal
    plan: Plan
    workers: int
    tell: Tell
    report: Report = field(default_factory=Report)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> Report:
        """Compare everything of the plan; what differs is moved again the next time."""
        for experiment in self.plan.experiments:
            self._experiment(experiment)
        ids = [one["experiment_id"] for one in self.plan.experiments]
        if self.plan.wants(Part.RUNS):
            each((raw for id in ids for raw in self.source.runs(id)), self._run, self.workers)
        if self.plan.wants(Part.LOGGED_MODELS):
            each(
                (raw for id in ids for raw in self.source.logged_models(id)), self._logged_model, self.workers
            )
        for part, prompts in ((Part.MODELS, False), (Part.PROMPTS, True)):
            if self.plan.wants(part):
                for raw in self.source.models(prompts=prompts):
                    self._model(things.registered_model(raw), prompt=prompts)
        if self.plan.wants(Part.TRACES):
            each((raw for id in ids for raw in self.source.traces(id)), self._trace, self.workers)
        return self.report

    def _experiment(self, told: Json) -> None:
        id = self.target.names.experiment(told["experiment_id"])
        found = self.target.server.find("/api/2.0/mlflow/experiments/get", {"experiment_id": id})
        actual = things.experiment(found["experiment"]) if found else None
        expected = self._timeless(told) | {"experiment_id": id}
        # Writing to an experiment is a change of it.
        expected.pop("last_update_time", None)
        if id != told["experiment_id"]:
            expected.pop("creation_time", None)
        if told["experiment_id"] == "0":
            # The default experiment is there from the beginning, and cannot be deleted everywhere.
            expected, actual = _only(expected, "name"), actual and _only(actual, "name")
        self._compare("experiments", EXPERIMENT, told["experiment_id"], expected, actual)

    def _run(self, raw: Json) -> None:
        told = things.run(raw)
        id = self.target.names.thing(told["run_id"])
        found = self.target.reader.run(id)
        actual = things.run(found) if found else None
        equal = self._compare("runs", RUN, told["run_id"], self._run_at_target(told), actual)
        if equal and found:
            for key in told["metrics"]:
                self._compare(
                    "metric histories",
                    RUN,
                    told["run_id"],
                    {key: self.source.points_digest(told["run_id"], key)},
                    {key: self.target.reader.points_digest(id, key)},
                )
        self._files(RUN, told["run_id"], raw, found)

    def _run_at_target(self, told: Json) -> Json:
        names = self.target.names
        tags = {
            key: names.mapped(value) if key in things.NAMING_TAGS else value
            for key, value in told["tags"].items()
        }
        return told | {
            "run_id": names.thing(told["run_id"]),
            "experiment_id": names.experiment(told["experiment_id"]),
            "tags": tags,
            **{field: self._models_at_target(told[field]) for field in ("outputs", "model_inputs")},
        }

    def _models_at_target(self, told: list[Json]) -> list[Json]:
        return things.in_order(one | {"model_id": self.target.names.thing(one["model_id"])} for one in told)

    def _logged_model(self, raw: Json) -> None:
        told, names = things.logged_model(raw), self.target.names
        id = names.thing(told["model_id"])
        found = self.target.reader.logged_model(id)
        expected = self._timeless(told) | {
            "model_id": id,
            "experiment_id": names.experiment(told["experiment_id"]),
            "source_run_id": names.thing(told["source_run_id"]),
            "tags": _linkless(told["tags"]),
            "metrics": things.in_order(
                one | {"run_id": names.thing(one["run_id"])} for one in told["metrics"]
            ),
        }
        # Logging to it is a change of it.
        expected.pop("last_update_time", None)
        actual = things.logged_model(found) if found else None
        actual = actual and actual | {"tags": _linkless(actual["tags"])}
        self._compare("logged models", LOGGED_MODEL, told["model_id"], expected, actual)
        self._files(LOGGED_MODEL, told["model_id"], raw, found)

    def _model(self, told: Json, *, prompt: bool) -> None:
        name = told["name"]
        found = self.target.server.find("/api/2.0/mlflow/registered-models/get", {"name": name})
        actual = things.registered_model(found["registered_model"]) if found else None
        kind = Part.PROMPTS.value if prompt else Part.MODELS.value
        expected = self._timeless(told)
        # Moving an alias is a change of its model.
        expected.pop("last_update_time", None)
        self._compare(kind, MODEL, name, expected, actual)
        versions = self.target.reader.versions(name, prompt=prompt) if found else []
        known = {one["version"]: one for one in map(things.version, versions)}
        for raw in self.source.versions(name, prompt=prompt):
            version = things.version(raw)
            expected = self._timeless(at_target(version, self.target.names))
            self._compare("versions", MODEL, name, expected, known.pop(version["version"], None))
        for number in known:
            self._differs(MODEL, name, f"the target has a version {number} that the source does not have")

    def _trace(self, raw: Json) -> None:
        told, names = things.trace(raw), self.target.names
        id = told["trace_id"]
        found = self.target.server.find(f"/api/3.0/mlflow/traces/{id}")
        expected = told | {
            "experiment_id": names.experiment(told["experiment_id"]),
            "metadata": {key: names.mapped(value) for key, value in told["metadata"].items()},
        }
        other = found["trace"]["trace_info"] if found else None
        equal = self._compare("traces", TRACE, id, expected, things.trace(other) if other else None)
        if equal and other:
            here, there = (things.spans(reader.spans(one)) for reader, one in self._spans_of(raw, other))
            self._compare("spans", TRACE, id, {"spans": here}, {"spans": there})

    def _spans_of(self, raw: Json, other: Json) -> Iterator[tuple[Reader, Json]]:
        yield self.source, raw
        yield self.target.reader, other

    def _files(self, kind: str, id: str, raw: Json, found: Json | None) -> None:
        if not self.plan.wants(Part.ARTIFACTS):
            return
        place = Folder(kind, id, raw["info"].get("artifact_uri", ""))
        folder = (
            Folder(kind, self.target.names.thing(id), found["info"].get("artifact_uri", ""))
            if found
            else None
        )
        for file in FileServer(self.source.server).files(place):
            known = self.journal.find(FILE, file_id(kind, id, file))
            expected = {"sha256": known.digest if known else "(never read)"}
            try:
                content = self.target.files.content(folder, file.path) if folder else None
            except RefusedError:
                content = None
            actual = {"sha256": content.sha256} if content else None
            self._compare("files", FILE, file_id(kind, id, file), expected, actual)

    def _timeless(self, told: Json) -> Json:
        return told if self.target.keeps_ids else {key: told[key] for key in told if key not in _TIMES}

    def _compare(self, tally: str, kind: str, id: str, expected: Json, actual: Json | None) -> bool:
        fields = [] if actual is None else [key for key in expected if expected[key] != actual.get(key)]
        equal = actual is not None and not fields
        with self._lock:
            counted = self.report.tallies.setdefault(tally, Tally())
            counted.source += 1
            counted.equal += equal
        self.tell(tally, 1)
        if actual is None:
            self._differs(kind, id, "is not at the target")
            return False
        for key in fields:
            self._differs(
                kind, id, f"{key} is {_shown(expected[key])}, at the target {_shown(actual.get(key))}"
            )
        return equal

    def _differs(self, kind: str, id: str, how: str) -> None:
        self.journal.doubt(kind, id)
        with self._lock:
            self.report.different += 1
            if len(self.report.differences) < _MOST_TOLD:
                self.report.differences.append(f"{kind} {id!r}: {how}")


def _only(told: Json, *fields: str) -> Json:
    return {field: told[field] for field in fields}


def _linkless(tags: dict[str, str]) -> dict[str, str]:
    return things.without(tags, {things.MODEL_VERSIONS_TAG})


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
