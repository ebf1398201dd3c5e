"""Signing in to MLflow's pages: a cookie for a token, and what the cookie opens."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from functions.access.authorize.handler import handler as authorize
from functions.access.authorize_pages.handler import handler as authorize_pages
from functions.access.sign_in.handler import handler as sign_in
from shelflife.access import session
from shelflife.access.wiring import access
from shelflife.contracts.access import Role
from tests.doors.access.test_doors import CONTEXT, installed
from tests.harness.events import golden, http_event

__all__ = ["installed"]


@pytest.fixture
def token(installed: None) -> str:
    text, _ = access().issue("ada", Role.VIEWER, timedelta(days=30), issued_by="tests")
    return text


def asked(method: str, path: str, form: dict[str, str] | None = None, **event: Any) -> dict[str, Any]:
    # API Gateway hands the bodies of forms over in base64.
    body = urlencode(form).encode() if form else None
    answer: dict[str, Any] = sign_in(http_event(method, path, body, **event), CONTEXT)
    return answer


def header(answer: dict[str, Any], name: str) -> str:
    told = answer.get("headers") or {k: v[0] for k, v in answer["multiValueHeaders"].items()}
    return str(told[name])


def known(cookies: list[str], **headers: str) -> Any:
    event = golden("access/authorize_pages")
    return authorize_pages(event | {"cookies": cookies, "headers": headers}, CONTEXT)["context"]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_token_becomes_a_session_of_a_working_day(token: str, version: str) -> None:
    answer = asked("POST", "/sign-in", {"token": f" {token}\n"}, role=None, version=version)
    assert (answer["statusCode"], header(answer, "Location")) == (303, "./")
    cookie = header(answer, "Set-Cookie")
    assert cookie.startswith(f"{session.COOKIE}={token}; Max-Age=43200; ")
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_a_session_ends_with_its_token(installed: None) -> None:
    text, _ = access().issue("ada", Role.VIEWER, timedelta(seconds=90), issued_by="tests")
    cookie = header(asked("POST", "/sign-in", {"token": text}, role=None), "Set-Cookie")
    (seconds,) = re.findall(r"Max-Age=(\d+)", cookie)
    assert 0 < int(seconds) <= 90


@pytest.mark.parametrize("form", [{"token": "shl_0_0"}, {"token": ""}, {"other": "x"}, None])
def test_what_is_no_token_gets_the_page_again(installed: None, form: dict[str, str] | None) -> None:
    answer = asked("POST", "/sign-in", form, role=None)
    assert answer["statusCode"] == 401
    assert "This is no valid token" in answer["body"]
    assert "Set-Cookie" not in answer["headers"]


def test_a_revoked_token_signs_nobody_in(token: str) -> None:
    access().revoke(token.split("_")[1])
    assert asked("POST", "/sign-in", {"token": token}, role=None)["statusCode"] == 401


def test_another_site_signs_nobody_in(token: str) -> None:
    headers = {"sec-fetch-site": "cross-site"}
    answer = asked("POST", "/sign-in", {"token": token}, role=None, headers=headers)
    assert (answer["statusCode"], "Set-Cookie" in answer["headers"]) == (403, False)


def test_the_page_loads_nothing_and_is_in_nobodys_frame(installed: None) -> None:
    answer = asked("GET", "/sign-in", role=None)
    assert answer["statusCode"] == 200
    policy = header(answer, "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert header(answer, "Cache-Control") == "no-store"
    assert "http" not in answer["body"]


def test_who_is_signed_in_is_told_and_may_leave(installed: None) -> None:
    answer = asked("GET", "/sign-in", principal="<b>ada</b>", role="viewer")
    assert "Signed in as &lt;b&gt;ada&lt;/b&gt;, viewer" in answer["body"]
    left = asked("POST", "/sign-out", role="viewer")
    assert (left["statusCode"], header(left, "Location")) == (303, "sign-in")
    assert header(left, "Set-Cookie").startswith(f"{session.COOKIE}=; Max-Age=0; ")


def test_a_session_opens_what_the_pages_ask(token: str) -> None:
    cookies = ["theme=dark", f"{session.COOKIE}={token}"]
    assert known(cookies, **{"Sec-Fetch-Site": "same-origin"}) == {"principal": "ada", "role": "viewer"}


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_a_change_that_another_site_sends_has_no_session(token: str, site: str) -> None:
    assert known([f"{session.COOKIE}={token}"], **{"sec-fetch-site": site}) == {}
    assert known([f"{session.COOKIE}={token}"]) == {}


def test_a_link_from_elsewhere_is_read_with_the_session(token: str) -> None:
    event = golden("access/authorize_pages") | {"cookies": [f"{session.COOKIE}={token}"]}
    event["headers"] = {"sec-fetch-site": "cross-site"}
    event["requestContext"] |= {"http": event["requestContext"]["http"] | {"method": "GET"}}
    assert authorize_pages(event, CONTEXT)["context"] == {"principal": "ada", "role": "viewer"}


def test_a_token_opens_the_pages_routes_as_any_other(token: str) -> None:
    assert known([], authorization=f"Bearer {token}") == {"principal": "ada", "role": "viewer"}
    # What was sent on purpose counts, and not what the browser adds.
    refused = known([f"{session.COOKIE}={token}"], authorization="Bearer shl_0_0")
    assert refused == {}


@pytest.mark.parametrize("cookies", [[], ["shelflife_token="], ["shelflife_token=shl_0_0"], ["nonsense"]])
def test_a_cookie_that_opens_nothing_is_nobody(installed: None, cookies: list[str]) -> None:
    assert known(cookies, **{"sec-fetch-site": "same-origin"}) == {}


def test_a_session_opens_nothing_else(token: str) -> None:
    event = golden("access/authorize") | {"headers": {}, "cookies": [f"{session.COOKIE}={token}"]}
    assert authorize(event, CONTEXT)["context"] == {}
