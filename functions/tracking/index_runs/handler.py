"""Stream: changed runs get their index entries, so that searches need not look at them themselves."""

from shelflife.entry.changes import follower
from shelflife.tracking.dynamo_runs import run_id_at
from shelflife.tracking.wiring import tracking


@follower("runs")
def handler(key: str) -> None:
    tracking().keep_index(run_id_at(key))
