"""Compressed bodies: HTTP's content codings gzip and deflate, both ways."""

import zlib

from shelflife.kernel.errors import FieldFault, InvalidError, TooLargeError, UnsupportedFormError

#: Lambda takes 6 MB; a compressed body unfolds to as much, so that memory is bounded by the same limit.
BODY_LIMIT = 6 * 1024 * 1024
#: A shorter answer is not compressed: it fits into a packet or two as it is.
SHORTEST_ENCODED = 1024

_IDENTITY = "identity"
#: zlib's `wbits`: 31 is gzip's frame, 15 zlib's, which HTTP calls deflate.
_FRAMES = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_BARE = -15
#: Numbers hardly shrink more at higher levels, which cost several times as much.
_LEVEL = 1


class BodyTooLargeError(TooLargeError):
    def __init__(self, limit: int) -> None:
        told = f"the body is longer than {limit} bytes"
        super().__init__(told, [FieldFault("body", told)])


class UnsupportedEncodingError(UnsupportedFormError):
    def __init__(self, coding: str) -> None:
        super().__init__(f"Content-Encoding {coding[:60]!r} is not read: send identity, gzip or deflate")


class BrokenEncodingError(InvalidError):
    def __init__(self, coding: str, reason: str) -> None:
        told = f"the body is not {coding}: {reason}"
        super().__init__(told, [FieldFault("body", told)])


def decoded(raw: bytes, coding: str | None) -> bytes:
    """The body without its coding; never more than `BODY_LIMIT` bytes are made of it.

    Raises:
        BodyTooLargeError: it is longer.
        UnsupportedEncodingError: the coding is another.
        BrokenEncodingError: it is cut off, or not in that coding.
    """
    if len(raw) > BODY_LIMIT:
        raise BodyTooLargeError(BODY_LIMIT)
    if not coding or (known := coding.strip().lower()) == _IDENTITY:
        return raw
    if known not in _FRAMES:
        raise UnsupportedEncodingError(known)
    frame = _FRAMES[known]
    # Some clients send deflate without zlib's frame, whose first byte says which it is.
    if known == "deflate" and raw and raw[0] & 0x0F != zlib.DEFLATED:
        frame = _BARE
    return _unfolded(raw, known, frame)


def _unfolded(raw: bytes, coding: str, frame: int) -> bytes:
    """All members of the body: gzip may have several, one after the other."""
    made: list[bytes] = []
    room = BODY_LIMIT + 1
    while raw:
        machine = zlib.decompressobj(frame)
        try:
            made.append(machine.decompress(raw, room))
        except zlib.error as error:
            raise BrokenEncodingError(coding, str(error)) from error
        room -= len(made[-1])
        if room <= 0:
            raise BodyTooLargeError(BODY_LIMIT)
        if not machine.eof:
            raise BrokenEncodingError(coding, "it is cut off")
        raw = machine.unused_data
    return made[0] if len(made) == 1 else b"".join(made)


def encoded(body: str | bytes, accepted: str) -> tuple[str | bytes, str | None]:
    """The body in the coding that is accepted best, and its name; as it is, if none is that we know."""
    weights = dict(_weighed(part) for part in accepted.lower().split(","))
    rest = weights.get("*", 0.0)
    best = max(("gzip", "deflate"), key=lambda coding: weights.get(coding, rest))
    weight = weights.get(best, rest)
    if weight <= 0 or weights.get(_IDENTITY, 0.0) > weight:
        return body, None
    machine = zlib.compressobj(_LEVEL, zlib.DEFLATED, _FRAMES[best])
    plain = body.encode(errors="surrogatepass") if isinstance(body, str) else body
    return machine.compress(plain) + machine.flush(), best


def _weighed(part: str) -> tuple[str, float]:
    """A coding with its weight; what is no weight is none."""
    name, _, parameter = part.partition(";")
    key, _, value = parameter.strip().partition("=")
    try:
        return name.strip(), float(value) if key.strip() == "q" else 1.0
    except ValueError:
        return name.strip(), 0.0
