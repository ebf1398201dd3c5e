import pytest

from tests.bench.serving.cost import (
    Work,
    break_even,
    fargate_month,
    lambda_million,
    million_of,
    sagemaker_month,
)


def test_a_million_short_predictions_cost_requests_gateway_queue_and_one_millisecond_each() -> None:
    # 1 ms of 1 GB, 0.20 for requests, 1.00 for the gateway, 0.40 * 1.2 for the queue.
    assert lambda_million(Work(0.0004), 1024) == pytest.approx(0.0166667 + 0.20 + 1.00 + 0.48, rel=1e-6)


def test_what_is_not_captured_needs_no_queue() -> None:
    captured, not_captured = (lambda_million(Work(0.0004, share), 1024) for share in (1.0, 0.0))
    assert captured - not_captured == pytest.approx(0.48)


def test_time_is_billed_in_whole_milliseconds() -> None:
    assert lambda_million(Work(0.0011), 1769) == lambda_million(Work(0.002), 1769)
    assert lambda_million(Work(0.0021), 1769) > lambda_million(Work(0.002), 1769)


def test_half_a_vcpu_takes_twice_as_long_and_a_bigger_function_is_not_faster_than_one() -> None:
    whole = lambda_million(Work(0.010, 0), 1769) - 1.2
    half = lambda_million(Work(0.010, 0), 1769 // 2) - 1.2
    twice = lambda_million(Work(0.010, 0), 2 * 1769) - 1.2
    assert half == pytest.approx(whole, rel=0.06)
    assert twice == pytest.approx(2 * whole)


def test_what_always_runs_costs_by_the_month() -> None:
    assert sagemaker_month() == pytest.approx(83.95)
    assert fargate_month() == pytest.approx((0.04048 + 2 * 0.004445) * 730)


def test_the_break_even_costs_the_same_on_both_sides() -> None:
    million = lambda_million(Work(0.001), 1024)
    predictions = break_even(sagemaker_month(), million)
    assert million_of(sagemaker_month(), predictions) == pytest.approx(million)
