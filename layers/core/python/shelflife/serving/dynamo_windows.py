"""Minute windows in DynamoDB.

Items:  pk = WINDOW#<deployment>#<revision>     sk = <variant>#<minute>       counters (figures.py), UTC
        pk = WINDOWED#<URI of a capture file>   sk = WINDOWED                 this file was added
        pk = LABELLED#<claim key>               sk = LABELLED                 this answer's loss was added

A marker and all that it adds are one transaction, so it is added once, whoever tries how often.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.exceptions import ClientError

from shelflife.aws.items import Items, Write, is_contended, is_lost_condition
from shelflife.kernel.tables import EXPIRY
from shelflife.serving.capture_ports import Loss, WatchedVariant
from shelflife.serving.claims import CLAIM_KEPT
from shelflife.serving.counting import count_once
from shelflife.serving.errors import WindowsContendedError
from shelflife.serving.figures import Figures, merged

_MARKER = "WINDOWED"
_LABELLED = "LABELLED"
#: A transaction takes 100 writes: a marker of each, and at the worst a minute of each.
_LOSSES_TOGETHER = 50
_MINUTE = "%Y-%m-%dT%H:%MZ"
_PAGE = 1000
#: Waits between tries, in seconds, each times a random number below 1: about a second in all.
_WAITS = (0.05, 0.1, 0.2, 0.4, 0.8)


@dataclass(frozen=True, slots=True)
class DynamoWindows:
    """`kept` is how long a minute is remembered."""

    items: Items
    kept: timedelta = timedelta(days=90)
    sleep: Callable[[float], None] = time.sleep

    def is_added(self, source: str) -> bool:
        return self.items.get(_marker_pk(source), _MARKER) is not None

    def add(
        self, source: str, watched: WatchedVariant, minutes: Mapping[datetime, Figures], at: datetime
    ) -> bool:
        marker = {"pk": _marker_pk(source), "sk": _MARKER, EXPIRY: _seconds(at + CLAIM_KEPT)}
        writes = [
            Write(put=marker, condition="attribute_not_exists(pk)"),
            *(self._added(watched, minute, figures) for minute, figures in minutes.items()),
        ]
        for wait in (*_WAITS, None):
            try:
                self.items.transact(writes)
            except ClientError as error:
                if is_lost_condition(error):
                    return False
                if not is_contended(error):
                    raise
                if wait is None:
                    raise WindowsContendedError(source) from error
                self.sleep(wait * random.random())  # noqa: S311 - so that two who clashed do not again
            else:
                break
        return True

    def add_losses(self, losses: Sequence[Loss], at: datetime) -> int:
        before = 0
        for first in range(0, len(losses), _LOSSES_TOGETHER):
            some = losses[first : first + _LOSSES_TOGETHER]
            contended = WindowsContendedError(f"labels of {some[0].watched.deployment}")
            before += len(
                count_once(self.items, some, lambda left: self._lost(left, at), contended, self.sleep)
            )
        return len(losses) - before

    def labelled(self, claim_keys: Sequence[str]) -> set[str]:
        found = self.items.get_many([(f"{_LABELLED}#{key}", _LABELLED) for key in claim_keys])
        return {item["pk"].removeprefix(f"{_LABELLED}#") for item in found}

    def minutes(
        self, watched: WatchedVariant, since: datetime, until: datetime
    ) -> list[tuple[datetime, Figures]]:
        last = until - timedelta(microseconds=1)
        if last < since:
            return []
        asked = (_sk(watched, since), _sk(watched, last))
        found, cursor = self.items.query(_pk(watched), between=asked, limit=_PAGE)
        while cursor:
            more, cursor = self.items.query(_pk(watched), between=asked, limit=_PAGE, cursor=cursor)
            found += more
        return [(_minute(item["sk"]), Figures.from_counts(item)) for item in found]

    def between(
        self, deployment: str, revision: int, variant: str, since: datetime, until: datetime
    ) -> Figures:
        found = self.minutes(WatchedVariant(deployment, revision, variant), since, until)
        return merged(figures for _, figures in found)

    def _lost(self, losses: Sequence[Loss], at: datetime) -> list[Write]:
        """The markers first, in the order of the losses."""
        minutes: dict[tuple[WatchedVariant, datetime], list[Figures]] = {}
        for loss in losses:
            minutes.setdefault((loss.watched, loss.minute), []).append(loss.figures)
        # As long as its capture is known, whose claim is older, a label could be told again.
        expiry = _seconds(at + CLAIM_KEPT)
        return [
            *(
                Write(
                    put={"pk": f"{_LABELLED}#{loss.claim_key}", "sk": _LABELLED, EXPIRY: expiry},
                    condition="attribute_not_exists(pk)",
                )
                for loss in losses
            ),
            *(self._added(watched, minute, merged(parts)) for (watched, minute), parts in minutes.items()),
        ]

    def _added(self, watched: WatchedVariant, minute: datetime, figures: Figures) -> Write:
        counts = figures.to_counts()
        adding = ", ".join(f"#{name} :{name}" for name in counts)
        return Write(
            key={"pk": _pk(watched), "sk": _sk(watched, minute)},
            update=f"SET #expiry = :expiry{f' ADD {adding}' if adding else ''}",
            names={"#expiry": EXPIRY} | {f"#{name}": name for name in counts},
            values={":expiry": _seconds(minute + self.kept)} | {f":{name}": counts[name] for name in counts},
        )


def _marker_pk(source: str) -> str:
    return f"{_MARKER}#{source}"


def _pk(watched: WatchedVariant) -> str:
    return f"WINDOW#{watched.deployment}#{watched.revision:08d}"


def _sk(watched: WatchedVariant, at: datetime) -> str:
    return f"{watched.variant}#{at.astimezone(UTC).strftime(_MINUTE)}"


def _minute(sk: str) -> datetime:
    return datetime.strptime(sk.rpartition("#")[2], _MINUTE).replace(tzinfo=UTC)


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
