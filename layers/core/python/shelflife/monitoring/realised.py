"""The realised error against the one that was measured on held-out rows at training."""

from dataclasses import dataclass

from shelflife.contracts.models import Candidate, Task
from shelflife.monitoring.policy import Policy
from shelflife.monitoring.report import RealisedError
from shelflife.monitoring.scan_ports import JoinedLabels

#: The realised error must exceed the held-out one by so many of its own standard errors: a few labels with
#: one outlier among them are no evidence.
SURE = 2.0
_NAMES = {"mae": "mean absolute error", "error_rate": "error rate"}


@dataclass(frozen=True, slots=True)
class _Judged:
    ratio: float | None
    drifted: bool
    reason: str


def realised_error(joined: JoinedLabels, candidate: Candidate, policy: Policy) -> RealisedError:
    """Regressions by their mean absolute error, classifications by their error rate."""
    metric, held_out = _held_out(candidate)
    judged = _judged(joined, held_out, metric, policy)
    return RealisedError(
        metric=metric,
        value=joined.mean_loss,
        standard_error=joined.standard_error,
        rows=joined.rows,
        held_out=held_out,
        ratio=judged.ratio,
        drifted=judged.drifted,
        reason=judged.reason,
        unmatched=joined.unmatched,
        mismatched=joined.mismatched,
        points=joined.points,
    )


def _held_out(candidate: Candidate) -> tuple[str, float | None]:
    if candidate.task is Task.REGRESSION:
        return "mae", candidate.metrics.get("mae")
    accuracy = candidate.metrics.get("accuracy")
    return "error_rate", None if accuracy is None else max(1 - accuracy, 0.0)


def _judged(joined: JoinedLabels, held_out: float | None, metric: str, policy: Policy) -> _Judged:
    if joined.mean_loss is None or joined.rows < policy.min_labels:
        return _Judged(
            None, drifted=False, reason=f"{joined.rows} labelled rows of at least {policy.min_labels}"
        )
    if held_out is None:
        reason = f"the training measured no {_NAMES[metric]} to compare with"
        return _Judged(None, drifted=False, reason=reason)
    ratio = joined.mean_loss / held_out if held_out else None
    high = joined.mean_loss > 0 and joined.mean_loss >= policy.error_ratio * held_out
    sure = joined.mean_loss - SURE * (joined.standard_error or 0.0) > held_out
    name = _NAMES[metric]
    told = f"{ratio:.2f} times" if ratio is not None else "infinitely above"
    limit = f"limit {policy.error_ratio:g} times"
    doubt = ", which may be chance" if high and not sure else ""
    return _Judged(
        ratio, drifted=high and sure, reason=f"the {name} is {told} the held-out one ({limit}){doubt}"
    )
