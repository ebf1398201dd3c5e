"""Captures leave through SQS; the consumer's function is `store_captures`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shelflife.serving.captures import Capture

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class SqsCaptures:
    client: "SQSClient"
    queue_url: str

    def send(self, capture: Capture) -> int:
        dropped = 0
        for text in capture.messages():
            dropped += text is None or not self._sent(text)
        return dropped

    def _sent(self, text: str) -> bool:
        # An answer that was computed goes out, whatever becomes of its capture: the door counts the loss.
        try:
            self.client.send_message(QueueUrl=self.queue_url, MessageBody=text)
        except (ClientError, BotoCoreError):
            return False
        return True
