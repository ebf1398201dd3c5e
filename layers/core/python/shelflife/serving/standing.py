"""What an experiment shows by now, in numbers and in a sentence."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from shelflife.kernel.ids import Name
from shelflife.kernel.model import Model
from shelflife.serving.experiment import Experiment
from shelflife.serving.sequential import Comparison, Decision, Sums, compare_to_control


class Finding(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"


_FINDINGS = {
    Decision.A_BETTER: Finding.WORSE,
    Decision.B_BETTER: Finding.BETTER,
    Decision.UNDECIDED: Finding.UNDECIDED,
}


class VariantFigures(Model):
    """A variant's samples; null where there are too few to say."""

    variant: Name
    samples: int
    mean: float | None
    variance: float | None


class VariantComparison(Model):
    """A variant against the control.

    `effect` is its mean minus the control's, `lower` and `upper` the confidence sequence around it. `p_value`
    is always valid, and corrected for the number of variants.
    """

    variant: Name
    decision: Finding
    effect: float | None
    lower: float | None
    upper: float | None
    p_value: float
    why: str


class Standing(Model):
    """What is known by now.

    `leader` is the variant that is known to be better than the control, by the most; or the control itself,
    if all others are known to be worse; null as long as nothing is known.
    """

    variants: tuple[VariantFigures, ...]
    comparisons: tuple[VariantComparison, ...]
    leader: Name | None
    conclusion: str


def standing(experiment: Experiment, tally: Mapping[str, Sums]) -> Standing:
    sums = {name: tally.get(name, Sums()) for name in experiment.variants}
    rivals = {name: sums[name] for name in experiment.variants[1:]}
    compared = compare_to_control(sums[experiment.control], rivals, experiment.goal)
    comparisons = tuple(_shown(experiment, name, one) for name, one in compared.items())
    leader = _leader(experiment, comparisons)
    return Standing(
        variants=tuple(_figures(name, of) for name, of in sums.items()),
        comparisons=comparisons,
        leader=leader,
        conclusion=_conclusion(experiment, comparisons, leader),
    )


def _figures(name: str, sums: Sums) -> VariantFigures:
    return VariantFigures(
        variant=name,
        samples=sums.count,
        mean=sums.mean if sums.count else None,
        variance=sums.variance if sums.count > 1 else None,
    )


def _shown(experiment: Experiment, name: str, found: Comparison) -> VariantComparison:
    decision = _FINDINGS[found.decision]
    if found.effect is None or found.lower is None or found.upper is None:
        why = found.why
    else:
        why = (
            f"{name!r} differs from {experiment.control!r} by {found.effect:.4g}, "
            f"between {found.lower:.4g} and {found.upper:.4g}"
        )
        why += ": no difference is possible still" if decision is Finding.UNDECIDED else ""
    return VariantComparison(
        variant=name,
        decision=decision,
        effect=found.effect,
        lower=found.lower,
        upper=found.upper,
        p_value=found.p_value,
        why=why,
    )


def _leader(experiment: Experiment, comparisons: Sequence[VariantComparison]) -> str | None:
    sign = 1 if experiment.goal.better == "higher" else -1
    better = [one for one in comparisons if one.decision is Finding.BETTER]
    if better:
        return max(better, key=lambda one: sign * (one.effect or 0.0)).variant
    return experiment.control if all(one.decision is Finding.WORSE for one in comparisons) else None


def _conclusion(experiment: Experiment, comparisons: Sequence[VariantComparison], leader: str | None) -> str:
    of = f"by {experiment.goal.name!r} ({experiment.goal.better} is better)"
    if leader is None:
        return f"undecided {of}: {'; '.join(one.why for one in comparisons)}"
    if leader == experiment.control:
        return f"the control {leader!r} is the best {of}: {'; '.join(one.why for one in comparisons)}"
    why = next(one.why for one in comparisons if one.variant == leader)
    return f"{leader!r} is better than the control {of}: {why}"
