"""Messages leave through SQS, up to ten at once."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError

from shelflife.serving.errors import QueueUnavailableError
from shelflife.serving.spill import Fate

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchResultTypeDef


@dataclass(frozen=True, slots=True)
class LaterQueue:
    client: "SQSClient"
    url: str

    def put(self, text: str, delay: timedelta) -> None:
        seconds = math.ceil(delay.total_seconds())
        try:
            self.client.send_message(QueueUrl=self.url, MessageBody=text, DelaySeconds=seconds)
        except (ClientError, BotoCoreError) as error:
            raise QueueUnavailableError(self.url, str(error)) from error


@dataclass(frozen=True)
class SqsQueue:
    """The client is made with the first message: no answer waits for it."""

    make_client: "Callable[[], SQSClient]"
    url: str

    def put(self, texts: Sequence[str]) -> list[Fate]:
        try:
            told = self._sent(texts)
        except (ClientError, BotoCoreError) as error:
            raise QueueUnavailableError(self.url, str(error)) from error
        fates = [Fate.SENT] * len(texts)
        for failed in told.get("Failed", ()):
            # What is the message's own fault would be refused again.
            fates[int(failed["Id"])] = Fate.REFUSED if failed["SenderFault"] else Fate.FAILED
        return fates

    @cached_property
    def _client(self) -> "SQSClient":
        return self.make_client()

    def _sent(self, texts: Sequence[str]) -> "SendMessageBatchResultTypeDef":
        entries = [{"Id": str(at), "MessageBody": text} for at, text in enumerate(texts)]
        try:
            return self._client.send_message_batch(QueueUrl=self.url, Entries=entries)  # type: ignore[arg-type]  # plain dicts
        except ConnectionClosedError:
            # The connection of an environment that slept for long may be gone.
            return self._client.send_message_batch(QueueUrl=self.url, Entries=entries)  # type: ignore[arg-type]  # as above
