"""A million predictions of one row in USD, from what the handler takes on this machine; prices: cost.py."""

from tests.bench.measure import Figure
from tests.bench.serving.asking import as_matrix
from tests.bench.serving.cloud import cloud
from tests.bench.serving.cost import Work, break_even, fargate_month, lambda_million, sagemaker_month
from tests.bench.serving.models import model
from tests.bench.serving.quiet import quiet
from tests.bench.serving.warm import interleaved, queue_that_takes_everything, ways

_MEMORY_MB = (256, 512, 1024, 1769, 3008)
_CHOSEN_MB = 1769


def run() -> list[Figure]:
    trees = model("trees")
    with quiet(), cloud(trees), queue_that_takes_everything():
        # What is done after the answer is paid for, too.
        *_, whole = ways(trees, as_matrix(trees, 1))
        (taken,) = interleaved(whole)
    work = Work(taken / 1e6)
    million = lambda_million(work, _CHOSEN_MB)
    return [
        Figure("handler, one row of 200 trees", taken, "µs"),
        *(
            Figure(f"a million predictions, {memory} MB", lambda_million(work, memory), "USD")
            for memory in _MEMORY_MB
        ),
        Figure("ml.m5.large, a month", sagemaker_month(), "USD"),
        Figure("  as many predictions a month", break_even(sagemaker_month(), million) / 1e6, "million"),
        Figure("Fargate, 1 vCPU and 2 GB, a month", fargate_month(), "USD"),
        Figure("  as many predictions a month", break_even(fargate_month(), million) / 1e6, "million"),
    ]
