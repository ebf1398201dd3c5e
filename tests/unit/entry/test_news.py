import json
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from shelflife.entry.news import listener
from shelflife.kernel.news import News
from tests.harness.events import LambdaContext


class MilkDelivered(News):
    detail_type: ClassVar[str] = "milk.delivered"

    litres: int


heard: list[MilkDelivered] = []


@listener(MilkDelivered)
def hear(news: MilkDelivered) -> None:
    if news.litres < 0:
        message = "the bottle has a hole"
        raise RuntimeError(message)
    heard.append(news)


def event(**detail: Any) -> dict[str, Any]:
    known = {"event_id": "e1", "happened_at": "2026-11-20T12:00:00Z", "litres": 1}
    return {"source": "shelflife", "detail-type": "milk.delivered", "detail": known | detail}


@pytest.fixture(autouse=True)
def silence() -> None:
    heard.clear()


def test_news_is_heard_as_often_as_it_is_told() -> None:
    for _ in range(2):
        hear(event(), LambdaContext())
    assert [news.event_id for news in heard] == ["e1", "e1"]


@pytest.mark.parametrize("detail", [{"litres": "many"}, {"colour": "red"}])
def test_news_that_cannot_be_read_fails_and_is_told_so(
    detail: dict[str, Any], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValidationError):
        hear(event(**detail), LambdaContext())
    assert [record.__dict__["door"] for record in caplog.records] == ["news milk.delivered"]
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [line["Failures"] for line in counted] == [[1.0]]
    assert heard == []


def test_a_listeners_failure_rises_so_that_the_bus_tells_it_again(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError, match="hole"):
        hear(event(litres=-1), LambdaContext())
    assert [record.__dict__["event_id"] for record in caplog.records] == ["e1"]
