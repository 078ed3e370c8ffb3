"""Students of a teacher of points, trained for real."""

from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from support.stubs import RecordingChannel
from support.teachers import runner_of

from gansearch.builtin.losses.relativistic import Relativistic
from gansearch.components import Distillation
from gansearch.diagnosis.detection import RunWatch
from gansearch.execution.gpu.estimate import estimate_memory
from gansearch.messages import Job, StoppedError
from gansearch.study.study import Study
from gansearch.training.distillation import AdversarialTerm, MMDTerm, student
from gansearch.training.loop import train

TERMS = ("pixel", "feature", "mmd", "adversarial")


@pytest.fixture
def study_of(recorded_teacher):
    """Load the study of students with these changes."""

    def load(*changes):
        return Study.load(recorded_teacher / "student.yaml", changes)

    return load


def trained(study, candidate=None, **options):
    """Train the baseline, or another candidate, in this process."""
    device = torch.device("cpu")
    taught = student(
        candidate or study.space.baseline, study.teacher, study.data, study.extractor, device
    )
    training = study.spec.training.in_steps(len(study.data.train.samples))
    return train(taught, study.data, training, RunWatch(()), **options)


def weights(run):
    network = run.networks.generator.network
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def distances(run):
    return [row["distillation"] for row in run.rows]


def test_pixel_distillation_draws_a_student_to_its_teacher(study_of):
    study = study_of("teacher.weight=1", "training.steps=200", "schedule.generator_lr=0.01")
    run = trained(study)
    told = distances(run)
    assert sum(told[-20:]) < sum(told[:20]) / 2
    assert distances(trained(study)) == told


def test_a_student_comes_nearer_to_its_teacher_than_one_without(study_of):
    """Each is compared with the teacher at the same latents."""
    settings = ("training.steps=200", "schedule.generator_lr=0.01")
    taught, alone = (
        trained(study_of(f"teacher.weight={weight}", *settings)) for weight in (0.9, 0.0)
    )
    teacher = study_of().teacher
    network, _ = teacher.networks()
    network.load_state_dict(safetensors.torch.load(teacher.weights))
    latents = torch.randn(500, 4, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        target = network.eval()(latents)
        errors = [
            (run.networks.sample(latents) - target).square().mean() for run in (taught, alone)
        ]
    assert errors[0] < errors[1]


@pytest.mark.parametrize("term", TERMS)
def test_every_term_trains_and_is_recorded(study_of, term):
    run = trained(study_of(f"teacher.distill={term}"))
    assert len(distances(run)) == 20
    assert torch.tensor(distances(run)).isfinite().all()
    assert not torch.equal(weights(run), weights(trained(study_of("teacher.weight=0"))))


@pytest.mark.parametrize("term", TERMS)
def test_a_term_has_a_gradient_to_the_student_and_none_to_the_teacher(study_of, term):
    study = study_of(f"teacher.distill={term}", "teacher.weight=1")
    run = trained(study)
    assert run.rows[-1]["g_grad_norm"] > 0
    again = trained(study)
    assert torch.equal(weights(run), weights(again))


def test_a_weight_of_0_is_training_without_a_teacher_to_the_last_bit(study_of):
    study = study_of("teacher.weight=0")
    alone = replace(study.space.baseline, teacher=None)
    assert torch.equal(weights(trained(study)), weights(trained(study, alone)))


@pytest.mark.parametrize("term", TERMS)
def test_a_resumed_student_ends_bit_for_bit_as_an_uninterrupted_one(study_of, term, tmp_path):
    study = study_of(f"teacher.distill={term}")
    whole = trained(study)

    class Stops(RecordingChannel):
        def progress(self, progress):
            if progress.step == 10:
                raise StoppedError

    with pytest.raises(StoppedError):
        runner_of(study)(Job(0, study.space.baseline, tmp_path), Stops())
    resumed = trained(study, folder=tmp_path, resume_from=tmp_path)
    assert resumed.rows == whole.rows
    assert torch.equal(weights(resumed), weights(whole))


def test_making_a_student_leaves_the_random_state_alone(study_of):
    study = study_of("teacher.distill=mmd")
    torch.manual_seed(3)
    before = torch.get_rng_state()
    trained_on = (study.teacher, study.data, study.extractor, torch.device("cpu"))
    student(study.space.baseline, *trained_on)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_teacher_of_a_smaller_latent_gets_the_first_values(study_of):
    larger = trained(study_of("generator.latent=6"))
    assert larger.rows[0]["distillation"] > 0


def test_mmd_is_about_0_between_the_teacher_and_itself(study_of):
    study = study_of("teacher.distill=mmd", "teacher.weight=1")
    taught = student(
        study.space.baseline, study.teacher, study.data, study.extractor, torch.device("cpu")
    )
    term = taught.loss._term
    assert isinstance(term, MMDTerm)
    torch.manual_seed(0)

    class Inputs:
        fake = term.network(torch.randn(2000, 4))

    same = float(term(Inputs()))
    Inputs.fake = Inputs.fake + 10 * term.space.distance
    assert abs(same) < 0.01 < 0.5 < float(term(Inputs()))


def test_a_relativistic_teacher_scores_pairs(study_of):
    """Its formulas know only differences to scores of real samples."""
    scores = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(2, 1), torch.nn.Flatten(0))

    class Inputs:
        real, fake = torch.zeros(4, 2, 1, 1), torch.ones(4, 2, 1, 1)

    term = AdversarialTerm(scores, Relativistic())
    difference = scores(Inputs.fake) - scores(Inputs.real)
    assert torch.allclose(term(Inputs()), torch.nn.functional.softplus(-difference).mean())


@pytest.mark.parametrize("term", TERMS)
def test_the_memory_of_a_teacher_is_estimated(study_of, term):
    # A batch is large enough for the peak to be in a step
    large = ("training.batch_size=400", "training.eval_samples=10")
    study = study_of(f"teacher.distill={term}", *large)
    training = study.spec.training.in_steps(len(study.data.train.samples))
    meta = torch.device("meta")
    baseline = study.space.baseline
    taught = student(baseline, study.teacher, study.data, study.extractor, meta)
    alone, together = (
        estimate_memory(candidate, study.data, training, "fp32") for candidate in (baseline, taught)
    )
    assert together.total > alone.total


def test_a_candidate_of_a_study_without_a_teacher_is_left_as_it_is(make_space):
    baseline = make_space().baseline
    assert student(baseline, None, None, None, torch.device("cpu")) is baseline
    assert "teacher" not in baseline.to_json()


def test_a_student_says_in_its_candidate_whose_it_is(study_of, recorded_teacher):
    study = study_of("teacher.weight=0.25")
    sums = Path(recorded_teacher, "wide/trials/0000/generator.safetensors.sha256").read_text()
    sha256 = sums.split()[0]
    assert study.space.baseline.teacher == Distillation(weight=0.25, sha256=sha256)
    assert study.space.baseline.to_json()["teacher"]["distill"] == "pixel"
