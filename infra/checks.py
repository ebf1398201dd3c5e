"""cdk-nag: what AWS's solutions rules find, and how a finding is acknowledged."""

from aws_cdk import Acknowledgment, App, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct


def attach(app: App) -> None:
    """Have synth fail on any finding that no construct acknowledges."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def acknowledge(cause: IConstruct, rule: str, reason: str) -> None:
    """Accept a finding on the construct that causes it, never on a stack, with a reason for strangers."""
    Validations.of(cause).acknowledge(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason))
