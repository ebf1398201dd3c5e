"""Two simpler ways of asking: MLflow's scoring form, and one list of features.

MLflow's: `dataframe_split`, `dataframe_records`, `instances` or `inputs` in JSON, or CSV; what is answered is
`predictions`. As there, columns that are no feature are passed over, and so are `params`.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shelflife.kernel.errors import UnsupportedFormError
from shelflife.serving.answers import finite
from shelflife.serving.csv_rows import csv_tensors
from shelflife.serving.errors import InvalidRequestError
from shelflife.serving.features import Features, features_of
from shelflife.serving.frames import columns_of_records, columns_of_rows, columns_of_table, tensors_of
from shelflife.serving.oip import read_json
from shelflife.serving.ports import Deployments
from shelflife.serving.prediction import Predictions
from shelflife.serving.served import EVERYBODY, Routing
from shelflife.serving.tensors import InferenceRequest, InputTensor, Prediction
from shelflife.serving.wording import listed, shown

if TYPE_CHECKING:
    from shelflife.serving.tensors import Array

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_JSON = "application/json"
_CSV = "text/csv"
_SPLIT = frozenset(("columns", "data", "index"))
#: The output of a classification that says what a row is; the others say how sure that is.
_LABEL = "label"


class UnsupportedContentTypeError(UnsupportedFormError):
    def __init__(self, found: str) -> None:
        super().__init__(f"Content-Type {shown(found)} is not read: send {_JSON} or {_CSV}, in UTF-8")


@dataclass(frozen=True, slots=True)
class Scoring:
    predictions: Predictions
    deployments: Deployments

    def score(
        self, name: str, raw: bytes, content_type: str | None, routing: Routing = EVERYBODY
    ) -> Prediction:
        """Answer a request of MLflow's form.

        Raises:
            UnsupportedContentTypeError: it is neither JSON nor CSV.
            InvalidError: it is no such request, or does not fit the model.
            DeploymentNotFoundError: there is no such deployment.
            UnavailableError: it cannot answer now.
        """
        features = self._features(name)
        read = csv_tensors if _media_type(content_type) == _CSV else _json_tensors
        return self.predictions.predict(name, InferenceRequest(None, read(raw, features), None), routing)

    def answer(self, raw: bytes, routing: Routing = EVERYBODY) -> Prediction:
        """Answer `features`: one row as a list or an object, or several as a list of those.

        `deployment` (or `model`) names who is to answer; where there is but one, it may be left out.

        Raises:
            InvalidError: it is no such request, or does not fit the model.
            DeploymentNotFoundError: there is no such deployment.
            UnavailableError: it cannot answer now.
        """
        body = read_json(raw)
        name = self._name(body)
        features = self._features(name)
        tensors = tensors_of(_columns(body.get("features"), features), features)
        return self.predictions.predict(name, InferenceRequest(None, tensors, None), routing)

    def _name(self, body: dict[str, Any]) -> str:
        name = body.get("deployment", body.get("model"))
        if name is None:
            known = [deployment.name for deployment in self.deployments.page(2, None).items]
            if len(known) != 1:
                raise InvalidRequestError(
                    "deployment",
                    "expected the name of one, for there are several" if known else "there is none",
                )
            return known[0]
        if type(name) is not str:
            raise InvalidRequestError("deployment", f"expected a name, got {shown(name)}")
        return name

    def _features(self, name: str) -> Features:
        """Those of the stable variant: variants answer for each other, so they take the same."""
        return features_of(self.predictions.served.live(name)[0].reference.candidate.signature.inputs)


def predictions_text(prediction: Prediction) -> str:
    """MLflow's answer."""
    return _text({"predictions": _answers(prediction)})


def prediction_text(prediction: Prediction) -> str:
    """The answer to `features`."""
    return _text({"prediction": _answers(prediction)})


def _answers(prediction: Prediction) -> Any:
    """One value per row; the label of a classification; of several outputs, each by its name."""
    named = {tensor.name: _plain(array) for tensor, array in prediction.outputs}
    if prediction.classes and _LABEL in named:
        return named[_LABEL]
    return next(iter(named.values())) if len(named) == 1 else named


def _plain(array: "Array") -> list[Any]:
    values: list[Any] = array.ravel().tolist() if array.size == len(array) else array.tolist()
    return values


def _text(answer: dict[str, Any]) -> str:
    try:
        return json.dumps(answer, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_finite(answer), separators=(",", ":"), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list) else finite(value)


def _media_type(content_type: str | None) -> str:
    kind, *parameters = (part.strip().lower() for part in (content_type or _JSON).split(";"))
    foreign = {part for part in parameters if part and part.replace('"', "") != "charset=utf-8"}
    if foreign or kind not in {_JSON, _CSV}:
        raise UnsupportedContentTypeError(content_type or "")
    return kind


def _json_tensors(raw: bytes, features: Features) -> list[InputTensor]:
    body = read_json(raw)
    forms = [form for form in FORMS if form in body]
    if len(forms) != 1:
        raise InvalidRequestError(
            "body", f"expected exactly one of {listed(FORMS)}, got {listed(body) or 'none'}"
        )
    (form,) = forms
    found = body[form]
    if form == "dataframe_split":
        return tensors_of(_split(found, features), features)
    if form == "dataframe_records" or (type(found) is list and found and type(found[0]) is dict):
        return tensors_of(columns_of_records(found, features, form), features)
    if form == "inputs" and type(found) is dict:
        return tensors_of(found, features)
    return tensors_of(columns_of_rows(found, features, form), features)


def _split(found: Any, features: Features) -> dict[str, list[Any]]:
    field = "dataframe_split"
    if type(found) is not dict or "data" not in found or not found.keys() <= _SPLIT:
        raise InvalidRequestError(field, f"expected an object of columns, index and data, got {shown(found)}")
    names = found.get("columns")
    if names is None:
        return columns_of_table(found["data"], list(features), field)
    if type(names) is not list or any(type(name) is not str for name in names):
        raise InvalidRequestError(f"{field}.columns", f"expected a list of names, got {shown(names)}")
    if len(set(names)) != len(names):
        raise InvalidRequestError(f"{field}.columns", f"a name is there twice: {listed(names)}")
    return columns_of_table(found["data"], names, f"{field}.data")


def _columns(found: Any, features: Features) -> dict[str, list[Any]]:
    if type(found) is dict:
        return columns_of_records([found], features, "features")
    if type(found) is list and found and type(found[0]) is dict:
        return columns_of_records(found, features, "features")
    rows = found if type(found) is list and found and type(found[0]) is list else [found]
    if len(features) == 1 and rows == [found] and next(iter(features.values())).is_column:
        # One row of one value.
        return columns_of_table(rows, list(features), "features")
    return columns_of_rows(rows, features, "features")
