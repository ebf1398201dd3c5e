from functools import cache
from typing import TYPE_CHECKING

from shelflife.aws.clients import client
from shelflife.aws.items import Items
from shelflife.aws.objects import Objects
from shelflife.kernel.ids import new_id, utc_now
from shelflife.monitoring.dynamo import DynamoMonitors
from shelflife.monitoring.objects import S3Labels, S3Reports
from shelflife.monitoring.service import Monitoring
from shelflife.monitoring.settings import MonitoringSettings

if TYPE_CHECKING:
    from shelflife.monitoring.scan import Scans


@cache
def monitoring() -> Monitoring:
    settings = MonitoringSettings.from_env()
    objects = Objects(client("s3"))
    return Monitoring(
        monitors=DynamoMonitors(Items(client("dynamodb"), settings.monitoring_table_name)),
        labels=S3Labels(objects, settings.capture_bucket_name),
        reports=S3Reports(objects, settings.artifact_bucket_name),
        now=utc_now,
        new_id=new_id,
    )


@cache
def scans() -> "Scans":
    # numpy and duckdb are in the layers of scan_drift alone.
    from shelflife.monitoring.outcomes import DuckdbOutcomes  # noqa: PLC0415 - see above
    from shelflife.monitoring.scan import Scans  # noqa: PLC0415 - see above
    from shelflife.monitoring.windows import S3Baselines, S3Windows  # noqa: PLC0415 - see above

    settings = MonitoringSettings.from_env()
    objects = Objects(client("s3"))
    return Scans(
        monitors=DynamoMonitors(Items(client("dynamodb"), settings.monitoring_table_name)),
        baselines=S3Baselines(objects),
        windows=S3Windows(objects, settings.capture_bucket_name),
        outcomes=DuckdbOutcomes(objects, settings.capture_bucket_name),
        reports=S3Reports(objects, settings.artifact_bucket_name),
        now=utc_now,
    )
