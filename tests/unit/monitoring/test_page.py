import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from shelflife.kernel.profiles import profile_over, reference_profile
from shelflife.monitoring.judgement import judge_columns
from shelflife.monitoring.model import Outcome
from shelflife.monitoring.page import render
from shelflife.monitoring.policy import Policy
from shelflife.monitoring.report import ErrorPoint, RealisedError, Report, Window
from tests.fakes.monitored import HOUR, NOON

EVIL = "<script>alert('1')</script>&\""
VOID = {"meta", "br", "line", "rect", "circle", "polyline"}


class Reader(HTMLParser):
    """Checks that elements nest, and collects their names and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def error(points: int = 3) -> RealisedError:
    return RealisedError(
        metric="mae",
        value=15.25,
        standard_error=0.5,
        rows=200,
        held_out=10.0,
        ratio=1.525,
        drifted=True,
        reason="the mean absolute error is 1.52 times the held-out one (limit 1.3 times)",
        unmatched=1,
        mismatched=2,
        points=tuple(
            ErrorPoint(begins_at=NOON + n * HOUR, ends_at=NOON + (n + 1) * HOUR, rows=70, value=14.0 + n)
            for n in range(points)
        ),
    )


def report(**changed: Any) -> Report:
    random = np.random.default_rng(0)
    words = np.asarray(random.choice(["clear", EVIL], 900), dtype=object)
    baseline = {EVIL: random.normal(size=900), "weather": words, "prediction": np.arange(900.0) % 7}
    reference = reference_profile(baseline)
    moved = baseline | {EVIL: baseline[EVIL] + 2, "weather": np.asarray(["<b>"] * 900, dtype=object)}
    fields: dict[str, Any] = {
        "report_id": "r1",
        "deployment": "bikes",
        "revision": 2,
        "model_name": "bike-demand",
        "model_version": 3,
        "task": "regression",
        "dataset_name": "bikeshare",
        "dataset_version": 1,
        "activated_at": NOON,
        "created_at": NOON + 3 * HOUR,
        "outcome": Outcome.DRIFT,
        "reason": f"100% of the features drifted: {EVIL}",
        "drifted": (EVIL, "weather"),
        "share_drifted": 1.0,
        "baseline_rows": 900,
        "window": Window(since=NOON, first_at=NOON, last_at=NOON + HOUR, row_count=123_456, profile_count=12),
        "columns": judge_columns(reference, profile_over(reference, moved), Policy()),
        "error": error(),
        "policy": Policy(ignored=(EVIL,)),
    }
    return Report(**(fields | changed))


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_texts_of_callers_are_never_markup() -> None:
    page = render(report())
    assert "<script" not in page
    assert "<b>&" not in page
    assert "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;&quot;" in page
    assert {tag for tag, _ in read(page).found}.isdisjoint({"script", "iframe", "img", "link", "object"})


def test_a_page_needs_nothing_from_anywhere() -> None:
    page = render(report())
    assert not re.search(r"(src|href|url\()", page)
    assert "http" not in page


def test_every_chart_is_told_in_words_and_every_table_has_headers() -> None:
    reader = read(render(report()))
    identities = [attributes["id"] for _, attributes in reader.found if "id" in attributes]
    assert len(identities) == len(set(identities))
    charts = reader.named("svg")
    assert len(charts) == 4
    for chart in charts:
        assert chart["role"] == "img"
        assert all(name in identities for name in str(chart["aria-labelledby"]).split())
    assert reader.named("th")
    assert all(attributes.get("scope") in {"col", "row"} for attributes in reader.named("th"))


def test_a_page_says_what_was_found() -> None:
    page = render(report())
    for said in (
        "Drift detected",
        "bike-demand, version 3",
        "123,456",
        "20 Nov 2026, 15:00 UTC",
        "held out 10",
    ):
        assert said in page
    assert "1 label without a captured row in the window, 2 labels with another number of values" in page


def test_a_steady_page_has_no_labels_and_no_drift() -> None:
    page = render(report(outcome=Outcome.STEADY, reason="no feature drifted", error=None, drifted=()))
    assert "No drift" in page
    assert "no labels have been sent" in page
    read(page)


@pytest.mark.parametrize("points", [0, 1, 48])
def test_an_error_has_any_number_of_points(points: int) -> None:
    read(render(report(error=error(points))))


def test_a_days_error_is_labelled_by_the_hour_and_a_weeks_by_the_day() -> None:
    assert ">13:00<" in render(report(error=error(3)))
    week = tuple(
        ErrorPoint(
            begins_at=NOON + n * timedelta(days=1), ends_at=NOON + timedelta(days=n + 1), rows=1, value=0.0
        )
        for n in range(7)
    )
    assert ">21 Nov<" in render(report(error=error().model_copy(update={"points": week, "held_out": None})))
