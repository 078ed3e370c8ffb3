import pytest
import torch

from gansearch.training import precision


@pytest.mark.parametrize(("units", "chosen"), [(True, "bf16"), (False, "fp32")])
def test_auto_takes_bf16_only_where_matrix_units_make_it_faster(monkeypatch, units, chosen):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": units, "avx512_bf16": True})
    assert precision.choose_precision("auto", torch.device("cpu")) == chosen


def test_what_is_asked_for_is_what_is_taken():
    assert precision.choose_precision("bf16", torch.device("cpu")) == "bf16"


def test_bf16_trains_with_weights_and_losses_in_fp32(make_space, make_spec):
    from gansearch.detection import RunWatch
    from gansearch.training.loop import train

    candidate, spec = make_space().baseline, make_spec("training.precision=bf16").training
    trained = train(candidate, candidate.dataset.load(), spec, RunWatch([]))
    assert trained.precision == "bf16"
    assert {p.dtype for p in trained.players.generator.network.parameters()} == {torch.float32}
    assert trained.players.generate(trained.players.latents(2)).dtype == torch.float32
