import torch

from gansearch.builtin.extractors.training import accuracy, train_extractor


def stripes(count):
    """Images (N, 1, 8, 8) of horizontal stripes, labelled 0, and of vertical ones, labelled 1."""
    labels = torch.arange(count) % 2
    across = torch.arange(8).view(8, 1).expand(8, 8) % 2 * 200
    return torch.where(labels.view(-1, 1, 1, 1) == 0, across, across.T).to(torch.uint8), labels


def test_an_extractor_learns_to_tell_classes_apart():
    images, labels = stripes(1280)
    assert accuracy(train_extractor(images, labels, epochs=3), images, labels) == 1


def test_training_depends_on_the_seed_alone_and_leaves_the_random_state():
    images, labels = stripes(64)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    one, again, other = (train_extractor(images, labels, seed=seed, epochs=1) for seed in (0, 0, 1))
    assert torch.rand(1) == expected
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True))
    assert not torch.equal(one.head.weight, other.head.weight)
    assert not one.training
