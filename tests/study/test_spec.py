import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.errors import StudyError
from gansearch.registry import Registry
from gansearch.study.checked_study import CheckedStudy
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import StudySpec
from gansearch.study.study import Study
from gansearch.study.yaml_file import StudyDocument


def problems(text, *overrides):
    """Return the messages of a study that is refused, by its document or its search space."""
    with pytest.raises(StudyError) as caught:
        document = StudyDocument.parse(text, "s.yaml", overrides)
        if document.problems:
            raise document.error(document.problems)
        spec = document.spec()
        try:
            SearchSpace(spec, Registry())
        except StudyError as error:
            raise document.error(error.problems) from None
    return str(caught.value).splitlines()


def test_a_study_survives_being_resolved_and_read_again(make_spec):
    spec = make_spec()
    assert StudySpec.model_validate(spec.resolved()) == spec


def test_an_unknown_component_is_located_and_the_near_one_named(study_text):
    (message,) = problems(study_text.replace("use: dense\n  output", "use: dens\n  output"))
    assert message.startswith(
        "s.yaml:4:3: generator.use: unknown generator 'dens'; did you mean 'dense'"
    )


@pytest.mark.parametrize(
    ("setting", "rule"),
    [
        ("training.batch_size=15", "2 processes cannot share training.batch_size: 15 evenly"),
        (
            "training.device=cuda:1",
            "2 processes need a GPU each, and training.device: cuda:1 is one",
        ),
        (
            "executor.resources.gpus=0.5",
            "2 processes need a GPU each, and executor.resources.gpus is 0.5",
        ),
    ],
)
def test_settings_that_several_processes_cannot_share_are_located(study_text, setting, rule):
    text = study_text + "executor:\n  workers_per_candidate: 2\n"
    assert problems(text, setting) == [f"s.yaml:31:3: executor.workers_per_candidate: {rule}"]


def test_cuda_graphs_need_one_process_per_candidate(study_text):
    text = study_text + "executor:\n  workers_per_candidate: 2\n"
    rule = "needs executor.workers_per_candidate: 1, got 2"
    assert problems(text, "training.graphs=true") == [f"s.yaml:14:1: training.graphs: {rule}"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "serach.trials=3",
            "serach: unknown key 'serach'; did you mean 'search' or 'teacher'? (available: ",
        ),
        ("search.trails=3", "search.trails: unknown key 'trails'; did you mean 'trials'"),
        ("objectives.0.metrik=fid", "objectives.0.metrik: unknown key 'metrik'"),
        ("detectors=[{use: divergence, wait: 3}]", "unknown key 'wait' (available: "),
    ],
)
def test_an_unknown_key_is_located_and_the_near_one_named(study_text, setting, message):
    assert message in problems(study_text, setting)[0]


def test_a_value_out_of_bounds_is_located_with_rule_and_value(study_text):
    (message,) = problems(study_text.replace("steps: 20", "steps: 0"))
    assert (
        message == "s.yaml:15:3: training.steps: input should be greater than or equal to 1, got 0"
    )


def test_all_mistakes_are_listed_at_once(study_text):
    text = (
        study_text.replace("use: bce", "use: bcee")
        .replace("low: 8, high: 64", "low: 0, high: 64")
        .replace("metric: sliced_wasserstein", "metric: fidd")
        .replace("width: 16, layers: 1", "wdth: 16, layers: 0")
        .replace("use: ring-2d, samples: 400", "use: ring-2d, samples: -4")
        .replace("log: true}", "log: yes please}")
        .replace("metrics: [coverage, modes]", "metrics: [coverage, modess]")
    )
    messages = problems(text)
    assert len(messages) == 8
    assert [int(message.split(":")[1]) for message in messages] == sorted(
        int(m.split(":")[1]) for m in messages
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nname: b\n", "s.yaml:2:1: name: duplicate key"),
        ("name: &a x\nother: *a\n", "s.yaml:2:8: invalid YAML: aliases are not allowed in a study"),
        ("name: [\n", "invalid YAML"),
        ("3: x\n", "s.yaml:1:1: a key must be a string, got 3"),
    ],
)
def test_ambiguous_or_invalid_yaml_is_refused(text, message):
    assert message in problems(text)[0]


