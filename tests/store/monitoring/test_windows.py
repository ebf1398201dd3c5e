from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from shelflife.aws.clients import client
from shelflife.aws.objects import ObjectCorruptedError, Objects
from shelflife.contracts.serving import HOUR_FOLDER, PROFILES_PREFIX, CapturedProfile
from shelflife.kernel.profiles import ProfileMismatchError, merge, profile_over, reference_profile
from shelflife.monitoring.scan_ports import CapturedWindow, Windows
from shelflife.monitoring.windows import S3Baselines, S3Windows
from tests.fakes.monitored import (
    BASELINE,
    BASELINE_BODY,
    BASELINE_URI,
    HOUR,
    NOON,
    candidate,
    captured,
    rows,
    watched,
)
from tests.fakes.monitoring import MemoryWindows
from tests.harness.cloud import make_bucket

DAY = timedelta(days=1)
Capture = Callable[[CapturedProfile, datetime, str], None]
LONG_AGO = watched(1, NOON - 10 * DAY)


def put(profile: CapturedProfile, arrived_at: datetime, batch_id: str) -> None:
    """As serving writes it (contracts/serving.py)."""
    prefix = PROFILES_PREFIX.format(deployment=profile.deployment)
    key = f"{prefix}{arrived_at.strftime(HOUR_FOLDER)}{batch_id}.json"
    client("s3").put_object(Bucket="captures", Key=key, Body=profile.model_dump_json().encode())


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest) -> Any:
    """A keeper of profiles, and how they get into it."""
    if request.param == "memory":
        memory = MemoryWindows()
        return memory, memory.add
    request.getfixturevalue("aws")
    make_bucket("captures")
    return S3Windows(Objects(client("s3")), "captures"), put


@pytest.fixture
def windows(store: tuple[Windows, Capture]) -> Windows:
    return store[0]


@pytest.fixture
def capture(store: tuple[Windows, Capture]) -> Capture:
    return store[1]


def same(found: CapturedWindow, seeds: list[int]) -> None:
    """The window is exactly the profile of these batches' rows together."""
    whole = profile_over(
        BASELINE,
        {name: np.concatenate([rows(50, seed=seed)[name] for seed in seeds]) for name in BASELINE.columns},
    )
    assert found.profile is not None
    assert found.profile.row_count == whole.row_count
    assert found.profile_count == len(seeds)
    for name, column in whole.columns.items():
        merged = found.profile.columns[name]
        assert np.array_equal(merged.counts, column.counts)
        assert np.allclose(merged.sums, column.sums)
        assert (merged.missing, merged.lowest, merged.highest) == (
            column.missing,
            column.lowest,
            column.highest,
        )


def spread(capture: Capture, days: int = 3) -> list[int]:
    """Two batches in each of two hours of each day up to noon."""
    seeds = []
    for day in range(days):
        for hour in (0, 3):
            for batch in range(2):
                at = NOON - (days - 1 - day) * DAY - (3 - hour) * HOUR + batch * timedelta(minutes=5)
                seeds.append(day * 100 + hour * 10 + batch)
                capture(captured(rows(50, seed=seeds[-1]), at), at, f"b{batch}")
    return seeds


def test_a_window_is_the_profile_of_all_its_rows(windows: Windows, capture: Capture) -> None:
    seeds = spread(capture)
    found = windows.merged(LONG_AGO, NOON - 9 * DAY, NOON + HOUR)
    same(found, seeds)
    assert found.first_at == NOON - 2 * DAY - 3 * HOUR
    assert found.last_at == NOON + timedelta(minutes=6)


def test_no_captures_are_an_empty_window(windows: Windows) -> None:
    found = windows.merged(LONG_AGO, NOON - DAY, NOON)
    assert (found.profile, found.profile_count, found.first_at, found.last_at) == (None, 0, None, None)


def test_a_window_begins_with_its_hour(windows: Windows, capture: Capture) -> None:
    seeds = spread(capture)
    same(windows.merged(LONG_AGO, NOON - DAY - timedelta(minutes=20), NOON + HOUR), seeds[6:])
    same(windows.merged(LONG_AGO, NOON - DAY + timedelta(minutes=59), NOON + HOUR), seeds[6:])
    same(windows.merged(LONG_AGO, NOON - DAY + HOUR, NOON + HOUR), seeds[8:])


def test_a_window_seen_again_is_the_same(windows: Windows, capture: Capture) -> None:
    seeds = spread(capture)
    first = windows.merged(LONG_AGO, NOON - 9 * DAY, NOON + HOUR)
    again = windows.merged(LONG_AGO, NOON - 9 * DAY, NOON + HOUR)
    same(again, seeds)
    assert again.fingerprint == first.fingerprint


