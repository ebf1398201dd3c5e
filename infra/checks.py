"""cdk-nag: AWS's solutions rules, and why some of their findings are accepted.

A finding is acknowledged on the construct that causes it, never on a stack; what no line below accepts fails
the synth. Most lines are about wildcards that CDK's own grants write.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, App, Validations
from cdk_nag import AwsSolutionsChecks

if TYPE_CHECKING:
    from constructs import IConstruct


@dataclass(frozen=True, slots=True)
class Accepted:
    """Findings whose rule and construct path match these patterns in full."""

    rule: str
    path: str
    reason: str


ACCEPTED = (
    Accepted(
        r"L1", r".*/Function/Resource", "layers are built and tested for this runtime, and both move together"
    ),
    Accepted(r"DDB3", r"shelflife-(local|dev)-.*", "only stages that hold data of value pay for recovery"),
    Accepted(
        r"IAM5\[Resource::<MetadataTable\w+\.Arn>/index/\*\]",
        r".*",
        "a grant on a table covers the table's own indexes, and those of no other",
    ),
    Accepted(
        r"IAM5\[Action::s3:(GetBucket|GetObject|List|Abort|DeleteObject)\*\]",
        r".*",
        "the versions of one verb, on the prefix that the grant names",
    ),
    Accepted(
        r"IAM5\[Action::kms:(GenerateDataKey|ReEncrypt)\*\]",
        r".*",
        "the variants of one verb, on the buckets' own key",
    ),
    Accepted(
        r"IAM5\[Resource::[\w-]+-foundation:ExportsOutputFnGetAttArtifacts\w+/"
        r"(datasets|uploads|training|tracking|reports|models|traces)/\*\]",
        r".*",
        "objects below one prefix: their keys are made while the platform runs",
    ),
    Accepted(
        r"IAM5\[Resource::[\w-]+-foundation:ExportsOutputFnGetAttCaptures\w+/(labels|rollups)/\*\]",
        r".*-monitoring/(Api|ScanDrift)/.*",
        "labels and roll-ups are written below their own prefixes",
    ),
    Accepted(
        r"IAM5\[Resource::[\w-]+-foundation:ExportsOutputFnGetAttCaptures\w+/(labels|captures)/\*\]",
        r".*-serving/Labels/Count/.*",
        "labels, and the answers that they are about, are read below their own prefixes",
    ),
    Accepted(
        r"IAM5\[Resource::[\w-]+-foundation:ExportsOutputFnGetAttCaptures\w+/\*\]",
        r".*-(serving/StoreCaptures|monitoring/ScanDrift)/.*",
        "the bucket holds nothing but captures, their profiles and labels",
    ),
    Accepted(
        r"IAM5\[Resource::.*:parameter/shelflife/\w+/jobs/\*/token\]",
        r".*-(access/(Issue|Revoke)JobToken|training/Compute/JobRole)/.*",
        "a job's parameter is named after the job, which is not known before it starts",
    ),
    Accepted(
        r"IAM5\[Resource::(<\w+Function\w+\.Arn>|[\w-]+:ExportsOutputFnGetAtt\w+Function\w+):\*\]",
        r".*/StateMachine/Role/.*",
        "a grant to invoke a function covers the function's own versions",
    ),
    Accepted(
        r"IAM5\[Resource::.*:states:.*:execution:.*StateMachine.*:\*\]",
        r".*-(data/Api|training/Api|training/TrainModel/StateMachine|removal/Removals)/.*",
        "executions of one machine: each is named when it starts",
    ),
    Accepted(
        r"IAM5\[Resource::\*\]",
        r".*/StateMachine/Role/.*",
        "log deliveries, traces and Batch's describe and terminate have no resources to name",
    ),
    Accepted(
        r"IAM5\[Resource::\*\]",
        r".*-serving/Predict/Role/.*",
        "traces have no resources to name",
    ),
    Accepted(
        r"IAM5\[Resource::\*\]",
        r".*(/Outbox/Publisher|-tracking/IndexRuns)/Role/.*",
        "the listing of streams has no resources to name",
    ),
    Accepted(
        r"IAM5\[Resource::\*\]",
        r".*-training/Compute/(JobRole|Container)/.*",
        "SageMaker's metrics (in its own namespace) and the registry's login have no resources to name",
    ),
    Accepted(
        r"IAM5\[Resource::.*:log-group:/aws/sagemaker/TrainingJobs\*\]",
        r".*-training/Compute/JobRole/.*",
        "SageMaker names the streams of its own log group",
    ),
    Accepted(
        r"IAM5\[Resource::.*:training-job/shelflife-\w+\*\]",
        r".*-training/TrainModel/StateMachine/.*",
        "training jobs of this stage: each is named when it starts",
    ),
    Accepted(
        r"SF1",
        r".*/StateMachine/Resource",
        "errors are logged; inputs and outputs of all states are in the execution's history, not in logs",
    ),
    Accepted(r"SQS3", r".*/DeadLetters/Queue/Resource", "this queue is where dead letters go"),
    Accepted(
        r"APIG4",
        r".*-edge/Api/(GET--(health|version|(ajax-)?api--3\.0--mlflow--server-info)|ANY--v2(--health--\{proxy\+\})?)/Resource",
        "health and version say nothing that a caller may not know, and clients ask before they have a token",
    ),
    Accepted(
        r"APIG4",
        r".*-edge/Api/GET--static-files--\{proxy\+\}/Resource",
        "files of a public package, which a browser loads before anybody has signed in",
    ),
    Accepted(
        r"VPC7",
        r".*-training/Compute/Vpc/Resource",
        "training tasks accept no connection, and flow logs would cost money at rest",
    ),
)


def check(app: App) -> None:
    """Synthesize, and fail on any finding that nothing above accepts."""
    # The first synth resolves what stacks take from each other: a finding is known by its resolved name.
    app.synth()
    pack = AwsSolutionsChecks(app)
    for violation in pack.validate_scope(app).violations:
        for found in violation.violating_resources:
            path = found.construct_path or ""
            reason = _reason(violation.rule_name, path)
            if reason:
                cause: IConstruct = app
                for name in path.split("/"):
                    cause = cause.node.find_child(name)
                Validations.of(cause).acknowledge(Acknowledgment(id=violation.rule_name, reason=reason))
    Validations.of(app).add_plugins(pack)
    app.synth(force=True)


def _reason(rule: str, path: str) -> str | None:
    short = rule.removeprefix("AwsSolutions-")
    return next(
        (one.reason for one in ACCEPTED if re.fullmatch(one.rule, short) and re.fullmatch(one.path, path)),
        None,
    )
