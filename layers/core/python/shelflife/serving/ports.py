from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from shelflife.contracts.models import ModelVersionReference, Tensor
from shelflife.kernel.news import News
from shelflife.kernel.paging import Page
from shelflife.serving.model import AliasMove, DeployableVersion, Deployment, Revision

if TYPE_CHECKING:
    from shelflife.serving.experiment import Experiment
    from shelflife.serving.features import Features
    from shelflife.serving.rollout import Rollout
    from shelflife.serving.strategy import Strategy
    from shelflife.serving.tensors import Array, Feed


class Deployments(Protocol):
    """Deployments, the revisions they went through, and the news of both."""

    def add(self, deployment: Deployment, news: News) -> None:
        """Keep a new deployment, and say so.

        Raises:
            DeploymentExistsError: its name is taken.
        """

    def find(self, name: str) -> Deployment | None: ...

    def page(self, limit: int, cursor: str | None) -> Page[Deployment]:
        """All deployments, by name; one shows up within a second of its creation."""

    def remove(self, deployment: Deployment, news: News) -> None:
        """Forget the deployment, and say so; its revisions stay, for what served when is asked later.

        Raises:
            DeploymentNotFoundError: there is none.
        """

    def change(
        self,
        deployment: Deployment,
        *,
        rollout: "Rollout | None" = None,
        experiment: "Experiment | None" = None,
        news: Sequence[News] = (),
    ) -> Deployment:
        """Write the deployment as it is to be, with its rollout or experiment and news, all or nothing.

        It comes back as it was written.

        Raises:
            DeploymentChangedError: somebody wrote it, or what is written with it, since it was read.
        """

    def shift(
        self,
        deployment: Deployment,
        revision: Revision,
        *,
        rollout: "Rollout | None" = None,
        experiment: "Experiment | None" = None,
        news: Sequence[News] = (),
    ) -> Deployment:
        """`change`, with a new revision.

        Raises:
            DeploymentChangedError: somebody wrote it, or what is written with it, since it was read.
        """

    def revisions(self, name: str, limit: int, cursor: str | None) -> Page[Revision]:
        """What the deployment served, newest first."""

    def revision(self, name: str, number: int) -> Revision | None: ...

    def revision_with(self, name: str, model_name: str, version: int) -> Revision | None:
        """The newest revision in which that version of the model was a live variant of the deployment."""

    def versions(self, name: str, model_name: str) -> list[int]:
        """All versions of the model that ever were live variants of the deployment, ascending."""


class Rollouts(Protocol):
    """Rollouts; what changes a deployment's traffic, too, is written by `Deployments`."""

    def find(self, deployment: str, rollout_id: str) -> "Rollout | None": ...

    def page(self, deployment: str, limit: int, cursor: str | None) -> "Page[Rollout]":
        """Rollouts of a deployment, newest first."""

    def change(self, rollout: "Rollout") -> "Rollout":
        """Write the rollout as it is to be; it comes back as it was written.

        Raises:
            RolloutChangedError: somebody wrote it since it was read.
        """

    def strategy(self, deployment: str) -> "Strategy":
        """How a version that the deployment's alias moves to takes over: all at once, unless it was set."""

    def set_strategy(self, deployment: str, strategy: "Strategy") -> None: ...


class Executions(Protocol):
    """Executions of the workflow that wait for a word."""

    def go_on(self, task_token: str) -> None:
        """Let the execution go on; one that is over, or went on already, is left alone."""


class Versions(Protocol):
    """The registry's versions, with what trying their files has shown last."""

    def keep(self, version: DeployableVersion) -> None: ...

    def find(self, model_name: str, version: int) -> DeployableVersion | None: ...


class Aliases(Protocol):
    """What the registry told of aliases, and who follows them."""

    def keep(self, move: AliasMove) -> bool:
        """Remember the move unless a newer one is known; whether it is the newest (also when told again)."""

    def find(self, model_name: str, alias: str) -> AliasMove | None: ...

    def followers(self, model_name: str, alias: str) -> list[str]:
        """Names of the deployments that follow the alias, by name."""


class Model(Protocol):
    """A model that can answer."""

    @property
    def features(self) -> "Features": ...

    @property
    def outputs(self) -> tuple[Tensor, ...]: ...

    def run(self, feed: "Feed") -> "list[Array]":
        """One array per output.

        Raises:
            ModelFailedError: the model cannot answer these rows.
        """


class Models(Protocol):
    def load(self, reference: ModelVersionReference) -> Model:
        """The version's model, checked against its digest and its signature.

        Raises:
            ModelUnusableError: its file is not there, not what was registered, or no model.
            ObjectUnreachableError: it cannot be read now.
        """


class LoadedModel(NamedTuple):
    """A model in memory; `size_bytes` is its file's."""

    digest: str
    size_bytes: int


class ModelLoad(NamedTuple):
    """One load that was tried, and how long it took; `failed` if there was no model at its end."""

    digest: str
    size_bytes: int
    milliseconds: float
    failed: bool


class ModelCache(Models, Protocol):
    """Models in memory, each loaded once; safe to ask from several threads."""

    def loaded(self) -> list[LoadedModel]:
        """What is in memory, the one used last at the end."""

    def unload(self, digest: str) -> bool:
        """Forget the model, or why it could not serve, so that it is read anew; whether either was known."""

    def new_loads(self) -> list[ModelLoad]:
        """Loads since this was asked last: each is told once, to whoever asks first."""


class Answers(Protocol):
    """Answers that are given again, until their time is over; failing nothing, waiting for a bounded time."""

    def find(self, key: str) -> "list[Array] | None": ...

    def keep(self, key: str, answer: "list[Array]", ttl_seconds: int) -> None:
        """Remember the answer, which is not changed any more, for that long at the most."""
