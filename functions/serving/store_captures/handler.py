"""Queue: captured requests become Parquet files and their profiles."""

from collections.abc import Mapping

from shelflife.entry.observe import Outcome
from shelflife.entry.queue import consumer
from shelflife.serving.captures import CapturedRows
from shelflife.serving.wiring_captures import capture_store


@consumer(CapturedRows)
def handler(messages: Mapping[str, CapturedRows], outcome: Outcome) -> Mapping[str, Exception]:
    stored = capture_store().store(messages)
    outcome.note(rows=stored.rows, files=stored.files, unprofiled=stored.unprofiled)
    return stored.failed
