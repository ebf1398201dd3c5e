"""An installation is deployed again, stopped, killed, and comes back with everything."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from infra.deploy import assembly
from infra.deploy.deployer import Deployer
from infra.installation import STAGE, read_endpoints, synthesized
from infra.local.cloud import running, stop_running
from tests.e2e import steps
from tests.e2e.stories import CANCER, Stories
from tests.e2e.test_cli import COMMAND
from tests.harness.installation import Platform, eventually, processes

pytestmark = pytest.mark.e2e

UP_SECONDS = 120


def test_a_deployment_without_changes_changes_nothing(platform: Platform) -> None:
    stacks = assembly.stacks(synthesized(STAGE, lambda _: None))
    deployer = Deployer(platform.account, lambda *_: None, images=platform.folder / "images")
    assert {deployer.deploy(stack) for stack in stacks} == {"unchanged"}


def test_a_restart_brings_everything_back(platform: Platform, stories: Stories, said: list[str]) -> None:
    story = CANCER
    stories.tell(story)
    inputs = story.tensors(story.frame[:20])
    before = steps.infer(platform, story.name, inputs)["outputs"]
    jobs = platform.get("/v1/training/jobs?limit=100")
    said.clear()
    platform.installation.stop()
    assert processes(str(platform.folder)) == {}
    assert platform.installation.start() == platform.endpoints
    outcomes = [line.split()[2] for line in said if line.startswith("[")]
    assert outcomes == ["unchanged"] * len(assembly.stacks(synthesized(STAGE, lambda _: None)))
    assert platform.get("/v1/training/jobs?limit=100") == jobs
    assert steps.infer(platform, story.name, inputs)["outputs"] == before
    assert steps.champion(platform, story.name) == 1


@contextmanager
def up(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """`shelflife up`, from the moment at which it says that it is."""
    command = [COMMAND, "up", "--state", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            said = []
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if line.startswith("next:"):
                    break
            else:
                raise AssertionError("".join(said))
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=UP_SECONDS)


def test_a_killed_command_leaves_no_process_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "cloud"
    with up(folder) as process:
        token = token_that_works(folder)
        process.kill()
        began = time.monotonic()
        eventually(lambda: running(folder) is None, "the end of the cloud")
        eventually(lambda: processes(str(folder)) == {}, "the end of all processes")
        assert time.monotonic() - began < 30
    with up(folder) as process:
        # The cloud that was left alone has saved its state: the same token opens the same API.
        assert token_that_works(folder) == token
        assert stop_running(folder)
        # `shelflife down` from elsewhere ends the command that holds the cloud, too.
        assert process.wait(UP_SECONDS) == 0
    with up(folder) as process:
        assert running(folder) is not None
        process.send_signal(signal.SIGTERM)
        assert process.wait(UP_SECONDS) == 0
    assert running(folder) is None
    assert processes(str(folder)) == {}


def token_that_works(folder: Path) -> str:
    endpoints = read_endpoints(folder)
    assert endpoints is not None
    headers = {"Authorization": f"Bearer {endpoints.token}"}
    answer = httpx.get(f"{endpoints.api_url}/v1/access/me", headers=headers, timeout=60)
    assert answer.json() == {"name": "local admin", "role": "admin"}
    assert (folder / "endpoints.json").stat().st_mode & 0o777 == 0o600
    return endpoints.token
