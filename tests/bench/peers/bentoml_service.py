"""A BentoML service of one model; `BENCH_MODEL` says where it is."""

import os

import bentoml
import joblib


@bentoml.service
class Trees:
    def __init__(self) -> None:
        self.model = joblib.load(os.environ["BENCH_MODEL"])

    @bentoml.api  # type: ignore[untyped-decorator]  # not in this project's environment
    def predict(self, rows: list[list[float]]) -> list[float]:
        answers: list[float] = self.model.predict(rows).tolist()
        return answers
