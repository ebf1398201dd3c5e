"""A small server with one of everything that can go wrong."""

from typing import Any

from tests.fakes.mlflow_server import MemoryMlflow

Json = dict[str, Any]
PARENT, CHILD, GONE, HIDDEN = ("1" * 32, "2" * 32, "3" * 32, "4" * 32)


def tags(**pairs: str) -> list[Json]:
    return [{"key": key.replace("__", "."), "value": value} for key, value in pairs.items()]


def experiment(id: str, name: str, at: int, stage: str = "active", **tagged: str) -> Json:
    return {
        "experiment_id": id,
        "name": name,
        "artifact_location": f"mlflow-artifacts:/{id}",
        "lifecycle_stage": stage,
        "creation_time": at,
        "last_update_time": at + 1,
        "tags": tags(**tagged),
    }


def run(id: str, experiment_id: str, at: int, stage: str = "active", **tagged: str) -> Json:
    info = {
        "run_id": id,
        "run_uuid": id,
        "experiment_id": experiment_id,
        "run_name": f"run {at}",
        "user_id": "ada",
        "status": "FINISHED",
        "start_time": at,
        "end_time": at + 500,
        "lifecycle_stage": stage,
        "artifact_uri": f"mlflow-artifacts:/{experiment_id}/{id}/artifacts",
    }
    data = {
        "params": [{"key": "depth", "value": "3"}, {"key": "größe", "value": ""}],
        "tags": tags(mlflow__runName=f"run {at}", **tagged),
        "metrics": [],
    }
    return {"info": info, "data": data, "inputs": {}}


def point(key: str, value: Any, at: int, step: int) -> Json:
    return {"key": key, "value": value, "timestamp": at, "step": step}


def version(number: int, source: str, stage: str = "None", **tagged: str) -> Json:
    return {
        "name": "bikes",
        "version": str(number),
        "creation_timestamp": 1000 + number,
        "last_updated_timestamp": 2000 + number,
        "current_stage": stage,
        "description": f"number {number}",
        "source": source,
        "run_id": PARENT,
        "status": "READY",
        "tags": tags(**tagged),
        "run_link": "",
    }


def filled() -> MemoryMlflow:
    runs = [
        run(PARENT, "1", 10),
        run(CHILD, "1", 20, mlflow__parentRunId=PARENT),
        run(GONE, "1", 30, "deleted"),
        run(HIDDEN, "2", 40, "deleted"),
    ]
    points = {
        (PARENT, "loss"): [point("loss", 1 / (step + 1), 100 + step, step) for step in range(5)],
        (PARENT, "odd"): [point("odd", "NaN", 7, 0), point("odd", 1.7976931348623157e308, 8, 1)],
        (GONE, "loss"): [point("loss", 0.5, 1, 0)],
    }
    for (run_id, _), history in points.items():
        next(one for one in runs if one["info"]["run_id"] == run_id)["data"]["metrics"].append(history[-1])
    base = f"1/{PARENT}/artifacts"
    return MemoryMlflow(
        experiments=[
            experiment("0", "Default", 1),
            experiment("1", "bikes / größe", 2, team="risk"),
            experiment("2", "gone", 3, "deleted"),
        ],
        runs=runs,
        points=points,
        files={
            f"{base}/a.txt": b"a",
            f"{base}/empty": b"",
            f"{base}/sub dir/ü %.bin": bytes(range(256)) * 40,
        },
        models=[
            {
                "name": "bikes",
                "creation_timestamp": 999,
                "last_updated_timestamp": 3000,
                "description": "all of them",
                "tags": tags(team="risk"),
                "aliases": [{"alias": "champion", "version": "3"}],
            },
            {
                "name": "greet",
                "creation_timestamp": 998,
                "last_updated_timestamp": 998,
                "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}],
            },
        ],
        versions=[
            version(1, f"mlflow-artifacts:/{base}/model", "Archived"),
            version(3, f"runs:/{PARENT}/model", "Production", a="b"),
        ],
    )
