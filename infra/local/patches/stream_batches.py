"""A batch of a DynamoDB stream is retried, split and given up as its event source mapping says.

Stock takes every answer without an exception as success, so that a partial failure loses records; it retries
a failing batch for ever whatever ``MaximumRetryAttempts`` and ``BisectBatchOnFunctionError`` say, so that one
bad record blocks the stream; and one slow function holds up every other mapping.
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.concurrency import spawn_background
from ministack.core.responses import request_scope
from ministack.services import dynamodb, lambda_svc

if TYPE_CHECKING:
    from infra.local.patches import Cloud

_RETRY_SECONDS = 0.5
_DEFAULT_BATCH = 100
_FOREVER = -1


@dataclass(slots=True)
class Progress:
    """Where a mapping stands with the batch at its head; not saved, as the emulator's own pauses are not."""

    attempts: int = 0
    limit: int | None = None
    retry_at: float = 0.0

    def forget(self) -> None:
        self.attempts, self.limit, self.retry_at = 0, None, 0.0


def apply(_cloud: Cloud) -> None:
    busy: set[str] = set()
    lock = threading.Lock()
    progress: dict[str, Progress] = {}

    def work(account: str, region: str, esm: dict[str, Any], function: dict[str, Any], table: str) -> None:
        mapping = esm["UUID"]
        try:
            with request_scope(account, region):
                while _deliver(esm, function, table, progress.setdefault(mapping, Progress())):
                    pass
        finally:
            with lock:
                busy.discard(mapping)
            lambda_svc._esm_wake.set()

    def poll() -> bool:
        for account, region, esm in lambda_svc._iter_all_esms():
            with request_scope(account, region):
                found = _source(esm)
                if not found or not _has_work(esm, found[1], progress.get(esm["UUID"])):
                    continue
            with lock:
                if esm["UUID"] in busy:
                    continue
                busy.add(esm["UUID"])
            spawn_background(work, account, region, esm, *found, thread_name="stream-batches")
        return False

    lambda_svc._poll_dynamodb_streams = poll


def _source(esm: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
    """The function and the table of an enabled mapping of a live DynamoDB stream."""
    try:
        arn = parse_arn(esm.get("EventSourceArn", ""))
    except ArnParseError:
        return None
    if not esm.get("Enabled", True) or arn.service != "dynamodb":
        return None
    stream = lambda_svc._dynamodb_stream_table_from_arn_spec(arn)
    table = dynamodb._tables.get(stream[0]) if stream else None
    function, _ = lambda_svc._get_func_record_for_qualifier(esm["FunctionName"], esm.get("Qualifier"))
    if not table or table.get("LatestStreamArn") != esm["EventSourceArn"] or function is None:
        return None
    return function, stream[0]


def _position(esm: dict[str, Any], table: str) -> int:
    mapping = esm["UUID"]
    with lambda_svc._dynamodb_stream_positions_lock:
        horizon: int = dynamodb.stream_start_position(table)
        from_now = esm.get("StartingPosition", "LATEST") != "TRIM_HORIZON"
        start = dynamodb.stream_end_position(table) if from_now else horizon
        position = max(int(lambda_svc._dynamodb_stream_positions.get(mapping, start)), horizon)
        lambda_svc._dynamodb_stream_positions[mapping] = position
    return position


def _advance(esm: dict[str, Any], position: int) -> None:
    with lambda_svc._dynamodb_stream_positions_lock:
        lambda_svc._dynamodb_stream_positions[esm["UUID"]] = position


def _has_work(esm: dict[str, Any], table: str, progress: Progress | None) -> bool:
    position = _position(esm, table)
    paused = progress is not None and progress.retry_at > time.time()
    return not paused and bool(dynamodb.stream_records_since(table, position, 1))


def _deliver(esm: dict[str, Any], function: dict[str, Any], table: str, progress: Progress) -> bool:
    """Hand over the batch at the head once; True where there may be another one at once."""
    position = _position(esm, table)
    size = min(esm.get("BatchSize") or _DEFAULT_BATCH, progress.limit or _DEFAULT_BATCH * 100)
    raw = dynamodb.stream_records_since(table, position, size)
    batch = lambda_svc._apply_filter_criteria(raw, esm) if raw else []
    if not batch:
        _advance(esm, position + len(raw))
        return bool(raw)
    result = lambda_svc._execute_function(function, {"Records": batch})
    failed = first_failed(batch, result, esm)
    if failed is None:
        esm["LastProcessingResult"] = f"OK - {len(batch)} records"
        _advance(esm, position + len(raw))
        progress.forget()
        return True
    esm["LastProcessingResult"] = "PROBLEM: Function call failed"
    if failed:
        # What came before the failed record is done; the retry begins with it.
        _advance(esm, position + raw.index(batch[failed]))
        progress.forget()
    if _is_split(esm, batch[failed:], progress):
        return True
    progress.attempts += 1
    if condition := _given_up(esm, batch[failed:], progress):
        lambda_svc._send_ddb_stream_failure_record(
            esm, function, batch[failed:], esm["EventSourceArn"], result, condition
        )
        _advance(esm, position + len(raw))
        progress.forget()
        return True
    progress.retry_at = time.time() + _RETRY_SECONDS
    return False


def first_failed(batch: list[dict[str, Any]], result: dict[str, Any], esm: dict[str, Any]) -> int | None:
    """The index of the first record that is not done; None where all are."""
    if result.get("error"):
        return 0
    body = result.get("body")
    if "ReportBatchItemFailures" not in (esm.get("FunctionResponseTypes") or ()) or not isinstance(
        body, dict
    ):
        return None
    failures = body.get("batchItemFailures")
    if not failures:
        return None
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    named = [failure.get("itemIdentifier") for failure in failures]
    # An identifier that is none of the batch's makes all of it fail.
    return min((numbers.index(name) if name in numbers else 0) for name in named)


def _is_split(esm: dict[str, Any], rest: list[dict[str, Any]], progress: Progress) -> bool:
    """Halve a batch that failed; splitting does not count as an attempt."""
    if not esm.get("BisectBatchOnFunctionError") or len(rest) == 1:
        return False
    progress.limit = (len(rest) + 1) // 2
    return True


def _given_up(esm: dict[str, Any], rest: list[dict[str, Any]], progress: Progress) -> str:
    """Why the batch is not tried again, or nothing."""
    retries = esm.get("MaximumRetryAttempts")
    if retries not in (None, _FOREVER) and progress.attempts > int(retries):
        return "RetryAttemptsExhausted"
    oldest = min(float(record["dynamodb"].get("ApproximateCreationDateTime", time.time())) for record in rest)
    age = esm.get("MaximumRecordAgeInSeconds")
    if age not in (None, _FOREVER) and time.time() - oldest > int(age):
        return "MaxRecordAgeExceeded"
    return ""
