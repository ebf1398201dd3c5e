from aws_cdk import Duration, aws_events, aws_events_targets, aws_lambda
from constructs import Construct

from infra.config import Stage
from infra.constructs.listener import Listener
from infra.constructs.python_function import PythonFunction
from infra.constructs.routes import Route
from infra.constructs.schedule import WorkflowSchedule
from infra.constructs.shared_layers import Layer
from infra.constructs.workflow import Workflow
from infra.stacks.context import ContextStack
from infra.stacks.foundation import Foundation
from shelflife.contracts.monitoring import DriftDetected
from shelflife.contracts.serving import DeploymentActivated
from shelflife.kernel.names import BUS_SOURCE, Context, Prefix
from shelflife.monitoring.settings import TABLE, MonitoringSettings


class MonitoringStack(ContextStack):
    """Monitors, labels, scans and drift reports; people hear of drift through the alarm topic."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, foundation: Foundation) -> None:
        super().__init__(
            scope, id, stage=stage, context=Context.MONITORING, table=TABLE, foundation=foundation
        )
        self._settings = MonitoringSettings(
            monitoring_table_name=self.table.table_name,
            artifact_bucket_name=foundation.artifacts.bucket_name,
            capture_bucket_name=foundation.captures.bucket_name,
        )
        api = self._function("Api", "api")
        self.table.grant_read_write_data(api)
        foundation.artifacts.grant_read(api, f"{Prefix.REPORTS}*")
        foundation.captures.grant_put(api, "labels/*")
        self.routes = [Route("/v1/monitoring/{proxy+}", api)]

        follow = self._function("FollowDeployment", "follow_deployment")
        self.table.grant_read_write_data(follow)
        Listener(
            self,
            "OnDeploymentActivated",
            bus=foundation.bus,
            detail_types=[DeploymentActivated.detail_type],
            function=follow,
            dead_letters=self.dead_letters,
        )
        WorkflowSchedule(
            self,
            "DriftSchedule",
            name=f"{stage.stack_prefix}-drift-scan",
            machine=self._drift_scan().state_machine,
            every=Duration.minutes(stage.drift_scan_rate_minutes),
            dead_letters=self.dead_letters,
        )
        self._tell_people()

    def _drift_scan(self) -> Workflow:
        list_monitors = self._function("ListMonitors", "list_monitors")
        self.table.grant_read_data(list_monitors)
        scan_drift = PythonFunction(
            self,
            "ScanDrift",
            stage=self.stage,
            source="monitoring/scan_drift",
            settings=self._settings,
            layers=(Layer.CORE, Layer.RUNTIME, Layer.ANALYTICS),
            timeout_seconds=300,
            memory_mb=1769,
        ).function
        self.table.grant_read_write_data(scan_drift)
        self.foundation.artifacts.grant_read(scan_drift, f"{Prefix.TRAINING}*")
        self.foundation.artifacts.grant_put(scan_drift, f"{Prefix.REPORTS}*")
        self.foundation.captures.grant_read(scan_drift)
        self.foundation.captures.grant_put(scan_drift, "rollups/*")
        return Workflow(
            self,
            "DriftScan",
            stage=self.stage,
            source="monitoring/drift_scan",
            functions={"list_monitors": list_monitors, "scan_drift": scan_drift},
        )

    def _tell_people(self) -> None:
        """Drift is an alarm, too: its news goes to the alarm topic as it is."""
        aws_events.Rule(
            self,
            "OnDriftDetected",
            event_bus=self.foundation.bus,
            event_pattern=aws_events.EventPattern(
                source=[BUS_SOURCE], detail_type=[DriftDetected.detail_type]
            ),
            targets=[
                aws_events_targets.SnsTopic(self.foundation.alarms, dead_letter_queue=self.dead_letters)
            ],
        )

    def _function(self, id: str, use_case: str) -> aws_lambda.Function:
        source = f"monitoring/{use_case}"
        return PythonFunction(self, id, stage=self.stage, source=source, settings=self._settings).function
