import json
import sqlite3
from html.parser import HTMLParser

import pytest
import vl_convert
from support.records import replace_in_records

from gansearch.export.report.page import report_html
from gansearch.storage.run_folder import RunFolder


class Page(HTMLParser):
    """Elements of a page, with their attributes, and its chart specifications."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.specs, self.texts, self._spec = [], {}, [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.elements.append((tag, known))
        self._spec = known.get("data-for") if known.get("class") == "spec" else None

    def handle_data(self, data):
        if self._spec:
            self.specs[self._spec], self._spec = json.loads(data), None
        else:
            self.texts.append(data)

    def attributes(self, tag):
        return [attributes for found, attributes in self.elements if found == tag]


@pytest.fixture(scope="module")
def page(recorded):
    return Page(report_html(RunFolder.open(recorded)))


def test_the_page_loads_nothing(run):
    text = report_html(RunFolder.open(run))
    assert len(text.encode()) < 2_000_000
    page = Page(text)
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data"):
            place = attributes.get(name) or "#"
            assert place.startswith(("#", "data:image/png;base64,")), (tag, place)
    (policy,) = (m["content"] for m in page.attributes("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none';")


def test_every_trial_has_a_row_and_every_link_leads_somewhere(page):
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert [i for i in ids if i.startswith("trial-") and i[6:].isdigit()] == [
        f"trial-{n}" for n in range(13)
    ]
    assert page.attributes("a")
    for link in page.attributes("a"):
        assert link["href"][1:] in ids


def test_charts_are_valid_and_have_a_place(page):
    places = [a["id"] for a in page.attributes("div") if a.get("class") == "chart"]
    assert sorted(places) == sorted(page.specs)
    assert {"chart-front", "chart-parallel", "chart-failure-0"} <= set(places)
    for spec in page.specs.values():
        assert vl_convert.vegalite_to_vega(spec, vl_version="6.4")["marks"]


def test_the_front_shows_who_is_certified_and_the_tolerance(certified):
    front = Page(report_html(RunFolder.open(certified))).specs["chart-front"]
    band, line, points = front["layer"]
    rows = {row["trial"]: row for row in points["data"]["values"]}
    assert rows[7]["kind"] == "champion"
    assert rows[7]["certified"] == "stable, 4 of 4 seeds healthy"
    assert rows[0]["kind"] == "baseline" and rows[1]["certified"] == "no"
    assert band["data"]["values"][0]["limit"] == pytest.approx(0.0572)
    sizes = [row["size"] for row in line["data"]["values"]]
    assert sizes == sorted(sizes)


def test_failures_stand_by_verdict_with_their_reason(page):
    text = " ".join(" ".join(page.texts).split())
    assert "convergence-failure: 1 trial" in text
    assert "the discriminator has won for 412 steps on end" in text


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def test_names_of_strangers_are_text(run, page):
    for theirs in ("the discriminator has won", "batch"):
        assert replace_in_records(run, theirs, HOSTILE)
    hostile = Page(report_html(RunFolder.open(run)))
    assert HOSTILE in " ".join(hostile.texts) and HOSTILE in json.dumps(hostile.specs)
    for tag in ("script", "img"):
        assert len(hostile.attributes(tag)) == len(page.attributes(tag))


def test_a_run_without_a_healthy_trial_has_a_report(run):
    with sqlite3.connect(run / "study.db") as database:
        database.execute("DELETE FROM trial_user_attributes")
    page = Page(report_html(RunFolder.open(run)))
    assert "No trial is healthy yet, so there is no front." in " ".join(page.texts)
    assert page.specs == {}


def test_a_report_is_written_into_the_run_folder_or_where_one_says(call, run, tmp_path):
    assert call("report", run) == (0, "", f"wrote {run / 'report.html'}\n")
    assert (run / "report.html").read_text().lower().startswith("<!doctype html>")
    assert call("report", run, "-o", tmp_path / "page.html")[0] == 0
    assert (tmp_path / "page.html").exists()


def test_a_report_is_an_html_file(call, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, _, err = call("report", run, "-o", "report.pdf")
    assert code == 2 and ".html" in err


def test_without_its_packages_a_report_says_how_to_get_them(call, run, monkeypatch):
    monkeypatch.setattr("gansearch.cli.report.find_spec", lambda name: None)
    code, _, err = call("report", run)
    assert code == 1 and "a report needs jinja2 and vl_convert; pip install" in err
