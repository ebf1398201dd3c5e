from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shelflife.tracking.errors import LoggedModelBusyError, LoggedModelNotFoundError
from shelflife.tracking.experiments import ExperimentBook
from shelflife.tracking.logged_model import LoggedModel, Measured
from shelflife.tracking.logged_models import LoggedModels, LoggedModelSearch, NewModel
from shelflife.tracking.model import Metric
from tests.fakes.tracking import MemoryExperiments, MemoryLoggedModels, MemorySegments

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class RacedModels(MemoryLoggedModels):
    """Somebody else changes the model just before each of the first changes here."""

    def __init__(self, others: list[Callable[[LoggedModel], LoggedModel]]) -> None:
        super().__init__()
        self.others = others

    def replace(self, model: LoggedModel) -> None:
        if self.others:
            known = self.find(model.model_id)
            assert known is not None
            super().replace(self.others.pop(0)(known))
        super().replace(model)


@pytest.fixture
def models() -> LoggedModels:
    book = ExperimentBook(MemoryExperiments(), lambda: NOON, lambda: "1")
    book.keep_default()
    return LoggedModels(
        MemoryLoggedModels(), book, MemorySegments(), lambda: NOON, lambda: "1", lambda: "ripe-plum-417"
    )


def tagged(key: str) -> Callable[[LoggedModel], LoggedModel]:
    return lambda model: replace(model, tags={**model.tags, key: "theirs"})


def test_a_lost_race_loses_no_tag_and_who_always_loses_is_told_to_come_again(models: LoggedModels) -> None:
    raced = replace(models, kept=RacedModels([tagged("a"), tagged("b")]))
    model_id = raced.create(NewModel("0")).model_id
    raced.set_tags(model_id, {"c": "ours"})
    assert raced.get(model_id).tags == {"a": "theirs", "b": "theirs", "c": "ours"}
    busy = replace(models, kept=RacedModels([tagged(str(at)) for at in range(30)]))
    model_id = busy.create(NewModel("0")).model_id
    with pytest.raises(LoggedModelBusyError):
        busy.set_tags(model_id, {"c": "ours"})


def test_what_comes_again_changes_nothing(models: LoggedModels) -> None:
    model_id = models.create(NewModel("0")).model_id
    measured = Measured("r1", Metric("mae", 0.5, 7, 2))
    for _ in range(2):
        models.link_version(model_id, "bikes", 1)
        models.measure(model_id, [measured])
    model = models.get(model_id)
    assert (model.registered, model.measured, model.revision) == ((("bikes", 1),), (measured,), 2)


def test_the_latest_of_each_metric_is_kept_whatever_comes_late(models: LoggedModels) -> None:
    model_id = models.create(NewModel("0")).model_id
    latest, late = Measured("r1", Metric("mae", 0.5, 7, 2)), Measured("r1", Metric("mae", 0.9, 9, 1))
    on_other_data = late._replace(dataset_name="bikes", dataset_digest="d1")
    models.measure(model_id, [latest, late, on_other_data])
    assert models.get(model_id).measured == (latest, on_other_data)


def test_a_deleted_model_is_not_found(models: LoggedModels) -> None:
    model_id = models.create(NewModel("0", source_run_id="r1")).model_id
    models.delete(model_id)
    for again in (models.get, models.delete):
        with pytest.raises(LoggedModelNotFoundError):
            again(model_id)
    for text in ("", "source_run_id = 'r1'"):
        assert models.search(LoggedModelSearch(("0",), text)) == []
