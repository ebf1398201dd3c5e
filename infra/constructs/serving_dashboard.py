"""Serving on one screen."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from aws_cdk import Duration, aws_cloudwatch, aws_dynamodb, aws_sqs
from aws_cdk.aws_cloudwatch import IMetric
from aws_cdk.aws_stepfunctions import IStateMachine
from constructs import Construct

from infra.config import Stage
from infra.constructs.python_function import PythonFunction
from infra.constructs.serving_metrics import (
    MINUTE,
    by_door,
    by_variant,
    cache_hit_percent,
    error_percent,
    of_service,
    throttled_requests,
)
from shelflife.kernel.names import Metric

_WIDTH = 8
_Lines = Sequence[IMetric]


class ServingDashboard(Construct):
    """Rows from what callers see down to what causes it; its name is known: people look for it.

    `queues` are shown with their depth and the age of their oldest message: for shadows, that is their lag.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        predict: PythonFunction,
        table: aws_dynamodb.ITable,
        queues: Mapping[str, aws_sqs.IQueue],
        rollouts: Mapping[str, IStateMachine] = MappingProxyType({}),
    ) -> None:
        super().__init__(scope, id)
        self._dashboard = aws_cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"{stage.stack_prefix}-serving",
            default_interval=Duration.hours(3),
        )
        self._answers()
        self._models()
        self._queues(queues)
        self._limits(predict, table, provisioned=stage.predict.provisioned is not None)
        if rollouts:
            self._rollouts(rollouts)

    def _answers(self) -> None:
        percentiles = ("p50", "p95", "p99")
        self._row(
            self._graph("Predictions by variant, per minute", [by_variant(Metric.EVENTS)]),
            self._graph("Failures by door, and percent", [by_door(Metric.FAILURES)], [error_percent()]),
            self._graph("Duration, ms", [of_service(Metric.DURATION, one) for one in percentiles]),
        )
        self._row(
            self._graph("Failures by variant", [by_variant(Metric.FAILURES)]),
            self._graph("Duration p95 by variant, ms", [by_variant(Metric.DURATION, "p95")]),
            self._graph(
                "Within it the prediction, ms", [by_variant(Metric.LATENCY, one) for one in percentiles]
            ),
        )

    def _models(self) -> None:
        self._row(
            self._graph("Cold starts by door", [by_door(Metric.COLD_START)]),
            self._graph(
                "Models loaded, and ms per load",
                [by_variant(Metric.MODEL_LOADS)],
                [by_variant(Metric.MODEL_LOAD_TIME, "Average")],
            ),
            self._graph(
                "Cache hits and misses, and percent",
                [of_service(Metric.CACHE_HITS), of_service(Metric.CACHE_MISSES)],
                [cache_hit_percent()],
            ),
        )

    def _queues(self, queues: Mapping[str, aws_sqs.IQueue]) -> None:
        lost = [of_service(metric) for metric in (Metric.CAPTURES_DROPPED, Metric.CAPTURES_SPILLED)]
        self._row(
            self._graph("Captures dropped and spilled", lost),
            self._graph(
                "Messages waiting",
                [
                    queue.metric_approximate_number_of_messages_visible(label=name, period=MINUTE)
                    for name, queue in queues.items()
                ],
            ),
            self._graph(
                "Age of the oldest message, s",
                [
                    queue.metric_approximate_age_of_oldest_message(label=name, period=MINUTE)
                    for name, queue in queues.items()
                ],
            ),
        )

    def _limits(self, predict: PythonFunction, table: aws_dynamodb.ITable, *, provisioned: bool) -> None:
        function = predict.function
        concurrency: list[IMetric] = [
            function.metric("ConcurrentExecutions", statistic="Maximum", period=MINUTE)
        ]
        if provisioned:
            # Told of the alias alone: what is provisioned is the alias's.
            concurrency += [
                predict.target.metric(name, statistic="Maximum", period=MINUTE)
                for name in (
                    "ProvisionedConcurrentExecutions",
                    "ProvisionedConcurrencySpilloverInvocations",
                )
            ]
        self._row(
            self._graph("Concurrency of predict", concurrency),
            self._graph(
                "Throttles and crashes of predict",
                [function.metric_throttles(period=MINUTE), function.metric_errors(period=MINUTE)],
            ),
            self._graph("Throttled requests of the table", [throttled_requests(table.table_name)]),
        )

    def _rollouts(self, machines: Mapping[str, IStateMachine]) -> None:
        known = machines.items()
        self._row(
            self._graph("Rollouts completed", [one.metric_succeeded(label=name) for name, one in known]),
            self._graph(
                "Rollouts that could not be carried to their end",
                [one.metric_failed(label=name) for name, one in known],
            ),
            self._graph("Rollouts aborted", [one.metric_aborted(label=name) for name, one in known]),
        )

    def _row(self, *graphs: aws_cloudwatch.IWidget) -> None:
        self._dashboard.add_widgets(*graphs)

    @staticmethod
    def _graph(title: str, left: _Lines, right: _Lines = ()) -> aws_cloudwatch.GraphWidget:
        return aws_cloudwatch.GraphWidget(
            title=title,
            left=list(left),
            right=list(right),
            width=_WIDTH,
            left_y_axis=aws_cloudwatch.YAxisProps(min=0),
            period=MINUTE,
        )
