"""What is to be moved, and how much of it there is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from infra.moving import things
from infra.moving.reader import Reader
from infra.moving.server import Json, MovingError


class Part(StrEnum):
    """What can be chosen; experiments are what the rest hangs on, and always come along."""

    RUNS = "runs"
    ARTIFACTS = "artifacts"
    LOGGED_MODELS = "logged-models"
    MODELS = "models"
    PROMPTS = "prompts"
    TRACES = "traces"


ALL: Final = frozenset(Part)


@dataclass(frozen=True, slots=True)
class Choice:
    """`experiments` are ids or names; without any, all are meant."""

    parts: frozenset[Part] = ALL
    experiments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """`experiments` are in memory; everything else is counted, and read when it is moved."""

    choice: Choice
    experiments: list[Json]
    counts: dict[str, int] = field(default_factory=dict)

    def wants(self, part: Part) -> bool:
        return part in self.choice.parts


def planned(reader: Reader, choice: Choice) -> Plan:
    """Look through the source.

    Raises:
        MovingError: an experiment that was asked for is not there.
    """
    experiments = [things.experiment(raw) for raw in reader.experiments()]
    if choice.experiments:
        known = {experiment["experiment_id"] for experiment in experiments}
        known |= {experiment["name"] for experiment in experiments}
        unknown = sorted(set(choice.experiments) - known)
        if unknown:
            raise MovingError(f"the source has no experiment {', '.join(map(repr, unknown))}")
        wanted = set(choice.experiments)
        experiments = [one for one in experiments if wanted & {one["experiment_id"], one["name"]}]
    plan = Plan(choice, experiments)
    plan.counts.update(_counted(reader, plan))
    return plan


def _counted(reader: Reader, plan: Plan) -> Iterator[tuple[str, int]]:
    ids = [experiment["experiment_id"] for experiment in plan.experiments]
    yield "experiments", len(ids)
    if plan.wants(Part.RUNS):
        yield "runs", sum(1 for id in ids for _ in reader.runs(id))
    if plan.wants(Part.LOGGED_MODELS):
        yield "logged models", sum(1 for id in ids for _ in reader.logged_models(id))
    for part, prompts in ((Part.MODELS, False), (Part.PROMPTS, True)):
        if plan.wants(part):
            yield part.value, sum(1 for _ in reader.models(prompts=prompts))
    if plan.wants(Part.TRACES):
        yield "traces", sum(1 for id in ids for _ in reader.traces(id))
