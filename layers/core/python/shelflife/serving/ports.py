from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from shelflife.contracts.data import StoredObject
from shelflife.contracts.models import ModelVersionReference, Tensor
from shelflife.contracts.serving import CapturedProfile
from shelflife.kernel.news import News
from shelflife.kernel.paging import Page
from shelflife.serving.captures import Capture, CaptureBatch, FileState
from shelflife.serving.model import AliasMove, DeployableVersion, Deployment, Revision

if TYPE_CHECKING:
    from shelflife.kernel.profiles import Profile
    from shelflife.serving.columns import Columns, ColumnTypes
    from shelflife.serving.features import Features
    from shelflife.serving.figures import Figures
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

    def change(self, deployment: Deployment) -> Deployment:
        """Write the deployment as it is to be; it comes back as it was written.

        Raises:
            DeploymentChangedError: somebody wrote it since it was read.
        """

    def shift(self, deployment: Deployment, revision: Revision, news: News | None) -> Deployment:
        """`change`, with a new revision and its news, if it has any, all or nothing.

        Raises:
            DeploymentChangedError: somebody wrote it since it was read.
        """

    def revisions(self, name: str, limit: int, cursor: str | None) -> Page[Revision]:
        """What the deployment served, newest first."""

    def revision(self, name: str, number: int) -> Revision | None: ...

    def revision_with(self, name: str, model_name: str, version: int) -> Revision | None:
        """The newest revision in which that version of the model was a live variant of the deployment."""

    def versions(self, name: str, model_name: str) -> list[int]:
        """All versions of the model that ever were live variants of the deployment, ascending."""


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
        """


class LoadedModels(Models, Protocol):
    """Models that stay in memory once they are loaded."""

    def forget(self, reference: ModelVersionReference) -> None:
        """Let go of the version's model, if it is there: whoever asks for it next loads it again."""


class Captures(Protocol):
    def send(self, capture: Capture) -> int:
        """Hand the rows over to be stored; how many messages of them could not be, which fails nothing."""


class Claims(Protocol):
    """Which file a capture is, or will be, stored in."""

    def claim(self, claim_key: str, uri: str, at: datetime) -> str:
        """Claim a capture for a file; the file that it is claimed for now: this one, or an earlier one.

        Raises:
            CaptureClaimedError: its claim is changing at this moment.
        """

    def reclaim(self, claim_key: str, before: str, uri: str, at: datetime) -> None:
        """Move a claim from a file that was given up to another.

        Raises:
            CaptureClaimedError: somebody else moved it first.
        """


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
