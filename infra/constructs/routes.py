"""What a context offers to the edge: which paths its functions answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aws_cdk import aws_lambda


@dataclass(frozen=True, slots=True)
class Route:
    """A path of the HTTP API (``{proxy+}`` is the rest of it) and the function that answers.

    `public` routes are answered without a token, and those of `pages` with a browser's session, too.
    """

    path: str
    function: aws_lambda.IFunction
    methods: Sequence[str] = field(default=("ANY",))
    public: bool = False
    pages: bool = False

    @property
    def paths(self) -> dict[str, bool]:
        """The path, and for one of MLflow's API its other name, by which MLflow's pages call it.

        With each, whether it takes a browser's session.
        """
        if self.path.startswith("/api/"):
            return {self.path: self.pages, f"/ajax-api/{self.path.removeprefix('/api/')}": True}
        return {self.path: self.pages}
