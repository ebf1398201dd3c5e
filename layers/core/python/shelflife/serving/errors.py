from collections.abc import Sequence

from shelflife.kernel.errors import (
    ConflictError,
    FieldFault,
    InvalidError,
    NotFoundError,
    UnavailableError,
)


class DeploymentNotFoundError(NotFoundError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no deployment {name!r}")


class DeploymentExistsError(ConflictError):
    def __init__(self, name: str) -> None:
        super().__init__(f"a deployment {name!r} exists already")


class DeploymentChangedError(ConflictError):
    """Somebody else changed it meanwhile; who is told again, finds out what is left to do."""

    def __init__(self, name: str) -> None:
        super().__init__(f"deployment {name!r} was changed by somebody else at the same time")


class DeploymentNotReadyError(UnavailableError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"deployment {name!r} is not ready: {reason}")
        self.reason = reason


class VersionUnknownError(NotFoundError):
    def __init__(self, model_name: str, version: int) -> None:
        super().__init__(f"model {model_name!r} has no version {version} that could be deployed")


class VersionNotDeployableError(ConflictError):
    def __init__(self, model_name: str, version: int, reason: str) -> None:
        super().__init__(f"version {version} of model {model_name!r} cannot be deployed: {reason}")


class RolloutRunningError(ConflictError):
    """The deployment's traffic belongs to its rollout until that is over: abort it, or wait."""

    def __init__(self, name: str, rollout_id: str) -> None:
        super().__init__(f"deployment {name!r} is in the middle of rollout {rollout_id!r}")


class ExperimentRunningError(ConflictError):
    """The deployment's traffic belongs to its experiment until that is stopped."""

    def __init__(self, name: str, experiment_id: str) -> None:
        super().__init__(f"deployment {name!r} is in the middle of experiment {experiment_id!r}")


class DeploymentExperimentNotFoundError(NotFoundError):
    def __init__(self, name: str, experiment_id: str) -> None:
        super().__init__(f"deployment {name!r} has no experiment {experiment_id!r}")


class ExperimentChangedError(ConflictError):
    """Somebody else changed it meanwhile: ask again to see what is left to do."""

    def __init__(self, name: str, experiment_id: str) -> None:
        super().__init__(f"experiment {experiment_id!r} of deployment {name!r} was changed at the same time")


class ExperimentOverError(ConflictError):
    def __init__(self, name: str, experiment_id: str, state: str) -> None:
        super().__init__(f"experiment {experiment_id!r} of deployment {name!r} is over: {state}")


class RivalsNeededError(ConflictError):
    """An experiment compares live variants with the stable one, and all of them need traffic."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"deployment {name!r} has nothing to compare: "
            "the stable variant and another live one need a weight above 0"
        )


class WinnerUnknownError(InvalidError):
    def __init__(self, winner: str, variants: Sequence[str]) -> None:
        message = f"variant {winner!r} is not in the experiment, but {', '.join(variants)}"
        super().__init__(message, [FieldFault("winner", message)])


class GoalRefusedError(InvalidError):
    """Nothing of the request was counted."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(f"goal {at}: {message}", [FieldFault(f"goals.{at}.value", message)])


class GoalsContendedError(ConflictError):
    """Others keep counting for the same variants; told again, each goal counts once."""

    def __init__(self, experiment_id: str) -> None:
        super().__init__(f"not all goals of experiment {experiment_id!r} could be counted now")


class RolloutNotFoundError(NotFoundError):
    def __init__(self, name: str, rollout_id: str) -> None:
        super().__init__(f"deployment {name!r} has no rollout {rollout_id!r}")


class RolloutChangedError(ConflictError):
    """Somebody else changed it meanwhile: ask again to see what is left to do."""

    def __init__(self, name: str, rollout_id: str) -> None:
        super().__init__(f"rollout {rollout_id!r} of deployment {name!r} was changed at the same time")


class RolloutOverError(ConflictError):
    def __init__(self, name: str, rollout_id: str, state: str) -> None:
        super().__init__(f"rollout {rollout_id!r} of deployment {name!r} is over: {state}")


class RolloutTakenError(ConflictError):
    """The news of the rollout was delivered again: another execution carries it."""

    def __init__(self, name: str, rollout_id: str) -> None:
        super().__init__(f"rollout {rollout_id!r} of deployment {name!r} is carried by another execution")


class VersionStableError(ConflictError):
    def __init__(self, name: str, version: int) -> None:
        super().__init__(f"version {version} is the stable one of deployment {name!r} already")


class NothingToRollBackError(ConflictError):
    def __init__(self, name: str) -> None:
        super().__init__(f"deployment {name!r} never had another stable version")


class CapturesNeededError(ConflictError):
    """A judged rollout reads figures, which are made of captures; the goals of an experiment join them."""

    def __init__(self, name: str) -> None:
        super().__init__(f"deployment {name!r} captures nothing: no rollout or experiment could be judged")


class VariantNotFoundError(InvalidError):
    def __init__(self, name: str, variant: str, known: Sequence[str]) -> None:
        message = f"deployment {name!r} has no live variant {variant!r}, but {', '.join(known)}"
        super().__init__(message, [FieldFault("x-shelflife-variant", message)])


class VersionNotServedError(NotFoundError):
    def __init__(self, name: str, version: str | int) -> None:
        super().__init__(f"deployment {name!r} never served a model version {version!r}")


class RevisionNotFoundError(NotFoundError):
    def __init__(self, name: str, revision: int) -> None:
        super().__init__(f"deployment {name!r} has no revision {revision}")


class RevisionVariantNotFoundError(NotFoundError):
    def __init__(self, name: str, revision: int, variant: str) -> None:
        super().__init__(f"revision {revision} of deployment {name!r} has no variant {variant!r}")


class ModelUnusableError(UnavailableError):
    """The model's file cannot serve; nothing about the request can change that."""

    def __init__(self, model_name: str, version: int, reason: str) -> None:
        super().__init__(f"version {version} of model {model_name!r} cannot serve: {reason}")
        self.reason = reason


class ModelFailedError(InvalidError):
    """The model was given what its signature asks for, and could not answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the model cannot answer these rows: {reason}", [FieldFault("inputs", reason)])


class InvalidRequestError(InvalidError):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}", [FieldFault(field, message)])


class InvalidTensorError(InvalidError):
    def __init__(self, tensor: str, message: str) -> None:
        super().__init__(f"tensor {tensor!r}: {message}", [FieldFault(f"inputs.{tensor}", message)])


class CaptureClaimedError(ConflictError):
    """Another consumer is storing the same capture; whoever comes later finds it stored, or takes over."""

    def __init__(self, capture_id: str) -> None:
        super().__init__(f"capture {capture_id!r} is being stored by somebody else")


class CaptureFileLostError(ConflictError):
    """The file's place was taken, so none of its captures is in it: they have to be delivered again."""

    def __init__(self, uri: str) -> None:
        super().__init__(f"capture file {uri!r} was given up by another consumer")


class WindowsContendedError(ConflictError):
    """Other consumers keep adding to the same minutes; added again, the file changes them once."""

    def __init__(self, source: str) -> None:
        super().__init__(f"the figures of {source!r} could not be added now")


class QueueUnavailableError(UnavailableError):
    """SQS does not answer, or says that it cannot now."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"queue {url!r} does not answer now: {reason}")


class CaptureNotTakenError(UnavailableError):
    """The queue took other captures, and not this one; the message that it is of comes again."""

    def __init__(self, message_id: str) -> None:
        super().__init__(f"the queue did not take a capture of message {message_id!r}")
