import gzip
import os
import zlib
from collections.abc import Callable

import pytest

from shelflife.entry.encodings import (
    BODY_LIMIT,
    BodyTooLargeError,
    BrokenEncodingError,
    UnsupportedEncodingError,
    decoded,
    encoded,
)

BODY = b'{"inputs": []}' * 100


def bare(content: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(content) + machine.flush()


@pytest.mark.parametrize(
    ("raw", "coding"),
    [
        (BODY, None),
        (BODY, ""),
        (BODY, "identity"),
        (gzip.compress(BODY), "gzip"),
        (gzip.compress(BODY), " X-GZIP "),
        (gzip.compress(BODY[:50]) + gzip.compress(BODY[50:]), "gzip"),
        (zlib.compress(BODY), "deflate"),
        (bare(BODY), "deflate"),
    ],
)
def test_a_body_is_read_in_its_coding(raw: bytes, coding: str | None) -> None:
    assert decoded(raw, coding) == BODY


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_nothing_compressed_is_nothing(coding: str) -> None:
    assert decoded(b"", coding) == b""


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "gzip;q=1", "zstd" * 1000])
def test_another_coding_is_refused(coding: str) -> None:
    with pytest.raises(UnsupportedEncodingError, match="send identity, gzip or deflate"):
        decoded(BODY, coding)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("spoil", [lambda raw: raw[:-3], lambda raw: raw[:5], lambda raw: b"xx" + raw[2:]])
def test_a_broken_body_is_told(coding: str, spoil: Callable[[bytes], bytes]) -> None:
    raw = gzip.compress(BODY) if coding == "gzip" else zlib.compress(BODY)
    with pytest.raises(BrokenEncodingError, match=f"the body is not {coding}"):
        decoded(spoil(raw), coding)


def test_the_limit_is_the_unfolded_bodys_too() -> None:
    assert len(decoded(bytes(BODY_LIMIT), None)) == BODY_LIMIT
    assert len(decoded(gzip.compress(bytes(BODY_LIMIT), 1), "gzip")) == BODY_LIMIT
    for raw, coding in (
        (bytes(BODY_LIMIT + 1), None),
        (gzip.compress(bytes(BODY_LIMIT + 1), 1), "gzip"),
        (zlib.compress(bytes(50 * BODY_LIMIT), 1), "deflate"),
        (gzip.compress(bytes(BODY_LIMIT), 1) * 2, "gzip"),
    ):
        with pytest.raises(BodyTooLargeError):
            decoded(raw, coding)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate, br, zstd", "gzip"),
        ("gzip;q=0.5, deflate", "deflate"),
        ("*", "gzip"),
        ("*;q=0", None),
        ("gzip;q=0, deflate;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("br", None),
        ("", None),
        ("gzip;q=", None),
        ("GZIP ; Q=1", "gzip"),
    ],
)
def test_the_coding_is_the_one_accepted_best(accepted: str, coding: str | None) -> None:
    body, chosen = encoded(BODY.decode(), accepted)
    assert chosen == coding
    if isinstance(body, bytes):
        assert decoded(body, chosen) == BODY
    else:
        assert body == BODY.decode()


def test_bytes_that_do_not_shrink_come_back_as_they_were() -> None:
    noise = os.urandom(10_000)
    body, coding = encoded(noise, "deflate")
    assert isinstance(body, bytes)
    assert decoded(body, coding) == noise
