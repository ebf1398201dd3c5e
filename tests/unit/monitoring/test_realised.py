import pytest

from shelflife.contracts.models import Task
from shelflife.monitoring.policy import Policy
from shelflife.monitoring.realised import realised_error
from shelflife.monitoring.scan_ports import JoinedLabels
from tests.fakes.monitored import candidate


def joined(mean: float | None, rows: int = 500, error: float | None = 0.01) -> JoinedLabels:
    return JoinedLabels(rows, mean, error, unmatched=0, mismatched=0, points=())


def test_an_error_is_judged_by_its_ratio_to_the_held_out_one() -> None:
    found = realised_error(joined(14.0), candidate(), Policy())
    assert (found.metric, found.held_out, found.drifted) == ("mae", 10, True)
    assert found.ratio == pytest.approx(1.4)
    assert not realised_error(joined(12.9), candidate(), Policy()).drifted
    assert realised_error(joined(12.9), candidate(), Policy(error_ratio=1.2)).drifted


def test_classifications_are_judged_by_their_error_rate() -> None:
    found = realised_error(joined(0.2), candidate(Task.CLASSIFICATION), Policy())
    assert (found.metric, found.drifted) == ("error_rate", True)
    assert found.held_out == pytest.approx(0.1)
    assert found.reason == "the error rate is 2.00 times the held-out one (limit 1.3 times)"


def test_few_labels_and_chance_are_no_evidence() -> None:
    few = realised_error(joined(100.0, rows=99), candidate(), Policy())
    assert (few.drifted, few.reason) == (False, "99 labelled rows of at least 100")
    none = realised_error(joined(None, rows=0, error=None), candidate(), Policy())
    assert (none.drifted, none.value) == (False, None)
    chance = realised_error(joined(14.0, error=3.0), candidate(), Policy())
    assert not chance.drifted
    assert chance.reason.endswith("which may be chance")


def test_a_metric_that_the_training_did_not_measure_cannot_be_compared() -> None:
    found = realised_error(joined(14.0), candidate(metrics={}), Policy())
    assert (found.drifted, found.ratio) == (False, None)
    assert found.reason == "the training measured no mean absolute error to compare with"


def test_any_sure_error_is_above_a_perfect_training() -> None:
    perfect = candidate(Task.CLASSIFICATION, metrics={"accuracy": 1.0})
    assert realised_error(joined(0.2), perfect, Policy()).drifted
    assert not realised_error(joined(0.0, error=0.0), perfect, Policy()).drifted