def test_a_missing_file_is_refused_with_the_reason(tmp_path):
    with pytest.raises(StudyError, match=r"none.yaml: cannot be read: .*No such file"):
        StudyDocument.read(tmp_path / "none.yaml")


def test_a_file_too_large_to_be_a_study_is_not_read(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(StudyError, match="larger than"):
        StudyDocument.read(path)


@given(st.text(max_size=200))
def test_any_text_is_parsed_or_refused(text):
    try:
        StudyDocument.parse(text).spec()
    except StudyError as error:
        assert str(error)


def test_overrides_reach_into_sections_and_lists(make_spec):
    spec = make_spec("training.steps=7", "objectives.1.metric=fid", "search.sampler=random")
    assert (spec.training.steps, spec.objectives[1].metric, spec.search.sampler) == (
        7,
        "fid",
        "random",
    )


@pytest.mark.parametrize("override", ["steps", "=3", "objectives.9.metric=fid", "name.deeper=1"])
def test_an_override_of_a_place_that_does_not_exist_is_refused(study_text, override):
    assert problems(study_text, override)[0].startswith("--set: ")


def test_the_baseline_must_lie_in_the_searched_domain(study_text):
    (message,) = problems(
        study_text.replace("baseline: {generator: {width: 64", "baseline: {generator: {width: 65")
    )
    assert "baseline.generator.width: 65 is outside the searched {low: 8, high: 64" in message


def test_the_baseline_cannot_contradict_what_the_study_fixes(study_text):
    (message,) = problems(study_text.replace("latent: 8}}", "latent: 8, layers: 2}}"))
    assert "baseline.generator.layers: is fixed at 1 by this study" in message


def test_a_queued_candidate_is_checked_like_the_baseline(study_text):
    (message,) = problems(study_text + "queue: [{generator: {width: 8}}, {generator: {wdth: 8}}]\n")
    assert "queue.1.generator.wdth: unknown field 'wdth'; did you mean 'width'" in message


def test_only_sizes_can_be_constrained(study_text):
    (message,) = problems(study_text + "constraints: {fid: {max: 3}}\n")
    assert "only a size" in message


def test_a_candidate_has_a_share_of_one_gpu_or_whole_ones(study_text):
    executor = "executor: {use: ray, resources: {gpus: %s}}\n"
    assert (
        "a share of one GPU, or a whole number of them, got 1.5"
        in problems(study_text + executor % 1.5)[0]
    )


def test_more_trials_may_change_between_two_runs_and_the_training_may_not(make_spec):
    assert (
        make_spec().differences(make_spec("search.trials=99", "executor={use: ray, workers: 3}"))
        == []
    )
    assert make_spec().differences(make_spec("training.steps=21")) == ["training.steps: 20 -> 21"]


@pytest.fixture
def load_problems(tmp_path):
    """Load a study that is refused and return its messages, without the folder of the file."""

    def load(text):
        path = tmp_path / "s.yaml"
        path.write_text(text)
        with pytest.raises(StudyError) as caught:
            Study.load(path)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return load


def test_a_distribution_that_is_not_installed_is_located_with_how_to_install_it(
    study_text, load_problems
):
    text = study_text.replace("use: dense\n  output", "use: moonlight\n  output")
    text += "requires:\n  gansearch-moonlight: plugins/moonlight\n"
    assert load_problems(text) == [
        "s.yaml:31:3: requires.gansearch-moonlight: is not installed; pip install plugins/moonlight"
    ]


def test_a_missing_distribution_is_listed_with_the_other_mistakes(study_text, load_problems):
    text = (
        study_text.replace("steps: 20", "steps: 0") + "requires: {gansearch-moonlight: moonlight}\n"
    )
    training, missing = load_problems(text)
    assert "training.steps" in training
    assert "gansearch-moonlight: is not installed; pip install moonlight" in missing


def test_a_distribution_that_is_installed_is_found_however_its_name_is_written(
    study_text, tmp_path
):
    path = tmp_path / "s.yaml"
    path.write_text(study_text + "requires: {Typing_Extensions: typing-extensions}\n")
    assert Study.load(path).spec.requires == {"Typing_Extensions": "typing-extensions"}


@pytest.mark.parametrize("requires", ["[plugins/a]", "{a b: a}", "{a: ''}", "{a: 3}"])
def test_malformed_requirements_are_refused(study_text, requires):
    assert "s.yaml:30:" in problems(study_text + f"requires: {requires}\n")[0]


def test_the_source_of_a_plugin_may_change_between_two_runs(make_spec):
    assert make_spec().differences(make_spec("requires.typing-extensions=elsewhere")) == []


def test_a_training_without_a_duration_takes_1500_steps(make_spec):
    assert make_spec("training={}").training.in_steps(400).steps == 1500


def test_epochs_are_whole_batches_of_the_training_samples(make_spec):
    training = make_spec("training={epochs: 3, batch_size: 100, sample_every: 10 epochs}").training
    assert (training.in_steps(1050).steps, training.in_steps(1050).sample_every) == (30, 100)


def test_an_epoch_of_less_than_a_batch_is_a_step(make_spec):
    assert make_spec("training={epochs: 3, batch_size: 100}").training.in_steps(50).steps == 3


def test_a_duration_is_given_in_steps_or_in_epochs(study_text):
    messages = problems(study_text, "training.epochs=2")
    assert messages == ["s.yaml:14:1: training: takes steps or epochs, not both"]


@pytest.mark.parametrize("interval", ["-1", "0.5", "ten epochs", "0 epochs", "true", "3 steps"])
def test_an_interval_is_a_number_of_steps_or_epochs(study_text, interval):
    (message,) = problems(study_text, f"training.sample_every={interval}")
    assert (
        "training.sample_every: should be a number of steps, 0 or more, or of epochs, "
        "such as '10 epochs'" in message
    )


def test_a_study_in_epochs_survives_being_resolved_and_read_again(make_spec):
    spec = make_spec("training={epochs: 2, sample_every: 1 epoch}")
    assert StudySpec.model_validate(spec.resolved()) == spec


def test_a_missing_field_of_the_data_set_is_located(study_text):
    (message,) = problems(
        study_text, "dataset={use: folder}", "generator={use: dense}", "baseline={}"
    )
    assert message.startswith("s.yaml:2:1: dataset.root: is missing")


def test_a_searched_field_of_the_data_set_is_checked_like_any_other(study_text):
    (message,) = problems(study_text, "dataset={use: ring-2d, limit: {choices: [null, 1]}}")
    assert "dataset.limit" in message and "greater than or equal to 2" in message


def test_a_reference_names_every_objective_and_nothing_else(study_text):
    (message,) = problems(study_text + "reference: {fid: 3.0, generator_params: 900}\n")
    assert message.startswith("s.yaml:30:1: reference: ")
    assert message.endswith(
        "should name every objective (generator_params, sliced_wasserstein) and nothing else"
    )


@pytest.mark.parametrize("value", [0, -5])
def test_the_reference_of_a_size_is_above_zero(study_text, load_problems, value):
    (message,) = load_problems(
        f"{study_text}reference: {{generator_params: {value}, sliced_wasserstein: 1}}\n"
    )
    assert (
        "30:13: reference.generator_params: should be above 0" in message
        and f"got {value}" in message
    )


def test_a_reference_may_change_between_two_runs(make_spec):
    assert (
        make_spec().differences(
            make_spec("reference={generator_params: 900, sliced_wasserstein: 1}")
        )
        == []
    )


@pytest.mark.parametrize(
    "url", ["sqlite:///x.db", "mysql://me@h/d", "postgresql://h", "postgresql://h:port/d", 7]
)
def test_an_invalid_url_of_the_storage_is_located(study_text, url):
    (message,) = problems(study_text + f"storage: {url}\n")
    assert message.startswith(
        "s.yaml:30:1: storage: should be a URL such as postgresql://user@host:5432/database, got"
    )


@pytest.mark.parametrize(
    "url", ["postgresql://me:secret@h:x/d", "postgresql://h/d?password=secret", "pg://a:secret@h"]
)
def test_a_message_about_the_storage_hides_its_password(study_text, url):
    assert "secret" not in "".join(problems(study_text, f"storage={url}"))


def test_the_password_of_the_storage_is_not_in_the_resolved_study(make_spec):
    spec = make_spec("storage=postgresql+psycopg://me:secret@[::1]:5433/studies?sslmode=require")
    assert (
        spec.resolved()["storage"] == "postgresql+psycopg://me@[::1]:5433/studies?sslmode=require"
    )
    assert spec.differences(make_spec(f"storage={spec.resolved()['storage']}")) == []


WITH_CREDENTIALS = [
    "s3://me:sesame@b/x",
    "s3://b/x?secret_key=sesame",
    "abfs://c@a.example/x?sig=sesame",
]


@pytest.mark.parametrize("url", ["bucket/folder", "/folder", *WITH_CREDENTIALS])
def test_a_storage_path_without_scheme_or_with_credentials_is_refused_and_hides_them(
    study_text, url
):
    (message,) = problems(study_text + f"executor: {{storage_path: '{url}'}}\n")
    assert message.startswith(
        "s.yaml:30:12: executor.storage_path: should be a URL such as s3://bucket/folder, without"
    )
    assert "sesame" not in message


def test_a_grid_of_too_many_levels_is_refused_before_it_is_made(make_spec):
    with pytest.raises(StudyError, match=r"search\.grid_levels: .*1000"):
        make_spec("search.sampler=one-at-a-time", "search.grid_levels=1000000000")


@pytest.mark.parametrize(
    ("objectives", "sampler"),
    [
        ("[generator_params, mmd]", "shrink"),
        ("[coverage, generator_macs]", "shrink"),
        ("[{metric: generator_params, direction: maximize}, mmd]", "tpe"),
        ("[generator_params, generator_macs]", "tpe"),
        ("[generator_params, mmd, coverage]", "tpe"),
        ("[mmd]", "tpe"),
    ],
)
@pytest.mark.parametrize("search", ["{}", "{trials: 3}"])
def test_shrink_is_the_default_for_one_size_and_one_quality(make_spec, objectives, sampler, search):
    assert make_spec(f"objectives={objectives}", f"search={search}").search.sampler == sampler


def test_the_sampler_that_was_chosen_stands_in_the_resolved_study(make_spec):
    spec = make_spec("objectives=[generator_params, mmd]", "search={}")
    assert spec.resolved()["search"]["sampler"] == "shrink"
    assert make_spec("objectives=[generator_params, mmd]").search.sampler == "tpe"


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (
            "search: {prior: [runs/erlier]}",
            r"study.yaml:\d+:\d+: search.prior.0: there is no run 'runs/erlier', here, in runs "
            r"or beside the study file; did you mean 'earlier'\?",
        ),
        ("search: {prior: [runs/earlier]}", r"search.prior.0: .*earlier is not a run folder"),
        ("search: {prior: [earlier, runs/earlier]}", r"search.prior.1: names 'runs/earlier' twice"),
    ],
)
def test_runs_of_a_prior_that_are_no_runs_are_refused(
    search, message, study_text, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/earlier").mkdir(parents=True)
    text = study_text.replace("search: {", search.removesuffix("}") + ", ")
    (tmp_path / "study.yaml").write_text(text.replace("sampler: tpe", "sampler: shrink"))
    with pytest.raises(StudyError, match=message):
        CheckedStudy.load(tmp_path / "study.yaml")


def test_a_prior_needs_the_shrink_sampler(make_space):
    with pytest.raises(StudyError, match=r"search.prior: needs sampler: shrink, got tpe"):
        make_space("search.prior=[runs/earlier]")
