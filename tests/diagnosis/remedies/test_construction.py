import pytest
from support.rows import DOMINATED

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.datasets.points import Ring2D
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.generators.dense import DenseGenerator
from gansearch.builtin.generators.upconv import UpConv
from gansearch.diagnosis.remedies import construction


@pytest.mark.parametrize(
    ("output", "value_range", "wanted"),
    [
        ("none", (0.0, 1.0), "sigmoid"),
        ("tanh", (0.0, 1.0), "sigmoid"),
        ("sigmoid", (-1.0, 1.0), "tanh"),
    ],
)
def test_an_output_that_misses_the_datas_range_is_replaced(
    case, make_candidate, make_data, output, value_range, wanted
):
    candidate = make_candidate(generator=DCGANGenerator(levels=2, output=output))
    remedy = construction.matching_output(
        case(candidate=candidate, data=make_data(value_range=value_range))
    )
    assert remedy.change == {"generator": {"output": wanted}}
    assert f"pixels lie in {value_range[0]:g} to 1" in remedy.because


def test_an_output_that_is_not_known_is_left_alone(case, make_candidate):
    class Clipped(DCGANGenerator):
        """With an output of somebody else's."""

        output: str = "clip"

    assert (
        construction.matching_output(case(candidate=make_candidate(generator=Clipped(levels=2))))
        is None
    )


def test_an_output_that_matches_the_data_is_left_alone(case):
    assert construction.matching_output(case()) is None


def test_a_few_hundred_samples_are_too_few(case, make_candidate, make_data):
    remedy = construction.more_data(
        case(candidate=make_candidate(dataset=FashionMNIST(limit=50)), data=make_data(50))
    )
    assert (remedy.because, remedy.change) == (
        "it learned from 50 samples",
        {"dataset": {"limit": None}},
    )
    assert construction.more_data(case()) is None


def test_data_that_nothing_limits_can_only_be_gathered(case, make_data):
    assert construction.more_data(case(data=make_data(50))).change == {}


def test_many_classes_are_too_many_to_begin_with(case, make_data):
    remedy = construction.simpler_data(case(data=make_data(classes=10)))
    assert remedy.because.startswith("it learned 10 classes at once")
    assert remedy.change == {"dataset": {"classes": [0]}}
    assert construction.simpler_data(case(data=make_data(classes=1))) is None


def test_the_modes_of_a_mixture_are_no_classes(case):
    assert construction.simpler_data(case(data=Ring2D(samples=100, test_samples=10).load())) is None


def test_a_latent_of_one_value_is_too_small(case, make_candidate):
    candidate = make_candidate(generator=DCGANGenerator(levels=2, latent=1))
    assert construction.larger_latent(case(candidate=candidate)).change == {
        "generator": {"latent": 100}
    }
    assert construction.larger_latent(case()) is None


def test_a_latent_that_nothing_could_be_built_from_is_not_proposed(case, make_candidate):
    class Fixed(DCGANGenerator):
        """One that takes a latent of eight values and no other."""

        def build(self, images):
            if self.latent != 8:
                raise ValueError
            return super().build(images)

    remedy = construction.larger_latent(
        case(candidate=make_candidate(generator=Fixed(levels=2, latent=8)))
    )
    assert (remedy.because, remedy.change) == (
        "it had a latent of 8, to say all that is in the data",
        {},
    )


def test_a_generator_of_fewer_weights_than_pixels_lacks_capacity(case, make_candidate):
    candidate = make_candidate(generator=DCGANGenerator(levels=2, width=1, latent=2))
    remedy = construction.larger_generator(case(candidate=candidate))
    assert "weights for samples of 784 values" in remedy.because
    assert remedy.change == {"generator": {"width": 2}}
    assert construction.larger_generator(case()) is None


def test_a_discriminator_that_outweighs_the_generator_is_balanced(case, make_candidate):
    heavy = make_candidate(discriminator=DCGANDiscriminator(layers=2, width=128))
    remedy = construction.balanced_weights(case(rows=[DOMINATED] * 500, candidate=heavy))
    assert remedy.change == {"discriminator": {"weight_ratio": 0.5}}
    assert "times the generator's" in remedy.because
    assert construction.balanced_weights(case(rows=[DOMINATED] * 500)) is None


def test_kernels_of_one_and_two_pixels_are_very_small(case, make_candidate):
    remedy = construction.moderate_kernels(
        case(candidate=make_candidate(generator=UpConv(kernel=2, head_kernel=1)))
    )
    assert (
        remedy.because == "the generator's kernel is 2 wide; the generator's head kernel is 1 wide"
    )
    assert remedy.change == {"generator": {"kernel": 4, "head_kernel": 5}}
    assert construction.moderate_kernels(case()) is None


def test_a_kernel_of_nine_pixels_is_very_large(case, make_candidate):
    wide = make_candidate(discriminator=DCGANDiscriminator(layers=2, kernel=9))
    assert construction.moderate_kernels(case(candidate=wide)).change == {
        "discriminator": {"kernel": 4}
    }


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"init_std": 0.2}, "N(0, 0.2)"),
        ({"init_std": 0.001}, "N(0, 0.001)"),
        ({"init": "xavier"}, "X"),
    ],
)
def test_weights_far_from_those_of_dcgan_are_drawn_anew(case, make_candidate, fields, told):
    odd = case(
        rows=[{"g_first_grad_norm": 31.0}],
        candidate=make_candidate(generator=DCGANGenerator(levels=2, **fields)),
    )
    remedy = construction.smaller_initialisation(odd)
    assert remedy.because.startswith(f"the generator's weights began as {told}")
    assert remedy.because.endswith("the generator's first layer had a gradient of norm 31")
    assert remedy.change == {"generator": {"init": "normal", "init_std": 0.02}}


def test_weights_like_those_of_dcgan_are_left_alone_whatever_their_gradients(case):
    assert construction.smaller_initialisation(case(rows=[{"d_first_grad_norm": 1e-5}])) is None


def test_a_log_with_vanishing_gradients_suggests_its_initialisation(log):
    assert construction.smaller_initialisation(log([{"d_first_grad_norm": 1e-5}])).change == {}
    assert construction.smaller_initialisation(log([{"d_first_grad_norm": 0.5}])) is None


def test_networks_for_points_may_begin_as_they_like(case, make_candidate):
    xavier = make_candidate(generator=DenseGenerator(init="xavier", output="none"))
    assert construction.smaller_initialisation(case(candidate=xavier, data=Ring2D().load())) is None
    assert construction.smaller_initialisation(case(candidate=xavier)) is not None
