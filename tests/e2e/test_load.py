"""Many requests while traffic is moved: none is lost, none mixed up, each captured once."""

import os
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.e2e.acceptance import answered
from tests.e2e.captures import captured
from tests.e2e.load import Answered, Asked, Load
from tests.fakes.protocol_models import features
from tests.harness.installation import Platform, eventually
from tests.harness.published import publish, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DEPLOYMENT = "load"
#: `make load` asks for 10,000: what the emulator needs for each is told in docs/pages/open-inference.md.
REQUESTS = int(os.environ.get("LOAD_REQUESTS", "1000"))
CONNECTIONS = 8
#: What the second version gets, in percent, from one revision to the next.
SHARES = (5, 25, 50, 75, 100, 60, 0, 40)
KEYS = 50
#: Within so many seconds every instance answers by a new rule; and what a busy machine may add.
SEEN_SECONDS = 5.0
SLACK_SECONDS = 1.0
_BETWEEN_LOOKS_SECONDS = 2.0
MODELS = {1: features(), 2: features(scale=-2.0)}


@dataclass(frozen=True)
class Told:
    """The answers; each revision's live variants by name; when each revision had been put, if we put it."""

    answers: list[Answered]
    revisions: dict[int, dict[str, Any]]
    put_at: dict[int, float]


def requests() -> list[Asked]:
    """Different rows; every second request has one of a few keys."""
    random = np.random.default_rng(10)
    rows = random.normal(size=(REQUESTS, 4)).astype(np.float32)
    names = [tensor.name for tensor in MODELS[1].signature.inputs]
    return [
        Asked(
            f"load-{at:05}",
            {name: float(value) for name, value in zip(names, row, strict=True)},
            f"customer {at % KEYS}" if at % 2 else None,
        )
        for at, row in enumerate(rows)
    ]


def put(platform: Platform, share: float) -> int:
    """Give the second version that share; the revision. What was just registered may not be known yet."""
    live = [{"model_version": 1, "weight": 100 - share}, {"model_version": 2, "weight": share}]
    path = f"/v1/serving/deployments/{DEPLOYMENT}/traffic"

    def answer() -> Any:
        told = platform.ask("PUT", path, {"live": live})
        return told.json() if told.is_success else None

    revision: int = eventually(answer, "a rule of both versions")["revision"]
    return revision


@pytest.fixture(scope="module")
def told(platform: Platform) -> Told:
    """Ask, and put one revision after the other while answers come in."""
    publish(platform, {DEPLOYMENT: MODELS[1]})
    register(platform, DEPLOYMENT, MODELS[2])
    put_at = {put(platform, 0): time.monotonic()}
    load = Load(platform, DEPLOYMENT, requests(), CONNECTIONS)
    load.start()
    for at, share in enumerate(SHARES, 1):
        load.wait_for(at * REQUESTS // (len(SHARES) + 1))
        put_at[put(platform, share)] = time.monotonic()
    answers = load.join()
    listed = platform.get(f"/v1/serving/deployments/{DEPLOYMENT}/revisions")["revisions"]
    revisions = {
        one["revision"]: {variant["name"]: variant for variant in one["traffic"]["live"]} for one in listed
    }
    return Told(answers, revisions, put_at)


@pytest.fixture(scope="module")
def captures(platform: Platform, told: Told, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """What has been captured, once it is as much as was asked."""
    folder = tmp_path_factory.mktemp("captures")

    def are_there() -> bool:
        time.sleep(_BETWEEN_LOOKS_SECONDS)
        return len(_of_load(captured(platform, DEPLOYMENT, folder))) >= REQUESTS

    eventually(are_there, "captured rows", seconds=120 + REQUESTS / 10)
    return _of_load(captured(platform, DEPLOYMENT, tmp_path_factory.mktemp("all captures")))


def _of_load(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["capture_id"].str.startswith("load-")] if len(rows) else rows


def test_no_request_is_lost(told: Told) -> None:
    assert Counter(one.status for one in told.answers) == {200: REQUESTS}
    assert Counter(one.body["id"] for one in told.answers) == Counter(one.id for one in requests())


def test_every_answer_is_of_exactly_one_revision(told: Told) -> None:
    """Revision, variant and version agree with the revision's own rule, and the value with the version."""
    inputs = {
        name: np.array([[one.asked.row[name]] for one in told.answers], dtype=np.float32)
        for name in told.answers[0].asked.row
    }
    computed = {version: answered(model, inputs)["prediction"].ravel() for version, model in MODELS.items()}
    mixed = []
    for at, one in enumerate(told.answers):
        variant = told.revisions[one.revision].get(one.variant, {"model_version": 0, "weight": 0})
        agrees = (
            variant["weight"] > 0
            and variant["model_version"] == one.model_version == int(one.body["model_version"])
            and np.float32(one.value) == computed[one.model_version][at]
        )
        if not agrees:
            mixed.append(one)
    assert mixed == []


def test_a_revision_is_seen_by_every_instance_in_time(told: Told) -> None:
    assert set(told.put_at) == set(told.revisions) - {1}
    late = [
        (one, revision)
        for one in told.answers
        for revision, put_at in told.put_at.items()
        if one.revision < revision and one.began > put_at + SEEN_SECONDS + SLACK_SECONDS
    ]
    assert late == []
    assert len({one.revision for one in told.answers}) > len(SHARES) // 2


def test_a_key_has_one_variant_in_a_revision(told: Told) -> None:
    variants = defaultdict(set)
    for one in told.answers:
        if one.asked.key:
            variants[one.revision, one.asked.key].add(one.variant)
    assert {len(found) for found in variants.values()} == {1}


def test_every_answer_is_captured_once_and_as_it_was(told: Told, captures: pd.DataFrame) -> None:
    assert len(captures) == REQUESTS
    rows = captures.set_index("capture_id")
    assert rows.index.is_unique
    wanted = pd.DataFrame(
        {
            "revision": [one.revision for one in told.answers],
            "variant": [one.variant for one in told.answers],
            "model_version": [one.model_version for one in told.answers],
            "output.prediction": [one.value for one in told.answers],
        },
        index=[one.asked.id for one in told.answers],
    )
    found = rows.loc[wanted.index, list(wanted.columns)]
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, check_names=False, rtol=0, atol=0)
