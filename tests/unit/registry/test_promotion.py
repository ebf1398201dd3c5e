from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from shelflife.registry.errors import (
    AliasKeptError,
    AliasMovedError,
    AliasNotFoundError,
    InvalidAliasError,
    ModelVersionNotFoundError,
    VersionNotServableError,
)
from shelflife.registry.model import ModelVersion, Move, RegisteredModel
from shelflife.registry.promotion import Promotion
from tests.fakes.registry import MemoryAliases, MemoryModelVersions, MemoryRegistry
from tests.harness.models import candidate

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOGGED = 3


@dataclass
class World:
    """Versions 1 and 2 were trained by the platform, version 3 was logged by a client."""

    kept: MemoryRegistry = field(default_factory=MemoryRegistry)

    def __post_init__(self) -> None:
        at: dict[str, Any] = {"created_at": NOON, "created_by": "ada", "updated_at": NOON}
        self.kept.models["bikeshare"] = RegisteredModel(name="bikeshare", **at)
        for number in (1, 2, LOGGED):
            trained = None if number == LOGGED else candidate(job_id=f"job-{number}")
            self.kept.versions["bikeshare", number] = ModelVersion(
                model_name="bikeshare",
                version=number,
                source_uri="s3://b/k",
                candidate=trained,
                evaluation_id=f"evaluation-{number}",
                **at,
            )


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def promotion(world: World) -> Promotion:
    ids = count(1)
    return Promotion(
        MemoryAliases(world.kept), MemoryModelVersions(world.kept), lambda: NOON, lambda: f"{next(ids)}"
    )


def to(version: int, alias: str = "champion", **changes: Any) -> Move:
    plain = {"model_name": "bikeshare", "reason": "it is better", "moved_by": "ada"}
    return Move(alias=alias, version=version, **plain | changes)


def test_a_move_says_what_listeners_need(promotion: Promotion, world: World) -> None:
    promotion.move(to(1))
    promotion.move(to(2))
    said = world.kept.news[-1]
    assert (said.alias, said.previous_version, said.moved_by) == ("champion", 1, "ada")
    assert said.promoted.candidate == candidate(job_id="job-2")
    assert promotion.serving("bikeshare", "champion") == said.promoted
    assert [news.event_id for news in world.kept.news] == ["1", "2"]


def test_a_move_to_where_it_is_changes_and_says_nothing(promotion: Promotion, world: World) -> None:
    promotion.move(to(1))
    assert promotion.move(to(1, reason="again")).version == 1
    assert len(world.kept.news) == 1
    assert len(promotion.history("bikeshare", "champion", 10, None).items) == 1


def test_history_tells_who_when_why_and_on_what_evidence(promotion: Promotion) -> None:
    promotion.move(to(1))
    promotion.move(to(2, evaluation_id="newer"))
    promotion.move(to(1, reason="roll back", moved_by="eve"))
    last, second, first = promotion.history("bikeshare", "champion", 10, None).items
    assert (last.from_version, last.to_version, last.moved_by, last.reason) == (2, 1, "eve", "roll back")
    assert [move.evaluation_id for move in (first, second, last)] == ["evaluation-1", "newer", "evaluation-1"]
    assert first.from_version is None


def test_a_lost_race_is_told(world: World, promotion: Promotion) -> None:
    class Contended(MemoryAliases):
        def move(self, move: Any, news: Any) -> None:
            super().move(move.model_copy(update={"to_version": 1}), None)
            super().move(move, news)

    contended = Promotion(Contended(world.kept), promotion.versions, promotion.now, promotion.new_id)
    with pytest.raises(AliasMovedError):
        contended.move(to(2))
    assert world.kept.news == []
    promotion.move(to(2))
    assert world.kept.news[0].previous_version == 1


def test_a_version_that_cannot_be_served_is_no_champion(promotion: Promotion, world: World) -> None:
    with pytest.raises(VersionNotServableError, match="version 3 of model 'bikeshare' was not trained"):
        promotion.move(to(LOGGED))
    promotion.move(to(LOGGED, "mine"))
    assert world.kept.news == []
    assert promotion.serving("bikeshare", "mine") is None


def test_an_alias_that_deployments_may_follow_stays_servable(promotion: Promotion) -> None:
    promotion.move(to(1, "blue"))
    with pytest.raises(VersionNotServableError):
        promotion.move(to(LOGGED, "blue"))
    with pytest.raises(AliasKeptError, match="'blue'"):
        promotion.remove("bikeshare", "blue", removed_by="ada")
    assert promotion.find("bikeshare", "blue")[1].version == 1


def test_a_removed_alias_is_gone_but_not_its_history(promotion: Promotion) -> None:
    promotion.move(to(LOGGED, "mine"))
    for _ in range(2):
        promotion.remove("bikeshare", "mine", removed_by="eve")
    with pytest.raises(AliasNotFoundError):
        promotion.find("bikeshare", "mine")
    assert promotion.serving("bikeshare", "mine") is None
    assert [move.to_version for move in promotion.history("bikeshare", "mine", 9, None).items] == [None, 3]
    promotion.move(to(1, "mine"))
    assert promotion.history("bikeshare", "mine", 9, None).items[0].from_version is None


def test_what_is_not_there_is_named(promotion: Promotion) -> None:
    with pytest.raises(ModelVersionNotFoundError, match="no version 9"):
        promotion.move(to(9))
    with pytest.raises(AliasNotFoundError):
        promotion.find("bikeshare", "champion")
    with pytest.raises(AliasNotFoundError):
        promotion.history("bikeshare", "champion", 9, None)
    assert promotion.serving("bikeshare", "champion") is None


@pytest.mark.parametrize("alias", ["latest", "Latest", "v1", "V22", "a b", "", "-a", "a" * 64])
def test_some_words_are_no_aliases(promotion: Promotion, alias: str) -> None:
    with pytest.raises(InvalidAliasError):
        promotion.move(to(1, alias))
