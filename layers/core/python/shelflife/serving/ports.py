from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from shelflife.contracts.data import StoredObject
from shelflife.contracts.models import ModelVersionReference, Tensor
from shelflife.contracts.serving import CapturedProfile
from shelflife.kernel.news import News
from shelflife.kernel.paging import Page
from shelflife.serving.captures import Answered, Capture, CaptureBatch, FileState
from shelflife.serving.model import AliasMove, DeployableVersion, Deployment, Revision

if TYPE_CHECKING:
    from shelflife.kernel.profiles import Profile
    from shelflife.serving.columns import Columns, ColumnTypes
    from shelflife.serving.experiment import Experiment
    from shelflife.serving.features import Features
    from shelflife.serving.figures import Figures
    from shelflife.serving.goals import CountedGoal
    from shelflife.serving.rollout import Rollout
    from shelflife.serving.sequential import Sums
    from shelflife.serving.strategy import Strategy
    from shelflife.serving.tensors import Array, Feed


class WatchedVariant(NamedTuple):
    """Whose figures they are: a variant's, as long as one revision lasts."""

    deployment: str
    revision: int
    variant: str


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

    def remove(self, deployment: Deployment) -> None:
        """Forget the deployment; its revisions stay, for what served when is asked later.

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


class Experiments(Protocol):
    """Experiments and what was counted for them; those that begin and end are written by `Deployments`."""

    def find(self, deployment: str, experiment_id: str) -> "Experiment | None": ...

    def page(self, deployment: str, limit: int, cursor: str | None) -> "Page[Experiment]":
        """Experiments of a deployment, newest first."""

    def change(self, experiment: "Experiment") -> "Experiment":
        """Write the experiment as it is to be; it comes back as it was written.

        Raises:
            ExperimentChangedError: somebody wrote it since it was read.
        """

    def count(self, experiment_id: str, goals: "Sequence[CountedGoal]", at: datetime) -> frozenset[str]:
        """Count each prediction's goal once, whoever tells it how often; ids of those counted before.

        No prediction may be among them twice.

        Raises:
            GoalsContendedError: others keep counting at the same time; some are counted, told again all are.
        """

    def tally(self, experiment_id: str) -> "Mapping[str, Sums]":
        """What was counted by now, by variant; without those for whom nothing was."""


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


class Captures(Protocol):
    """Both take what they are given, wait for nothing, and fail nothing."""

    def send(self, capture: Capture) -> None:
        """Hand the rows over to be stored."""

    def send_to_shadows(self, capture: Capture, names: Sequence[str]) -> None:
        """Hand the rows over to be answered by shadow variants, too."""


class Claims(Protocol):
    """Which file a capture is, or will be, stored in, and who answered it."""

    def claim(self, claim_key: str, uri: str, at: datetime, answered: Answered | None = None) -> str:
        """Claim a capture for a file; the file that it is claimed for now: this one, or an earlier one.

        `answered` is remembered with the claim, for goals that are told later.

        Raises:
            CaptureClaimedError: its claim is changing at this moment.
        """

    def reclaim(
        self, claim_key: str, before: str, uri: str, at: datetime, answered: Answered | None = None
    ) -> None:
        """Move a claim from a file that was given up to another.

        Raises:
            CaptureClaimedError: somebody else moved it first.
        """

    def answered(self, claim_keys: Sequence[str]) -> Mapping[str, Answered]:
        """By whom these were answered, by claim key; without those that were never claimed, or by nobody."""


class CaptureFiles(Protocol):
    """Capture files: each is written once, whole, or given up for ever."""

    def uri(self, batch: CaptureBatch, batch_id: str) -> str: ...

    def state(self, uri: str) -> FileState: ...

    def write(self, uri: str, columns: "Columns", types: "ColumnTypes") -> None:
        """Write a file of rows.

        Raises:
            CaptureFileLostError: somebody gave the file up.
        """

    def give_up(self, uri: str, types: "ColumnTypes") -> FileState:
        """Make sure that the file is never written, unless it was already: what it is now."""

    def read(self, uri: str) -> "Columns":
        """The columns of a written file."""

    def has_profile(self, uri: str) -> bool:
        """Whether the file's profile was written."""

    def write_profile(self, uri: str, profile: CapturedProfile) -> None: ...


class Windows(Protocol):
    """Figures of variants, minute by minute (UTC), added up from capture files: each file once."""

    def is_added(self, source: str) -> bool:
        """Whether that file was added."""

    def add(
        self, source: str, watched: WatchedVariant, minutes: Mapping[datetime, "Figures"], at: datetime
    ) -> bool:
        """Add what a file has in each minute (100 of them at the most, less one), all or nothing.

        Whether it was added now: a file that was added before changes nothing.

        Raises:
            WindowsContendedError: others keep writing the same minutes.
        """

    def minutes(
        self, watched: WatchedVariant, since: datetime, until: datetime
    ) -> "list[tuple[datetime, Figures]]":
        """The minutes that began before `until` and ended after `since`, in order, without empty ones."""

    def between(
        self, deployment: str, revision: int, variant: str, since: datetime, until: datetime
    ) -> "Figures":
        """All of these minutes together: a minute that is only partly within counts as a whole."""


class Baselines(Protocol):
    def read(self, baseline: StoredObject) -> "Profile": ...
