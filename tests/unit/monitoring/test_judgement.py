"""Judgement on real data: a year of bike-share demand, trained on January to April, met in May to July."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelflife.kernel.profiles import ProfileMismatchError, profile_over, reference_profile
from shelflife.monitoring.judgement import drifted_features, judge_columns
from shelflife.monitoring.policy import Policy, Thresholds
from shelflife.monitoring.report import ColumnReport

DATA = Path(__file__).resolve().parents[3] / "infra/demo/data/bikeshare.csv"
NUMBERS = ("hr", "weekday", "workingday", "holiday", "temp", "atemp", "hum", "windspeed")
Days = tuple[int, int]
SPRING: Days = (1, 120)
SUMMER: Days = (121, 212)


def bikes(days: Days) -> dict[str, Any]:
    with DATA.open() as file:
        rows = [row for row in csv.DictReader(file) if days[0] <= int(row["day"]) <= days[1]]
    columns: dict[str, Any] = {name: np.array([float(row[name]) for row in rows]) for name in NUMBERS}
    columns["weathersit"] = np.array([row["weathersit"] for row in rows], dtype=object)
    columns["prediction"] = np.array([float(row["bikers"]) for row in rows])
    return columns


def judged(baseline: dict[str, Any], window: dict[str, Any], policy: Policy) -> dict[str, ColumnReport]:
    reference = reference_profile(baseline)
    columns = judge_columns(reference, profile_over(reference, window), policy)
    return {column.name: column for column in columns}


def test_summer_is_warmer_and_busier_but_has_the_same_hours_and_weekdays() -> None:
    found = judged(bikes(SPRING), bikes(SUMMER), Policy())
    drifted = {name for name, column in found.items() if column.drifted}
    assert drifted >= {"prediction", "temp", "atemp"}
    assert drifted.isdisjoint({"hr", "weekday", "workingday", "holiday"})


def test_a_week_without_a_holiday_has_the_hours_and_weekdays_of_the_others() -> None:
    weeks = [bikes((first, first + 6)) for first in range(60, 110, 7)]
    ordinary = [week for week in weeks if not week["holiday"].any()]
    assert len(ordinary) == 7
    for week in ordinary:
        found = judged(bikes(SPRING), week, Policy())
        assert not any(found[name].drifted for name in ("hr", "weekday", "workingday", "holiday"))


@pytest.mark.parametrize("seed", range(5))
def test_two_hundred_rows_of_the_training_itself_are_steady(seed: int) -> None:
    spring = bikes(SPRING)
    some = np.random.default_rng(seed).choice(len(spring["hr"]), 200, replace=False)
    found = judged(spring, {name: values[some] for name, values in spring.items()}, Policy())
    assert not any(column.drifted for column in found.values())


def test_the_prediction_comes_first_and_then_what_drifted() -> None:
    names = list(judged(bikes(SPRING), bikes(SUMMER), Policy()))
    assert names[0] == "prediction"
    assert set(names[-4:]) == {"hr", "weekday", "workingday", "holiday"}


def test_a_threshold_of_nothing_switches_a_test_off() -> None:
    off = Policy(thresholds=Thresholds(stability_index=None, wasserstein=None, jensen_shannon=None))
    found = judged(bikes(SPRING), bikes(SUMMER), off)
    assert not any(column.drifted for column in found.values())
    assert all(test.value is not None for column in found.values() for test in column.tests)


def test_tests_that_are_off_by_default_can_be_judged() -> None:
    gone = bikes(SPRING)
    gone["hum"] = np.where(np.arange(len(gone["hum"])) % 10 == 0, np.nan, gone["hum"])
    gone["weathersit"] = np.where(gone["weathersit"] == "clear", "sunny", gone["weathersit"])
    off = {"stability_index": None, "wasserstein": None, "jensen_shannon": None}
    limits = Thresholds(missing_rate=0.05, unseen_rate=0.5, kolmogorov_smirnov=0.3, **off)
    found = judged(bikes(SPRING), gone, Policy(thresholds=limits))
    assert {name for name, column in found.items() if column.drifted} == {"hum", "weathersit"}


def test_columns_that_are_all_missing_are_judged_by_that() -> None:
    empty = bikes(SPRING)
    empty["temp"] = np.full(len(empty["temp"]), np.nan)
    column = judged(bikes(SPRING), empty, Policy())["temp"]
    assert column.drifted
    assert [test.test for test in column.tests] == ["stability_index", "missing_rate"]


def test_infinite_values_leave_no_number_that_json_does_not_know() -> None:
    wild = bikes(SPRING)
    wild["temp"] = np.where(np.arange(len(wild["temp"])) % 2 == 0, np.inf, wild["temp"])
    with np.errstate(invalid="ignore"):
        column = judged(bikes(SPRING), wild, Policy())["temp"]
    assert column.drifted
    assert ColumnReport.model_validate_json(column.model_dump_json()) == column


def test_other_columns_cannot_be_compared() -> None:
    reference = reference_profile({"a": np.arange(3.0), "b": np.arange(3.0)})
    other = reference_profile({"a": np.arange(3.0), "c": np.arange(3.0)})
    moved = reference_profile({"a": np.arange(3.0) * 2, "b": np.arange(3.0)})
    for window in (other, moved):
        with pytest.raises(ProfileMismatchError):
            judge_columns(reference, window, Policy())


def test_columns_that_captures_leave_out_are_not_judged() -> None:
    reference = reference_profile({"a": np.arange(3.0), "b": np.arange(3.0)})
    (column,) = judge_columns(reference, reference_profile({"a": np.arange(3.0)}), Policy())
    assert column.name == "a"


def test_without_features_nothing_has_drifted() -> None:
    assert drifted_features(()) == ((), 0.0)
