"""Files that are no studies: each mistake has its place, and nothing takes long."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.errors import StudyError
from gansearch.study.yaml_file import StudyDocument
from gansearch.study.yaml_tree import MOST_LEVELS, MOST_PARTS


@pytest.mark.parametrize(
    "scalar",
    [
        "2026-13-45",
        "2026-01-01 25:61:00",
        "0x_",
        "0b_",
        "!!int abc",
        "!!int ''",
        "!!float x",
        "!!bool perhaps",
        "!!timestamp soon",
        "!!binary é",
        "9" * 5000,
        "9" * 400,
        "0x" + "f" * 5000,
        "-1" + "0" * 19,
    ],
)
def test_a_scalar_that_yaml_cannot_build_is_located(scalar):
    with pytest.raises(StudyError, match=r"study:2:4: ") as refused:
        StudyDocument.parse(f"a: 1\nb: {scalar}\n").spec()
    (told,) = (line for line in str(refused.value).splitlines() if ":2:4: " in line)
    assert len(told) < 300


def test_all_scalars_that_cannot_be_built_are_listed_at_once():
    problems = StudyDocument.parse("a: 0x_\nb: 2026-13-45\n").problems
    assert [(one.where, one.line, one.column) for one in problems] == [
        (("a",), 1, 4),
        (("b",), 2, 4),
    ]


def test_a_key_that_is_no_string_is_located():
    for text in ("? [a]\n: 1", "{1: 2}", "0x_: 2"):
        assert StudyDocument.parse(text).problems[0].line == 1


@given(st.text(alphabet="0123456789xbo_-+.:eE !tagintfloatbool'\"#&*<=,", max_size=30))
def test_any_scalar_is_built_or_refused(text):
    try:
        problems = StudyDocument.parse(f"a: {text}").problems
    except StudyError as error:
        problems = error.problems
    assert all(problem.line is not None for problem in problems)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * (MOST_LEVELS + 1), "levels of nesting"),
        ("[" * 300_000, "levels of nesting"),
        ("a: [" + "1," * MOST_PARTS + "]", "values"),
    ],
)
def test_deep_and_long_files_are_refused_before_they_are_built(text, message):
    with pytest.raises(StudyError, match=rf"^study:1:\d+: invalid YAML: .*{message}"):
        StudyDocument.parse(text)


def test_a_file_without_an_end_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, "/dev/zero", tmp_path / "pipe"):
        with pytest.raises(StudyError, match="cannot be read"):
            StudyDocument.read(Path(path))


def test_a_pipe_of_the_shell_is_read():
    reads, writes = os.pipe()
    os.write(writes, b"name: tiny")
    os.close(writes)
    assert StudyDocument.read(Path(f"/dev/fd/{reads}")).tree == {"name": "tiny"}


@pytest.mark.parametrize(
    "override",
    [
        "a.²=1",
        f"a.{'9' * 5000}=1",
        "a.-1=1",
        "a.01=1",
        f"b={'9' * 400}",
        "b=0x_",
        "b=[",
        f"{'x.' * 5000}y=1",
    ],
)
def test_an_override_that_cannot_be_made_is_refused(override):
    with pytest.raises(StudyError, match=r"^--set"):
        StudyDocument.parse("a: [1, 2]", overrides=[override])


def test_a_password_in_an_override_is_not_shown():
    with pytest.raises(StudyError, match="key=value") as refused:
        StudyDocument.parse("a: 1", overrides=["postgresql://me:secret@host/x"])
    assert "secret" not in str(refused.value)
