"""One installation for the whole folder: every test has names of its own in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e import steps
from tests.e2e.hung import Caught, hung
from tests.e2e.line import NAME, Line, line_file, train_line
from tests.e2e.stories import Stories
from tests.harness.installation import News, Platform, installed

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package")
def said() -> list[str]:
    """What the installation has told so far."""
    return []


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory, said: list[str]) -> Iterator[Platform]:
    yield from installed(tmp_path_factory.mktemp("installation"), said)


@pytest.fixture(scope="package")
def news(platform: Platform) -> News:
    return News(platform)


@pytest.fixture(scope="package")
def stories(platform: Platform, news: News) -> Stories:
    return Stories(platform)


@pytest.fixture(scope="package")
def line_data(platform: Platform) -> None:
    assert steps.version_of(platform, NAME, line_file()) == 1


@pytest.fixture(scope="package")
def line(platform: Platform, news: News, line_data: None) -> Line:
    return train_line(platform)


@pytest.fixture(scope="package")
def hung_jobs(platform: Platform, line_data: None) -> dict[str, Caught]:
    return hung(platform)


@pytest.fixture(scope="package", autouse=True)
def _begin_with_what_takes_longest(request: pytest.FixtureRequest) -> None:
    """The shortest time limit is a minute: it runs while other tests do."""
    if any("hung_jobs" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("hung_jobs")
