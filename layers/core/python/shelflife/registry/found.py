"""What a search found, page by page.

A token tells where a page begins by what stands before it, so it stays valid while things are added.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shelflife.kernel.filters import Order, sort
from shelflife.kernel.paging import InvalidCursorError, Page, decode_cursor, encode_cursor

T = TypeVar("T")
#: Read at once, while a filter may let few through.
CHUNK = 200
_LEAST = 20


@dataclass(frozen=True, slots=True)
class Search:
    filter: str
    order_by: tuple[str, ...]
    limit: int
    page_token: str | None

    @property
    def chunk(self) -> int:
        """How much is read at once: little more than what is answered."""
        return max(_LEAST, min(CHUNK, self.limit + 1))


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """Each thing with the token of a page that begins behind it; `more` says that something is there."""

    things: list[tuple[T, str]]
    more: bool


def walked(
    things: Iterator[T], matches: Callable[[T], bool], after: Callable[[T], str], limit: int
) -> Found[T]:
    """Those that match of a list that is in order already; no more is read than is needed to know them."""
    found: list[tuple[T, str]] = []
    for thing in things:
        if matches(thing):
            if len(found) == limit:
                return Found(found, more=True)
            found.append((thing, after(thing)))
    return Found(found, more=False)


def pages(page: Callable[[str | None], Page[T]], cursor: str | None) -> Iterator[T]:
    """All things of a list from a cursor on."""
    while True:
        found = page(cursor)
        yield from found.items
        cursor = found.next_cursor
        if cursor is None:
            return


def in_memory(
    things: Sequence[T], orders: Sequence[Order], search: Search, identity: Callable[[T], str]
) -> Found[T]:
    """A page of things that had to be read all of them."""
    ordered = sort(things, orders)
    begin = _begin([identity(thing) for thing in ordered], search.page_token)
    shown = ordered[begin : begin + search.limit]
    found = [
        (thing, encode_cursor({"after": identity(thing), "place": place}) or "")
        for place, thing in enumerate(shown, begin + 1)
    ]
    return Found(found, more=len(ordered) > begin + len(shown))


def _begin(identities: list[str], token: str | None) -> int:
    """Behind the thing that the token names; if that is gone, where it stood."""
    known = decode_cursor(token)
    if known is None:
        return 0
    after, place = known.get("after"), known.get("place")
    if not isinstance(after, str) or not isinstance(place, int) or place < 0:
        raise InvalidCursorError(token or "")
    return identities.index(after) + 1 if after in identities else place
