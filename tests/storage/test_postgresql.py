"""Studies on a PostgreSQL server: who may write them, and the messages where nobody may."""

import os
import re
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage

from gansearch.errors import RunFolderError
from gansearch.storage.database import database_of
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_store import TrialStore, forget_run
from gansearch.trial_record import TrialRecord


@pytest.fixture
def opened(make_spec, tmp_path):
    """Opens a study for writing, from a run folder of that name."""

    def open_store(url, folder="run", name="tiny"):
        spec = make_spec(f"storage={url}", f"name={name}")
        run = RunFolder.create(tmp_path / folder, spec)
        store = TrialStore.open(database_of(run.path, url), name, spec.objectives)
        run.write_study(spec)
        return store

    return open_store


def tell(store, *, healthy=True):
    trial = store.ask(RandomSampler())
    record = store.begin(trial, TrialRecord(-1, "running", {}, steps=20))
    record = replace(record, state="complete" if healthy else "pruned")
    store.tell(trial, record, [1.0, 2.0] if healthy else None, {"failure": float(not healthy)})


def read(folder, url=None):
    """Read the study of a run folder, by the URL that it has kept unless another one is given."""
    url = url or RunFolder.open(folder).spec().storage
    return TrialStore.read(database_of(folder, url), "tiny")


def numbers(url, folder):
    return [record.number for record in read(folder, url).records()]


def test_what_one_driver_has_told_another_process_reads_while_it_goes_on(
    database, opened, tmp_path
):
    with opened(database) as store:
        tell(store)
        tell(store, healthy=False)
        reader = read(tmp_path / "run", database)
        assert reader.records() == store.records()
        tell(store)
        assert len(reader.records()) == 3


@pytest.mark.parametrize("folder", ["run", "elsewhere"])
def test_a_second_driver_is_refused_and_told_who_holds_the_study(database, opened, folder):
    who = (
        rf"gansearch {os.getpid()} on {socket.gethostname()[:20]} since 20\d\d-.*Z "
        "works on the study 'tiny'"
    )
    with opened(database) as store:
        with pytest.raises(RunFolderError, match=who):
            opened(database, folder)
        tell(store)


def test_a_user_without_rights_to_look_at_others_is_told_who_holds_the_study(
    server, database, opened
):
    server.sql("DROP ROLE IF EXISTS other")
    server.sql("CREATE ROLE other LOGIN PASSWORD 'open-sesame'")
    name = database.rpartition("/")[2]
    server.sql("GRANT ALL ON SCHEMA public TO other", name)
    with opened(database):
        server.sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO other", name)
        with pytest.raises(RunFolderError, match=rf"gansearch {os.getpid()} on .* works on"):
            opened(server.url(name, "other"), "elsewhere")


def test_who_may_only_look_can_read_a_study(server, database, opened, tmp_path):
    with opened(database) as store:
        tell(store)
    name = database.rpartition("/")[2]
    server.sql("DROP ROLE IF EXISTS reader")
    server.sql("CREATE ROLE reader LOGIN PASSWORD 'open-sesame'")
    server.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", name)
    study = tmp_path / "run" / "study.yaml"
    study.write_text(study.read_text().replace("root@", "reader:open-sesame@"))
    RunFolder.open(tmp_path / "run").trust()
    assert numbers(None, tmp_path / "run") == [0]


def test_two_studies_go_side_by_side_in_one_database(database, opened):
    with opened(database) as one, opened(database, "other", "other") as other:
        tell(one)
        tell(other)
        assert [len(store.records()) for store in (one, other)] == [1, 1]


def test_studies_that_begin_at_once_in_an_empty_database_are_not_in_each_others_way(
    database, opened
):
    with ThreadPoolExecutor(8) as threads:
        stores = list(threads.map(lambda i: opened(database, f"run{i}", f"tiny{i}"), range(8)))
    for store in stores:
        with store:
            tell(store)


def test_a_study_goes_on_in_its_own_folder_alone(database, opened, tmp_path):
    with opened(database) as store:
        tell(store)
    why = (
        rf"its study 'tiny' belongs to the run folder {re.escape(str(tmp_path))}/run on .*, "
        "so .*elsewhere cannot go on"
    )
    with pytest.raises(RunFolderError, match=why):
        opened(database, "elsewhere")
    with opened(database) as store:
        assert len(store.records()) == 1


def test_a_folder_that_was_refused_may_take_another_database(server, database, opened):
    with opened(database):
        pass
    with pytest.raises(RunFolderError, match="belongs to the run folder"):
        opened(database, "elsewhere")
    with opened(server.url(server.database()), "elsewhere") as store:
        assert store.records() == []


