"""The Open Inference Protocol over the use cases: bytes in, bytes out, and counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

from shelflife.kernel.errors import InvalidError, ShelflifeError
from shelflife.serving.answers import WrittenAnswer, written_answer
from shelflife.serving.metadata import configuration, metadata
from shelflife.serving.oip import read_request
from shelflife.serving.prediction import Predictions
from shelflife.serving.served import EVERYBODY, Routing
from shelflife.serving.statistics import Statistics, Timings
from shelflife.serving.tensors import Prediction


@dataclass(frozen=True, slots=True)
class Protocol:
    predictions: Predictions
    statistics: Statistics

    def infer(
        self, name: str, raw: bytes, headers: Mapping[str, str], routing: Routing = EVERYBODY
    ) -> tuple[Prediction, WrittenAnswer]:
        """Answer a request; headers have lower-case names.

        Raises:
            InvalidError: the request is none, or does not fit the model.
            DeploymentNotFoundError: there is no such deployment, or it never served that version.
            VariantNotFoundError: it has no live variant of that name.
            UnavailableError: it cannot answer now.
        """
        began = perf_counter_ns()
        try:
            asked = read_request(raw, headers)
            read = perf_counter_ns()
            prediction = self.predictions.predict(name, asked.request, routing)
            predicted = perf_counter_ns()
            answer = written_answer(prediction, asked.forms, asked.default)
        except InvalidError:
            self._count_failure(name, routing.version, perf_counter_ns() - began)
            raise
        ended = perf_counter_ns()
        took = Timings(
            input_ns=read - began + prediction.bind_ns,
            infer_ns=prediction.run_ns,
            output_ns=ended - predicted,
            whole_ns=ended - began,
        )
        self.statistics.answered(name, prediction.model_version, prediction.rows, took)
        return prediction, answer

    def describe(self, name: str, version: str | None) -> dict[str, Any]:
        """Signature and versions.

        Raises:
            DeploymentNotFoundError: there is no such deployment, or it never served that version.
        """
        served = self.predictions.served
        found = served.find(name, Routing(version=version))
        return metadata(name, found.reference, served.versions(found))

    def configure(self, name: str, version: str | None) -> dict[str, Any]:
        """Triton's configuration of the model.

        Raises:
            DeploymentNotFoundError: there is no such deployment, or it never served that version.
        """
        found = self.predictions.served.find(name, Routing(version=version))
        return configuration(name, found.reference)

    def count(self, name: str, version: str | None) -> dict[str, Any]:
        """Statistics of the model in this instance: of one version, or of all that answer or did.

        Raises:
            DeploymentNotFoundError: there is no such deployment, or it never served that version.
        """
        return self.statistics.told(name, self._answering(name, version), alone=version is not None)

    def _count_failure(self, name: str, version: str | None, ns: int) -> None:
        """A request that nobody could read has no variant: it counts for the stable one."""
        try:
            answering = self._answering(name, version)
        except ShelflifeError:
            # What is not there has no statistics.
            return
        self.statistics.failed(name, answering[0], ns)

    def _answering(self, name: str, version: str | None) -> list[int]:
        served = self.predictions.served
        found = served.live(name) if version is None else [served.find(name, Routing(version=version))]
        return [one.reference.version for one in found]
