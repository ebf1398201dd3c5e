"""What one instance of the function has answered since it started, in Triton's form."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_MILLISECOND = 1_000_000


@dataclass(slots=True)
class Durations:
    """How often something happened, and how long it took in sum."""

    count: int = 0
    ns: int = 0

    def add(self, ns: int) -> None:
        self.count += 1
        self.ns += ns

    @property
    def form(self) -> dict[str, int]:
        return {"count": self.count, "ns": self.ns}


class Timings(NamedTuple):
    """What one answer took, in nanoseconds."""

    input_ns: int
    infer_ns: int
    output_ns: int
    whole_ns: int


@dataclass(slots=True)
class _Model:
    name: str
    version: str
    rows: int = 0
    last_ms: int = 0
    success: Durations = field(default_factory=Durations)
    fail: Durations = field(default_factory=Durations)
    read: Durations = field(default_factory=Durations)
    run: Durations = field(default_factory=Durations)
    write: Durations = field(default_factory=Durations)

    @property
    def form(self) -> dict[str, Any]:
        nothing = Durations().form
        return {
            "name": self.name,
            "version": self.version,
            "last_inference": self.last_ms,
            "inference_count": self.rows,
            "execution_count": self.run.count,
            "inference_stats": {
                "success": self.success.form,
                "fail": self.fail.form,
                # Nothing waits here, and nothing is answered from a cache that this knows of.
                "queue": nothing,
                "compute_input": self.read.form,
                "compute_infer": self.run.form,
                "compute_output": self.write.form,
                "cache_hit": nothing,
                "cache_miss": nothing,
            },
            "batch_stats": [],
            "memory_usage": [],
        }


class Statistics:
    """Counts by deployment and version. Only what was found is counted, so that names cannot fill memory."""

    def __init__(self) -> None:
        self._models: dict[tuple[str, str], _Model] = {}

    def answered(self, name: str, version: int, rows: int, took: Timings) -> None:
        model = self._model(name, str(version))
        model.rows += rows
        model.last_ms = time.time_ns() // _MILLISECOND
        model.success.add(took.whole_ns)
        model.read.add(took.input_ns)
        model.run.add(took.infer_ns)
        model.write.add(took.output_ns)

    def failed(self, name: str, version: int, ns: int) -> None:
        self._model(name, str(version)).fail.add(ns)

    def told(
        self, name: str | None = None, versions: Sequence[int] = (), *, alone: bool = False
    ) -> dict[str, Any]:
        """All models; or these versions of one, with zeros if they were not asked yet.

        Unless they are asked for `alone`, so are others of the model that were asked before.
        """
        if name is None:
            return {"model_stats": [model.form for model in self._models.values()]}
        keys = [(name, str(version)) for version in versions]
        if not alone:
            keys += [key for key in self._models if key[0] == name and key not in keys]
        return {"model_stats": [(self._models.get(key) or _Model(*key)).form for key in keys]}

    def _model(self, name: str, version: str) -> _Model:
        found = self._models.get((name, version))
        if found is None:
            found = self._models[name, version] = _Model(name, version)
        return found
