"""Executions of `remove_deleted`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shelflife.kernel.paging import InvalidCursorError, Page
from shelflife.tracking.errors import RemovalNotStartedError
from shelflife.tracking.removal_model import Scope
from shelflife.tracking.removal_ports import Execution

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_KNOWN = "ExecutionAlreadyExists"
_UNKNOWN = "ExecutionDoesNotExist"
_NO_TOKEN = "InvalidToken"  # noqa: S105 - an error's name


@dataclass(frozen=True, slots=True)
class SfnRemovals:
    client: "SFNClient"
    state_machine_arn: str

    def start(self, removal_id: str, scope: Scope) -> None:
        with _answering(but=_KNOWN):
            # A name is taken for 90 days, so a removal is started once, however often it is asked for.
            self.client.start_execution(
                stateMachineArn=self.state_machine_arn,
                name=removal_id,
                input=scope.model_dump_json(exclude_none=True),
            )

    def find(self, removal_id: str) -> Execution | None:
        arn = f"{self.state_machine_arn.replace(':stateMachine:', ':execution:')}:{removal_id}"
        with _answering(but=_UNKNOWN):
            told = self.client.describe_execution(executionArn=arn)
            scope = Scope.model_validate_json(told.get("input") or "{}")
            return _execution(told, scope, told.get("error"), told.get("cause"))
        return None

    def page(self, limit: int, cursor: str | None) -> Page[Execution]:
        asked: Any = {"nextToken": cursor} if cursor else {}
        with _answering(but=_NO_TOKEN):
            found = self.client.list_executions(
                stateMachineArn=self.state_machine_arn, maxResults=limit, **asked
            )
            executions = tuple(_execution(told) for told in found["executions"])
            return Page(items=executions, next_cursor=found.get("nextToken"))
        raise InvalidCursorError(cursor or "")


def _execution(
    told: Any, scope: Scope | None = None, error: str | None = None, cause: str | None = None
) -> Execution:
    return Execution(
        told["name"], told["status"].lower(), told["startDate"], told.get("stopDate"), scope, error, cause
    )


@contextmanager
def _answering(*, but: str) -> Iterator[None]:
    """Pass over the one error that the caller knows what to make of."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != but:
            raise RemovalNotStartedError(error.response["Error"]["Code"]) from error
    except BotoCoreError as error:
        raise RemovalNotStartedError(type(error).__name__) from error
