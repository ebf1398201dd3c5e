from shelflife.kernel.errors import ConflictError, InvalidError, NotFoundError


class EvaluationNotFoundError(NotFoundError):
    def __init__(self, evaluation_id: str) -> None:
        super().__init__(f"there is no evaluation {evaluation_id!r}")


class EvaluationExistsError(ConflictError):
    def __init__(self, evaluation_id: str) -> None:
        super().__init__(f"evaluation {evaluation_id!r} exists already")


class JudgementExistsError(ConflictError):
    def __init__(self, evaluation_id: str) -> None:
        super().__init__(f"evaluation {evaluation_id!r} was judged already")


class PolicyChangedError(ConflictError):
    def __init__(self, model_name: str) -> None:
        super().__init__(f"the policy of model {model_name!r} was changed by another caller meanwhile")


class ModelUnrunnableError(InvalidError):
    """A model that does not do on the held-out rows what its signature says."""
