"""The report in a real browser: Chromium, driven without a display."""

import itertools
import json
import pathlib
import shutil

import pytest
from fake_run import write_run_folder

from nfs_keras.report.write_report import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
CHECKS = pathlib.Path(__file__).with_name("page_checks.js").read_text("utf-8")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
VIEWS = tuple(itertools.product((390, 1440), ("light", "dark")))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not (CHROMIUM and DRIVER):
        pytest.skip(
            "chromium and chromedriver are not installed: the report was NOT"
            " looked at (Debian: apt install chromium chromium-driver)"
        )
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="selenium is not installed"
    )
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    runs = [
        write_run_folder(folder / name, 6, 3, seed=seed)
        for seed, name in enumerate(("first", "<b>a second & longer name"))
    ]
    return write_report(runs, folder / "report.html")


def emulate(browser, scheme):
    """Asks for light or dark pages."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": features}
    )


@pytest.fixture(params=VIEWS, ids=lambda x: f"{x[0]}-{x[1]}")
def view(request, browser, page):
    """Opens the page, in a window that shows all of it."""
    width, scheme = request.param
    emulate(browser, scheme)
    screen = {"width": width, "deviceScaleFactor": 1, "mobile": width < 500}
    for height in (900, 40_000):
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {**screen, "height": height}
        )
        if height == 900:
            browser.get(page.as_uri())
    return browser


def check(browser, name):
    """Runs one function of page_checks.js."""
    return browser.execute_script(f"{CHECKS}; return {name}();")


def test_the_page_is_sound(view):
    names = "lowContrast", "wordless", "tooWide", "cutWords", "brokenImages"
    assert {name: check(view, name) for name in names} == {
        name: [] for name in names
    }


def test_the_paper_follows_the_scheme(browser, page):
    papers = set()
    for scheme in ("light", "dark"):
        emulate(browser, scheme)
        browser.get(page.as_uri())
        papers.add(
            browser.execute_script(
                "return getComputedStyle(document.body).backgroundColor"
            )
        )
    assert len(papers) == 2


def test_the_page_asks_for_nothing_and_complains_of_nothing(browser, page):
    for log in ("browser", "performance"):
        browser.get_log(log)  # forget what came before
    browser.get(page.as_uri())
    assert browser.get_log("browser") == []
    messages = [
        json.loads(entry["message"])["message"]
        for entry in browser.get_log("performance")
    ]
    asked = {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
    assert {x for x in asked if not x.startswith("data:")} == {page.as_uri()}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("lowContrast", "<p style='color: #999'>pale"),
        ("lowContrast", "<svg><text y='20' style='fill: #fff'>pale</text>"),
        ("wordless", "<img src='data:,'>"),
        ("wordless", "<svg></svg>"),
        ("tooWide", "<div style='width: 9999px'>wide"),
        ("cutWords", "<svg width='40'><text x='30' y='9'>too long</text>"),
        ("brokenImages", "<img alt='x' src='data:image/png;base64,AAAA'>"),
    ],
)
def test_the_checks_find_what_is_wrong(browser, tmp_path, name, body):
    file = tmp_path / "page.html"
    file.write_text(f"<!doctype html><body style='background: white'>{body}")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.get(file.as_uri())
    assert len(check(browser, name)) > 0
