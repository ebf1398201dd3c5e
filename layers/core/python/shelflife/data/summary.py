"""What is in each column of the typed rows, counted by duckdb."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from shelflife.contracts.data import Column, ColumnKind
from shelflife.data.raw_table import Duck, quoted, scalar
from shelflife.kernel.profiles import (
    CATEGORY_BINS,
    ColumnProfile,
    Profile,
    category_profile,
    reference_profile,
    to_json,
)

#: Up to here, distinct values are counted exactly.
MOST_DISTINCT = 1000
#: Up to here, the count of each value is told.
MOST_COUNTED = 100

#: A value `v` as the number that its profile is made of; times are seconds since 1970.
_AS_NUMBER = {
    ColumnKind.NUMBER: "CAST(v AS DOUBLE)",
    ColumnKind.BOOLEAN: "CAST(v AS DOUBLE)",
    ColumnKind.TIMESTAMP: "epoch_us(v) / 1e6",
}


def summary(duck: Duck, rows: Path, kinds: Mapping[str, ColumnKind]) -> tuple[tuple[Column, ...], str]:
    """Every column's facts, and the JSON of the profile of all; one column at a time is in memory."""
    duck.execute(
        f"CREATE VIEW typed AS SELECT * FROM read_parquet({quoted(rows)})"  # noqa: S608 - a path of ours
        f" AS rows({', '.join(f'c{place}' for place in range(len(kinds)))})"
    )
    row_count = scalar(duck, "SELECT count(*) FROM typed")
    columns: list[Column] = []
    profiles: dict[str, ColumnProfile] = {}
    for place, (name, kind) in enumerate(kinds.items()):
        values = f"(SELECT c{place} AS v FROM typed)"  # noqa: S608 - c0, c1, …
        column = _column(duck, values, name, kind, row_count)
        columns.append(column)
        profiles[name] = _profile(duck, values, column, row_count)
    return tuple(columns), to_json(Profile(row_count, profiles))


def _column(duck: Duck, values: str, name: str, kind: ColumnKind, row_count: int) -> Column:
    some = f"SELECT DISTINCT v FROM {values} WHERE v IS NOT NULL LIMIT {MOST_DISTINCT + 1}"  # noqa: S608 - expressions of ours
    distinct = scalar(duck, f"SELECT count(*) FROM ({some})")  # noqa: S608 - see above
    return Column(
        name=name,
        kind=kind,
        missing=row_count - scalar(duck, f"SELECT count(v) FROM {values}"),  # noqa: S608 - see above
        distinct=distinct,
        counts=_counts(duck, values, MOST_COUNTED) if distinct <= MOST_COUNTED else None,
    )


def _counts(duck: Duck, values: str, most: int) -> dict[str, int]:
    """The commonest values, as text."""
    found = duck.execute(
        f"SELECT CAST(v AS VARCHAR) AS t, count(*) AS n FROM {values} WHERE v IS NOT NULL"  # noqa: S608 - expressions of ours
        f" GROUP BY v ORDER BY n DESC, t LIMIT {most}"
    ).fetchall()
    return {str(text): int(count) for text, count in found}


def _profile(duck: Duck, values: str, column: Column, row_count: int) -> ColumnProfile:
    if column.kind is ColumnKind.TEXT:
        counts = _counts(duck, values, CATEGORY_BINS)
        other = row_count - column.missing - sum(counts.values())
        return category_profile(counts, other=other, missing=column.missing)
    query = f"SELECT coalesce({_AS_NUMBER[column.kind]}, 'nan'::DOUBLE) AS v FROM {values}"  # noqa: S608 - expressions of ours
    numbers = np.asarray(duck.execute(query).fetchnumpy()["v"], dtype=np.float64)
    return reference_profile({column.name: numbers}).columns[column.name]
