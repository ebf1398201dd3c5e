"""What is said on the bus has a golden event that is what its contract says."""

import importlib
from pathlib import Path

import pytest

from shelflife.kernel.names import BUS_SOURCE
from shelflife.kernel.news import News
from tests.harness.events import golden
from tests.harness.tree import EVENTS, PACKAGE, modules, shown

PUBLISHED = sorted((EVENTS / "published").glob("*.json"))


def said() -> dict[str, type[News]]:
    """Every kind of news, by the name of its golden event."""
    for path in modules(PACKAGE / "contracts"):
        if path.stem != "__init__":
            importlib.import_module(f"shelflife.contracts.{path.stem}")
    return {
        f"{kind.__module__.rpartition('.')[2]}.{kind.detail_type.replace('.', '_')}.v1": kind
        for kind in News.__subclasses__()
        if kind.__module__.startswith("shelflife.")
    }


@pytest.mark.parametrize("path", PUBLISHED, ids=shown)
def test_a_golden_event_is_what_its_contract_says(path: Path) -> None:
    event, kind = golden(f"published/{path.stem}"), said()[path.stem]
    assert (event["source"], event["detail-type"]) == (BUS_SOURCE, kind.detail_type)
    assert kind.model_validate(event["detail"]).model_dump(mode="json") == event["detail"]


def test_every_kind_of_news_has_its_golden_event() -> None:
    assert {path.stem for path in PUBLISHED} == said().keys()
