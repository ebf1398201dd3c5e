"""The story that `make demo` tells: winter becomes summer, and the model keeps up by itself.

Every step is an API call that anybody with a token could make, except those that play the outside world:
starting the cloud, and shortening the schedule's rate so that a day's wait becomes a minute's.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from infra.demo import scenes
from infra.demo.bikes import Bikes
from infra.demo.client import Client
from infra.demo.failure import explain
from infra.demo.summary import show, write
from infra.installation import Installation
from infra.local.cloud import stop_running

DEPLOYMENT = "bikeshare"


@dataclass
class Told:
    """What the story has come to so far; the summary is made of it."""

    folder: Path
    installation: Installation
    client: Client
    bikes: Bikes
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


Scene = Callable[[Told, Callable[[str], None]], None]

SCENES: tuple[tuple[str, Scene], ...] = (
    ("register data, January to April", scenes.register_first_data),
    ("train, validate, register, promote", scenes.train_first_model),
    ("wait for the deployment", scenes.await_first_deployment),
    ("predict May to July", scenes.predict_early_summer),
    ("tell the true demand", scenes.tell_truth),
    ("register data, January to July", scenes.register_second_data),
    ("wait for the schedule to find drift", scenes.await_drift),
    ("wait for retraining to deploy a better model", scenes.await_retraining),
    ("predict August with both versions", scenes.compare_on_august),
)


def tell(folder: Path) -> int:
    """Tell the story in a folder of its own; the answer is the exit status."""
    console = Console(highlight=False)
    began = time.monotonic()
    clear(folder)
    installation = Installation(folder / "cloud", lambda line: console.print(f"  {line}"))
    told: Told | None = None
    step = "start the cloud"
    try:
        console.print("[bold]start the local cloud and deploy every stack[/bold]")
        endpoints = installation.start()
        told = Told(folder, installation, Client(endpoints.api_url, endpoints.token), Bikes.read())
        told.seconds |= installation.seconds
        told.facts["api_url"] = endpoints.api_url
        for step, scene in SCENES:
            _play(told, step, scene, console)
        told.seconds["total"] = round(time.monotonic() - began, 1)
        show(told.facts, told.seconds, console)
        write(folder / "summary.json", told.facts, told.seconds)
    except KeyboardInterrupt:
        console.print("\ninterrupted; run it again whenever you like")
        return 130
    except Exception as error:  # noqa: BLE001 - whatever it is, the reader is told where to look
        explain(step, error, installation, console)
        return 1
    finally:
        _stop(installation, console)
    return 0


def clear(folder: Path) -> None:
    """Begin with nothing: what an earlier run left, also one that was killed, is removed."""
    stop_running(folder / "cloud")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _play(told: Told, step: str, scene: Scene, console: Console) -> None:
    console.print(f"[bold]{step}[/bold]")
    began = time.monotonic()
    scene(told, lambda line: console.print(f"  {line}"))
    told.seconds[step] = round(time.monotonic() - began, 2)


def _stop(installation: Installation, console: Console) -> None:
    try:
        installation.stop()
    except Exception as error:  # noqa: BLE001 - the story is over; how it ended matters more
        console.print(f"the local cloud did not stop cleanly: {error}")
