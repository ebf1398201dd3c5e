"""Reports and labels as objects of S3.

Keys:  reports/<deployment>/<report id>.json and .html                (artifact bucket)
       labels/<deployment>/<yyyy>/<mm>/<dd>/<hh>/<batch id>.json       (capture bucket, hour of arrival)
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelflife.aws.objects import Objects, split_uri
from shelflife.contracts.monitoring import LabelBatch
from shelflife.contracts.serving import HOUR_FOLDER
from shelflife.kernel.names import Prefix
from shelflife.monitoring.report import Report

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LABELS_PREFIX = "labels/{deployment}/"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class S3Reports:
    objects: Objects
    bucket: str

    def write(self, report: Report, html: str) -> tuple[str, str]:
        stem = f"s3://{self.bucket}/{Prefix.REPORTS}{report.deployment}/{report.report_id}"
        uris = f"{stem}.json", f"{stem}.html"
        self.objects.write(uris[0], report.model_dump_json().encode(), content_type="application/json")
        self.objects.write(uris[1], html.encode(), content_type=HTML)
        return uris

    def read(self, uri: str) -> Report:
        return Report.model_validate_json(self.objects.read(uri))

    def read_html(self, uri: str) -> str:
        return self.objects.read(uri).decode()

    def link(self, uri: str, seconds: int) -> str:
        bucket, key = split_uri(uri)
        client: S3Client = self.objects.client
        return client.generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=seconds
        )


@dataclass(frozen=True, slots=True)
class S3Labels:
    objects: Objects
    bucket: str

    def add(self, batch: LabelBatch) -> str:
        prefix = LABELS_PREFIX.format(deployment=batch.deployment)
        hour = batch.received_at.strftime(HOUR_FOLDER)
        uri = f"s3://{self.bucket}/{prefix}{hour}{batch.batch_id}.json"
        self.objects.write(uri, batch.model_dump_json().encode(), content_type="application/json")
        return uri
