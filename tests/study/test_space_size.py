from gansearch.study.space_size import SpaceSize, space_size


def test_choices_and_whole_numbers_multiply_and_real_numbers_are_counted(make_space):
    assert space_size(make_space()) == SpaceSize(8 * 2, 1)


def test_architectures_add_up(make_space):
    generator = "generator=[{use: dense, width: {low: 1, high: 4}}, {use: dcgan, levels: 2}]"
    assert space_size(make_space(generator, "baseline={}")).combinations == 4 + 1
