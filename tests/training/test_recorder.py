import pytest
import torch

from gansearch.training.recorder import Recorder, mean_pair_distance


def test_rows_are_read_once_and_in_order():
    recorder = Recorder()
    for step in range(3):
        recorder.add({"g_loss": torch.tensor(float(step))})
        recorder.keep(step, recorder.end_step())
    assert recorder.read() == [{"g_loss": 0.0}, {"g_loss": 1.0}, {"g_loss": 2.0}]
    assert recorder.read() == []


def test_dominance_is_recorded_only_if_real_and_generated_samples_were_scored():
    recorder = Recorder()
    recorder.add({"dominance_real": torch.tensor(0.5)})
    recorder.keep(1, recorder.end_step())
    recorder.add({"dominance_real": torch.tensor(0.5), "dominance_fake": torch.tensor(0.25)})
    recorder.keep(2, recorder.end_step())
    assert recorder.read() == [{}, {"dominance": 0.75}]


def test_the_pair_distance_is_the_mean_over_all_pairs():
    samples = torch.tensor([0.0, 3.0, 9.0], requires_grad=True).view(3, 1, 1, 1)
    distance = mean_pair_distance(samples)
    assert distance == pytest.approx((3 + 9 + 6) / 3)
    assert not distance.requires_grad
