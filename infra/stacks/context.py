"""What the stacks of all contexts have in common."""

from typing import TYPE_CHECKING

from aws_cdk import Stack, aws_dynamodb, aws_sqs
from constructs import Construct

from infra.config import Stage
from infra.constructs.dead_letters import DeadLetters
from infra.constructs.metadata_table import MetadataTable
from infra.constructs.outbox import Outbox
from infra.stacks.foundation import Foundation
from shelflife.kernel.names import Context
from shelflife.kernel.tables import TableSpec

if TYPE_CHECKING:
    from infra.constructs.routes import Route


class ContextStack(Stack):
    """A context's table, and the routes that it offers to the edge.

    A table with news gets its outbox; a context that handles events gets its dead letters.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        context: Context,
        table: TableSpec,
        foundation: Foundation,
    ) -> None:
        super().__init__(scope, id, description=f"shelflife {stage.name}: {context}")
        self.stage = stage
        self.context = context
        self.foundation = foundation
        self.routes: list[Route] = []
        self.table: aws_dynamodb.Table = MetadataTable(self, "Metadata", stage=stage, spec=table).table
        self._dead_letters: DeadLetters | None = None
        if table.news:
            Outbox(
                self,
                "Outbox",
                stage=stage,
                context=context,
                table=self.table,
                bus=foundation.bus,
                dead_letters=self.dead_letters,
            )

    @property
    def dead_letters(self) -> aws_sqs.Queue:
        """The context's own, made when the first event source asks for it."""
        if self._dead_letters is None:
            self._dead_letters = DeadLetters(self, "DeadLetters", alarms=self.foundation.alarms)
        return self._dead_letters.queue
