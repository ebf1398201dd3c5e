"""The bus's door: an EventBridge event in, one use case called with the news in it.

EventBridge may deliver twice and in any order; services remember `event_id`, so that telling them again
changes nothing. What fails is delivered again by EventBridge, and in the end lands in the dead-letter queue.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent

from shelflife.entry.observe import observed
from shelflife.kernel.news import News

N = TypeVar("N", bound=News)


def listener(news: type[N]) -> Callable[[Callable[[N], None]], Callable[[Any, Any], None]]:
    """Make a Lambda handler of a function that listens to one kind of news."""

    def door(listen: Callable[[N], None]) -> Callable[[Any, Any], None]:
        @wraps(listen)
        def handler(event: Any, context: Any) -> None:
            with observed(f"news {news.detail_type}", context) as outcome:
                told = news.model_validate(EventBridgeEvent(event).detail)
                outcome.note(event_id=told.event_id)
                listen(told)

        return handler

    return door
