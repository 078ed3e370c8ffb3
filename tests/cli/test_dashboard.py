import hashlib
import http.client
import json
import threading
from contextlib import contextmanager

import pytest
from PIL import Image
from support.browser import axe_faults, errors, show, wait_for

from gansearch.errors import GansearchError, RunFolderError
from gansearch.storage.run_folder import RunFolder

pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed")

from gansearch.dashboard.server import dashboard_server

FRAME = ("button-name:", "color-contrast:", "list:", "listitem:", "scrollable-region-focusable:")
"""Rules of axe-core that the buttons, chips and lists of optuna-dashboard 0.21 break."""


@contextmanager
def served(folder, **options):
    """Serve a run's dashboard; gives a function that makes requests."""
    with dashboard_server(folder, 0, **options) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def request(method, path, body=None, **headers):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
            known = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, known)
            response = connection.getresponse()
            return response.status, response.read(), dict(response.getheaders())

        request.port = server.server_port
        yield request
        server.shutdown()


@pytest.fixture
def shown(certified):
    """A certified run of thirteen trials; trial 7 has a picture of its samples."""
    folder = RunFolder.open(certified)
    Image.new("L", (8, 8), 100).save(folder.trial(7).sample_path(1500))
    return folder


def test_trials_have_their_own_numbers_figures_and_a_verdict_as_note(shown):
    with served(shown) as request:
        status, body, _ = request("GET", "/api/studies/1")
    study = json.loads(body)
    assert status == 200 and study["name"] == "shrink"
    assert study["objective_names"] == ["generator_params", "mmd"]
    trials = {trial["number"]: trial for trial in study["trials"]}
    assert sorted(trials) == list(range(13))
    assert trials[7]["values"] == [6873, 0.054]
    assert trials[9]["state"] == "Pruned" and not trials[9]["note"]["body"].startswith("## healthy")
    note = trials[9]["note"]["body"]
    assert note.startswith("## convergence-failure at step 600")
    assert "the discriminator has won for 412 steps on end" in note
    assert "halve the generator's learning rate" in note
    attributes = {pair["key"]: pair["value"] for pair in trials[5]["user_attrs"]}
    assert attributes["verdict"] == "mode-collapse"


def test_the_certification_is_a_study_beside_the_search(shown):
    with served(shown) as request:
        known = json.loads(request("GET", "/api/studies")[1])["study_summaries"]
        runs = json.loads(request("GET", "/api/studies/2")[1])["trials"]
    assert [one["study_name"] for one in known] == ["shrink", "shrink/certification"]
    assert "trains trial 7 again with seed 1" in runs[0]["note"]["body"]


def test_samples_and_curves_are_pictures_of_the_trial(shown):
    with served(shown) as request:
        (trial,) = (
            trial
            for trial in json.loads(request("GET", "/api/studies/1")[1])["trials"]
            if trial["number"] == 7
        )
        names = [one["filename"] for one in trial["artifacts"]]
        assert names == ["step-001500.png", "curves.png"]
        for one in trial["artifacts"]:
            place = f"/artifacts/1/{trial['trial_id']}/{one['artifact_id']}"
            status, content, headers = request("GET", place)
            assert (status, content[:4]) == (200, b"\x89PNG")
            assert "Access-Control-Allow-Origin" not in headers
        assert request("GET", "/artifacts/1/7/0000-0000")[0] == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/studies/1"),
        ("POST", "/api/studies"),
        ("POST", "/api/trials/7/tell"),
        ("PUT", "/api/studies/1/7/note"),
        ("OPTIONS", "/api/studies"),
    ],
)
def test_nothing_can_be_changed(shown, method, path):
    before = hashlib.sha256((shown.path / "study.db").read_bytes()).digest()
    with served(shown) as request:
        status, body, _ = request(method, path, json.dumps({"state": "Fail"}))
        assert (status, body) == (405, b"this dashboard is for reading only")
    assert hashlib.sha256((shown.path / "study.db").read_bytes()).digest() == before


def test_a_page_elsewhere_reaches_nothing(shown):
    with served(shown) as request:
        assert request("GET", "/api/studies", Host="evil.example")[0] == 403
        assert request("GET", "/api/studies", Host=f"127.0.0.1:{request.port + 1}")[0] == 403
        assert request("GET", "/api/studies", Origin="http://evil.example")[0] == 403
        assert request("GET", "/api/studies", Host=f"localhost:{request.port}")[0] == 200
        policy = request("GET", "/dashboard")[2]["Content-Security-Policy"]
        assert policy.startswith("default-src 'self';")


def test_notes_may_be_written_beside_the_study_where_one_asks(shown):
    before = hashlib.sha256((shown.path / "study.db").read_bytes()).digest()
    note = json.dumps({"body": "looks like shoes", "version": 2})
    for _ in range(2):
        with served(shown, notes=True) as request:
            status, _, _ = request(
                "PUT", "/api/studies/1/7/note", note, Content_Type="application/json"
            )
            assert status in (204, 409)  # the second time this version is there already
            (trial,) = json.loads(request("GET", "/api/studies/1?after=7")[1])["trials"][:1]
            assert trial["note"] == {"body": "looks like shoes", "version": 2}
            assert request("DELETE", "/api/studies/1")[0] == 405
    assert hashlib.sha256((shown.path / "study.db").read_bytes()).digest() == before


def test_a_port_that_is_taken_or_a_run_that_has_not_begun_is_told(shown, tmp_path):
    with served(shown) as request, pytest.raises(GansearchError, match="choose another --port"):
        dashboard_server(shown, request.port)
    empty = RunFolder.create(tmp_path / "empty", shown.spec())
    empty.write_study(shown.spec())
    with pytest.raises(RunFolderError, match="the study has not begun"):
        dashboard_server(empty, 0)


def test_a_browser_shows_the_verdict_and_the_pictures_of_a_trial(browser, shown):
    with served(shown) as request:
        base = f"http://127.0.0.1:{request.port}/dashboard/studies/1/trials?numbers="
        show(browser, base + "7")
        pictures = "[...document.images].filter(i => i.src.includes('/artifacts/'))"
        assert wait_for(browser, f"{pictures}.filter(i => i.naturalWidth).length == 2")
        show(browser, base + "9")
        verdict = "document.body.innerText.includes('convergence-failure at step 600')"
        assert wait_for(browser, verdict)
        reason = "the discriminator has won for 412 steps on end"
        assert reason in browser.execute_script("return document.body.innerText")
        assert errors(browser) == []
        # Pictures and notes are ours, the frame around them is optuna-dashboard's.
        assert [fault for fault in axe_faults(browser) if not fault.startswith(FRAME)] == []


def test_without_its_package_the_dashboard_says_how_to_get_it(call, run, monkeypatch):
    monkeypatch.setattr("gansearch.cli.dashboard.find_spec", lambda name: None)
    assert call("dashboard", run) == (
        1,
        "",
        "the dashboard needs optuna-dashboard; pip install 'gansearch[dashboard]'\n",
    )
