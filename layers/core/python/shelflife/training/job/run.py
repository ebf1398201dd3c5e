"""The job from start to end: one log line per step, `result.json` last, and one clear line if it fails."""

import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.contracts.models import Candidate, DatasetReference
from shelflife.contracts.training import TrainingResult
from shelflife.training.files import FAILURE, RESULT
from shelflife.training.job.artifacts import (
    BASELINE,
    HOLDOUT,
    MODEL,
    Artifacts,
    baseline_json,
    holdout_npz,
)
from shelflife.training.job.contract import Tree, failure_line, hyperparameters
from shelflife.training.job.export import signature_of, to_onnx
from shelflife.training.job.metrics import measured
from shelflife.training.job.parity import Exported, largest_difference
from shelflife.training.job.pipeline import Fitted, fit
from shelflife.training.job.rows import Rows, load_rows, split_rows
from shelflife.training.job.tracking import Run, start_run
from shelflife.training.model import CheckedPlan, JobOrder


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that answers as it was trained to, and how good it is."""

    fitted: Fitted
    exported: Exported
    model: bytes
    trained: Rows
    held_out: Rows
    metrics: dict[str, float]
    largest_parity_error: float


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Run the job that the environment and the mounted files describe; the answer is the exit code."""
    began = time.perf_counter()
    tree = Tree.of(environ)
    objects = Objects(client("s3"))
    order: JobOrder | None = None
    run: Run | None = None
    try:
        told = hyperparameters(tree, environ)
        order = JobOrder.model_validate_json(objects.read(told.plan_uri))
        _say(f"job {order.job_id}: plan {told.plan_uri}")
        run = start_run(told, order)
        _leave(_train(order, objects), Artifacts(objects, order.output_uri, tree.model), order, run, began)
    except Exception as error:  # noqa: BLE001 - the contract wants a line and an exit code for every failure
        _fail(error, tree, order, run)
        return 1
    return 0


def _train(order: JobOrder, objects: Objects) -> Trained:
    checked = order.checked
    trained, held_out = split_rows(_rows(checked, objects), checked)
    _say(f"{len(trained)} rows to train on, {len(held_out)} held out")
    fitted = fit(checked, trained)
    _say(f"fitted {checked.plan.algorithm} for {checked.plan.task}")
    model = to_onnx(fitted)
    exported = Exported.load(model, checked.plan.task)
    error = max(largest_difference(fitted, exported, rows) for rows in (trained, held_out))
    _say(f"ONNX model of {len(model)} bytes answers like the trained one on every row, to {error:.2e}")
    metrics = measured(exported, held_out, fitted.classes)
    for name, value in metrics.items():
        _say(f"held-out {name}={value:.6g}")
    return Trained(fitted, exported, model, trained, held_out, metrics, error)


def _rows(checked: CheckedPlan, objects: Objects) -> Rows:
    stored = checked.manifest.rows
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.parquet"
        file.write_bytes(objects.read(stored.uri, sha256=stored.sha256))
        rows = load_rows(file, checked)
    _say(f"{len(rows)} rows with a target, of {checked.manifest.row_count} in {stored.uri}")
    return rows


def _leave(found: Trained, artifacts: Artifacts, order: JobOrder, run: Run, began: float) -> None:
    """Write everything, the result last: without it, nothing else counts."""
    plan = order.checked.plan
    baseline = baseline_json(found.exported, found.trained)
    candidate = Candidate(
        model_name=plan.model_name,
        task=plan.task,
        target=plan.target,
        signature=signature_of(found.fitted),
        model=artifacts.write(MODEL, found.model, content_type="application/octet-stream"),
        baseline=artifacts.write(BASELINE, baseline.encode(), content_type="application/json"),
        holdout=artifacts.write(
            HOLDOUT, holdout_npz(found.held_out), content_type="application/zip", kept=False
        ),
        metrics=found.metrics,
        run_id=run.run_id,
        job_id=order.job_id,
        dataset=DatasetReference(name=order.checked.manifest.name, version=order.checked.manifest.version),
    )
    texts = {
        "plan.json": order.checked.plan.model_dump_json(indent=2),
        "candidate.json": candidate.model_dump_json(),
    }
    run.log(found.metrics, texts)
    run.end("FINISHED")
    result = TrainingResult(
        candidate=candidate,
        rows_trained=len(found.trained),
        rows_held_out=len(found.held_out),
        largest_parity_error=found.largest_parity_error,
        seconds=round(time.perf_counter() - began, 3),
    )
    stored = artifacts.write(RESULT, result.model_dump_json().encode(), content_type="application/json")
    _say(f"done: {json.dumps({'result': stored.uri, 'seconds': result.seconds})}")


def _fail(error: Exception, tree: Tree, order: JobOrder | None, run: Run | None) -> None:
    traceback.print_exc(file=sys.stderr)
    line = failure_line(error)
    tree.failure.write_text(line)
    _say(f"failed: {line}")
    # What cannot be told anywhere else is in the file and in the log; the first error stays the error.
    if order is not None:
        with suppress(Exception):
            Artifacts(Objects(client("s3")), order.output_uri, tree.model).write(
                FAILURE, line.encode(), content_type="text/plain", kept=False
            )
    if run is not None:
        with suppress(Exception):
            run.end("FAILED")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the job's log is its standard output
