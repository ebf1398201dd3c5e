"""The only place in which stages differ."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aws_cdk import RemovalPolicy, aws_lambda, aws_logs

from infra.scaling import InvalidLeverError, Scaling

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"

Platform = Literal["local", "aws"]


@dataclass(frozen=True, slots=True)
class AlarmThresholds:
    """From which value on people are told of serving; each holds for a few minutes first.

    `error_percent` is of predictions answered and failed, `variant_error_percent` of those of one variant;
    `latency_p95_ms` is what callers wait at the function.
    """

    error_percent: float = 1.0
    variant_error_percent: float = 10.0
    latency_p95_ms: float = 500.0
    captures_dropped: int = 1
    capture_age_seconds: int = 900
    throttles: int = 1


@dataclass(frozen=True, slots=True)
class Stage:
    """One installation of the platform.

    `platform` says for which machines third-party layers are built: this one, or Lambda.
    `drift_scan_rate_minutes` is how often the monitored deployments are scanned.
    `removal_after_days` is how long deleted runs and experiments stay if a removal does not say otherwise,
    `removal_rate_days` how often one runs by itself, if at all; `removal_grace_seconds` is longer than any
    function runs that writes to what is removed.
    `preload_deployments` are loaded while `predict` starts, before its first request.
    `capture_window_seconds` is how long captures gather before they are written: fewer, larger files.
    `predict` are the levers of the function that answers predictions. `architecture` is of all functions:
    layers are built for it.
    """

    name: str
    platform: Platform
    removal_policy: RemovalPolicy
    deletion_protection: bool
    customer_key: bool
    point_in_time_recovery: bool
    log_retention: aws_logs.RetentionDays
    noncurrent_versions_days: int
    drift_scan_rate_minutes: int
    predict: Scaling
    capture_window_seconds: int
    throttle_rate: int
    throttle_burst: int
    removal_after_days: int = 30
    removal_rate_days: int | None = None
    removal_grace_seconds: int = 60
    preload_deployments: tuple[str, ...] = ()
    alarms: AlarmThresholds = AlarmThresholds()
    alarm_email: str | None = None
    architecture: aws_lambda.Architecture = aws_lambda.Architecture.X86_64
    training_instance_type: str = "ml.m5.large"

    def __post_init__(self) -> None:
        if self.platform == "local" and self.predict.published:
            raise InvalidLeverError(
                "predict.published", value=True, reason="the local cloud knows no Application Auto Scaling"
            )

    @property
    def stack_prefix(self) -> str:
        return f"shelflife-{self.name}"

    @property
    def layer_platform(self) -> str:
        """What third-party layers are built for (`infra.build.layers`)."""
        if self.platform == "aws" and self.architecture.name == aws_lambda.Architecture.ARM_64.name:
            return "aws-arm64"
        return self.platform


class UnknownStageError(ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(f"stage {name!r} is not one of {', '.join(STAGES)}")


def stage(name: str) -> Stage:
    """The stage of that name.

    Raises:
        UnknownStageError: there is none.
    """
    try:
        return STAGES[name]
    except KeyError as error:
        raise UnknownStageError(name) from error


STAGES = {
    "local": Stage(
        name="local",
        platform="local",
        removal_policy=RemovalPolicy.DESTROY,
        deletion_protection=False,
        customer_key=False,
        point_in_time_recovery=False,
        log_retention=aws_logs.RetentionDays.ONE_WEEK,
        noncurrent_versions_days=7,
        drift_scan_rate_minutes=24 * 60,
        predict=Scaling(memory_mb=1024, published=False),
        capture_window_seconds=1,
        # Nobody writes for long on one machine, and its users wait for the answer.
        removal_grace_seconds=2,
        throttle_rate=1000,
        throttle_burst=2000,
    ),
    "dev": Stage(
        name="dev",
        platform="aws",
        removal_policy=RemovalPolicy.DESTROY,
        deletion_protection=False,
        customer_key=False,
        point_in_time_recovery=False,
        log_retention=aws_logs.RetentionDays.TWO_WEEKS,
        noncurrent_versions_days=30,
        drift_scan_rate_minutes=24 * 60,
        predict=Scaling(memory_mb=1769),
        capture_window_seconds=60,
        throttle_rate=100,
        throttle_burst=200,
    ),
    "prod": Stage(
        name="prod",
        platform="aws",
        removal_policy=RemovalPolicy.RETAIN,
        deletion_protection=True,
        customer_key=True,
        point_in_time_recovery=True,
        log_retention=aws_logs.RetentionDays.ONE_YEAR,
        noncurrent_versions_days=365,
        drift_scan_rate_minutes=24 * 60,
        predict=Scaling(memory_mb=1769),
        capture_window_seconds=60,
        throttle_rate=1000,
        throttle_burst=2000,
    ),
}
