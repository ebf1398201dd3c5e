"""``python -m infra.local serve``: the local cloud in the foreground."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from infra.local.emulator import REGION
from infra.local.serve import ServeRequest, serve
from infra.local.state import LocalCloudError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.local", description="AWS on loopback, without Docker."
    )
    command = parser.add_subparsers(required=True).add_parser("serve", help="run until SIGTERM or Ctrl-C")
    command.add_argument(
        "--state-dir", type=Path, default=Path(".build/local"), help="where everything is kept"
    )
    command.add_argument("--port", type=int, help="a fixed port; the last or a free one without it")
    command.add_argument("--region", default=REGION)
    command.add_argument("--stop-grace", type=float, default=10.0, help="seconds that a stopped job may take")
    command.add_argument("--lifeline", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    request = ServeRequest(
        state_dir=asked.state_dir.resolve(),
        port=asked.port,
        region=asked.region,
        stop_grace_seconds=asked.stop_grace,
        lifeline=asked.lifeline,
    )
    try:
        return serve(request)
    except LocalCloudError as error:
        print(f"local cloud: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 1


if __name__ == "__main__":
    sys.exit(main())
