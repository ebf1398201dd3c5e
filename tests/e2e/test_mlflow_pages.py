"""MLflow's own pages in a browser, with one of everything to show; pictures are in `.build/pages`."""

from collections.abc import Iterator

import pytest

from infra.config import BUILD
from tests.e2e import shown
from tests.e2e.shown import Shown
from tests.harness.browser import Browser, browser, chromium
from tests.harness.installation import Platform

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(
        chromium() is None, reason="this machine has no Chromium (Debian's package is `chromium`)"
    ),
]


@pytest.fixture(scope="module")
def told(platform: Platform) -> Shown:
    return shown.fill(platform)


@pytest.fixture(scope="module")
def window(platform: Platform, told: Shown) -> Iterator[Browser]:
    with browser(platform.endpoints.api_url, BUILD / "pages") as opened:
        yield opened


@pytest.fixture(scope="module")
def signed_in(platform: Platform, window: Browser, told: Shown) -> Browser:
    """Somebody followed a link to a run without being signed in."""
    window.visit(f"#/experiments/{told.experiment_id}/runs/{told.runs[0]}")
    window.sees("API token")
    window.picture("sign-in")
    window.page.fill("#token", "shl_0_0")
    window.click("Sign in")
    window.sees("This is no valid token")
    window.picture("sign-in-refused")
    assert all("401" in problem for problem in window.found())
    window.page.fill("#token", platform.endpoints.token)
    window.click("Sign in")
    window.sees("forest 0")
    return window


def test_after_signing_in_the_link_leads_where_it_should(signed_in: Browser, told: Shown) -> None:
    assert signed_in.page.url.endswith(f"#/experiments/{told.experiment_id}/runs/{told.runs[0]}")
    signed_in.sees("depth", "mae", "bikes-2026", shown.MODEL)
    signed_in.picture("run")
    assert signed_in.found() == []


def test_the_token_is_in_no_address_and_no_script_can_read_it(signed_in: Browser, platform: Platform) -> None:
    assert platform.endpoints.token not in signed_in.page.url
    assert signed_in.page.evaluate("document.cookie") == ""
    kept = signed_in.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert platform.endpoints.token not in kept


#: The comparison's script counts the parameters of runs before they are there, on a stock server as well.
COUNTED_TOO_EARLY = "Cannot read properties of undefined (reading 'filter')"


def looked_at(window: Browser, name: str, path: str, *texts: str, known: tuple[str, ...] = ()) -> None:
    window.visit(path)
    window.sees(*texts)
    window.picture(name)
    assert window.found(*known) == []


def test_experiments(signed_in: Browser) -> None:
    looked_at(signed_in, "experiments", "#/experiments", shown.EXPERIMENT, "Default")


def test_runs(signed_in: Browser, told: Shown) -> None:
    path = f"#/experiments/{told.experiment_id}/runs"
    looked_at(signed_in, "runs", path, "forest 0", "forest 1", "forest 2", "bikes-2026")


def test_runs_are_filtered(signed_in: Browser, told: Shown) -> None:
    path = f"#/experiments/{told.experiment_id}/runs?searchFilter=params.depth%20%3D%20%225%22"
    looked_at(signed_in, "runs-filtered", path, "forest 1")
    assert "forest 2" not in signed_in.page.inner_text("body")


def test_charts(signed_in: Browser, told: Shown) -> None:
    path = f"#/experiments/{told.experiment_id}/runs?searchFilter=&compareRunsMode=CHART"
    signed_in.visit(path)
    for metric in ("mae", "rmse"):
        signed_in.page.get_by_text(f"forest 1 ({metric})").first.wait_for()
    looked_at(signed_in, "charts", path, "mae", "rmse", "forest 2")


def test_the_metrics_of_a_run(signed_in: Browser, told: Shown) -> None:
    path = f"#/experiments/{told.experiment_id}/runs/{told.runs[1]}/model-metrics"
    looked_at(signed_in, "metrics", path, "mae", "rmse")


def test_the_files_of_a_run(signed_in: Browser, told: Shown) -> None:
    signed_in.visit(f"#/experiments/{told.experiment_id}/runs/{told.runs[1]}/artifacts")
    signed_in.sees("notes", "plots")
    signed_in.click("notes")
    signed_in.click("größe.txt")
    signed_in.sees(shown.NOTES)
    signed_in.picture("file")
    signed_in.click("plots")
    signed_in.click("error.png")
    signed_in.page.locator("img[src^='blob:']").first.wait_for()
    signed_in.picture("file-picture")
    assert signed_in.found() == []


def test_runs_side_by_side(signed_in: Browser, told: Shown) -> None:
    runs = "%5B%22" + "%22%2C%22".join(told.runs) + "%22%5D"
    path = f"#/compare-runs?runs={runs}&experiments=%5B%22{told.experiment_id}%22%5D"
    looked_at(
        signed_in,
        "compare",
        path,
        "Comparing 3 Runs",
        "forest 0",
        "forest 2",
        "depth",
        known=(COUNTED_TOO_EARLY,),
    )


def test_models(signed_in: Browser) -> None:
    looked_at(signed_in, "models", "#/models", shown.MODEL, "champion")


def test_a_model(signed_in: Browser) -> None:
    looked_at(signed_in, "model", f"#/models/{shown.MODEL}", "hourly demand", "Version 2", "champion")


def test_a_version(signed_in: Browser) -> None:
    path = f"#/models/{shown.MODEL}/versions/2"
    looked_at(signed_in, "version", path, "Version 2", "Inputs (2)", "Outputs (1)", "champion")


def test_a_logged_model(signed_in: Browser, told: Shown) -> None:
    path = f"#/experiments/{told.experiment_id}/models/{told.model_id}"
    looked_at(signed_in, "logged-model", path, "forest", told.model_id, "Ready")


def test_prompts(signed_in: Browser) -> None:
    looked_at(signed_in, "prompts", "#/prompts", shown.PROMPT)


def test_a_prompt(signed_in: Browser) -> None:
    looked_at(signed_in, "prompt", f"#/prompts/{shown.PROMPT}", "to a child", "a first try")


def test_traces(signed_in: Browser, told: Shown) -> None:
    path = f"#/experiments/{told.experiment_id}/traces?startTimeLabel=ALL"
    looked_at(signed_in, "traces", path, "How many bikes on Sunday?", "helpful")


def test_a_trace(signed_in: Browser, told: Shown) -> None:
    path = (
        f"#/experiments/{told.experiment_id}/traces?startTimeLabel=ALL&selectedEvaluationId={told.trace_id}"
    )
    looked_at(signed_in, "trace", path, "answer question", "call model", "about 3000")


def test_the_usage_of_an_experiment(signed_in: Browser, told: Shown) -> None:
    path = f"#/experiments/{told.experiment_id}/overview/usage?startTimeLabel=ALL"
    looked_at(signed_in, "usage", path, "Traces", "Latency", "250")


def test_who_is_signed_in_is_shown(signed_in: Browser) -> None:
    signed_in.visit("#/experiments")
    signed_in.click("local admin")
    signed_in.picture("account")
    assert signed_in.found() == []


def test_who_signed_out_has_to_sign_in_again(signed_in: Browser) -> None:
    signed_in.visit("sign-in")
    signed_in.sees("Signed in as local admin, admin")
    signed_in.picture("signed-in")
    signed_in.click("Sign out")
    signed_in.sees("API token")
    signed_in.visit("")
    signed_in.sees("API token")
    assert signed_in.found() == []
