"""What a removal does to a thing that it came to."""

from contextlib import suppress
from dataclasses import dataclass

from shelflife.kernel.extents import Extent
from shelflife.tracking.errors import LostRaceError
from shelflife.tracking.logged_model import LoggedModel
from shelflife.tracking.model import ARTIFACT_ROOT, Experiment, Run
from shelflife.tracking.ports import Experiments
from shelflife.tracking.removal_model import Kind, Outcome, Phase, Thing, ToldThing
from shelflife.tracking.removal_ports import Folders, Marked, Removable
from shelflife.tracking.removal_search import is_due
from shelflife.tracking.removal_tasks import RemoveThings

_REGISTERED = "a registered version came from it"
_NOT_EMPTY = "something in it stays"
_NOTHING = Extent()


@dataclass(frozen=True, slots=True)
class Settling:
    """One call's doing; `before` is the moment (milliseconds) before which things were deleted that go."""

    things: Removable
    experiments: Experiments
    folders: Folders
    asked: RemoveThings
    before: int

    def settled(self, thing: Thing) -> ToldThing | None:
        """What became of the thing; None if there is nothing to tell (yet)."""
        if thing.kind is Kind.EXPERIMENT:
            return self._experiment(thing)
        if thing.kind is Kind.TRACES:
            return self._traces(thing)
        found = self._read(thing)
        if self._dry_run:
            return self._looked_at(thing, found)
        if self.asked.position.phase is Phase.MARK:
            return self._marked(thing, found)
        return self._removed(thing, found)

    @property
    def _dry_run(self) -> bool:
        return self.asked.asked.dry_run

    def _traces(self, thing: Thing) -> ToldThing | None:
        if not self.asked.traces:
            return None
        told = _told(thing, Outcome.REMOVABLE if self._dry_run else Outcome.REMOVED)
        return told.model_copy(update={"traces": self.asked.traces})

    def _read(self, thing: Thing) -> "Marked[Run] | Marked[LoggedModel] | None":
        if thing.kind is Kind.RUN:
            return next(iter(self.things.runs([thing.id])), None)
        return next(iter(self.things.models([thing.id])), None)

    def _stays(self, thing: Thing) -> bool:
        registered = self.asked.registered
        return thing.id in (registered.runs if thing.kind is Kind.RUN else registered.logged_models)

    def _looked_at(self, thing: Thing, found: "Marked[Run] | Marked[LoggedModel] | None") -> ToldThing | None:
        if found is None:
            return None
        name = _name(found.thing)
        if self._stays(thing):
            return _told(thing, Outcome.KEPT, name, reason=_REGISTERED)
        folder = folder_of(found.thing)
        return _told(
            thing,
            Outcome.REMOVABLE,
            name,
            self.folders.extent(folder) if folder else _NOTHING,
            reason=_elsewhere(found.thing),
        )

    def _marked(self, thing: Thing, found: "Marked[Run] | Marked[LoggedModel] | None") -> ToldThing | None:
        if found is None or found.removing:
            return None
        if self._stays(thing):
            return _told(thing, Outcome.KEPT, _name(found.thing), reason=_REGISTERED)
        if is_due(found.thing, self.before) or self._is_removing(thing.experiment_id):
            # Who changes it just now wins: it stays, or the next removal takes it.
            with suppress(LostRaceError):
                self.things.mark(found.thing)
        return None

    def _removed(self, thing: Thing, found: "Marked[Run] | Marked[LoggedModel] | None") -> ToldThing | None:
        if found is None:
            return _told(thing, Outcome.REMOVED)  # by a call before this one, which was cut off
        if not found.removing:
            return None
        name = _name(found.thing)
        if self._stays(thing):
            self.things.release(found.thing)
            return _told(thing, Outcome.KEPT, name, reason=_REGISTERED)
        folder = folder_of(found.thing)
        erased = self.folders.erase(folder) if folder else _NOTHING
        if isinstance(found.thing, Run):
            self.things.remove_run(found.thing)
        else:
            self.things.remove_model(found.thing)
        return _told(thing, Outcome.REMOVED, name, erased, reason=_elsewhere(found.thing))

    def _is_removing(self, experiment_id: str) -> bool:
        experiment = self.experiments.find(experiment_id)
        return experiment is not None and experiment.removing

    def _experiment(self, thing: Thing) -> ToldThing | None:
        experiment = self.experiments.find(thing.id)
        if self._dry_run:
            if experiment is None:
                return None
            if self.asked.position.kept_here:
                return _told(thing, Outcome.KEPT, experiment.name, reason=_NOT_EMPTY)
            return _told(thing, Outcome.REMOVABLE, experiment.name)
        if self.asked.position.phase is Phase.REMOVE:
            return self._experiment_removed(thing, experiment)
        if experiment is not None and not experiment.removing and is_due(experiment, self.before):
            self._set_removing(experiment, removing=True)
        return None

    def _experiment_removed(self, thing: Thing, experiment: Experiment | None) -> ToldThing | None:
        if experiment is None:
            return _told(thing, Outcome.REMOVED)
        if not experiment.removing:
            return None
        if not self.things.is_empty(experiment.experiment_id):
            self._set_removing(experiment, removing=False)
            return _told(thing, Outcome.KEPT, experiment.name, reason=_NOT_EMPTY)
        own = experiment.artifact_location == f"{ARTIFACT_ROOT}{experiment.experiment_id}"
        erased = self.folders.erase(experiment.experiment_id) if own else _NOTHING
        self.things.remove_experiment(experiment)
        return _told(thing, Outcome.REMOVED, experiment.name, erased)

    def _set_removing(self, experiment: Experiment, *, removing: bool) -> None:
        changed = experiment.model_copy(update={"removing": removing})
        # It may have been restored just now, or be another removal's.
        with suppress(LostRaceError):
            self.experiments.replace(changed, former_name=experiment.name)


def folder_of(thing: Run | LoggedModel) -> str | None:
    """Where its files are, if they are kept here; the folder is its own alone."""
    if not thing.artifact_uri.startswith(ARTIFACT_ROOT):
        return None
    return thing.artifact_uri.removeprefix(ARTIFACT_ROOT).strip("/")


def _elsewhere(thing: Run | LoggedModel) -> str | None:
    return None if folder_of(thing) else f"its files stay, at {thing.artifact_uri}"


def _name(thing: Run | LoggedModel) -> str:
    return thing.run_name if isinstance(thing, Run) else thing.name


def _told(
    thing: Thing, outcome: Outcome, name: str = "", extent: Extent = _NOTHING, *, reason: str | None = None
) -> ToldThing:
    told = {"outcome": outcome, "name": name, "reason": reason, "files": extent.files, "bytes": extent.bytes}
    return ToldThing.model_validate({**dict(thing), **told})
