"""A filled stock server is moved over, killed half way, goes on, and is equal; and some of it goes back."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.installation import Platform
from tests.harness.stock import Size, fill, stock

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

COMMAND = str(Path(sys.executable).with_name("shelflife"))
#: `make move` moves 1,000 runs with 100,000 points and 50 models.
RUNS = int(os.environ.get("MOVING_RUNS", "24"))
SIZE = Size(runs=RUNS, points_of_run=100, models=max(RUNS // 20, 3))
NAME = "moved"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stock(tmp_path_factory.mktemp("stock")) as url:
        yield url


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal")


def command(platform: Platform, journal: Path, *asked: str) -> list[str]:
    return [COMMAND, *asked, "--state", str(platform.folder), "--journal", str(journal)]


def ended(asked: list[str]) -> tuple[int, str]:
    began = time.monotonic()
    done = subprocess.run(
        asked, check=False, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"}
    )
    told = done.stdout + done.stderr
    print(f"{time.monotonic() - began:.1f} s: {' '.join(asked[1:5])}\n{told}")  # noqa: T201 - `make move` tells the figures
    return done.returncode, told


def moved(journal: Path, kind: str) -> int:
    """How many of a kind the journal knows to be moved."""
    for path in journal.glob("*.journal"):
        try:
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
                asked = "SELECT COUNT(*) FROM moved WHERE kind = ? AND digest IS NOT NULL"
                ((count,),) = database.execute(asked, (kind,))
            database.close()
            return int(count)
        except sqlite3.OperationalError:
            return 0
    return 0


def test_a_server_is_moved_over_and_a_kill_half_way_changes_nothing(
    platform: Platform, server: str, journal: Path
) -> None:
    ids = fill(server, SIZE, NAME)
    asked = command(platform, journal, "import", "mlflow", "--from", server)
    process = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60 + RUNS
    while moved(journal, "run") < RUNS // 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = moved(journal, "run")
    assert RUNS // 2 <= before < RUNS

    code, told = ended(asked)
    assert "everything is equal" in told
    assert code == 0
    found = platform.ask("GET", f"/api/2.0/mlflow/runs/get?run_id={ids[0]}").json()["run"]
    assert found["info"]["start_time"] == 1_700_000_000_000
    assert len(found["data"]["metrics"]) == 2


def test_some_of_it_goes_back_to_another_server(
    platform: Platform, server: str, journal: Path, tmp_path: Path
) -> None:
    with stock(tmp_path) as other:
        asked = ("export", "mlflow", "--to", other, "--only", "runs", "--only", "artifacts")
        code, told = ended(command(platform, tmp_path, *asked, "--experiments", f"{NAME} 1"))
    assert "everything is equal" in told
    assert code == 0


def test_a_token_is_never_told(platform: Platform, server: str, journal: Path) -> None:
    asked = command(platform, journal, "import", "mlflow", "--from", server, "--dry-run")
    secret = {"MLFLOW_TRACKING_TOKEN": "s3cret-token", "MLFLOW_TRACKING_PASSWORD": "s3cret-password"}
    done = subprocess.run(asked, check=False, capture_output=True, text=True, env=os.environ | secret)
    assert "runs " in done.stdout
    assert "s3cret" not in done.stdout + done.stderr
    refused = subprocess.run(
        command(platform, journal, "import", "mlflow", "--from", "http://ada:s3cret@127.0.0.1:1"),
        check=False,
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1
    assert "s3cret" not in refused.stdout + refused.stderr
    assert "must not hold a password" in refused.stderr
