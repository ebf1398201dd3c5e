import json
from typing import Any

import pytest

from shelflife.tracking import wire


def pages(count: int, limit: int, extra: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """All pages of a list of so many numbers."""
    found: list[dict[str, Any]] = []
    token: str | None = None
    while not found or token:
        numbers = iter(range(count))
        text = wire.page("numbers", numbers, lambda at: {"at": at}, token=token, limit=limit, extra=extra)
        found.append(json.loads(text))
        token = found[-1].get("next_page_token")
    return found


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize(
    ("count", "sizes"), [(0, [0]), (1, [1]), (3, [3]), (4, [3, 1]), (6, [3, 3]), (7, [3, 3, 1])]
)
def test_pages_hold_everything_once(
    monkeypatch: pytest.MonkeyPatch, count: int, sizes: list[int], *, small: bool
) -> None:
    """Whether their text is made at once or, as it may be too long, one by one."""
    if small:
        monkeypatch.setattr(wire, "PAGE_BYTES", 1)
        sizes = [1] * count or [0]
    found = [[one["at"] for one in page.get("numbers", [])] for page in pages(count, 3)]
    assert [len(page) for page in found] == sizes
    assert [at for page in found for at in page] == list(range(count))


def test_a_page_ends_before_its_text_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PAGE_BYTES", 10 * len('{"at":"0"}'))
    found = pages(100, 50)
    assert all(5 < len(page["numbers"]) <= 10 for page in found[:-1])
    assert [one["at"] for page in found for one in page["numbers"]] == list(range(100))


def test_what_is_told_beside_is_on_every_page() -> None:
    assert [page["root"] for page in pages(5, 2, {"root": "r"})] == ["r"] * 3
    assert pages(0, 2, {"root": "r"}) == [{"root": "r"}]
