"""Models in memory: those used last, as long as their files' sizes fit into a budget."""

from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Event, Lock
from time import perf_counter
from typing import NamedTuple

from shelflife.contracts.data import StoredObject
from shelflife.contracts.models import ModelVersionReference, Signature
from shelflife.serving.errors import ModelUnusableError
from shelflife.serving.ports import LoadedModel, Model, ModelLoad, Models

#: A model that cannot serve is not read again for so long.
REFUSED_SECONDS = 30.0
#: Loads that nobody asked for, and refusals, are remembered up to here.
_REMEMBERED = 256


class LruModels:
    """Threads that ask for one model at the same time wait for one load of it.

    A load holds no other model up. What is put out of memory still answers whoever is using it. One model is
    kept whatever its size, so a load needs room for a model beyond the budget for a moment.
    """

    def __init__(self, stored: Models, budget_bytes: int, seconds: Callable[[], float]) -> None:
        self._stored = stored
        self._budget = budget_bytes
        self._seconds = seconds
        self._lock = Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._kept_bytes = 0
        self._refused: OrderedDict[str, _Refused] = OrderedDict()
        self._loading: dict[str, Event] = {}
        self._new: deque[ModelLoad] = deque(maxlen=_REMEMBERED)

    def load(self, reference: ModelVersionReference) -> Model:
        digest = reference.candidate.model.sha256
        while True:
            with self._lock:
                known = self._known(digest, reference)
                if known is not None:
                    return known
                others = self._loading.get(digest)
                if others is None:
                    self._loading[digest] = Event()
            if others is None:
                return self._load(digest, reference)
            # Then it is known, or why it cannot serve; if S3 failed, this thread tries for itself.
            others.wait()

    def loaded(self) -> list[LoadedModel]:
        with self._lock:
            return [LoadedModel(digest, kept.size_bytes) for digest, kept in self._kept.items()]

    def unload(self, digest: str) -> bool:
        with self._lock:
            refused = self._refused.pop(digest, None)
            return self._drop(digest) or refused is not None

    def new_loads(self) -> list[ModelLoad]:
        if not self._new:
            return []
        with self._lock:
            loads = list(self._new)
            self._new.clear()
            return loads

    def _known(self, digest: str, reference: ModelVersionReference) -> Model | None:
        candidate = reference.candidate
        kept = self._kept.get(digest)
        # One file may be registered with several signatures; the one that was asked for last is kept.
        if kept is not None and (
            kept.signature is candidate.signature or kept.signature == candidate.signature
        ):
            self._kept.move_to_end(digest)
            return kept.model
        refused = self._refused.get(digest)
        if refused is not None and refused.concerns(reference) and self._seconds() < refused.until:
            raise ModelUnusableError(reference.model_name, reference.version, refused.reason)
        return None

    def _load(self, digest: str, reference: ModelVersionReference) -> Model:
        began = perf_counter()
        candidate, failed = reference.candidate, True
        try:
            model = self._stored.load(reference)
            failed = False
            with self._lock:
                self._keep(digest, _Kept(model, candidate.signature, candidate.model.size_bytes))
        except ModelUnusableError as error:
            until = self._seconds() + REFUSED_SECONDS
            with self._lock:
                self._refuse(digest, _Refused(candidate.model, candidate.signature, error.reason, until))
            raise
        finally:
            took = (perf_counter() - began) * 1000
            with self._lock:
                self._new.append(ModelLoad(digest, candidate.model.size_bytes, took, failed))
                self._loading.pop(digest).set()
        return model

    def _keep(self, digest: str, kept: "_Kept") -> None:
        self._drop(digest)
        self._refused.pop(digest, None)
        self._kept[digest] = kept
        self._kept_bytes += kept.size_bytes
        while len(self._kept) > 1 and self._kept_bytes > self._budget:
            self._drop(next(iter(self._kept)))

    def _drop(self, digest: str) -> bool:
        dropped = self._kept.pop(digest, None)
        if dropped is None:
            return False
        self._kept_bytes -= dropped.size_bytes
        return True

    def _refuse(self, digest: str, refused: "_Refused") -> None:
        self._refused.pop(digest, None)
        self._refused[digest] = refused
        while len(self._refused) > _REMEMBERED:
            self._refused.popitem(last=False)


class _Kept(NamedTuple):
    model: Model
    signature: Signature
    size_bytes: int


class _Refused(NamedTuple):
    stored: StoredObject
    signature: Signature
    reason: str
    until: float

    def concerns(self, reference: ModelVersionReference) -> bool:
        candidate = reference.candidate
        return (self.stored, self.signature) == (candidate.model, candidate.signature)
