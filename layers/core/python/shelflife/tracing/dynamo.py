"""Traces in DynamoDB; everything is read consistently, so a search sees what was just logged.

Items:  pk = TRACE#<trace id>              sk = TRACE          where the trace is: experiment and time
        pk = TRACES#<experiment>#<day>     sk = <place>        the trace, packed
        pk = DAYS#<experiment>             sk = <day>          a day of which there are traces
        pk = <kind>#<experiment>#<month>#<digest of a value>   sk = <place>   a trace with this value
        pk = LEFT                          sk = <trace id>#<home>  a removed trace whose spans are left

A place counts time down, so that the newest comes first, then the id. `kind` is RUN, SESSION or STATE. A
change writes the whole trace under the condition that its `revision` and its `home`, which one that was made
again does not have, are those that were read; when its time or experiment changes it moves, with its entries,
in one transaction.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_contended, is_lost_condition
from shelflife.tracing.errors import TraceRaceLostError, TraceTooLargeError
from shelflife.tracing.keys import (
    DAYS,
    LEFT,
    POINTER,
    day_of,
    days_key,
    entries_of,
    entry_pk,
    months_of,
    place_in,
    pointer_pk,
    sort_key,
    trace_key,
    traces_pk,
)
from shelflife.tracing.model import Place, Shelf, Trace, Window, place_of
from shelflife.tracing.packing import pack_trace, unpack_trace

#: DynamoDB's limit of an item is 400 KB; the rest of the item has room beside.
_LARGEST = 380_000
_UNCHANGED = "revision = :revision AND home = :home"
_NEW = "attribute_not_exists(pk)"
_FEW = 25
#: A read of a moving trace finds its pointer before and its item after; the next round finds both.
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class DynamoTraces:
    items: Items

    def find(self, trace_id: str) -> Trace | None:
        for _ in range(_ROUNDS):
            pointer = self.items.get(pointer_pk(trace_id), POINTER)
            if pointer is None:
                return None
            item = self.items.get(*_pointed(pointer))
            if item is not None:
                return _trace(item)
        return None

    def find_many(self, trace_ids: Sequence[str]) -> list[Trace]:
        asked = list(dict.fromkeys(trace_ids))
        pointers = self.items.get_many([(pointer_pk(trace_id), POINTER) for trace_id in asked])
        found = {
            trace.trace_id: trace for trace in map(_trace, self.items.get_many([*map(_pointed, pointers)]))
        }
        for pointer in pointers:
            if pointer["trace_id"] not in found and (moved := self.find(pointer["trace_id"])):
                found[moved.trace_id] = moved
        return [found[trace_id] for trace_id in asked if trace_id in found]

    def add(self, trace: Trace) -> None:
        self._keep_day(trace)
        writes = [
            Write(put=_item(trace)),
            Write(put=_pointer(trace), condition=_NEW),
            *(Write(put=_entry(key)) for key in sorted(entries_of(trace))),
        ]
        self._written(trace, writes)

    def replace(self, trace: Trace, former: Trace) -> None:
        changed = replace(trace, revision=former.revision + 1)
        entries, known = entries_of(changed), entries_of(former)
        writes = [
            *(Write(put=_entry(key)) for key in sorted(entries - known)),
            *(Write(delete=_key(key)) for key in sorted(known - entries)),
        ]
        if trace_key(changed) == trace_key(former):
            put = Write(put=_item(changed), condition=_UNCHANGED, values=_seen(former))
            self._written(changed, [put, *writes])
            return
        self._keep_day(changed)
        moved = [
            Write(delete=_key(trace_key(former)), condition=_UNCHANGED, values=_seen(former)),
            Write(put=_item(changed)),
            Write(put=_pointer(changed)),
        ]
        self._written(changed, [*moved, *writes])

    def remove(self, trace: Trace) -> None:
        writes = [
            Write(
                delete=_key(trace_key(trace)),
                condition=_UNCHANGED,
                values=_seen(trace),
            ),
            Write(delete={"pk": pointer_pk(trace.trace_id), "sk": POINTER}),
            *(Write(delete=_key(key)) for key in sorted(entries_of(trace))),
            Write(put={"pk": LEFT, "sk": f"{trace.trace_id}#{trace.home}"}),
        ]
        self._written(trace, writes)

    def newest(
        self, shelf: Shelf, window: Window, after: Place | None = None, *, some: int = 1000
    ) -> Iterator[Trace]:
        days = self._days(shelf.experiment_id, window, after)
        if not shelf.kind:
            for day in days:
                yield from map(
                    _trace, self._between(traces_pk(shelf.experiment_id, day), window, after, some)
                )
            return
        for month in months_of(days):
            yield from self._entered(shelf, self._between(entry_pk(shelf, month), window, after, some))

    def left_over(self) -> list[tuple[str, str]]:
        found, _ = self.items.query(LEFT, limit=_FEW)
        return [(trace_id, home) for trace_id, _, home in (item["sk"].rpartition("#") for item in found)]

    def forget_left_over(self, trace_id: str, home: str) -> None:
        self.items.delete(LEFT, f"{trace_id}#{home}")

    def forget_days(self, experiment_id: str) -> None:
        while True:
            found, _ = self.items.query(f"{DAYS}{experiment_id}", limit=1000)
            if not found:
                return
            self.items.write_many(deletes=[(item["pk"], item["sk"]) for item in found])

    def _written(self, trace: Trace, writes: Sequence[Write]) -> None:
        try:
            if len(writes) == 1 and writes[0].put is not None:
                (only,) = writes
                self.items.put(writes[0].put, only.condition, values=only.values)
            else:
                self.items.transact(writes)
        except ClientError as error:
            if is_lost_condition(error) or is_contended(error):
                raise TraceRaceLostError(f"trace {trace.trace_id!r} was changed") from error
            raise

    def _keep_day(self, trace: Trace) -> None:
        """A day is noted before its first trace: one without traces does no harm."""
        _keep_day(self.items, trace.experiment_id, day_of(trace.request_time))

    def _days(self, experiment_id: str, window: Window, after: Place | None) -> Iterator[str]:
        """Days with traces in the window, the last first."""
        last = min(window.last, after.request_time) if after else window.last
        cursor: str | None = None
        while True:
            found, cursor = self.items.query(
                f"{DAYS}{experiment_id}",
                between=(day_of(window.first), day_of(last)),
                limit=1000,
                cursor=cursor,
                newest_first=True,
            )
            yield from (item["sk"] for item in found)
            if cursor is None:
                return

    def _between(self, pk: str, window: Window, after: Place | None, some: int) -> Iterator[Item]:
        first, last = sort_key(Place(window.last, "")), sort_key(Place(window.first, "")) + "~"
        if after is not None:
            # Nothing sorts between a key and the same with the lowest letter behind it.
            first = max(first, sort_key(after) + "\x00")
        if first > last:
            return
        cursor: str | None = None
        while True:
            found, cursor = self.items.query(pk, between=(first, last), limit=some, cursor=cursor)
            yield from found
            if cursor is None:
                return

    def _entered(self, shelf: Shelf, entries: Iterator[Item]) -> Iterator[Trace]:
        """The traces of entries; of a trace that was moved meanwhile, its new entry tells."""
        batch: list[tuple[str, str]] = []
        for entry in entries:
            batch.append(trace_key(place_in(entry["sk"]), shelf.experiment_id))
            if len(batch) == _FEW:
                yield from self._in_order(batch)
                batch = []
        yield from self._in_order(batch)

    def _in_order(self, keys: Sequence[tuple[str, str]]) -> list[Trace]:
        found = [_trace(item) for item in self.items.get_many(keys)] if keys else []
        return sorted(found, key=lambda trace: place_of(trace).rank)


@lru_cache(maxsize=10_000)
def _keep_day(items: Items, experiment_id: str, day: str) -> None:
    """Who has noted a day need not do it again: days are forgotten only with their experiment."""
    items.put(_entry(days_key(experiment_id, day)))


def _key(key: tuple[str, str]) -> Item:
    return {"pk": key[0], "sk": key[1]}


def _seen(trace: Trace) -> Item:
    return {":revision": trace.revision, ":home": trace.home}


def _entry(key: tuple[str, str]) -> Item:
    return _key(key)


def _pointer(trace: Trace) -> Item:
    return {
        "pk": pointer_pk(trace.trace_id),
        "sk": POINTER,
        "trace_id": trace.trace_id,
        "experiment_id": trace.experiment_id,
        "request_time": trace.request_time,
    }


def _pointed(pointer: Item) -> tuple[str, str]:
    place = Place(pointer["request_time"], pointer["trace_id"])
    return trace_key(place, pointer["experiment_id"])


def _item(trace: Trace) -> Item:
    data = pack_trace(trace)
    if len(data) > _LARGEST:
        raise TraceTooLargeError(trace.trace_id, len(data), _LARGEST)
    return {
        **_key(trace_key(trace)),
        "trace_id": trace.trace_id,
        "experiment_id": trace.experiment_id,
        "request_time": trace.request_time,
        "revision": trace.revision,
        "home": trace.home,
        "data": data,
    }


def _trace(item: Item) -> Trace:
    return unpack_trace(
        item["data"],
        trace_id=item["trace_id"],
        experiment_id=item["experiment_id"],
        request_time=item["request_time"],
        revision=item["revision"],
    )
