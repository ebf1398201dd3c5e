from itertools import count

import pytest

from shelflife.contracts.models import Task
from shelflife.contracts.monitoring import Label
from shelflife.contracts.serving import DeploymentActivated
from shelflife.monitoring.errors import (
    LabelValueError,
    MonitorNotFoundError,
    ReportNotFoundError,
    UnknownIgnoredFeatureError,
)
from shelflife.monitoring.model import Watched, label_text, report_id_of
from shelflife.monitoring.policy import Policy
from shelflife.monitoring.service import Monitoring
from shelflife.monitoring.tasks import MONITORS_PER_PAGE, NAMED_FAILURES, ListMonitors, Tally
from tests.fakes.monitored import HOUR, NOON, watched
from tests.fakes.monitoring import MemoryLabels, MemoryMonitors, MemoryReports


@pytest.fixture
def labels() -> MemoryLabels:
    return MemoryLabels()


@pytest.fixture
def monitors() -> MemoryMonitors:
    return MemoryMonitors()


@pytest.fixture
def monitoring(labels: MemoryLabels, monitors: MemoryMonitors) -> Monitoring:
    ids = count(1)
    return Monitoring(
        monitors=monitors,
        labels=labels,
        reports=MemoryReports(),
        now=lambda: NOON,
        new_id=lambda: f"{next(ids):04}",
    )


def news(seen: Watched, event_id: str = "e1") -> DeploymentActivated:
    return DeploymentActivated(
        event_id=event_id,
        happened_at=seen.activated_at,
        deployment=seen.deployment,
        revision=seen.revision,
        serving=seen.serving,
    )


def test_an_activation_is_watched_once_and_an_older_one_never(monitoring: Monitoring) -> None:
    for seen in (watched(), watched(2, NOON + HOUR), watched(2, NOON + HOUR), watched()):
        monitoring.follow(news(seen))
    assert monitoring.find("bikes").watched == watched(2, NOON + HOUR)
    assert len(monitoring.page(10, None).items) == 1


def test_a_policy_outlives_an_activation(monitoring: Monitoring) -> None:
    monitoring.follow(news(watched()))
    monitoring.set_policy("bikes", Policy(min_rows=7))
    monitoring.follow(news(watched(2, NOON + HOUR)))
    assert monitoring.find("bikes").policy.min_rows == 7


def test_a_policy_ignores_only_features_that_there_are(monitoring: Monitoring) -> None:
    monitoring.follow(news(watched()))
    with pytest.raises(
        UnknownIgnoredFeatureError, match="no features 'prediction', 'tmp'; it has hr, temp, weather"
    ):
        monitoring.set_policy("bikes", Policy(ignored=("hr", "prediction", "tmp")))


def test_what_is_not_monitored_is_not_found(monitoring: Monitoring) -> None:
    for ask in (
        lambda: monitoring.find("bikes"),
        lambda: monitoring.set_policy("bikes", Policy()),
        lambda: monitoring.stop("bikes"),
        lambda: monitoring.add_labels("bikes", ()),
    ):
        with pytest.raises(MonitorNotFoundError):
            ask()
    for read in (monitoring.report, monitoring.report_page):
        with pytest.raises(ReportNotFoundError):
            read("bikes", "r1")


def test_labels_of_a_regression_are_finite_numbers(monitoring: Monitoring, labels: MemoryLabels) -> None:
    monitoring.follow(news(watched()))
    batch = monitoring.add_labels("bikes", (Label(capture_id="a", values=(1, 2.5)),))
    assert labels.batches == {"0001": batch}
    with pytest.raises(LabelValueError) as refused:
        monitoring.add_labels(
            "bikes",
            (
                Label(capture_id="a", values=(1.0, "x")),
                Label(capture_id="b", values=(True,)),
                Label(capture_id="c", values=(float("nan"),)),
            ),
        )
    fields = [fault.field for fault in refused.value.faults]
    assert fields == ["labels.0.values.1", "labels.1.values.0", "labels.2.values.0"]


def test_labels_of_a_classification_are_spelt_as_its_classes(
    monitoring: Monitoring, labels: MemoryLabels
) -> None:
    monitoring.follow(news(watched(task=Task.CLASSIFICATION)))
    monitoring.add_labels("bikes", (Label(capture_id="a", values=(1, 1.0, "1", True, "other", 0.5)),))
    assert labels.batches["0001"].labels[0].values == ("1", "1", "1", "1", "other", "0.5")


def test_a_truth_is_spelt_as_the_classes_are() -> None:
    assert label_text(True, ("false", "true")) == "true"
    assert label_text(True, ("False", "True")) == "True"
    assert label_text(2.0, ("1.0", "2.0")) == "2.0"
    assert label_text(3, ("1", "2")) == "3"


def test_a_scan_of_a_deployment_has_one_report_id() -> None:
    first = report_id_of("s1", "bikes", NOON)
    assert first == report_id_of("s1", "bikes", NOON)
    assert first.startswith("20261120t120000-")
    others = {report_id_of("s2", "bikes", NOON), report_id_of("s1", "cars", NOON)}
    assert first not in others
    assert first < report_id_of("s0", "bikes", NOON + HOUR)


def test_all_monitors_are_scanned_page_by_page(monitoring: Monitoring) -> None:
    for number in range(MONITORS_PER_PAGE + 1):
        seen = watched().model_copy(update={"deployment": f"d{number:03}"})
        monitoring.follow(news(seen))
    first = monitoring.next_to_scan(ListMonitors())
    assert (first.count, first.last) == (MONITORS_PER_PAGE, False)
    results = [{"deployment": name, "outcome": "steady"} for name in first.deployments]
    second = monitoring.next_to_scan(ListMonitors(page=first, results=results))
    assert (second.deployments, second.last) == ((f"d{MONITORS_PER_PAGE:03}",), True)
    failed = [{"deployment": "d040", "outcome": "failed", "error": "ProfileMismatchError"}]
    end = monitoring.next_to_scan(ListMonitors(page=second, results=failed))
    assert (end.count, end.deployments) == (0, ())
    assert end.tally == Tally(
        scanned=MONITORS_PER_PAGE + 1,
        failed=1,
        outcomes={"steady": MONITORS_PER_PAGE, "failed": 1},
        failures=({"deployment": "d040", "error": "ProfileMismatchError"},),
    )


def test_a_tally_names_no_more_failures_than_a_state_can_hold() -> None:
    results = [{"deployment": f"d{number}", "outcome": "failed", "error": "E"} for number in range(70)]
    tally = Tally().counting(results)
    assert (tally.failed, len(tally.failures)) == (70, NAMED_FAILURES)


def test_labels_are_told_of_once_they_are_kept(
    monitoring: Monitoring, labels: MemoryLabels, monitors: MemoryMonitors
) -> None:
    monitoring.follow(news(watched()))
    batch = monitoring.add_labels("bikes", (Label(capture_id="a", values=(1.0,)),))
    (told,) = monitors.told
    assert (told.event_id, told.deployment, told.happened_at) == (batch.batch_id, "bikes", batch.received_at)
    assert told.labels_uri == "memory://labels/0001"
    with pytest.raises(LabelValueError):
        monitoring.add_labels("bikes", (Label(capture_id="a", values=("x",)),))
    assert monitors.told == [told]
