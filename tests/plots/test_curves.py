import numpy as np
import pandas as pd
import pytest

from gansearch.plots.curves import curves_figure
from gansearch.signals import Verdict


@pytest.fixture
def signals() -> pd.DataFrame:
    """A balanced run of 100 steps with a cross-entropy loss."""
    return pd.DataFrame(
        {
            "step": range(1, 101),
            "d_loss_real": 0.6,
            "d_loss_fake": 0.7,
            "dominance": 1.3,
            "g_loss": 1.1,
            "d_acc_real": 0.75,
            "d_acc_fake": 0.75,
            "d_first_grad_norm": 2.0,
            "g_first_grad_norm": 0.5,
            "d_grad_norm": 3.0,
        }
    )


def panels(figure):
    return {axes.get_ylabel(): axes for axes in figure.axes}


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_what_was_measured_is_drawn_and_the_verdict_marked():
    signals = pd.DataFrame(
        {"step": range(1, 201), "g_loss": 1.0, "dominance": 0.5, "coverage": float("nan")}
    )
    drawing = curves_figure("trial 1", signals, Verdict("convergence-failure", 150))
    assert [axes.get_ylabel() for axes in drawing.axes] == ["G loss", "dominance"]
    assert [text.get_text() for text in drawing.axes[0].texts] == ["convergence-failure at 150"]


def test_the_losses_of_both_networks_have_a_panel_each_with_its_stable_band(signals):
    drawn = panels(curves_figure("run", signals, None))
    assert legend(drawn["D loss"]) == ["d_loss_real", "d_loss_fake", "rule of thumb: 0.5 to 0.8"]
    assert legend(drawn["G loss"]) == ["g_loss", "rule of thumb: 1 to 2"]
    assert legend(drawn["D accuracy"]) == ["d_acc_real", "d_acc_fake", "rule of thumb: 0.7 to 0.8"]


def test_another_loss_than_cross_entropy_has_no_stable_band(signals):
    drawn = panels(curves_figure("run", signals.assign(d_loss_real=-3.0), None))
    assert legend(drawn["D loss"]) == ["d_loss_real", "d_loss_fake"]
    assert legend(drawn["G loss"]) == ["g_loss"]


def test_first_layer_gradients_are_drawn_on_a_logarithmic_scale(signals):
    assert (
        panels(curves_figure("run", signals, None))["first layer's\ngradient"].get_yscale() == "log"
    )


def test_a_loss_far_beyond_its_band_is_drawn_so_that_the_band_is_still_seen(signals):
    drawn = panels(curves_figure("run", signals.assign(g_loss=np.linspace(1, 4000, 100)), None))
    assert drawn["G loss"].get_yscale() == "symlog"
    assert drawn["D loss"].get_yscale() == "linear"


def test_a_signal_that_a_loss_brought_along_has_a_panel_of_its_own_at_the_end(signals):
    figure = curves_figure("run", signals.assign(reconstruction_error=0.1), None)
    assert list(panels(figure))[-1] == "reconstruction error"
    assert "d grad norm" not in panels(figure)


def test_predictions_are_drawn_as_shares_of_each_batch(signals):
    bins = {f"bin_{i:02d}": [0, 0, 0, 0] for i in range(20)}
    predictions = pd.DataFrame({"step": [10, 10, 20, 20], "kind": ["real", "fake"] * 2, **bins})
    predictions["bin_19"], predictions["bin_02"] = [48, 0, 32, 0], [16, 64, 32, 64]
    drawn = panels(curves_figure("run", signals, None, predictions))
    shares = drawn["real"].collections[0].get_array()
    assert (shares.shape, shares[19].tolist(), shares[2].tolist()) == (
        (20, 2),
        [0.75, 0.5],
        [0.25, 0.5],
    )
    assert drawn["fake"].collections[0].get_array()[2].tolist() == [1.0, 1.0]


def test_a_run_without_predictions_has_no_strips(signals):
    assert not {"real", "fake"} & {*panels(curves_figure("run", signals, None))}
