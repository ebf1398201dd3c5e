"""The index of runs in DynamoDB.

Items:  pk = INDEX#<segment>#<kind>#<key>   sk = <value> <inverted start> <run id>
        pk = RUN#<run id>                   sk = INDEXED    the entries that a run has, or may have

An entry is its key. Entries are written after what they tell of: a run that waits for it is in `PENDING`,
where searches look, too. `INDEXED` names an entry before it is written and until after it is deleted, so
that whoever goes on after a writer that was cut off finds what it left. Two writers at once are told apart
by its `version`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_contended, is_lost_condition
from shelflife.tracking.dynamo_runs import REMOVING, RUN, pending_pk, run_of, run_pk, segment_name
from shelflife.tracking.errors import IndexBusyError
from shelflife.tracking.index_entries import Entry, Place, entries_of, entry_at, sort_key
from shelflife.tracking.model import Run, Segment
from shelflife.tracking.packing import pack, unpack

_INDEXED = "INDEXED"
_PAGE = 1000
#: Entries that are read at once, at the most.
_ENTRIES = 1500
#: More entries than are expected: some may be no longer true, or of runs that still wait for theirs.
_SPARE = 1.25
#: Where they do not do, each page is so many times as large as the one before.
_MORE = 4
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class DynamoRunIndex:
    items: Items

    def pending(self, segment: Segment) -> list[Run]:
        ids: list[str] = []
        cursor: str | None = None
        while True:
            found, cursor = self.items.query(pending_pk(segment), limit=_PAGE, cursor=cursor)
            ids += [item["sk"] for item in found]
            if cursor is None:
                return self.find_many(ids)

    def find_many(self, run_ids: Sequence[str]) -> list[Run]:
        found = self.items.get_many([(run_pk(run_id), RUN) for run_id in dict.fromkeys(run_ids)])
        return [run_of(item) for item in found if REMOVING not in item]

    def entries(  # noqa: PLR0913 - a stretch, its direction, and how much of it
        self,
        segment: Segment,
        place: Place,
        low: str,
        high: str,
        *,
        backwards: bool = False,
        expected: int = 100,
    ) -> Iterator[Entry]:
        cursor: str | None = None
        limit = min(_ENTRIES, int(expected * _SPARE) + 1)
        while True:
            found, cursor = self.items.query(
                place_pk(segment, place),
                between=(low, high),
                limit=limit,
                cursor=cursor,
                newest_first=backwards,
            )
            yield from (entry_at(place, item["sk"]) for item in found)
            if cursor is None:
                return
            limit = min(_ENTRIES, limit * _MORE)

    def write(self, run_id: str) -> None:
        item = self.items.get(run_pk(run_id), RUN)
        if item is None or REMOVING in item:
            return
        run = run_of(item)
        if not run.settled:
            self._write_entries(run)
            self._settle(run)

    def forget(self, run: Run) -> None:
        """Remove all entries of a run that is being removed: nobody writes any more."""
        keys, _, _ = self._known(run)
        self.items.write_many(deletes=sorted(keys))
        self.items.delete(run_pk(run.run_id), _INDEXED)

    def _write_entries(self, run: Run) -> None:
        known, version, whole = self._known(run)
        wanted = {(place_pk(run.segment, entry.place), sort_key(entry)) for entry in entries_of(run)}
        if whole and wanted == known:
            return
        version = self._note(run, known | wanted, version, whole=False)
        # Of what a writer that was cut off named, nobody knows what is there.
        new = wanted - known if whole else wanted
        self.items.write_many(
            puts=[{"pk": pk, "sk": sk} for pk, sk in sorted(new)], deletes=sorted(known - wanted)
        )
        self._note(run, wanted, version, whole=True)

    def _known(self, run: Run) -> tuple[set[Key], int, bool]:
        item = self.items.get(run_pk(run.run_id), _INDEXED)
        if item is None:
            return set(), 0, True
        if item.get("revision", 0) > run.revision:
            # The run was changed and written since it was read here.
            raise IndexBusyError(run.run_id)
        return {(pk, sk) for pk, sk in unpack(item["entries"])}, item["version"], item["whole"]

    def _note(self, run: Run, keys: Iterable[Key], version: int, *, whole: bool) -> int:
        item: Item = {
            "pk": run_pk(run.run_id),
            "sk": _INDEXED,
            "version": version + 1,
            "whole": whole,
            "revision": run.revision,
            "entries": pack(sorted(keys)),
        }
        unchanged = "version = :version" if version else "attribute_not_exists(pk)"
        try:
            self.items.put(item, unchanged, values={":version": version} if version else None)
        except ClientError as error:
            if is_lost_condition(error):
                raise IndexBusyError(run.run_id) from error
            raise
        return version + 1

    def _settle(self, run: Run) -> None:
        """Say that the index tells the truth, unless the run was changed meanwhile."""
        settled = Write(
            key={"pk": run_pk(run.run_id), "sk": RUN},
            update="SET settled = :yes",
            condition="revision = :revision",
            values={":yes": True, ":revision": run.revision},
        )
        marker = Write(delete={"pk": pending_pk(run.segment), "sk": run.run_id})
        try:
            self.items.transact([settled, marker])
        except ClientError as error:
            if is_lost_condition(error) or is_contended(error):
                raise IndexBusyError(run.run_id) from error
            raise


def place_pk(segment: Segment, place: Place) -> str:
    return f"INDEX#{segment_name(segment)}#{place.kind}#{place.key}"
