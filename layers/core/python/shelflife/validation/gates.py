"""The gates: each looks at an evaluation and answers with its reason and the figures behind it.

They fail closed: what cannot be decided has not passed.
"""

from shelflife.contracts.validation import GateResult
from shelflife.validation.model import HIGHER_IS_BETTER, PRIMARY, Evaluation, Gates, Metric, Threshold

Evidence = dict[str, float | str | None]


def judged(evaluation: Evaluation, gates: Gates) -> tuple[GateResult, ...]:
    """The answer of every gate."""
    return (
        _runs(evaluation),
        _holdout_rows(evaluation, gates),
        _model_bytes(evaluation, gates),
        *(_threshold(evaluation, threshold) for threshold in gates.thresholds),
        _not_worse_than_champion(evaluation, gates),
    )


def _runs(evaluation: Evaluation) -> GateResult:
    measured = evaluation.candidate
    evidence: Evidence = {"rows": float(measured.rows)}
    evidence.update({metric.value: found for metric, found in measured.metrics.items()})
    if measured.problem is not None:
        return _result("runs", passed=False, reason=measured.problem, evidence=evidence)
    reason = f"the candidate answered {measured.rows} held-out rows as its signature says"
    return _result("runs", passed=measured.rows > 0, reason=reason, evidence=evidence)


def _holdout_rows(evaluation: Evaluation, gates: Gates) -> GateResult:
    rows, least = evaluation.candidate.rows, gates.min_holdout_rows
    reason = f"{rows} held-out rows, at least {least} are asked for"
    return _result(
        "holdout_rows", passed=rows >= least, reason=reason, evidence={"rows": float(rows), "at_least": least}
    )


def _model_bytes(evaluation: Evaluation, gates: Gates) -> GateResult:
    size, most = evaluation.model_bytes, gates.max_model_bytes
    reason = f"the model has {size} bytes, at most {most} are allowed"
    return _result(
        "model_bytes", passed=size <= most, reason=reason, evidence={"bytes": float(size), "at_most": most}
    )


def _threshold(evaluation: Evaluation, threshold: Threshold) -> GateResult:
    name, found = f"threshold.{threshold.metric}", evaluation.candidate.metrics.get(threshold.metric)
    given = {"at_most": threshold.at_most, "at_least": threshold.at_least}
    bounds = {key: value for key, value in given.items() if value is not None}
    evidence: Evidence = {"found": found, **bounds}
    if found is None:
        reason = f"{threshold.metric} was not measured for this {evaluation.task}"
        return _result(name, passed=False, reason=reason, evidence=evidence)
    low_enough = threshold.at_most is None or found <= threshold.at_most
    high_enough = threshold.at_least is None or found >= threshold.at_least
    asked = " and ".join(f"{key.replace('_', ' ')} {value:g}" for key, value in bounds.items())
    reason = f"{threshold.metric} is {found:.6g}, {asked} is asked for"
    return _result(name, passed=low_enough and high_enough, reason=reason, evidence=evidence)


def _not_worse_than_champion(evaluation: Evaluation, gates: Gates) -> GateResult:
    name, champion = "not_worse_than_champion", evaluation.champion
    if champion is None:
        return _result(name, passed=True, reason="there is no champion yet", evidence={})
    metric = gates.primary_metric or PRIMARY[evaluation.task]
    mine, theirs = evaluation.candidate.metrics.get(metric), champion.measured.metrics.get(metric)
    evidence: Evidence = {
        "metric": metric,
        "candidate": mine,
        "champion": theirs,
        "champion_version": float(champion.version),
        "min_improvement": gates.min_improvement,
    }
    if mine is None or theirs is None:
        return _incomparable(evaluation, gates, metric, evidence)
    bound = _bound(metric, theirs, gates.min_improvement)
    passed = mine >= bound if metric in HIGHER_IS_BETTER else mine <= bound
    side = "at least" if metric in HIGHER_IS_BETTER else "at most"
    reason = (
        f"{metric} is {mine:.6g}, champion version {champion.version} has {theirs:.6g} on the same rows: "
        f"{side} {bound:.6g} is asked for"
    )
    return _result(name, passed=passed, reason=reason, evidence=evidence | {"bound": bound})


def _incomparable(evaluation: Evaluation, gates: Gates, metric: Metric, evidence: Evidence) -> GateResult:
    champion = evaluation.champion
    theirs = champion.measured if champion else None
    why = evaluation.candidate.problem or (theirs.problem if theirs else None)
    reason = f"the champion cannot be compared: {why or f'{metric} was not measured for both'}"
    # A candidate that could not be measured is never excused by its champion.
    excused = gates.champion == "when_comparable" and metric in evaluation.candidate.metrics
    return _result("not_worse_than_champion", passed=excused, reason=reason, evidence=evidence)


def _bound(metric: Metric, champion: float, min_improvement: float) -> float:
    """What a candidate must reach; a share of the size, since a metric such as R² may be negative."""
    step = abs(champion) * min_improvement
    return champion + step if metric in HIGHER_IS_BETTER else champion - step


def _result(gate: str, *, passed: bool, reason: str, evidence: Evidence) -> GateResult:
    return GateResult(gate=gate, passed=passed, reason=reason, evidence=evidence)
