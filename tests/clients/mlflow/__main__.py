"""A data scientist's work with an unmodified client, told step by step: one line of JSON on each.

Run as ``python -m tests.clients.mlflow`` in a folder of its own; MLflow's variables tell it where to.
"""

import json
import time
import traceback

from tests.clients.mlflow.steps import STEPS


def main() -> None:
    for name, step in STEPS.items():
        began = time.monotonic()
        try:
            step()
            failure = None
        except Exception:  # noqa: BLE001 - the next step may work all the same
            failure = traceback.format_exc()
        told = {"step": name, "failure": failure, "seconds": round(time.monotonic() - began, 2)}
        print(json.dumps(told), flush=True)  # noqa: T201 - how the test is told


if __name__ == "__main__":
    main()
