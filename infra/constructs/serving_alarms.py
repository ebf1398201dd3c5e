"""What an operator of serving is told of at once."""

from collections.abc import Mapping
from types import MappingProxyType

from aws_cdk import Duration, aws_cloudwatch, aws_cloudwatch_actions, aws_lambda, aws_sns, aws_sqs
from aws_cdk.aws_stepfunctions import IStateMachine
from constructs import Construct

from infra.config import AlarmThresholds
from infra.constructs.serving_metrics import MINUTE, error_percent, of_service, worst_error_rate
from shelflife.kernel.names import Metric


class ServingAlarms(Construct):
    """Alarms with the stage's thresholds; all go to one topic, again when they are over.

    What happens once counts at once (a lost capture, a throttled call, a failed rollout); what may be a
    hiccup has to hold in three of five minutes. No traffic is no alarm.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        thresholds: AlarmThresholds,
        topic: aws_sns.ITopic,
        predict: aws_lambda.IFunction,
        captures: aws_sqs.IQueue,
        rollouts: Mapping[str, IStateMachine] = MappingProxyType({}),
    ) -> None:
        super().__init__(scope, id)
        self._action = aws_cloudwatch_actions.SnsAction(topic)
        self._add(
            "ErrorRate",
            error_percent(),
            thresholds.error_percent,
            "of the predictions, more than the stage's percent failed",
            periods=(3, 5),
        )
        self._add(
            "VariantErrorRate",
            worst_error_rate(),
            thresholds.variant_error_percent / 100,
            "a variant failed more of its predictions than the stage's percent; it may be a small one",
            periods=(3, 5),
        )
        self._add(
            "Latency",
            of_service(Metric.DURATION, "p95"),
            thresholds.latency_p95_ms,
            "one in twenty predictions took longer than the stage's milliseconds",
            periods=(3, 5),
        )
        self._add(
            "CapturesDropped",
            of_service(Metric.CAPTURES_DROPPED),
            thresholds.captures_dropped,
            "captures were lost: the queue did not take them",
        )
        self._add(
            "CaptureAge",
            captures.metric_approximate_age_of_oldest_message(period=MINUTE),
            thresholds.capture_age_seconds,
            "captures wait in the queue: they are stored slower than they come, or not at all",
            periods=(3, 5),
        )
        self._add(
            "Throttles",
            predict.metric_throttles(period=MINUTE),
            thresholds.throttles,
            "predictions were refused: the function's or the account's concurrency is used up",
        )
        for name, machine in rollouts.items():
            self._add(
                f"{name}Failed",
                machine.metric_failed(period=Duration.minutes(5)),
                1,
                "a rollout could not be carried to its end: its execution says why",
            )

    def _add(
        self,
        id: str,
        metric: aws_cloudwatch.IMetric,
        threshold: float,
        description: str,
        *,
        periods: tuple[int, int] = (1, 1),
    ) -> None:
        alarm = aws_cloudwatch.Alarm(
            self,
            id,
            metric=metric,
            threshold=threshold,
            datapoints_to_alarm=periods[0],
            evaluation_periods=periods[1],
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)