def test_a_batch_that_comes_late_is_counted(windows: Windows, capture: Capture) -> None:
    seeds = spread(capture)
    first = windows.merged(LONG_AGO, NOON - 9 * DAY, NOON + DAY)
    at = NOON - 2 * DAY
    capture(captured(rows(50, seed=999), at), at, "b9")
    second = windows.merged(LONG_AGO, NOON - 9 * DAY, NOON + DAY)
    same(second, [*seeds, 999])
    assert second.fingerprint != first.fingerprint


def test_other_revisions_and_deployments_are_left_out(windows: Windows, capture: Capture) -> None:
    mine = captured(rows(50, seed=1), NOON)
    capture(mine, NOON, "b1")
    capture(captured(rows(50, seed=2), NOON, revision=2), NOON, "b2")
    capture(captured(rows(50, seed=3), NOON, deployment="bikes2"), NOON, "b3")
    same(windows.merged(LONG_AGO, NOON - DAY, NOON + HOUR), [1])
    same(windows.merged(LONG_AGO, NOON - DAY, NOON + 2 * DAY), [1])
    assert windows.merged(watched(3, NOON - DAY), NOON - DAY, NOON + 2 * DAY).profile is None


def test_a_deployment_that_was_made_again_does_not_count_its_former_rows(
    windows: Windows, capture: Capture
) -> None:
    """Deleted and made again, it has a revision 1 again."""
    capture(captured(rows(50, seed=1), NOON), NOON, "b1")
    later = NOON + timedelta(minutes=30)
    capture(captured(rows(50, seed=2), later), later, "b2")
    same(windows.merged(watched(1, NOON + timedelta(minutes=10)), NOON, NOON + 2 * DAY), [2])
    same(windows.merged(LONG_AGO, NOON, NOON + 2 * DAY), [1, 2])


def test_profiles_of_other_bins_do_not_merge(windows: Windows, capture: Capture) -> None:
    capture(captured(rows(50)), NOON, "b1")
    capture(captured(rows(50), baseline=reference_profile(rows(500, seed=5))), NOON, "b2")
    with pytest.raises(ProfileMismatchError):
        windows.merged(LONG_AGO, NOON - DAY, NOON + HOUR)


@pytest.mark.parametrize("store", ["s3"], indirect=True)
def test_closed_hours_and_days_are_read_once(
    windows: S3Windows, capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = spread(capture)
    windows.merged(LONG_AGO, NOON - 9 * DAY, NOON + DAY)
    read: list[str] = []
    plain = Objects.read

    def noting(self: Objects, uri: str, **options: Any) -> bytes:
        read.append(uri)
        return plain(self, uri, **options)

    monkeypatch.setattr(Objects, "read", noting)
    same(windows.merged(LONG_AGO, NOON - 9 * DAY, NOON + DAY), seeds)
    assert len(read) == 3
    assert all("/rollups/bikes/1-" in uri for uri in read)


@pytest.mark.parametrize("store", ["s3"], indirect=True)
def test_the_hour_that_goes_on_is_not_rolled_up(windows: S3Windows, capture: Capture) -> None:
    spread(capture, days=1)
    windows.merged(LONG_AGO, NOON - DAY, NOON + timedelta(minutes=30))
    keys = windows.objects.keys("s3://captures/rollups/")
    assert [key.rpartition("/")[2] for key in keys] == ["09.json"]


def test_a_baseline_is_what_the_training_left(aws: None) -> None:
    make_bucket("artifacts")
    store, stored = S3Baselines(Objects(client("s3"))), candidate().baseline
    assert stored is not None
    client("s3").put_object(Bucket="artifacts", Key="training/job-1/baseline.json", Body=BASELINE_BODY)
    assert stored.uri == BASELINE_URI
    assert merge([store.read(stored)]).row_count == BASELINE.row_count
    client("s3").put_object(Bucket="artifacts", Key="training/job-1/baseline.json", Body=b"{}")
    with pytest.raises(ObjectCorruptedError):
        store.read(stored)


def test_the_activation_of_another_time_has_roll_ups_of_its_own(aws: None) -> None:
    make_bucket("captures")
    windows = S3Windows(Objects(client("s3")), "captures")
    for batch in range(2):
        put(captured(rows(50, seed=batch), NOON), NOON, f"b{batch}")
    made = [LONG_AGO, watched(1, NOON + HOUR)]
    counts = [windows.merged(one, NOON - DAY, NOON + 5 * HOUR).profile_count for one in made]
    assert counts == [2, 0]
