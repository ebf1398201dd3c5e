"""Queue: shadow variants answer requests that were answered already."""

from collections.abc import Mapping

from shelflife.entry.observe import Outcome
from shelflife.entry.queue import consumer
from shelflife.serving.captures import ShadowRequest
from shelflife.serving.wiring_captures import shadows


@consumer(ShadowRequest)
def handler(messages: Mapping[str, ShadowRequest], outcome: Outcome) -> Mapping[str, Exception]:
    shadowed = shadows().answer(messages)
    outcome.note(answers=shadowed.answers, failures=shadowed.failures)
    return shadowed.failed
