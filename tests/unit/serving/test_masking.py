from typing import Any

import pytest
from pydantic import ValidationError

from shelflife.serving.captures import Capture, CapturedRows, ShadowRequest
from shelflife.serving.masking import masked
from shelflife.serving.model import CapturePolicy, CaptureWish
from tests.fakes.deployments import NOON, served

KEY = "0f" * 16


def policy(**changes: Any) -> CapturePolicy:
    return CapturePolicy(**({"hidden": ("name",), "hashed": ("zip",), "key": KEY} | changes))


def hashes(*values: Any, column: str = "zip", key: str = KEY) -> list[Any]:
    return masked({column: [*values]}, policy(hashed=(column,), key=key))[column]


def test_hidden_columns_are_gone_and_hashed_ones_are_text() -> None:
    found = masked({"name": ["Ada"], "zip": [8001], "age": [36]}, policy())
    assert sorted(found) == ["age", "zip"]
    assert found["age"] == [36]
    (digest,) = found["zip"]
    assert len(digest) == 32
    assert int(digest, 16)


def test_equal_values_are_equal_texts_and_others_are_others() -> None:
    assert len({*hashes("a", "a", "b", 1, 1.0, True, "1", 1.5, [1.0], float("nan"))}) == 8
    assert hashes(8001) == hashes(8001.0)


def test_a_missing_value_stays_missing() -> None:
    assert hashes(None, "a")[0] is None


def test_other_columns_and_other_keys_have_other_texts() -> None:
    assert hashes("a") != hashes("a", column="city")
    assert hashes("a") != hashes("a", key="1e" * 16)


def test_without_a_mask_the_values_are_not_touched() -> None:
    values = {"age": [36]}
    assert masked(values, CapturePolicy()) is values


@pytest.mark.parametrize("given", [{"hidden": ["a"], "hashed": ["a"]}, {"hidden": [""]}, {"hashed": "a"}])
def test_what_makes_no_policy_is_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        CaptureWish.model_validate(given)


def capture() -> Capture:
    return Capture(
        served=served(capture=policy(hashed=("zip", "prediction"))),
        capture_id="r1",
        captured_at=NOON,
        latency_ms=1.0,
        inputs=lambda: {"name": ["Ada", "Bob"], "zip": [8001, None], "age": [36, 37]},
        outputs=lambda: {"prediction": [0.5, 0.25]},
        row_count=2,
    )


def test_a_message_has_nothing_that_is_masked_and_says_what_is() -> None:
    (text,) = capture().messages()
    assert text is not None
    assert not any(secret in text for secret in ("Ada", "8001", "0.25", KEY))
    rows = CapturedRows.model_validate_json(text)
    assert (rows.hidden, rows.hashed, rows.row_count) == (("name",), ("zip", "prediction"), 2)
    assert (rows.inputs["age"], rows.inputs["zip"][1]) == ([36, 37], None)


def test_a_shadow_hides_what_others_hash() -> None:
    (text,) = capture().for_shadows(["next"]).messages()
    assert text is not None
    request = ShadowRequest.model_validate_json(text)
    assert (set(request.hidden), request.hashed) == ({"name", "zip", "prediction"}, ())
    assert (request.inputs, request.outputs) == ({"age": [36, 37]}, {})
