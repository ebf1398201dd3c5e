from aws_cdk import Duration, Stack
from constructs import Construct

from infra.config import Stage
from infra.constructs.dead_letters import DeadLetters
from infra.constructs.python_function import PythonFunction
from infra.constructs.routes import Route
from infra.constructs.schedule import WorkflowSchedule
from infra.constructs.workflow import Workflow
from infra.stacks.foundation import Foundation
from infra.stacks.registry import RegistryStack
from infra.stacks.tracing import TracingStack
from infra.stacks.tracking import TrackingStack
from shelflife.kernel.names import Prefix
from shelflife.tracking.settings import RemovalApiSettings, RemovalSettings


class RemovalStack(Stack):
    """Removal for good: tracking's workflow, which asks the registry and has tracing remove its share.

    It is a stack of its own because those come after tracking.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        foundation: Foundation,
        tracking: TrackingStack,
        tracing: TracingStack,
        registry: RegistryStack,
    ) -> None:
        super().__init__(scope, id, description=f"shelflife {stage.name}: removal of what was deleted")
        settings = RemovalSettings(
            tracking_table_name=tracking.table.table_name,
            artifact_bucket_name=foundation.artifacts.bucket_name,
            removal_after_days=stage.removal_after_days,
            removal_grace_seconds=stage.removal_grace_seconds,
        )
        find_removable = PythonFunction(
            self,
            "FindRemovable",
            stage=stage,
            source="tracking/find_removable",
            settings=settings,
            timeout_seconds=300,
        ).function
        tracking.table.grant_read_data(find_removable)
        remove_things = PythonFunction(
            self,
            "RemoveThings",
            stage=stage,
            source="tracking/remove_things",
            settings=settings,
            timeout_seconds=900,
            memory_mb=1024,
        ).function
        tracking.table.grant_read_write_data(remove_things)
        foundation.artifacts.grant_read(remove_things, f"{Prefix.TRACKING}*")
        foundation.artifacts.grant_delete(remove_things, f"{Prefix.TRACKING}*")
        workflow = Workflow(
            self,
            "RemoveDeleted",
            stage=stage,
            source="tracking/remove_deleted",
            functions={
                "find_removable": find_removable,
                "find_registered": registry.find_registered,
                "remove_things": remove_things,
                "remove_traces": tracing.remove_traces,
            },
        )
        machine = workflow.state_machine
        removals = PythonFunction(
            self,
            "Removals",
            stage=stage,
            source="tracking/removals",
            settings=RemovalApiSettings(
                tracking_table_name=tracking.table.table_name,
                removal_after_days=stage.removal_after_days,
                remove_deleted_arn=machine.state_machine_arn,
            ),
        ).function
        tracking.table.grant_read_data(removals)
        machine.grant_start_execution(removals)
        machine.grant(removals, "states:ListExecutions")
        machine.grant_execution(removals, "states:DescribeExecution")
        self.routes = [
            Route("/v1/tracking/removals", removals, methods=("GET", "POST")),
            Route("/v1/tracking/removals/{proxy+}", removals, methods=("GET",)),
        ]
        if stage.removal_rate_days is not None:
            WorkflowSchedule(
                self,
                "RemovalSchedule",
                name=f"{stage.stack_prefix}-remove-deleted",
                machine=machine,
                every=Duration.days(stage.removal_rate_days),
                dead_letters=DeadLetters(self, "DeadLetters", alarms=foundation.alarms).queue,
                asked={"dry_run": False, "asked_by": "schedule"},
            )
