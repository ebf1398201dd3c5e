"""Servers that are busy, broken, or say no; and what nobody may see."""

from collections.abc import Callable

import httpx
import pytest

from infra.moving.server import Credentials, MovingError, RefusedError, Server, UnreachableError

URL = "http://old.test"
Answer = Callable[[httpx.Request], httpx.Response]


def server(
    answer: Answer, slept: list[float] | None = None, credentials: Credentials | None = None
) -> Server:
    sleep = (slept if slept is not None else []).append
    return Server(URL, credentials, sleep=sleep, transport=httpx.MockTransport(answer))


def answers(*statuses: int, headers: dict[str, str] | None = None) -> tuple[Answer, list[httpx.Request]]:
    """One status after the other; the last again and again."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        status = statuses[min(len(asked), len(statuses)) - 1]
        return httpx.Response(status, json={"ok": True}, headers=headers if status != 200 else None)

    return answer, asked


@pytest.mark.parametrize("busy", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again_with_growing_pauses(busy: int) -> None:
    slept: list[float] = []
    answer, asked = answers(busy, busy, busy, 200)
    assert server(answer, slept).get("/a") == {"ok": True}
    assert len(asked) == 4
    assert slept[0] < slept[1] < slept[2]


def test_it_waits_as_long_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    answer, _ = answers(429, 200, headers={"Retry-After": "7"})
    server(answer, slept).get("/a")
    assert slept == [7.0]


def test_what_is_refused_is_not_asked_again() -> None:
    answer, asked = answers(400)
    with pytest.raises(RefusedError, match="POST /a answered 400"):
        server(answer).post("/a", {})
    assert len(asked) == 1


def test_what_may_happen_once_is_asked_once() -> None:
    answer, asked = answers(503)
    with pytest.raises(RefusedError):
        server(answer).post("/a", {}, once=True)
    assert len(asked) == 1


def test_a_server_that_is_gone_is_given_up() -> None:
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(UnreachableError, match="was tried 9 times, last: ConnectError"):
        server(gone).get("/a")


def test_pages_are_read_while_they_are_asked_for() -> None:
    def page(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page_token", "0"))
        return httpx.Response(200, json={"things": [{"at": number}], "next_page_token": str(number + 1)})

    pages = server(page).pages("/a", "things", {}, body=False)
    assert [next(pages)[0]["at"] for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("credentials", "sent"),
    [
        (Credentials(token="t"), "Bearer t"),
        (Credentials(user="ada", password="p"), "Basic YWRhOnA="),
        (Credentials(token="t", user="ada", password="p"), "Bearer t"),
    ],
)
def test_it_knows_us_as_mlflows_clients_do(credentials: Credentials, sent: str) -> None:
    answer, asked = answers(200)
    server(answer, credentials=credentials).get("/a")
    assert asked[0].headers["authorization"] == sent
    assert "t'" not in repr(credentials)
    assert "'p'" not in repr(credentials)


def test_a_presigned_address_gets_no_token_and_is_not_told() -> None:
    asked: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(403, text="no")

    known = server(refuse, credentials=Credentials(token="t"))
    with pytest.raises(RefusedError) as refused:
        known.store("http://s3.test/a?X-Amz-Signature=abc", b"", {})
    assert "authorization" not in asked[0].headers
    assert "abc" not in str(refused.value)


def test_a_redirect_to_storage_takes_no_token_along() -> None:
    asked: list[httpx.Request] = []

    def redirect(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.url.host == "old.test":
            return httpx.Response(302, headers={"Location": "http://s3.test/a"})
        return httpx.Response(200, content=b"file")

    with server(redirect, credentials=Credentials(token="t")).download("/a") as answer:
        assert answer.read() == b"file"
    assert ["authorization" in request.headers for request in asked] == [True, False]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://old.test", "must begin with http:// or https://"),
        ("old.test", "must begin with http:// or https://"),
        ("http://ada:secret@old.test", "must not hold a password"),
    ],
)
def test_an_address_that_will_not_do_is_told_without_its_secret(url: str, told: str) -> None:
    with pytest.raises(MovingError, match=told) as refused:
        Server(url)
    assert "secret" not in str(refused.value)
