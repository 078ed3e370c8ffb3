import pytest
import torch

from gansearch.training import precision


@pytest.mark.parametrize(("units", "chosen"), [(True, "bf16"), (False, "fp32")])
def test_auto_takes_bf16_only_where_matrix_units_make_it_faster(monkeypatch, units, chosen):
    monkeypatch.setattr(
        torch.cpu, "get_capabilities", lambda: {"amx_bf16": units, "avx512_bf16": True}
    )
    assert precision.choose_precision("auto", torch.device("cpu")) == chosen


def test_a_requested_precision_is_used_on_any_device():
    assert precision.choose_precision("bf16", torch.device("cpu")) == "bf16"


def test_bf16_trains_with_weights_and_losses_in_fp32(make_space, make_spec):
    from gansearch.diagnosis.detection import RunWatch
    from gansearch.training.loop import train

    candidate, spec = make_space().baseline, make_spec("training.precision=bf16").training
    trained = train(candidate, candidate.dataset.load(), spec, RunWatch([]))
    assert trained.precision == "bf16"
    assert {p.dtype for p in trained.networks.generator.network.parameters()} == {torch.float32}
    assert trained.networks.generate(trained.networks.draw_latents(2)).dtype == torch.float32


def test_a_memory_format_is_kept_throughout_and_gives_the_same_losses(make_space, make_spec):
    from gansearch.diagnosis.detection import RunWatch
    from gansearch.training.loop import train

    def trained(memory_format):
        images = (
            "dataset={use: fashion-mnist, limit: 200}",
            "generator={use: dcgan, width: 8}",
            "baseline={}",
        )
        networks = (*images, "discriminator={use: downconv, width: 8}")
        candidate = make_space(*networks).baseline
        training = make_spec(
            *networks, f"training.memory_format={memory_format}", "training.steps=3"
        ).training
        return train(candidate, candidate.dataset.load(), training.in_steps(200), RunWatch([]))

    usual, other = trained("channels_last"), trained("contiguous")
    for run, layout in ((usual, torch.channels_last), (other, torch.contiguous_format)):
        networks = (run.networks.generator.network, run.networks.discriminator.network)
        maps = [
            weight for network in networks for weight in network.parameters() if weight.dim() == 4
        ]
        assert all(weight.is_contiguous(memory_format=layout) for weight in maps)
    assert not all(
        weight.is_contiguous() for weight in usual.networks.generator.network.parameters()
    )
    # A convolution adds up to 1,000 products in another order: 1e3 * 2**-23 = 1e-4 a step.
    assert [row["g_loss"] for row in other.rows] == pytest.approx(
        [row["g_loss"] for row in usual.rows], rel=1e-3
    )
