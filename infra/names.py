"""What all of the infrastructure shares that is neither a resource nor a stage's choice."""

from aws_cdk import aws_lambda

from infra.config import ROOT

#: SnapStart needs 3.12 or newer.
RUNTIME = aws_lambda.Runtime.PYTHON_3_13
FUNCTIONS = ROOT / "functions"
STATEMACHINES = ROOT / "statemachines"
#: Never part of an asset: they differ between machines, not between versions.
NOT_SHIPPED = ["**/__pycache__", "**/*.pyc"]