def test_a_folder_with_trials_stays_with_their_database(server, database, opened):
    with opened(database):
        pass
    with pytest.raises(
        RunFolderError, match=r"storage: postgresql://root@.* -> postgresql://root@"
    ):
        opened(server.url(server.database()))


def test_a_driver_that_lost_its_connection_writes_nothing_more(server, database, opened):
    with (
        pytest.raises(RunFolderError, match="the connection was lost, and with it the lock"),
        opened(database) as lost,
    ):
        tell(lost)
        server.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name LIKE 'gansearch%'"
        )
        with opened(database) as successor:
            tell(successor)
        try:
            tell(lost)
        finally:
            with pytest.raises(RunFolderError, match="gansearch resume continues"):
                lost.enqueue({})
    with opened(database) as store:
        assert [record.number for record in store.records()] == [0, 1]


def test_a_fresh_start_forgets_the_folders_own_study_and_no_other(database, opened, tmp_path):
    for name in ("tiny", "other"):
        with opened(database, name, name) as store:
            tell(store)
    forget_run(RunFolder.open(tmp_path / "tiny"), database)
    with opened(database, "elsewhere") as store, opened(database, "other", "other") as other:
        assert [len(kept.records()) for kept in (store, other)] == [0, 1]


def test_a_fresh_start_in_a_folder_that_was_refused_touches_nothing(database, opened, tmp_path):
    with opened(database) as store:
        tell(store)
    with pytest.raises(RunFolderError, match="belongs to the run folder"):
        opened(database, "elsewhere")
    folder = RunFolder(tmp_path / "elsewhere")
    folder.write_study(RunFolder.open(tmp_path / "run").spec())
    forget_run(folder, database)
    assert numbers(database, tmp_path / "run") == [0]


def test_the_run_folder_knows_its_database_but_for_the_password(
    server, database, opened, tmp_path, monkeypatch
):
    with opened(database) as store:
        tell(store)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert b"open-sesame" not in kept
    assert RunFolder.open(tmp_path / "run").spec().storage == database.replace(":open-sesame", "")
    monkeypatch.setenv("PGPASSWORD", "open-sesame")
    assert numbers(None, tmp_path / "run") == [0]


# ------------------------------------------------------------------ errors


def refusal(opened, url):
    with pytest.raises(RunFolderError) as refused:
        opened(url)
    assert "open-sesame" not in str(refused.value)
    return str(refused.value)


def test_a_server_that_does_not_answer_is_named(opened):
    told = refusal(opened, "postgresql://me:open-sesame@127.0.0.1:1/studies")
    assert told.startswith("postgresql://me@127.0.0.1:1/studies: ")
    assert "Connection refused" in told


@pytest.mark.parametrize(
    ("user", "password", "database", "why"),
    [
        ("root", ":wrong", None, 'password authentication failed for user "root"'),
        ("root", "", None, "no password supplied"),
        ("root", ":open-sesame", "nowhere", 'database "nowhere" does not exist'),
        ("guest", ":open-sesame", None, "permission denied for schema public"),
    ],
)
def test_what_the_server_does_not_allow_is_told_in_its_words(
    server, opened, user, password, database, why, monkeypatch, tmp_path
):
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    monkeypatch.delenv("PGPASSWORD", raising=False)
    server.sql("DROP ROLE IF EXISTS guest")
    server.sql("CREATE ROLE guest LOGIN PASSWORD 'open-sesame'")
    assert why in refusal(opened, server.url(database or server.database(), user, password))


def test_a_database_of_another_version_of_optuna_is_told_so(server, database, opened):
    with opened(database):
        pass
    server.sql("UPDATE alembic_version SET version_num = 'v3.0.0.a'", database.rpartition("/")[2])
    assert "optuna storage upgrade" in refusal(opened, database)


def test_a_database_without_studies_is_told_so(server, database, make_spec, tmp_path):
    folder = RunFolder.create(tmp_path / "run", make_spec(f"storage={database}"))
    with pytest.raises(RunFolderError, match="it holds no studies yet"):
        TrialStore.read(database_of(folder.path, database), "tiny")
    assert (
        server.sql(
            "SELECT * FROM pg_tables WHERE schemaname = 'public'", database.rpartition("/")[2]
        )
        == []
    )


def test_without_its_driver_a_database_says_how_to_get_it(opened, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    told = refusal(opened, "postgresql://me@127.0.0.1:1/studies")
    assert (
        told
        == 'postgresql://me@127.0.0.1:1/studies needs psycopg: pip install "gansearch[postgresql]"'
    )


def test_a_study_of_somebody_elses_is_not_touched(database, opened):
    storage = RDBStorage(database.replace("postgresql:", "postgresql+psycopg:"))
    optuna.create_study(storage=storage, study_name="tiny").ask()
    storage.engine.dispose()
    assert "its study 'tiny' is not gansearch's" in refusal(opened, database)
