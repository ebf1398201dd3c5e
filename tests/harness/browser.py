"""The machine's own Chromium, as somebody who looks at pages: it waits for what is to be seen."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import ConsoleMessage, Page, Request, Response, expect, sync_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
#: The first page loads megabytes, and functions are cold.
_SECONDS: Final = 60
#: Nothing but what is looked at is asked for; a test's machine has no sandbox for the browser.
_OPTIONS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: What a stock server's pages say in the console, too, and why it is no fault of an answer.
THEIR_OWN: Final = (
    # A chart that is drawn again while it is measured.
    "ResizeObserver loop",
)


def chromium() -> str | None:
    """The path of the browser, if the machine has one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One window; `problems` are errors of scripts, and requests that failed, since the last look."""

    def __init__(self, page: Page, address: str, pictures: Path) -> None:
        self.page = page
        self.address = address.rstrip("/") + "/"
        self.pictures = pictures
        self.problems: list[str] = []
        page.set_default_timeout(_SECONDS * 1000)
        page.on("console", self._told)
        page.on("pageerror", lambda error: self._note(f"script: {error}"))
        page.on("response", self._answered)
        page.on("requestfailed", self._failed)

    def visit(self, path: str) -> None:
        """Go there by the address, as from a bookmark."""
        self.page.goto(self.address + path)

    def sees(self, *texts: str) -> None:
        """Wait until all of this can be read."""
        body = self.page.locator("body")
        for text in texts:
            expect(body).to_contain_text(text, timeout=_SECONDS * 1000, use_inner_text=True)

    def click(self, text: str) -> None:
        """Click on what has exactly this text."""
        self.page.get_by_text(text, exact=True).first.click()

    def picture(self, name: str) -> None:
        """Keep what is seen now, to be looked at."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        # Charts and tables glide into their places.
        self.page.wait_for_timeout(700)
        self.page.screenshot(path=self.pictures / f"{name}.png")

    def found(self, *known: str) -> list[str]:
        """The problems until now, but those with a `known` text; they are forgotten then."""
        found, self.problems = self.problems, []
        return [problem for problem in found if not any(text in problem for text in known)]

    def _note(self, problem: str) -> None:
        if not any(known in problem for known in THEIR_OWN):
            self.problems.append(problem)

    def _told(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self._note(f"{response.status}: {response.request.method} {response.url}")

    def _failed(self, request: Request) -> None:
        # A page that is left gives up what it was waiting for.
        if "ERR_ABORTED" not in (request.failure or ""):
            self._note(f"{request.failure}: {request.method} {request.url}")


@contextmanager
def browser(address: str, pictures: Path) -> Iterator[Browser]:
    """A window of the machine's browser, with nothing kept from before."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=list(_OPTIONS))
        try:
            page = running.new_page(viewport={"width": 1400, "height": 900})
            yield Browser(page, address, pictures)
        finally:
            running.close()
