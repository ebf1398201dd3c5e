"""What a million predictions cost, by AWS's public prices (us-east-1, x86, November 2026, in USD).

https://aws.amazon.com/lambda/pricing/, …/api-gateway/pricing/, …/sqs/pricing/, …/sagemaker/pricing/ and
…/fargate/pricing/: first tier, without the free one, data transfer or storage.
"""

from dataclasses import dataclass

MILLION = 1_000_000
_GB_SECOND = 0.0000166667
_REQUEST = 0.20 / MILLION
_HTTP_API_REQUEST = 1.00 / MILLION
_SQS_REQUEST = 0.40 / MILLION
_SAGEMAKER_ML_M5_LARGE_HOUR = 0.115
_FARGATE_VCPU_HOUR = 0.04048
_FARGATE_GB_HOUR = 0.004445
_HOURS_OF_MONTH = 730
#: One whole vCPU; below, Lambda gives a share of one.
_MB_OF_ONE_VCPU = 1769
#: A captured request is put into the queue, fetched and deleted; ten messages fit into one call.
_CALLS_PER_CAPTURE = 3
_MESSAGES_PER_CALL = 10


@dataclass(frozen=True, slots=True)
class Work:
    """What one prediction takes on one whole vCPU, in seconds, and the share that is captured."""

    seconds: float
    captured: float = 1.0


def lambda_million(work: Work, memory_mb: int) -> float:
    """USD for a million predictions behind an HTTP API.

    Time grows as the share of a vCPU shrinks, and is billed in whole milliseconds.
    """
    share = min(1.0, memory_mb / _MB_OF_ONE_VCPU)
    milliseconds = -int(-work.seconds / share * 1000 // 1)
    compute = milliseconds / 1000 * memory_mb / 1024 * _GB_SECOND
    # The producer sends a request's message by itself; consumers take and delete ten at once.
    queue = work.captured * _SQS_REQUEST * (1 + (_CALLS_PER_CAPTURE - 1) / _MESSAGES_PER_CALL)
    return (compute + _REQUEST + _HTTP_API_REQUEST + queue) * MILLION


def sagemaker_month() -> float:
    """USD a month for one ml.m5.large, busy or not."""
    return _SAGEMAKER_ML_M5_LARGE_HOUR * _HOURS_OF_MONTH


def fargate_month(vcpus: float = 1, memory_gb: float = 2) -> float:
    """USD a month for one task, busy or not, without its load balancer."""
    return (vcpus * _FARGATE_VCPU_HOUR + memory_gb * _FARGATE_GB_HOUR) * _HOURS_OF_MONTH


def million_of(month: float, predictions_of_month: float) -> float:
    """USD for a million predictions of what costs the same whatever it answers."""
    return month / predictions_of_month * MILLION


def break_even(month: float, million: float) -> float:
    """Predictions a month above which the constant cost is the lower one."""
    return month / million * MILLION
