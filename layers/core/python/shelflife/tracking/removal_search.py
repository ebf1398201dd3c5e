"""What a removal comes to next: it goes through experiments by id, and through each of them by its lists."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

from shelflife.contracts.registry import LoggedModelVersions, NamedVersion
from shelflife.tracking.logged_model import LoggedModel
from shelflife.tracking.model import DEFAULT_EXPERIMENT_ID, Experiment, Lifecycle, Run
from shelflife.tracking.ports import Experiments
from shelflife.tracking.removal_model import Kind, Phase, Position, Scope, Thing
from shelflife.tracking.removal_ports import Part, Removable
from shelflife.tracking.removal_tasks import RemovableFound, Step

#: Things that go together.
MOST_AT_ONCE = 100
#: Pages of things that a removal marks; it leaves the rest to the next: an execution can have 25,000 events.
MOST_PAGES = 400
#: Of looking for things in one call.
_SECONDS = 20.0


class Stop(NamedTuple):
    """Where a removal stops in an experiment: at the experiment itself, at a list of it, at its traces."""

    name: str
    kind: Kind
    part: Part | None = None


_ITSELF = Stop("itself", Kind.EXPERIMENT)
_TRACES = Stop("traces", Kind.TRACES)
_END = Stop("end", Kind.EXPERIMENT)


def is_due(thing: Experiment | Run | LoggedModel, before: int) -> bool:
    """Whether it was deleted before the moment (milliseconds); the default experiment never goes."""
    if isinstance(thing, Experiment):
        # Nobody changes a deleted experiment: its last change was that it was deleted.
        deleted = thing.lifecycle is Lifecycle.DELETED and thing.experiment_id != DEFAULT_EXPERIMENT_ID
        return deleted and thing.last_update_time <= before
    return thing.deleted_at is not None and thing.deleted_at <= before


@dataclass(frozen=True, slots=True)
class RemovalSearch:
    """One removal's way; `before` is the moment (milliseconds) before which things were deleted that go."""

    things: Removable
    experiments: Experiments
    scope: Scope
    before: int

    def found(self, position: Position) -> RemovableFound:
        """The next things, or that there are none."""
        give_up = monotonic() + _SECONDS
        while monotonic() < give_up:
            if position.phase is Phase.MARK and position.page >= MOST_PAGES:
                tally = position.tally.model_copy(update={"unfinished": True})
                return self._round_over(_moved(position, tally=tally))
            experiment = self._experiment(position)
            if experiment is None:
                return self._round_over(position)
            if experiment.experiment_id != position.experiment_id:
                position = _begun(position, experiment.experiment_id)
            stop = self._stop(experiment, position)
            if stop is None:
                position = _moved(position, part=_PASSED)
                continue
            if stop.name != position.part:
                position = _moved(position, part=stop.name, cursor=None, over=False)
            found, position = self._at(stop, experiment, position)
            if found:
                return self._answer(stop, found, _moved(position, found=position.found + len(found)))
        return RemovableFound(step=Step.LOOK_ON, position=position)

    def _experiment(self, position: Position) -> Experiment | None:
        """The experiment that is gone through, or the next one."""
        if position.part not in {"", _PASSED}:
            found = self.experiments.find(position.experiment_id)
            if found is not None:
                return found
        after = position.experiment_id
        if not self.scope.experiment_ids:
            return self.things.next_experiment(after)
        wanted = (id for id in sorted(set(self.scope.experiment_ids)) if id > after)
        return next((found for id in wanted if (found := self.experiments.find(id))), None)

    def _stop(self, experiment: Experiment, position: Position) -> Stop | None:
        """Where the position is in the experiment; None behind its last stop."""
        stops = list(self._stops(experiment, position.phase))
        if not position.part:
            return stops[0] if stops else None
        names = [stop.name for stop in stops]
        if position.part not in names:
            return None
        return next(iter(stops[names.index(position.part) + position.over :]), None)

    def _stops(self, experiment: Experiment, phase: Phase) -> Iterator[Stop]:
        whole, dry_run = self._is_whole(experiment), self.scope.dry_run
        if phase is Phase.MARK and not dry_run:
            yield _ITSELF
        for part in self.things.parts(experiment.experiment_id):
            if whole or part.lifecycle is not Lifecycle.ACTIVE:
                yield Stop(part.partition, part.kind, part)
        if whole and (dry_run or phase is Phase.REMOVE):
            yield _TRACES
            yield _END

    def _is_whole(self, experiment: Experiment) -> bool:
        """Whether all that is in it goes along; nothing does before the experiment is marked."""
        return experiment.removing or (self.scope.dry_run and is_due(experiment, self.before))

    def _at(
        self, stop: Stop, experiment: Experiment, position: Position
    ) -> "tuple[Sequence[Experiment | Run | LoggedModel], Position]":
        """What is to go at the stop, as far as one page of it tells, and the position behind that."""
        if stop.part is None:
            goes = stop is not _ITSELF or experiment.removing or is_due(experiment, self.before)
            return [experiment] if goes else [], _moved(position, over=True)
        page = self.things.page(stop.part, MOST_AT_ONCE, position.cursor)
        behind = _moved(position, cursor=page.next_cursor, over=page.next_cursor is None)
        whole = self._is_whole(experiment)
        if stop.kind is Kind.RUN:
            runs = [
                one.thing
                for one in self.things.runs(page.items)
                if _is_in(one.thing, stop.part)
                and self._goes(one.thing, position.phase, whole=whole, removing=one.removing)
            ]
            return runs, behind
        models = [
            one.thing
            for one in self.things.models(page.items)
            if self._goes(one.thing, position.phase, whole=whole, removing=one.removing)
        ]
        return models, behind

    def _goes(self, thing: Run | LoggedModel, phase: Phase, *, whole: bool, removing: bool) -> bool:
        return removing or (phase is Phase.MARK and (whole or is_due(thing, self.before)))

    def _round_over(self, position: Position) -> RemovableFound:
        if position.phase is Phase.MARK and position.found and not self.scope.dry_run:
            again = Position(phase=Phase.REMOVE, page=position.page, tally=position.tally)
            return RemovableFound(step=Step.WAIT, position=again)
        return RemovableFound(step=Step.DONE, position=position)

    def _answer(
        self, stop: Stop, found: "Sequence[Experiment | Run | LoggedModel]", position: Position
    ) -> RemovableFound:
        models = [one for one in found if isinstance(one, LoggedModel)]
        return RemovableFound(
            step=Step.TRACES if stop is _TRACES else Step.THINGS,
            position=position,
            things=tuple(
                Thing(kind=stop.kind, id=_id(one), experiment_id=one.experiment_id) for one in found
            ),
            runs=tuple(one.run_id for one in found if isinstance(one, Run)),
            logged_models=tuple(_versions_of(model) for model in models if model.registered),
        )


#: The part of a position behind its experiment.
_PASSED = "passed"


def _begun(position: Position, experiment_id: str) -> Position:
    return _moved(position, experiment_id=experiment_id, part="", cursor=None, over=False, kept_here=0)


def _moved(position: Position, **changed: object) -> Position:
    return position.model_copy(update=changed)


def _is_in(run: Run, part: Part) -> bool:
    """Whether this list tells of the run: until its entries are written, it may stand in others, too."""
    if part.lifecycle is None:
        return not run.settled
    return run.settled and run.lifecycle is part.lifecycle


def _id(thing: Experiment | Run | LoggedModel) -> str:
    if isinstance(thing, Experiment):
        return thing.experiment_id
    return thing.run_id if isinstance(thing, Run) else thing.model_id


def _versions_of(model: LoggedModel) -> LoggedModelVersions:
    versions = tuple(NamedVersion(name=name, version=number) for name, number in model.registered)
    return LoggedModelVersions(model_id=model.model_id, versions=versions)
