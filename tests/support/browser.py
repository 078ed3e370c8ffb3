"""A headless Chromium for pages that people open, where there is one."""

import shutil
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser():
    """A browser; tests are skipped where selenium, Chromium or its driver is not installed."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    from selenium.webdriver.chrome.service import Service

    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no Chromium with its driver; apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=Service(driver))
    opened.set_script_timeout(120)
    yield opened
    opened.quit()


def show(browser, place, width=1400, height=1000):
    """Open a page, or a file, in a window of this size, with an empty console."""
    browser.get("about:blank")  # so that the page before asks for nothing any more
    browser.get_log("browser")
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(place.absolute().as_uri() if isinstance(place, Path) else place)


def wait_for(browser, script):
    """Return what a script gives as soon as it is true."""
    for _ in range(600):
        if found := browser.execute_script(f"return {script}"):
            return found
        time.sleep(0.1)
    raise AssertionError(f"never true: {script}")


def errors(browser):
    """Return the messages of the console since the last call, warnings left out."""
    return [one["message"] for one in browser.get_log("browser") if one["level"] == "SEVERE"]


def axe_faults(browser, *left_out):
    """Return what axe-core calls a serious or critical fault of the page, as `rule: element`.

    Args:
        browser: shows the page.
        left_out: selectors of elements that are not looked at.
    """
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("no axe-core; pip install --no-deps axe-playwright-python")
    browser.execute_script((Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8"))
    script = """
        const tell = arguments[arguments.length - 1];
        axe.run({exclude: arguments[0]}).then(
            result => tell(result.violations), error => tell(`${error}`));
    """
    violations = browser.execute_async_script(script, [[one] for one in left_out])
    assert isinstance(violations, list), violations
    return [
        f"{violation['id']}: {node['html'][:120]}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
