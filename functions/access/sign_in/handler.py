"""HTTP: signing in to MLflow's pages, which know no tokens."""

from http import HTTPStatus
from urllib.parse import parse_qs

from shelflife.access import page, session
from shelflife.access.wiring import access
from shelflife.entry.http import Answer, Call, HttpDoor
from shelflife.kernel.ids import utc_now
from shelflife.kernel.names import Context

door = HttpDoor(Context.ACCESS)
handler = door.handle

#: Relative, because the API may be below a stage's path.
PAGES = "./"
SIGN_IN = "sign-in"
UNKNOWN = "This is no valid token: it may be mistyped, expired or revoked."
FOREIGN = "The request came from another site."


@door.get("/sign-in", role=None)
def show_sign_in(call: Call[None]) -> Answer:
    """A page that asks for a token, or says who is signed in."""
    return _page(page.signed_in_page(call.known) if call.known else page.sign_in_page())


@door.post("/sign-in", role=None)
def sign_in(call: Call[None]) -> Answer:
    """Begin a browser's session with the form's `token`: a cookie, and the way to the pages."""
    if session.is_foreign(call.headers):
        return _page(page.sign_in_page(FOREIGN), HTTPStatus.FORBIDDEN)
    text = parse_qs(call.raw.decode(errors="replace")).get("token", [""])[0].strip()
    token = access().token_of(text)
    if token is None:
        return _page(page.sign_in_page(UNKNOWN), HTTPStatus.UNAUTHORIZED)
    return _to(PAGES, session.cookie_of(text, token.expires_at, utc_now()))


@door.post("/sign-out", role=None)
def sign_out(call: Call[None]) -> Answer:  # noqa: ARG001 - every route takes its call
    """End a browser's session; the token itself lives on."""
    return _to(SIGN_IN, session.no_cookie())


def _page(text: str, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return Answer(text, status, headers=page.HEADERS, content_type="text/html; charset=utf-8")


def _to(place: str, cookie: str) -> Answer:
    headers = {"Location": place, "Set-Cookie": cookie, "Cache-Control": "no-store"}
    return Answer(status=HTTPStatus.SEE_OTHER, headers=headers)
