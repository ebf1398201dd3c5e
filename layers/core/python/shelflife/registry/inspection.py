"""Whether a version that a client registered can be served: what its files say."""

from dataclasses import dataclass

from shelflife.contracts.models import Candidate
from shelflife.contracts.registry import ModelVersionPromoted, ModelVersionRegistered, VersionInspected
from shelflife.contracts.tracking import LinkedModel
from shelflife.kernel.ids import Clock, NewId, is_name
from shelflife.kernel.news import News
from shelflife.registry import changing
from shelflife.registry.model import ModelVersion, RegisteredModel
from shelflife.registry.onnx_graph import UnservableModelError, signature_of, task_of
from shelflife.registry.onnx_weights import whole
from shelflife.registry.ports import Commit, ModelFiles, ModelVersions, RegisteredModels

_ONNX = ".onnx"
_USUAL = "model.onnx"
#: More than any model has; what is beyond is not looked at.
_MOST_FILES = 1000
#: Of a model and of the files with its weights together: what serving has room for.
MOST_BYTES = 256 * 1024 * 1024
_NOBODY = "mlflow"
_UNLINKED = LinkedModel()


@dataclass(frozen=True, slots=True)
class Inspection:
    models: RegisteredModels
    versions: ModelVersions
    files: ModelFiles
    now: Clock
    new_id: NewId

    def inspect(self, owner_id: str, number: int, linked: LinkedModel = _UNLINKED) -> VersionInspected:
        """Find out whether the version can be served, and keep that with it.

        What is `linked` is the logged model that it came from: its files and its run are the version's, too.
        If the version can be served, it is told like one that was trained here: that it was registered, and
        which aliases point to it. Asked again, the answer is the same, and nothing is told.
        """
        model = self.models.named([owner_id]).get(owner_id)
        version = self.versions.find(model, number) if model else None
        if model is None or version is None:
            return VersionInspected(servable=False, reason="it was deleted meanwhile")
        if version.candidate is None and version.status_message is None:
            found = self._looked_at(_with(version, linked))
            changing.committed(self.models, model.name, lambda seen: self._settled(seen, found))
            version = found
        return VersionInspected(servable=version.candidate is not None, reason=version.status_message)

    def _looked_at(self, version: ModelVersion) -> ModelVersion:
        try:
            return version.model_copy(update={"candidate": self._candidate(version)})
        except UnservableModelError as error:
            return version.model_copy(update={"status_message": f"it cannot be served: {error}"})

    def _candidate(self, version: ModelVersion) -> Candidate:
        """The version as serving knows models.

        Raises:
            UnservableModelError: it cannot be one.
        """
        if not is_name(version.model_name):
            raise UnservableModelError(f"no deployment can be of a model called {version.model_name!r}")
        model = self._model(version)
        signature = signature_of(memoryview(model))
        return Candidate(
            model_name=version.model_name,
            task=task_of(signature),
            target="",
            signature=signature,
            model=self.files.keep(model),
            baseline=None,
            holdout=None,
            metrics={},
            run_id=version.run_id or "",
            job_id=_NOBODY,
            dataset=None,
        )

    def _model(self, version: ModelVersion) -> "bytes | memoryview":
        """The model in one file."""
        location = version.location or version.source_uri
        folder = self.files.folder_of(location)
        if folder is None:
            raise UnservableModelError(f"its files are not in the platform's storage, but at {location!r}")
        sizes = self.files.sizes(folder, _MOST_FILES)
        name = _onnx_in(sizes)
        read: list[int] = []

        def file(path: str) -> memoryview:
            size = sizes.get(path)
            if size is None:
                raise UnservableModelError(f"its file {path!r} is not there")
            read.append(size)
            if sum(read) > MOST_BYTES:
                raise UnservableModelError(f"it has more than {MOST_BYTES} bytes")
            return memoryview(self.files.read(folder, path) or b"")

        beside: dict[str, memoryview] = {}
        within = name[: name.rfind("/") + 1]

        def weights(location: str) -> memoryview:
            if location not in beside:
                beside[location] = file(f"{within}{location}")
            return beside[location]

        return whole(file(name), weights)

    def _settled(self, model: RegisteredModel, found: ModelVersion) -> Commit | None:
        version = self.versions.find(model, found.version)
        if version is None or version.candidate is not None or version.status_message is not None:
            return None
        told = ("candidate", "status_message", "location", "run_id")
        settled = version.model_copy(update={name: getattr(found, name) for name in told})
        return Commit(model.after(), settled=settled, news=tuple(self._news(model, settled)))

    def _news(self, model: RegisteredModel, version: ModelVersion) -> list[News]:
        reference = version.reference()
        if reference is None:
            return []
        at = model.moment(self.now())
        told: list[News] = [
            ModelVersionRegistered(event_id=self.new_id(), happened_at=at, registered=reference)
        ]
        told += [
            ModelVersionPromoted(
                event_id=self.new_id(),
                happened_at=at,
                alias=alias,
                promoted=reference,
                previous_version=None,
                moved_by=version.created_by,
            )
            for alias in model.aliases_of(version.version)
            if is_name(alias)
        ]
        return told


def _with(version: ModelVersion, linked: LinkedModel) -> ModelVersion:
    """A run that the client named itself stays; so do files that are in a place of their own."""
    named = version.location or not version.source_uri.startswith("models:")
    location = version.location if named else linked.artifact_uri
    return version.model_copy(
        update={"location": location, "run_id": version.run_id or linked.run_id or version.run_id}
    )


def _onnx_in(sizes: dict[str, int]) -> str:
    """The one ONNX file."""
    found = sorted(name for name in sizes if name.endswith(_ONNX))
    if not found:
        raise UnservableModelError("there is no ONNX file among its artifacts")
    if len(found) > 1 and _USUAL not in found:
        raise UnservableModelError(
            f"there are several ONNX files among its artifacts: {', '.join(found[:5])}"
        )
    return _USUAL if _USUAL in found else found[0]
