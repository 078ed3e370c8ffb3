import json
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"


@pytest.mark.parametrize(
    ("log", "rows", "won", "step"),
    [
        ("face_gan_losses", 41, 41, 390),
        ("coursework_dense_losses", 100, 97, 99),
        ("coursework_conv_losses", 100, 93, 99),
    ],
)
def test_the_failures_on_record_are_recognised(call, log, rows, won, step):
    code, out, _ = call("diagnose", DATA / f"{log}.csv", "--json")
    told = json.loads(out)
    assert (code, told["verdict"], told["step"], told["rows"]) == (
        0,
        "convergence-failure",
        step,
        rows,
    )
    assert told["evidence"]["rule"] == f"the discriminator has won {won} of the last {rows} rows"


def test_what_could_not_be_judged_is_told(call):
    told = json.loads(call("diagnose", DATA / "face_gan_losses.csv", "--json")[1])
    assert told["unjudged"] == {
        "convergence-failure": ["pair_ratio"],
        "mode-collapse": ["coverage|duplicates"],
    }
    assert (
        "mode-collapse lacks coverage or duplicates"
        in call("diagnose", DATA / "face_gan_losses.csv")[1]
    )


@pytest.mark.parametrize(
    ("log", "first", "because"),
    [
        (
            "face_gan_losses",
            "halve the discriminator's learning rate",
            "won 41 of the last 41 steps",
        ),
        (
            "coursework_dense_losses",
            "let the networks take turns at every batch",
            "90 of the last 100 steps both",
        ),
        (
            "coursework_conv_losses",
            "let the networks take turns at every batch",
            "11 of the last 100 steps both",
        ),
    ],
)
def test_the_failures_on_record_are_told_what_to_try_next(call, log, first, because):
    advice = json.loads(call("diagnose", DATA / f"{log}.csv", "--json")[1])["remedies"]
    assert advice[0]["title"].startswith(first) and because in advice[0]["because"]
    told = call("diagnose", DATA / f"{log}.csv")[1].partition("what to try next")[2]
    assert [line[3:].strip() for line in told.splitlines() if line[:1].isdigit()] == [
        one["title"] for one in advice
    ]


def test_a_log_in_balance_is_told_nothing(call, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("step,d_loss,g_loss\n" + "".join(f"{i},0.69,0.7{i % 10}\n" for i in range(40)))
    assert json.loads(call("diagnose", log, "--json")[1])["remedies"] == []
    assert "what to try next" not in call("diagnose", log)[1]


def test_other_names_are_mapped(call, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("epoch,critic,gen\n" + "".join(f"{i},0.0001,9\n" for i in range(40)))
    told = json.loads(
        call("diagnose", log, "--map", "d_loss=critic", "--map", "step=epoch", "--json")[1]
    )
    assert (told["verdict"], told["step"]) == ("convergence-failure", 39)


def test_a_nan_is_told_in_strict_json(call, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("step,g_loss\n1,0.7\n2,nan\n")
    told = json.loads(call("diagnose", log, "--json")[1])
    assert (told["verdict"], told["step"]) == ("diverged", 2)


def test_a_trials_own_signals_are_judged(call, run):
    told = json.loads(call("diagnose", run / "trials" / "0001" / "signals.parquet", "--json")[1])
    assert (told["verdict"], told["rows"], told["unjudged"]) == ("healthy", 1500, {})


def test_an_unreadable_log_is_a_failure_in_one_message(call, tmp_path):
    code, out, err = call("diagnose", tmp_path / "none.csv")
    assert (code, out) == (1, "")
    assert err.startswith(f"{tmp_path / 'none.csv'} cannot be read") and "Traceback" not in err


def test_it_says_how_the_log_was_read(call, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("Epoch;errD;errG\n" + "".join(f"{i};0,6{i};1,{i}\n" for i in range(20)))
    (file,) = json.loads(call("diagnose", log, "--json")[1])["read"]["files"]
    assert file["columns"] == {"step": "Epoch", "d_loss": "errD", "g_loss": "errG"}
    assert (file["format"], file["rows"]) == ("table separated by semicolons", 20)
    assert "d_loss = errD" in call("diagnose", log)[1]


def test_the_loss_can_be_named(call, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("step,d_loss,g_loss\n" + "".join(f"{i},0.0,{8 + i % 3}\n" for i in range(60)))
    assert json.loads(call("diagnose", log, "--json", "--loss", "hinge")[1])["verdict"] == "healthy"
    code, _, err = call("diagnose", log, "--loss", "hing")
    assert code == 2 and "hinge" in err


def test_the_curves_are_drawn(call, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("step,d_loss,g_loss\n" + "".join(f"{i},0.6{i},1.{i}\n" for i in range(30)))
    assert call("diagnose", log, "-o", tmp_path / "curves.png")[0] == 0
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
