"""What MLflow's clients register: what lies in artifact storage, or a version that is known already."""

from dataclasses import dataclass

from shelflife.registry import sources
from shelflife.registry.errors import (
    AliasNotFoundError,
    AliasUnknownError,
    InvalidSourceError,
    ModelVersionNotFoundError,
)
from shelflife.registry.model import LATEST, ModelVersion, NewVersion, RegisteredModel
from shelflife.registry.promotion import Promotion
from shelflife.registry.service import Registry
from shelflife.registry.stages import canonical


@dataclass(frozen=True, slots=True)
class Sent:
    """A version as it was sent; `told` are the links that the client named itself, if only as empty."""

    new: NewVersion
    told: frozenset[str]
    is_prompt: bool


@dataclass(frozen=True, slots=True)
class Submission:
    registry: Registry
    promotion: Promotion

    def submit(self, model_name: str, sent: Sent, *, created_by: str) -> tuple[RegisteredModel, ModelVersion]:
        """Give what was sent the model's next version number.

        A source that is another registered version stays that, whatever its aliases and stages do later; the
        links to its run and logged model, where its files are, and whether it can be served are taken over.

        Raises:
            InvalidSourceError: the files cannot be there, or are not of what was named.
            RegisteredModelNotFoundError: there is no such model.
            ModelVersionNotFoundError: the source is a version that does not exist.
        """
        new = sent.new
        if sent.is_prompt:
            sources.check_prompt(new.source_uri)
        else:
            new = self._resolved(sent)
            sources.check(new.source_uri, run_id=new.run_id, model_id=new.model_id)
        made = self.registry.create_version(model_name, new, created_by=created_by)
        return self.registry.model(model_name), made

    def _resolved(self, sent: Sent) -> NewVersion:
        source = sources.registered(sent.new.source_uri)
        if source is None:
            return sent.new
        model, version = self._named(source)
        if model.is_prompt:
            raise InvalidSourceError(sent.new.source_uri, "a prompt has no files")
        for link in ("run_id", "model_id"):
            ours, theirs = getattr(sent.new, link) or "", getattr(version, link) or ""
            if link in sent.told and ours != theirs:
                raise InvalidSourceError(sent.new.source_uri, f"its {link} is {theirs!r}, not {ours!r}")
        return sent.new.model_copy(
            update={
                "source_uri": f"models:/{model.name}/{version.version}",
                "location": version.location or version.source_uri,
                "run_id": version.run_id or "",
                "model_id": version.model_id or "",
                "candidate": version.candidate,
                "evaluation_id": version.evaluation_id,
            }
        )

    def _named(self, source: sources.RegisteredSource) -> tuple[RegisteredModel, ModelVersion]:
        if source.alias is not None:
            try:
                return self.promotion.find(source.name, source.alias)
            except AliasNotFoundError as error:
                raise AliasUnknownError(source.name, source.alias) from error
        model, suffix = self.registry.model(source.name), source.suffix or ""
        if suffix.isdecimal():
            return model, self.registry.version_of(model, int(suffix))
        if suffix.lower() == LATEST:
            number = max(model.latest.values(), default=None)
        else:
            number = model.latest.get(canonical(suffix))
        if number is None:
            raise ModelVersionNotFoundError(model.name, suffix)
        return model, self.registry.version_of(model, number)
