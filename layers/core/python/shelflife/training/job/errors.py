from shelflife.kernel.errors import InvalidError, UnavailableError


class JobNotConfiguredError(InvalidError):
    def __init__(self, name: str) -> None:
        super().__init__(f"hyperparameter {name!r} was not given")


class RowsUnfitError(InvalidError):
    """The rows hold something that the manifest could not foretell."""


class ConversionError(InvalidError):
    def __init__(self, algorithm: str, reason: str) -> None:
        # The checker's own message ends with the whole node: thousands of lines for an ensemble of trees.
        first_line = reason.strip().partition("\n")[0][:300]
        super().__init__(f"the {algorithm} model cannot be written as ONNX: {first_line}")


class ParityError(InvalidError):
    """The exported model does not answer what the trained one answers."""

    def __init__(self, row: int, output: str, trained: object, exported: object) -> None:
        super().__init__(
            f"row {row} of the dataset: the {output} is {trained} when trained, {exported} in the ONNX model"
        )


class TrackingUnreachableError(UnavailableError):
    """A run that is not recorded cannot be reproduced, so the job ends here."""

    def __init__(self, uri: str, reason: str) -> None:
        super().__init__(f"the tracking API at {uri!r} did not take the run: {reason}")
