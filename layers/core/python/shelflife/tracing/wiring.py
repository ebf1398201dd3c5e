import time
from functools import cache
from uuid import uuid4

from shelflife.aws.clients import client, quick_dynamodb
from shelflife.aws.items import Items
from shelflife.kernel.ids import new_id, utc_now
from shelflife.tracing.assessments import AssessmentBook
from shelflife.tracing.changes import TraceBook
from shelflife.tracing.deletion import Deletions
from shelflife.tracing.dynamo import DynamoTraces
from shelflife.tracing.objects import S3SpanFiles
from shelflife.tracing.search import TraceSearch
from shelflife.tracing.service import Tracing
from shelflife.tracing.settings import TracingSettings
from shelflife.tracing.spans import SpanBook


@cache
def tracing() -> Tracing:
    return Tracing(_book())


@cache
def spans() -> SpanBook:
    return SpanBook(_book(), _files())


@cache
def assessments() -> AssessmentBook:
    return AssessmentBook(_book(), new_assessment_id, utc_now)


@cache
def deletions() -> Deletions:
    return Deletions(_book(), _files())


@cache
def searches() -> TraceSearch:
    return TraceSearch(_book().traces, spans())


def new_assessment_id() -> str:
    """As MLflow's: pages and clients tell assessments by the prefix."""
    return f"a-{uuid4().hex}"


@cache
def _book() -> TraceBook:
    return TraceBook(DynamoTraces(_items()), new_id, time.sleep)


def _items() -> Items:
    return Items(quick_dynamodb(), TracingSettings.from_env().tracing_table_name)


@cache
def _files() -> S3SpanFiles:
    return S3SpanFiles(client("s3"), TracingSettings.from_env().artifact_bucket_name)
