"""What the capture bucket holds of a deployment."""

import json
from pathlib import Path

import duckdb
import pandas as pd

from tests.harness.installation import Platform


def captured(platform: Platform, deployment: str, folder: Path) -> pd.DataFrame:
    """All of its rows; files go to the folder, and those that are there are not fetched again."""
    bucket = platform.resource("foundation", "Captures", "AWS::S3::Bucket")
    for key in platform.keys(bucket, f"captures/{deployment}/"):
        file = folder / key.replace("/", "-")
        if not file.exists():
            file.write_bytes(platform.object(f"s3://{bucket}/{key}"))
    if not list(folder.glob("*.parquet")):
        return pd.DataFrame()
    with duckdb.connect() as duck:
        rows: pd.DataFrame = duck.read_parquet(f"{folder}/*.parquet").df()
        return rows


def profiled_rows(platform: Platform, deployment: str) -> int:
    """How many of them a scan can see."""
    bucket = platform.resource("foundation", "Captures", "AWS::S3::Bucket")
    profiles = platform.objects(bucket, f"profiles/{deployment}/").values()
    return sum(json.loads(profile)["row_count"] for profile in profiles)


def stored(platform: Platform, prefix: str, deployment: str) -> list[str]:
    """Keys of the files of a kind (`captures`, `shadows`, …) of the deployment."""
    bucket = platform.resource("foundation", "Captures", "AWS::S3::Bucket")
    return list(platform.objects(bucket, f"{prefix}/{deployment}/"))
