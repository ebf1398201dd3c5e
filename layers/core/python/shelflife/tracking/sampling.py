"""Histories of several runs, thinned out so that charts show their course."""

from collections.abc import Iterable, Mapping, Sequence

from shelflife.tracking.model import Metric


def sampled(
    histories: Mapping[str, Sequence[Metric]], limit: int, steps: tuple[int, int] | None = None
) -> list[tuple[str, Metric]]:
    """Run ids with their values, by step: at about `limit` steps that are the same in all runs.

    Each run's first and last step are among them. `steps` are the first and the last to be looked at.
    """
    shown = {
        run_id: [metric for metric in history if steps is None or steps[0] <= metric.step <= steps[1]]
        for run_id, history in histories.items()
    }
    kept = _evenly(sorted({metric.step for history in shown.values() for metric in history}), limit)
    for history in shown.values():
        if history:
            ends = [metric.step for metric in history]
            kept |= {min(ends), max(ends)}
    return [
        (run_id, metric)
        for run_id, history in shown.items()
        for metric in sorted(history, key=lambda metric: (metric.step, metric.timestamp))
        if metric.step in kept
    ]


def _evenly(steps: Sequence[int], limit: int) -> set[int]:
    if len(steps) <= limit:
        return set(steps)
    return set(_picked(steps, limit))


def _picked(steps: Sequence[int], limit: int) -> Iterable[int]:
    return (steps[at * len(steps) // limit] for at in range(limit))
