import torch

from gansearch.evaluation.live_memory import PeakBytes


def test_what_is_freed_makes_room_and_views_share_their_storage():
    with PeakBytes(torch.device("cpu")) as memory:
        first = torch.zeros(100)
        second = first.view(10, 10) + 1
        del first
        third = second[:5] * 2
    assert memory.peak == 4 * 200
    assert third.shape == (5, 10)


def test_tensors_of_another_device_are_not_counted():
    with PeakBytes(torch.device("meta")) as memory:
        torch.zeros(100)
        torch.zeros(10, device="meta")
    assert memory.peak == 4 * 10
