"""The move: what is read at the source is made at the target, and written down in the journal.

Order follows what names what: experiments, runs with their history and files, logged models, then what runs
say of logged models, registered models with versions and aliases, traces, and last what hides things:
deletions.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from infra.moving import things
from infra.moving.files import File, FileServer, Folder
from infra.moving.journal import Journal
from infra.moving.parallel import each
from infra.moving.plan import Part, Plan
from infra.moving.reader import Reader
from infra.moving.server import Json, RefusedError
from infra.moving.target import EXPERIMENT, FILE, LOGGED_MODEL, MODEL, RUN, TRACE, TakenError, Target

Tell = Callable[[str, int], None]
_LINK = "link"


@dataclass(slots=True)
class Moved:
    """What came over just now, and what was refused."""

    files: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Mover:
    """`tell` hears (what, how many more) as things are done, whether they were moved now or before."""

    source: Reader
    target: Target
    journal: Journal
    plan: Plan
    workers: int
    tell: Tell
    moved: Moved = field(default_factory=Moved)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> Moved:
        """Move what was not moved yet.

        Raises:
            UnreachableError: a server went away; go on later.
        """
        for experiment in self.plan.experiments:
            self._guarded(EXPERIMENT, experiment["name"], partial(self._experiment, experiment))
            self.tell("experiments", 1)
        ready = [one for one in self.plan.experiments if self._there(one)]
        if self.plan.wants(Part.RUNS):
            self._in_experiments(ready, "runs", RUN, self.source.runs, self._run)
        if self.plan.wants(Part.LOGGED_MODELS):
            self._in_experiments(
                ready, "logged models", LOGGED_MODEL, self.source.logged_models, self._logged_model
            )
        if self.plan.wants(Part.RUNS):
            self._in_experiments(ready, None, RUN, self.source.runs, self._link_run)
        for part, prompts in ((Part.MODELS, False), (Part.PROMPTS, True)):
            if self.plan.wants(part):
                self._models(part, prompts=prompts)
        if self.plan.wants(Part.TRACES):
            self._in_experiments(ready, "traces", TRACE, self.source.traces, self._trace)
        self._close(ready)
        return self.moved

    def _close(self, experiments: list[Json]) -> None:
        for experiment in experiments:
            id = self.target.names.experiment(experiment["experiment_id"])
            close = partial(self.target.close_experiment, experiment, id)
            self._guarded(EXPERIMENT, experiment["name"], close)

    def _models(self, part: Part, *, prompts: bool) -> None:
        for raw in self.source.models(prompts=prompts):
            told = things.registered_model(raw)
            self._guarded(MODEL, told["name"], partial(self._model, told, prompt=prompts))
            self.tell(part.value, 1)

    def _in_experiments(
        self,
        experiments: list[Json],
        told_as: str | None,
        kind: str,
        read: Callable[[str], Iterable[Json]],
        move: Callable[[Json, Json], None],
    ) -> None:
        def one(found: tuple[Json, Json]) -> None:
            experiment, raw = found
            self._guarded(kind, _id(raw), lambda: move(experiment, raw))
            if told_as:
                self.tell(told_as, 1)

        found = ((experiment, raw) for experiment in experiments for raw in read(experiment["experiment_id"]))
        each(found, one, self.workers)

    def _experiment(self, told: Json) -> None:
        id = told["experiment_id"]
        if not self.journal.done(EXPERIMENT, id, things.digest(told)) or told["lifecycle"] == "deleted":
            self.journal.end(EXPERIMENT, id, self.target.experiment(told), things.digest(told))

    def _there(self, told: Json) -> bool:
        return self.journal.target_of(EXPERIMENT, told["experiment_id"]) is not None

    def _run(self, experiment: Json, raw: Json) -> None:
        told = seen(experiment, things.run(raw))
        id = told["run_id"]
        if not self.journal.done(RUN, id, things.digest(told)):
            target_id = self.target.run(told, lambda key: self.source.points(id, key))
            self.journal.end(RUN, id, target_id, things.digest(told))
            self.journal.doubt(_LINK, id)
        self._files(RUN, id, raw)

    def _link_run(self, experiment: Json, raw: Json) -> None:
        told = seen(experiment, things.run(raw))
        id, target_id = told["run_id"], self.journal.target_of(RUN, told["run_id"])
        if target_id and not self.journal.done(_LINK, id, things.digest(told)):
            self.target.link_run(told, target_id)
            self.journal.end(_LINK, id, target_id, things.digest(told))

    def _logged_model(self, experiment: Json, raw: Json) -> None:
        del experiment  # logged models have no lifecycle of their own that a search would show
        told = things.logged_model(raw)
        id, run_id = told["model_id"], told["source_run_id"]
        if not self.journal.done(LOGGED_MODEL, id, things.digest(told)):
            target_id = self.target.logged_model(told, lambda key: self.source.points(run_id, key))
            self.journal.end(LOGGED_MODEL, id, target_id, things.digest(told))
        self._files(LOGGED_MODEL, id, raw)

    def _model(self, told: Json, *, prompt: bool) -> None:
        versions = [things.version(raw) for raw in self.source.versions(told["name"], prompt=prompt)]
        digest = things.digest([told, versions])
        if not self.journal.done(MODEL, told["name"], digest):
            self.target.model(told)
            self.target.versions(versions)
            self.target.aliases(told)
            self.journal.end(MODEL, told["name"], told["name"], digest)

    def _trace(self, experiment: Json, raw: Json) -> None:
        del experiment
        digest = things.digest(things.trace(raw))
        if not self.journal.done(TRACE, raw["trace_id"], digest):
            self.target.trace(raw, self.source.spans(raw))
            self.journal.end(TRACE, raw["trace_id"], raw["trace_id"], digest)

    def _files(self, kind: str, id: str, raw: Json) -> None:
        if not self.plan.wants(Part.ARTIFACTS):
            return
        files = FileServer(self.source.server)
        place = Folder(kind, id, raw["info"].get("artifact_uri", ""))
        target: Folder | None = None
        for file in files.files(place):
            known = self.journal.find(FILE, file_id(kind, id, file))
            if known is None or known.digest is None or known.target != str(file.size):
                target = target or self._folder(kind, id)
                content = self.target.files.receive(files, place, file, target)
                self.journal.end(FILE, file_id(kind, id, file), str(file.size), content.sha256)
                self._count(content.size)
            self.tell("files", 1)

    def _folder(self, kind: str, id: str) -> Folder:
        target_id = self.target.names.thing(id)
        return Folder(kind, target_id, self.target.folder(kind, target_id))

    def _count(self, size: int) -> None:
        with self._lock:
            self.moved.files += 1
            self.moved.bytes += size

    def _guarded(self, kind: str, id: str, move: Callable[[], None]) -> None:
        """What is refused is told at the end; the rest goes on."""
        try:
            move()
        except (RefusedError, TakenError) as error:
            with self._lock:
                self.moved.problems.append(f"{kind} {id!r}: {error}")


def seen(experiment: Json, run: Json) -> Json:
    """The run as it is by itself: in a deleted experiment all are deleted, and come back with it."""
    return run | {"lifecycle": "active"} if experiment["lifecycle"] == "deleted" else run


def file_id(kind: str, id: str, file: File) -> str:
    return f"{kind}/{id}/{file.path}"


def _id(raw: Json) -> str:
    info = raw.get("info", raw)
    return str(info.get("run_id") or info.get("model_id") or raw.get("trace_id"))
