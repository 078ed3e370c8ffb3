import pytest
import torch

from gansearch.errors import PluginError, RunFolderError
from gansearch.registry import Registry
from gansearch.storage.trained_generator import TrainedGenerator
from gansearch.storage.trial_folder import CANDIDATE, DATA, GENERATOR, TrialFolder
from gansearch.storage.weights import save_weights


@pytest.fixture
def kept(make_space, tmp_path):
    """The files of a trial, and the generator whose weights they keep."""
    candidate, files = make_space().baseline, TrialFolder(tmp_path / "0000")
    data = candidate.dataset.load()
    network = candidate.generator.build(data.shape)
    files.write_json(CANDIDATE, candidate.to_json())
    files.write_json(DATA, data.format.to_json())
    save_weights(network.state_dict(), files.path / GENERATOR)
    return files, network.eval()


def load(files):
    return TrainedGenerator.load(files, Registry())


def test_a_generator_comes_back_with_its_weights(kept):
    files, network = kept
    trained = load(files)
    latents = trained.draw_latents(300, seed=1)
    assert torch.allclose(trained.generate(latents), network(latents), atol=1e-6)


def test_a_seed_draws_the_same_latents_and_leaves_the_random_numbers_alone(kept):
    trained = load(kept[0])
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert torch.equal(trained.draw_latents(4, seed=1), trained.draw_latents(4, seed=1))
    assert not torch.equal(trained.draw_latents(4, seed=1), trained.draw_latents(4, seed=2))
    assert torch.equal(torch.get_rng_state(), before)


def test_held_out_samples_are_test_samples(kept):
    trained = load(kept[0])
    drawn, test = trained.draw_held_out(3, seed=1), torch.from_numpy(trained.data.test.samples)
    assert all(any(torch.equal(one, other) for other in test) for one in drawn)
    assert len(trained.draw_held_out(10**6, seed=1)) == len(test)


def test_a_generator_comes_back_without_its_data(kept, monkeypatch):
    files, _ = kept
    dataset = type(load(files).candidate.dataset)
    monkeypatch.setattr(dataset, "load", None)
    trained = load(files)
    assert trained.format.shape == (2, 1, 1) and not trained.format.is_image
    assert len(trained.generate(trained.draw_latents(3, seed=1))) == 3


def test_the_data_are_looked_for_where_they_lie_now(kept):
    files, _ = kept
    moved = TrainedGenerator.load(files, Registry(), {"seed": 5})
    assert moved.candidate.dataset.seed == 5 and moved.data.digest != load(files).data.digest


def test_data_at_a_place_that_somebody_elses_run_names_are_not_read(kept, monkeypatch):
    files, _ = kept
    monkeypatch.setattr(type(load(files).candidate.dataset), "location", frozenset({"seed"}))
    trained = TrainedGenerator.load(files, Registry(), trusted=False)
    assert len(trained.generate(trained.draw_latents(3, seed=1))) == 3
    with pytest.raises(RunFolderError, match="was not made here"):
        trained.draw_held_out(3, seed=1)


def test_a_class_of_a_file_that_somebody_elses_run_names_is_not_imported(kept, tmp_path):
    (tmp_path / "theirs.py").write_text("raise SystemExit('imported')\n")
    files, _ = kept
    record = files.read_json(CANDIDATE)
    record["generator"]["use"] = f"{tmp_path}/theirs.py:Tiny"
    files.write_json(CANDIDATE, record)
    with pytest.raises(RunFolderError, match=r"theirs\.py:Tiny, and was not made here"):
        TrainedGenerator.load(files, Registry(), trusted=False, place_is_given=True)


def test_a_damaged_format_is_refused(kept):
    (kept[0].path / DATA).write_text("{}")
    with pytest.raises(RunFolderError, match=r"data\.json cannot be read"):
        load(kept[0])


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [(CANDIDATE, '"latent": ', '"latent": 1'), (DATA, "false", "true")],
)
def test_another_figure_in_a_file_of_the_trial_is_damage(kept, name, before, after):
    path = kept[0].path / name
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(RunFolderError, match=f"{name} is damaged: it does not match its digest"):
        load(kept[0])


@pytest.mark.parametrize("content", ["[]", '{"generator": 3}', '{"dataset": []}', "[" * 100_000])
def test_a_candidate_that_is_none_is_refused(kept, content):
    (kept[0].path / CANDIDATE).write_text(content)
    with pytest.raises(RunFolderError, match=r"candidate\.json (is damaged|cannot be read)"):
        load(kept[0])


def test_a_format_that_no_network_can_have_is_refused(kept):
    kept[0].write_json(DATA, kept[0].read_json(DATA) | {"shape": [1, 1, -1]})
    with pytest.raises(RunFolderError, match="does not fit what 'dense' builds now"):
        load(kept[0])


def test_a_trial_without_a_generator_is_refused(kept):
    (kept[0].path / GENERATOR).unlink()
    with pytest.raises(
        RunFolderError, match=r"keeps no generator\.safetensors: the trial did not come to the end"
    ):
        load(kept[0])


def test_damaged_weights_are_refused(kept):
    path = kept[0].path / GENERATOR
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(RunFolderError, match=r"generator\.safetensors is damaged"):
        load(kept[0])


def test_weights_of_another_network_are_refused(kept):
    save_weights({"0.weight": torch.zeros(1)}, kept[0].path / GENERATOR)
    with pytest.raises(RunFolderError, match="does not fit what 'dense' builds now"):
        load(kept[0])


def test_an_unreadable_candidate_is_refused(kept):
    (kept[0].path / CANDIDATE).write_text("{}")
    with pytest.raises(RunFolderError, match=r"candidate\.json cannot be read"):
        load(kept[0])


def test_a_candidate_of_a_plugin_that_is_gone_names_it(kept):
    record = kept[0].read_json(CANDIDATE)
    kept[0].write_json(CANDIDATE, record | {"generator": {"use": "gone"}})
    with pytest.raises(PluginError, match="gone"):
        load(kept[0])
