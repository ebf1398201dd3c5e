"""An installation of the platform on a local cloud: start it, synthesize, deploy, make the first token."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra.build import layers
from infra.deploy import assembly
from infra.deploy.account import Account
from infra.deploy.deployer import Deployer
from infra.local.cloud import LocalCloud

ROOT = Path(__file__).resolve().parent.parent
STAGE = "local"
#: What the templates are made from; layers are named by their markers.
_SOURCES = ("infra", "functions", "statemachines", "layers/core")
_SOURCE_SUFFIXES = {".py", ".json", ".txt", ".csv", ""}
_TOKEN_DAYS = 30
_KEPT_ASSEMBLIES = 2

Say = Callable[[str], None]


class SynthesisFailedError(RuntimeError):
    def __init__(self, output: str) -> None:
        super().__init__(f"the stacks cannot be synthesized:\n{output.strip()[-4000:]}")


class TokenRefusedError(RuntimeError):
    """The function that makes tokens said why it did not make one."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a client needs; `token` is an admin's."""

    api_url: str
    token: str
    aws_endpoint_url: str
    region: str
    account: str


@dataclass(slots=True)
class Installation:
    """The platform on a local cloud whose state is in `folder`.

    `say` is told in one line what is going on; `seconds` says afterwards what took how long.
    """

    folder: Path
    say: Say
    port: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    _cloud: LocalCloud | None = None

    @property
    def cloud(self) -> LocalCloud:
        if self._cloud is None:
            self._cloud = LocalCloud(self.folder, port=self.port)
        return self._cloud

    @property
    def account(self) -> Account:
        cloud = self.cloud
        return Account(region=cloud.region, endpoint_url=cloud.endpoint_url, account_id=cloud.account)

    def start(self) -> Endpoints:
        """Bring everything up; with state from an earlier run, only what changed is deployed."""
        with self._timed("cloud"):
            self.say("starting the local cloud")
            self.cloud.start()
        with self._timed("synth"):
            folder = synthesized(STAGE, self.say)
        with self._timed("deploy"):
            self._deploy(folder)
        endpoints = self._endpoints()
        write_private(self.folder / "endpoints.json", json.dumps(asdict(endpoints), indent=2))
        return endpoints

    def stop(self) -> None:
        self.cloud.stop()

    def _deploy(self, folder: Path) -> None:
        stacks = assembly.stacks(folder)
        deployer = Deployer(self.account, self._tell, images=self.folder / "images")
        deployer.prepare(stacks)
        for number, stack in enumerate(stacks, 1):
            began = time.monotonic()
            outcome = deployer.deploy(stack)
            took = time.monotonic() - began
            self.say(f"[{number}/{len(stacks)}] {stack.name} {outcome} ({took:.1f} s)")

    def _tell(self, stack: str, what: str) -> None:
        self.say(f"{stack}: {what}")

    def _endpoints(self) -> Endpoints:
        kept = read_endpoints(self.folder)
        deployer = Deployer(self.account, self._tell)
        api_url = deployer.outputs(f"shelflife-{STAGE}-edge")["ApiUrl"]
        same = kept is not None and kept.api_url == api_url
        token = (
            kept.token if kept and same else issue_token(self.account, STAGE, "local admin", "admin")["token"]
        )
        cloud = self.cloud
        return Endpoints(api_url, token, cloud.endpoint_url, cloud.region, cloud.account)

    def _timed(self, step: str) -> "_Timed":
        return _Timed(self.seconds, step)


@dataclass(slots=True)
class _Timed:
    seconds: dict[str, float]
    step: str
    began: float = 0.0

    def __enter__(self) -> None:
        self.began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.seconds[self.step] = round(time.monotonic() - self.began, 2)


def synthesized(stage: str, say: Say) -> Path:
    """The stage's assembly: made anew only if a source of it has changed, and never changed once it is made.

    Its folder is named after what it was made from, so whoever deploys one is not disturbed by another synth.
    """
    with _alone(ROOT / ".build" / "cdk" / "lock"):
        say("building layers")
        platform = "local" if stage == STAGE else "aws"
        layers.build(platform)
        folder = ROOT / ".build" / "cdk" / f"{stage}-{_fingerprint(platform)[:16]}"
        if not (folder / "order.json").exists():
            say("synthesizing the stacks")
            _synthesize(stage, folder)
            _forget_older(stage, folder)
        return folder


def _synthesize(stage: str, folder: Path) -> None:
    environment = os.environ | {"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20"}
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".synth-") as aside:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "infra.app", stage, f"{aside}/assembly"],
            cwd=ROOT,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SynthesisFailedError(done.stderr or done.stdout)
        shutil.rmtree(folder, ignore_errors=True)
        Path(aside, "assembly").rename(folder)


def _forget_older(stage: str, newest: Path) -> None:
    """Leave the last few: a deployment may still read from one."""
    others = [found for found in newest.parent.glob(f"{stage}-*") if found != newest]
    for old in sorted(others, key=lambda found: found.stat().st_mtime, reverse=True)[_KEPT_ASSEMBLIES:]:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Whoever builds in this folder waits for whoever does so already."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def issue_token(
    account: Account, stage: str, name: str, role: str, days: float = _TOKEN_DAYS
) -> dict[str, Any]:
    """A new API token, made by the function that operators invoke.

    Raises:
        TokenRefusedError: the function refused, with its reason.
    """
    outputs = Deployer(account, lambda *_: None).outputs(f"shelflife-{stage}-access")
    asked = {"name": name, "role": role, "expires_in_days": days}
    answer = account.client("lambda").invoke(
        FunctionName=outputs["IssueTokenFunction"], Payload=json.dumps(asked).encode()
    )
    told: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise TokenRefusedError(told.get("errorMessage", "the token was not made"))
    return told


def read_endpoints(folder: Path) -> Endpoints | None:
    """What an installation left for its clients, if it is there."""
    path = folder / "endpoints.json"
    return Endpoints(**json.loads(path.read_text())) if path.exists() else None


def write_private(path: Path, text: str) -> None:
    """Written for its owner alone: it holds a token."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".tmp")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    aside.replace(path)


def _fingerprint(platform: str) -> str:
    digest = hashlib.sha256()
    for path in _sources(platform):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _sources(platform: str) -> Iterator[Path]:
    for folder in _SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            hidden = any(part in {"__pycache__", "node_modules"} for part in path.parts)
            if path.is_file() and not hidden and path.suffix in _SOURCE_SUFFIXES:
                yield path
    yield from sorted((ROOT / ".build" / "layers" / platform).glob("*.built"))
