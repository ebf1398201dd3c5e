from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from shelflife.serving.traffic import (
    SLOTS,
    Assignment,
    LiveVariant,
    Stretch,
    Traffic,
    TrafficRule,
    slot_of,
)
from tests.fakes.deployments import rule

KEYS = [f"user-{at}" for at in range(20_000)]


def holders(traffic: Traffic) -> list[str]:
    """Who has each slot."""
    assignment = Assignment(traffic)
    return [assignment.at(slot).name for slot in range(SLOTS)]


@st.composite
def rules(draw: st.DrawFn) -> TrafficRule:
    """Up to six of eight variants, with weights in hundredths that add up to 100."""
    versions = draw(st.lists(st.integers(1, 8), min_size=1, max_size=6, unique=True))
    places = st.lists(st.integers(0, SLOTS), min_size=len(versions) - 1, max_size=len(versions) - 1)
    cuts = sorted(draw(places))
    slots = [end - begin for begin, end in zip([0, *cuts], [*cuts, SLOTS], strict=True)]
    return rule(*((version, count / 100) for version, count in zip(versions, slots, strict=True)))


@settings(deadline=None)
@given(st.lists(rules(), min_size=1, max_size=5))
def test_everybody_has_their_share_and_no_more_slots_move_than_must(history: list[TrafficRule]) -> None:
    before: Traffic | None = None
    for asked in history:
        traffic = Traffic.of(asked, before)
        now = Counter(holders(traffic))
        assert now == {one.name: one.slots for one in asked.live if one.slots}
        assert traffic.stretches[-1].end == SLOTS
        if before is not None:
            was = Counter(holders(before))
            moved = sum(a != b for a, b in zip(holders(before), holders(traffic), strict=True))
            assert moved == sum(max(0, count - now[name]) for name, count in was.items())
        before = traffic


def test_a_growing_canary_only_takes_keys_from_the_stable_variant() -> None:
    ten = Traffic.of(rule((1, 90), (2, 10)))
    half = Traffic.of(rule((1, 50), (2, 50)), ten)
    kept = zip(holders(ten), holders(half), strict=True)
    assert all(after == "v2" for before, after in kept if before == "v2")
    assert half.stretches == (Stretch(5000, "v1"), Stretch(10_000, "v2"))


def test_sticky_keys_are_spread_evenly_over_the_slots() -> None:
    counts = Counter(slot_of("bikes", key) // 100 for key in KEYS)
    assert len(counts) == 100
    assert stats.chisquare(list(counts.values())).pvalue > 0.001


def test_keys_of_two_deployments_have_nothing_to_do_with_each_other() -> None:
    pairs = Counter((slot_of("bikes", key) // 1000, slot_of("boats", key) // 1000) for key in KEYS)
    table = [[pairs[row, column] for column in range(10)] for row in range(10)]
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_a_key_keeps_its_slot_for_ever() -> None:
    assert [slot_of("bikes", key) for key in ("", "user-1", "é", "\ud800")] == [1085, 5929, 6555, 4846]


def test_a_variant_is_called_by_its_version_unless_it_has_a_name() -> None:
    live = [{"model_version": 3, "weight": 50}, {"model_version": 3, "weight": 50, "name": "again"}]
    assert [one.name for one in TrafficRule.model_validate({"live": live}).live] == ["v3", "again"]


@pytest.mark.parametrize(
    ("live", "shadows", "told"),
    [
        ([], [], "at least 1"),
        ([(1, 60), (2, 30)], [], "the live variants' weights add up to 90.0, expected 100"),
        ([(1, 99.999), (2, 0.001)], [], "variant 'v1' has weight 99.999, expected hundredths"),
        ([(1, 50), (1, 50)], [], "two variants are called 'v1'"),
        ([(1, 100)], [1], "two variants are called 'v1'"),
        ([(1, 150), (2, -50)], [], "less than or equal to 100"),
        ([(0, 100)], [], "greater than or equal to 1"),
        ([(number, 100 / 25) for number in range(1, 26)], [], "at most 20"),
    ],
)
def test_what_is_no_rule_is_told(live: list[tuple[int, float]], shadows: list[int], told: str) -> None:
    asked = {
        "live": [{"model_version": version, "weight": weight} for version, weight in live],
        "shadows": [{"model_version": version} for version in shadows],
    }
    with pytest.raises(ValidationError, match=told):
        TrafficRule.model_validate(asked)


def test_a_rule_comes_back_from_json_as_it_was() -> None:
    traffic = Traffic.of(rule((1, 33.33), (2, 66.67), shadows=((3, 0.25),)))
    assert Traffic.model_validate_json(traffic.model_dump_json()) == traffic
    assert isinstance(traffic.rule.stable, LiveVariant)
