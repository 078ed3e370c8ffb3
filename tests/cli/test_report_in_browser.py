"""The report as a reader uses it: a real browser sorts, points and clicks."""

import json
import sqlite3
from dataclasses import replace

import pytest
from support.browser import axe_faults, errors, show, wait_for

from gansearch.export.report.page import report_html
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_attributes import RECORD, dump_record, load_record


@pytest.fixture(scope="module")
def page(recorded_certified, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report_html(RunFolder.open(recorded_certified)), encoding="utf-8")
    return path


FRONT_MARKS = "[...document.querySelectorAll('#chart-front path[aria-roledescription=\"point\"]')]"


CHARTS = "[...document.querySelectorAll('.chart:not(details:not([open]) *)')]"
"""Charts outside of closed parts."""


def scroll_through(browser):
    """Look at each chart in turn, until all are drawn."""
    for i in range(browser.execute_script(f"return {CHARTS}.length")):
        browser.execute_script(f"{CHARTS}[{i}].scrollIntoView()")
        wait_for(browser, f"{CHARTS}[{i}].querySelector('svg path')")


@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_fits_and_reports_no_error(browser, page, width):
    show(browser, page, width)
    wait_for(browser, f"{FRONT_MARKS}.length >= 8")
    scroll_through(browser)
    assert errors(browser) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    # No chart is wider than its place.
    wider = f"{CHARTS}.filter(c => c.scrollWidth > c.clientWidth + 1).map(c => c.id)"
    assert browser.execute_script(f"return {wider}") == []


def test_the_policy_refuses_every_request(browser, page):
    show(browser, page)
    script = """
        const tell = arguments[0];
        fetch('http://127.0.0.1:9/').then(() => tell('sent'), error => tell(`${error}`));
    """
    assert "Failed to fetch" in browser.execute_async_script(script)
    assert any("Content Security Policy" in message for message in errors(browser))


def test_a_heading_sorts_the_table_up_and_down(browser, page):
    show(browser, page)
    rows = "[...document.querySelectorAll('table.sortable tbody tr')]"
    numbers = f"{rows}.map(row => row.cells[0].innerText)"
    heading = next(
        button
        for button in browser.find_elements("css selector", "table.sortable th button")
        if button.text == "mmd"
    )
    heading.click()
    rising = browser.execute_script(f"return {numbers}")
    assert rising[:4] == ["1", "4", "2", "0"]
    heading.send_keys("\n")  # by the keyboard too
    falling = browser.execute_script(f"return {numbers}")
    assert falling[:2] == ["6", "3"]
    # Trials without a quality stay last.
    assert set(rising[8:]) == set(falling[8:]) == {"5", "8", "9", "11", "12"}
    state = heading.find_element("xpath", "./..").get_attribute("aria-sort")
    assert state == "descending"


def test_pointing_at_a_mark_shows_its_figures_and_a_click_finds_its_row(browser, page):
    from selenium.webdriver.common.action_chains import ActionChains

    show(browser, page)
    wait_for(browser, f"{FRONT_MARKS}.length >= 8")
    mark = browser.execute_script(
        f"return {FRONT_MARKS}.find(m => m.getAttribute('aria-label').includes('trial: 7'))"
    )
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", mark)
    ActionChains(browser).move_to_element(mark).pause(0.5).perform()
    told = wait_for(browser, "document.querySelector('#vg-tooltip-element.visible')?.innerText")
    assert "6,873" in told and "stable, 4 of 4 seeds healthy" in told
    ActionChains(browser).move_to_element(mark).click().perform()
    assert wait_for(browser, "document.querySelector('tr.found')?.id") == "trial-7"
    assert browser.execute_script("return document.activeElement.id") == "trial-7"


def test_the_curves_of_a_verdict_are_drawn_when_it_is_opened(browser, page):
    show(browser, page)
    closed = browser.find_elements("css selector", "details:not([open]) > summary")
    assert closed
    browser.execute_script("arguments[0].scrollIntoView()", closed[0])
    closed[0].click()
    charts = "[...document.querySelectorAll('details[open] .chart')]"
    drawn = f"{charts}.every(chart => chart.querySelector('svg'))"
    assert wait_for(browser, drawn)
    assert errors(browser) == []


def test_a_chart_out_of_sight_is_drawn_when_one_scrolls_to_it_or_prints(browser, page):
    show(browser, page, height=300)
    wait_for(browser, f"{FRONT_MARKS}.length >= 8")
    parallel = "document.querySelector('#chart-parallel svg path')"
    assert not browser.execute_script(f"return {parallel}")
    browser.execute_script("document.getElementById('parameters').scrollIntoView()")
    assert wait_for(browser, parallel)
    show(browser, page, height=300)
    assert not browser.execute_script(f"return {parallel}")
    browser.execute_cdp_cmd("Page.printToPDF", {})
    assert wait_for(browser, f"{CHARTS}.every(chart => chart.querySelector('svg path'))")


@pytest.fixture
def dark(browser):
    """A reader who prefers dark pages."""
    emulate = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", emulate)
    yield
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_dark_readers_get_light_ink(browser, page, dark):
    show(browser, page)
    wait_for(browser, f"{FRONT_MARKS}.length >= 8")
    ink = browser.execute_script(
        "return document.querySelector('#chart-front .role-axis-title text').getAttribute('fill')"
    )
    assert ink == "#e6e8ea"


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser, page, scheme, width, request):
    if scheme == "dark":
        request.getfixturevalue("dark")
    show(browser, page, width)
    scroll_through(browser)
    assert axe_faults(browser) == []


def test_the_chart_of_500_trials_has_all_its_marks(browser, run, tmp_path):
    with sqlite3.connect(run / "study.db") as database:
        (healthy,) = database.execute(
            "SELECT value_json FROM trial_user_attributes WHERE value_json LIKE '%number\\\":1,%'"
        ).fetchone()
        known = load_record(json.loads(healthy))
        for number in range(100, 600):
            record = replace(
                known,
                number=number,
                sizes={**known.sizes, "generator_params": 1000 + 37 * number},
                metrics={**known.metrics, "mmd": 0.03 + (number * 7919 % 101) / 1000},
            )
            added = database.execute(
                "INSERT INTO trials (number, study_id, state) VALUES (?, 1, 'COMPLETE')", (number,)
            )
            database.execute(
                "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (?, ?, ?)",
                (added.lastrowid, RECORD, json.dumps(dump_record(record))),
            )
    path = tmp_path / "report.html"
    path.write_text(report_html(RunFolder.open(run)), encoding="utf-8")
    assert path.stat().st_size < 4_000_000
    show(browser, path)
    assert wait_for(browser, f"{FRONT_MARKS}.length >= 500")
    assert errors(browser) == []
