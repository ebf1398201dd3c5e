"""The outbox's door: items of a table's stream that are news go onto the bus.

News is written in the transaction that makes it true, so nothing is said that did not happen, and
nothing that happened stays unsaid. A record that cannot be sent is reported alone; the stream tries it again.
"""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from shelflife.entry.observe import logger, observed
from shelflife.kernel.errors import UnavailableError
from shelflife.kernel.names import BUS_SOURCE

Send = Callable[[list[dict[str, Any]]], Any]


class NewsNotSentError(UnavailableError):
    def __init__(self, event_id: str, reason: str) -> None:
        super().__init__(f"news {event_id!r} was not taken by the bus: {reason}")


def publish(event: dict[str, Any], context: Any, *, bus_name: str, put_events: Callable[..., Any]) -> Any:
    """Put each news item of the batch onto the bus, in order; answer what failed."""
    # Otherwise a batch of which nothing is sent would raise, and say nothing of its records.
    processor = BatchProcessor(event_type=EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)

    def send(record: DynamoDBRecord) -> None:
        item = record.dynamodb.new_image if record.dynamodb else None
        if not item or "detail_type" not in item:
            return
        entry = {
            "EventBusName": bus_name,
            "Source": BUS_SOURCE,
            "DetailType": item["detail_type"],
            "Detail": item["detail"],
        }
        answer = put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise NewsNotSentError(item["pk"], answer["Entries"][0].get("ErrorMessage", "no reason given"))

    with observed("outbox", context, {"records": len(event["Records"])}) as outcome:
        answer = process_partial_response(
            event=event,
            record_handler=send,
            processor=processor,
            context=context,
        )
        outcome.failed = bool(answer["batchItemFailures"])
        for _, error, _ in processor.exceptions:
            logger().warning("news not sent", extra={"reason": str(error)})
        return answer
