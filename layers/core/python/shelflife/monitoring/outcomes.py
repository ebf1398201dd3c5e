"""Labels met by captured answers, in duckdb, over the files of the capture bucket.

Files come one hour at a time, and of them only the answers that were labelled stay, so neither memory nor
disk grow with the window. The layout of the captures is in contracts/serving.py.
"""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from shelflife.aws.objects import Objects
from shelflife.contracts.models import Task
from shelflife.contracts.serving import (
    CAPTURE_ID,
    CAPTURE_REVISION,
    CAPTURE_ROW,
    CAPTURE_VERSION,
    CAPTURED_AT,
    CAPTURES_PREFIX,
    HOUR_FOLDER,
    OUTPUT_COLUMN,
)
from shelflife.monitoring.model import Watched
from shelflife.monitoring.objects import LABELS_PREFIX
from shelflife.monitoring.report import ErrorPoint
from shelflife.monitoring.scan_ports import JoinedLabels

#: Widths of a point of the error's line; the narrowest is taken that gives no more than `_POINTS`.
_WIDTHS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 360, 1440, 10_080))
_POINTS = 48
_AT_ONCE = 10
_HOUR = len("yyyy/mm/dd/hh/")
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: A label may come a little before its captured row does.
_EARLY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class DuckdbOutcomes:
    objects: Objects
    bucket: str

    def fingerprint(self, watched: Watched, since: datetime) -> str:
        uris = self._uris(LABELS_PREFIX, watched, since - _EARLY)
        return hashlib.sha256("\n".join(uris).encode()).hexdigest() if uris else ""

    def joined(self, watched: Watched, since: datetime) -> JoinedLabels:
        with TemporaryDirectory() as folder, _connected(folder) as database:
            self._load_labels(database, folder, self._uris(LABELS_PREFIX, watched, since - _EARLY))
            captures = self._uris(CAPTURES_PREFIX, watched, since)
            start = len(self._root(CAPTURES_PREFIX, watched))
            for _, hour in groupby(captures, lambda uri: uri[start : start + _HOUR]):
                self._load_answers(database, folder, list(hour), watched)
            return _compared(database, watched.serving.candidate.task)

    def _load_labels(self, database: Any, folder: str, uris: Sequence[str]) -> None:
        database.execute("CREATE TABLE told (place BIGINT, position BIGINT, id VARCHAR, truth VARCHAR[])")
        for place, path in enumerate(self._fetched(folder, uris)):
            database.execute(
                """
                INSERT INTO told
                SELECT ?, position, label.capture_id, label."values" FROM (
                    SELECT unnest(labels) AS label, generate_subscripts(labels, 1) AS position
                    FROM read_json(?, columns = {
                        labels: 'STRUCT(capture_id VARCHAR, "values" VARCHAR[])[]'
                    }, maximum_object_size = 33554432)
                )
                """,
                [place, str(path)],
            )
            path.unlink()
        database.execute(
            "CREATE TABLE labels AS"
            " SELECT id, arg_max(truth, (place, position)) AS truth FROM told GROUP BY id"
        )

    def _load_answers(self, database: Any, folder: str, uris: Sequence[str], watched: Watched) -> None:
        regression = watched.serving.candidate.task is Task.REGRESSION
        answer = OUTPUT_COLUMN.format(name="prediction" if regression else "label")
        # A deployment that was deleted and made again counts its revisions anew.
        for path in self._fetched(folder, uris):
            database.execute(
                f"""
                INSERT INTO answers
                SELECT {CAPTURE_ID}, {CAPTURE_ROW}, epoch_us({CAPTURED_AT}), CAST("{answer}" AS VARCHAR)
                FROM read_parquet(?)
                WHERE {CAPTURE_VERSION} = ? AND {CAPTURE_REVISION} >= ? AND epoch_us({CAPTURED_AT}) >= ?
                  AND {CAPTURE_ID} IN (SELECT id FROM labels)
                """,  # noqa: S608 - the names are constants of ours
                [
                    str(path),
                    watched.serving.version,
                    watched.revision,
                    (watched.activated_at - _EPOCH) // _MICROSECOND,
                ],
            )
            path.unlink()

    def _fetched(self, folder: str, uris: Sequence[str]) -> Iterator[Path]:
        """The objects as files, in order; each may be deleted when it was read."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for begin in range(0, len(uris), _AT_ONCE):
                some = uris[begin : begin + _AT_ONCE]
                for place, body in enumerate(pool.map(self.objects.read, some)):
                    path = Path(folder, f"{begin + place}{Path(some[place]).suffix}")
                    path.write_bytes(body)
                    yield path

    def _uris(self, prefix: str, watched: Watched, since: datetime) -> list[str]:
        return self.objects.keys(self._root(prefix, watched), after=since.strftime(HOUR_FOLDER))

    def _root(self, prefix: str, watched: Watched) -> str:
        return f"s3://{self.bucket}/{prefix.format(deployment=watched.deployment)}"


def _connected(folder: str) -> Any:
    # Lambda's home folder cannot be written, and nothing is ever to be downloaded.
    database = duckdb.connect(
        config={
            "temp_directory": folder,
            "memory_limit": "512MB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    database.execute("CREATE TABLE answers (id VARCHAR, place BIGINT, captured BIGINT, answer VARCHAR)")
    return database


def _compared(database: Any, task: Task) -> JoinedLabels:
    loss = (
        "abs(CAST(answer AS DOUBLE) - CAST(truth[place + 1] AS DOUBLE))"
        if task is Task.REGRESSION
        else "CAST(answer <> truth[place + 1] AS DOUBLE)"
    )
    database.execute(
        f"""
        CREATE TABLE sizes AS
            SELECT id, count(DISTINCT place) AS rows, max(place) + 1 AS height FROM answers GROUP BY id;
        CREATE TABLE losses AS
            SELECT captured, {loss} AS loss
            FROM (SELECT DISTINCT ON (id, place) * FROM answers) JOIN sizes USING (id) JOIN labels USING (id)
            WHERE sizes.rows = len(truth) AND sizes.height = len(truth);
        """  # noqa: S608 - one of the two texts above
    )
    rows, mean, deviation = database.execute(
        "SELECT count(*), avg(loss), stddev_samp(loss) FROM losses WHERE isfinite(loss)"
    ).fetchone()
    unmatched, mismatched = database.execute(
        """
        SELECT count(*) FILTER (rows IS NULL),
               count(*) FILTER (rows <> len(truth) OR height <> len(truth))
        FROM labels LEFT JOIN sizes USING (id)
        """
    ).fetchone()
    return JoinedLabels(
        rows=rows,
        mean_loss=mean,
        standard_error=deviation / rows**0.5 if deviation is not None else None,
        unmatched=unmatched,
        mismatched=mismatched,
        points=tuple(_points(database)),
    )


def _points(database: Any) -> Iterator[ErrorPoint]:
    first, last = database.execute(
        "SELECT min(captured), max(captured) FROM losses WHERE isfinite(loss)"
    ).fetchone()
    if first is None:
        return
    widths = [width // _MICROSECOND for width in _WIDTHS]
    width = next((one for one in widths if last // one - first // one < _POINTS), widths[-1])
    found = database.execute(
        """
        SELECT captured // ? AS stretch, count(*), avg(loss)
        FROM losses WHERE isfinite(loss) GROUP BY stretch ORDER BY stretch
        """,
        [width],
    ).fetchall()
    for stretch, rows, value in found:
        begins_at = _EPOCH + stretch * width * _MICROSECOND
        yield ErrorPoint(
            begins_at=begins_at, ends_at=begins_at + width * _MICROSECOND, rows=rows, value=value
        )
