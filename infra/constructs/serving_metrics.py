"""Where CloudWatch has the figures of serving: those that our functions tell, and AWS's own."""

from aws_cdk import Duration, aws_cloudwatch

from shelflife.kernel.names import METRICS_NAMESPACE, Context, Metric

MINUTE = Duration.minutes(1)
_SECONDS = 60


def of_service(metric: Metric, statistic: str = "Sum") -> aws_cloudwatch.Metric:
    """Of predictions and of whatever failed, over all doors, deployments and variants."""
    return aws_cloudwatch.Metric(
        namespace=METRICS_NAMESPACE,
        metric_name=metric,
        dimensions_map={"service": Context.SERVING},
        statistic=statistic,
        period=MINUTE,
    )


def by_variant(metric: Metric, statistic: str = "Sum") -> aws_cloudwatch.SearchExpression:
    """One line per deployment and variant, also of those that do not exist yet; not for alarms."""
    return _search(
        f'{{{METRICS_NAMESPACE},deployment,variant}} MetricName="{metric}"',
        statistic,
        f"${{PROP('Dim.deployment')}} ${{PROP('Dim.variant')}} {metric} {statistic}",
    )


def by_door(metric: Metric, statistic: str = "Sum") -> aws_cloudwatch.SearchExpression:
    """One line per door of serving's functions."""
    return _search(
        f'{{{METRICS_NAMESPACE},door,service}} MetricName="{metric}" service="{Context.SERVING}"',
        statistic,
        "${PROP('Dim.door')}",
    )


def throttled_requests(table_name: str) -> aws_cloudwatch.SearchExpression:
    """DynamoDB's refusals of the table, one line per operation."""
    return _search(
        f'{{AWS/DynamoDB,Operation,TableName}} MetricName="ThrottledRequests" TableName="{table_name}"',
        "Sum",
        "${PROP('Dim.Operation')}",
    )


def error_percent() -> aws_cloudwatch.MathExpression:
    """Of a hundred predictions and failures, how many were failures: answers of 500 and more."""
    return aws_cloudwatch.MathExpression(
        expression="IF(events > 0, 100 * failures / events, 0)",
        using_metrics={"failures": of_service(Metric.FAILURES), "events": of_service(Metric.EVENTS)},
        label="failed, percent",
        period=MINUTE,
    )


def worst_error_rate() -> aws_cloudwatch.MathExpression:
    """The share of failures of whichever variant fails most; of 1, for a query knows no arithmetic."""
    return aws_cloudwatch.MathExpression(
        expression=(
            f'SELECT AVG({Metric.FAILURES}) FROM SCHEMA("{METRICS_NAMESPACE}", deployment, variant) '  # noqa: S608 - no table, and our own names
            "GROUP BY deployment, variant ORDER BY AVG() DESC LIMIT 1"
        ),
        label="failed, of the variant that fails most",
        period=MINUTE,
    )


def cache_hit_percent() -> aws_cloudwatch.MathExpression:
    return aws_cloudwatch.MathExpression(
        expression="100 * hits / (hits + misses)",
        using_metrics={"hits": of_service(Metric.CACHE_HITS), "misses": of_service(Metric.CACHE_MISSES)},
        label="hits, percent",
        period=MINUTE,
    )


def _search(query: str, statistic: str, label: str) -> aws_cloudwatch.SearchExpression:
    return aws_cloudwatch.SearchExpression(
        expression=f"SEARCH('{query}', '{statistic}', {_SECONDS})", label=label, period=MINUTE
    )
