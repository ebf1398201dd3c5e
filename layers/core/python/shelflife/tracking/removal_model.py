"""What is removed for good, how far a removal has come, and what it came to."""

from enum import StrEnum

from pydantic import Field

from shelflife.kernel.ids import Moment
from shelflife.kernel.model import Model


class Kind(StrEnum):
    EXPERIMENT = "experiment"
    RUN = "run"
    LOGGED_MODEL = "logged_model"
    #: All traces of an experiment.
    TRACES = "traces"


class Outcome(StrEnum):
    #: A dry run would have removed it.
    REMOVABLE = "removable"
    REMOVED = "removed"
    #: It stays, for the reason that is told.
    KEPT = "kept"


class Phase(StrEnum):
    """A removal goes through everything twice: what it marks nobody finds or changes from then on."""

    MARK = "mark"
    REMOVE = "remove"


class Scope(Model):
    """What a removal is asked to do.

    What was deleted before a moment is removed; the moment is told, or as many days before the removal's
    start. Without `experiment_ids`, all experiments are gone through.
    """

    dry_run: bool = True
    deleted_before: Moment | None = None
    older_than_days: float | None = Field(default=None, ge=0, le=36_500)
    experiment_ids: tuple[str, ...] = Field(default=(), max_length=1000)
    asked_by: str = ""


class Thing(Model):
    kind: Kind
    id: str
    experiment_id: str


class ToldThing(Thing):
    """A thing and what became of it; `files` are counted by version, and `traces` are a kind's own count."""

    outcome: Outcome
    name: str = ""
    reason: str | None = None
    files: int = 0
    bytes: int = 0
    traces: int = 0


class Tally(Model):
    """What a removal came to so far; of a dry run, what it would come to.

    `unfinished` says that there was more than one removal goes through: the next one goes on.
    """

    experiments: int = 0
    runs: int = 0
    logged_models: int = 0
    traces: int = 0
    files: int = 0
    bytes: int = 0
    kept: int = 0
    unfinished: bool = False

    def counting(self, told: tuple[ToldThing, ...]) -> "Tally":
        gone = [one for one in told if one.outcome is not Outcome.KEPT]
        kinds = [one.kind for one in gone]
        return Tally(
            experiments=self.experiments + kinds.count(Kind.EXPERIMENT),
            runs=self.runs + kinds.count(Kind.RUN),
            logged_models=self.logged_models + kinds.count(Kind.LOGGED_MODEL),
            traces=self.traces + sum(one.traces for one in gone),
            files=self.files + sum(one.files for one in gone),
            bytes=self.bytes + sum(one.bytes for one in gone),
            kept=self.kept + len(told) - len(gone),
            unfinished=self.unfinished,
        )


class Position(Model):
    """How far a removal has come: in an experiment, the part that is read, and where in it.

    `kept_here` counts what stays of the experiment; `found` is how much there is to remove at all.
    """

    phase: Phase = Phase.MARK
    experiment_id: str = ""
    part: str = ""
    cursor: str | None = None
    over: bool = False
    kept_here: int = 0
    page: int = 0
    found: int = 0
    tally: Tally = Tally()
