"""What the states of `remove_deleted` ask and are answered; its own, so it is no contract."""

from enum import StrEnum

from shelflife.contracts.registry import LoggedModelVersions, Registered
from shelflife.kernel.ids import Moment
from shelflife.kernel.model import Model
from shelflife.tracking.removal_model import Position, Scope, Tally, Thing


class Step(StrEnum):
    """What the workflow does with what was found."""

    THINGS = "things"
    TRACES = "traces"
    #: Nothing was found in the time of one call: look on.
    LOOK_ON = "look_on"
    #: Everything is marked: whoever had read it before is to have ended first.
    WAIT = "wait"
    DONE = "done"


class FindRemovable(Model):
    """Where to look on; `started_at` and `asked` are the execution's."""

    started_at: Moment
    asked: Scope
    position: Position = Position()


class RemovableFound(Model):
    """Some things, and what the registry is asked of them: `runs` and `logged_models`."""

    step: Step
    position: Position
    things: tuple[Thing, ...] = ()
    runs: tuple[str, ...] = ()
    logged_models: tuple[LoggedModelVersions, ...] = ()
    experiment_id: str = ""
    dry_run: bool = True
    grace_seconds: int = 0
    tally: Tally = Tally()


class RemoveThings(Model):
    """Mark the things, or remove them, or only tell of them; what is `registered` stays.

    `traces` is how many were removed of an experiment before, if the things are its traces.
    """

    removal_id: str
    started_at: Moment
    asked: Scope
    position: Position
    things: tuple[Thing, ...]
    registered: Registered
    traces: int = 0


class ThingsRemoved(Model):
    position: Position
