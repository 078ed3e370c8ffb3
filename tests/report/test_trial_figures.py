from gansearch.report.trial_figures import phrases, trial_figures, trial_row

SIZES = {"generator_trainable": 108_897, "generator_non_trainable": 96, "generator_macs": 551_936}
SIZES |= {"generator_bytes": 435_988}


def test_costs_are_told_in_words(trial):
    told = phrases(
        trial(1, 3_309, 0.05, sizes=SIZES, metrics={"latency_ms_1": 0.21, "blur_ratio": 0.8})
    )
    assert told["cost of G"] == (
        "108,897 trainable parameters, 96 non-trainable, 552k MACs a sample, 436 kB, "
        "0.21 ms for a batch of 1"
    )
    assert told["cost of D"] == ""
    assert told["samples"] == "blur ratio 0.8 (1: as sharp as the data)"


def test_last_signals_are_told_in_words(trial):
    signals = {
        "d_loss_real": 0.61,
        "d_loss_fake": 0.7,
        "d_acc_real": 0.8,
        "d_acc_fake": 0.75,
        "g_loss": 1.2,
    }
    assert phrases(trial(1, 3_309, 0.05, signals=signals))["last 100 steps"] == (
        "D loss 0.61 on real, 0.7 on fake, D accuracy 0.8 on real, 0.75 on fake, G loss 1.2"
    )


def test_of_a_metric_and_a_probe_of_one_name_the_metric_counts(trial):
    record = trial(1, 3_309, 0.3, metric="coverage", signals={"coverage": 0.1, "g_loss": 1.2})
    assert trial_figures(record) == {"generator_params": 3_309, "coverage": 0.3, "g_loss": 1.2}


def test_a_row_for_a_program_has_verdict_figures_and_parameters(trial):
    row = trial_row(
        trial(9, 3_100, None, "convergence-failure", signals={"g_loss": 8.5}, steps=612)
    )
    assert (row["trial"], row["verdict"], row["step"], row["steps"]) == (
        9,
        "convergence-failure",
        600,
        612,
    )
    assert (row["generator_params"], row["g_loss"], row["parameters"]["generator.width"]) == (
        3_100,
        8.5,
        9,
    )
