"""Which runs and logged models versions came from: they are needed as long as the versions are there."""

from collections.abc import Iterator
from dataclasses import dataclass

from shelflife.contracts.registry import FindRegistered, LoggedModelVersions, Registered
from shelflife.registry.ports import Histories, ModelVersions, RegisteredModels


@dataclass(frozen=True, slots=True)
class Origins:
    models: RegisteredModels
    versions: ModelVersions
    histories: Histories

    def registered(self, asked: FindRegistered) -> Registered:
        """Those of the runs and logged models that a version came from."""
        return Registered(
            runs=tuple(run_id for run_id in asked.runs if self.versions.of_run(run_id, 1, None).items),
            logged_models=tuple(one.model_id for one in asked.logged_models if self._became_any(one)),
        )

    def _became_any(self, model: LoggedModelVersions) -> bool:
        return any(self._is_there(one.name, one.version) for one in model.versions)

    def _is_there(self, name: str, number: int) -> bool:
        """Whether a model that has the name, or had it once, has the version."""
        found = self.models.named([*dict.fromkeys(self._owners(name))])
        return any(self.versions.find(model, number) for model in found.values())

    def _owners(self, name: str) -> Iterator[str]:
        cursor: str | None = None
        while True:
            page = self.histories.tenures(name, 100, cursor)
            yield from (tenure.owner_id for tenure in page.items)
            cursor = page.next_cursor
            if cursor is None:
                return
