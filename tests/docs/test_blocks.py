"""Every block of code in README and docs: commands are parsed, studies validated, Python run."""

import inspect
import re
import shlex
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml

from gansearch import testing
from gansearch.cli.commands import COMMANDS, load_command
from gansearch.cli.plugin_template import CONTRACTS
from gansearch.component_file import components_of_file
from gansearch.registry import GROUP_OF_ROLE, Registry
from gansearch.study.data_identity import resolve_references
from gansearch.study.search_space import SearchSpace
from gansearch.study.yaml_file import StudyDocument

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "plugins").glob("*/README.md"),
        *(ROOT / "benchmarks").glob("*/*.md"),
    ]
)
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
GUIDES = sorted(set(CONTRACTS))
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

STUDY = """
name: example
dataset: {use: fashion-mnist}
generator: {use: dcgan, levels: 2, width: {low: 2, high: 32, log: true}}
discriminator: {use: dcgan, layers: 2, width: 16, norm: none}
loss: {use: bce}
schedule: {use: alternating}
objectives: [generator_params, mmd]
"""
"""Study that the sections of a fragment take the place of."""


def blocks(*languages):
    """Return (page, content) of each block in these languages as a test case."""
    cases = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            if match[2] in languages:
                content = inspect.cleandoc(match[3]) if match[1] else match[3]
                place = f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}"
                cases.append(pytest.param(page, content, id=place))
    return cases


def commands(content):
    """Yield the commands of a block as lists of words, without comments and redirections."""
    for line in content.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if ">" in words:
            words = words[: words.index(">")]
        while words and re.fullmatch(r"\w+=.*|env|export|taskset|--cpu-list|\d+|\$", words[0]):
            words = words[1:]
        if words:
            yield [Path(words[0]).name, *words[1:]]


@cache
def command(name):
    return load_command(name)


def parse(words):
    """Parse a `gansearch` command as the program does, without running it."""
    name, *rest = words
    assert name in COMMANDS, f"there is no command {name}"
    found = command(name)
    while inner := getattr(found, "commands", None):
        name, *rest = rest
        found = inner[name]
    found.make_context(name, rest)


@pytest.mark.parametrize(("page", "content"), blocks("sh"))
def test_the_commands_of_a_page_exist_with_these_options(page, content):
    for name, *words in commands(content):
        if name == "gansearch" and words[0] not in ("--help", "--version", "--install-completion"):
            parse(words)
        elif name == "pip":
            for extra in re.findall(r"\[([\w,]+)\]", " ".join(words)):
                assert {*extra.split(",")} <= EXTRAS.keys()
            for place in (word for word in words if word.startswith(("./plugins", "plugins"))):
                assert (ROOT / place.partition("[")[0] / "pyproject.toml").is_file()
        elif name.startswith("python") and words[0].endswith(".py"):
            assert (ROOT / words[0]).is_file()
        elif name == "make":
            targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            assert words[0] in targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_in_the_sentences_of_a_page_exist_with_these_options(page):
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for quoted in re.findall(r"`gansearch ([a-z][^`]*)`", text):
        name, *words = quoted.split()
        assert name in COMMANDS, quoted
        found = command(name)
        if (inner := getattr(found, "commands", None)) and words and words[0] in inner:
            found = inner[words[0]]
        if getattr(found, "commands", None):
            continue
        options = {option for one in found.params for option in (*one.opts, *one.secondary_opts)}
        assert {word for word in words if re.match(r"--?[a-z]", word)} <= options, quoted


def studies(content):
    """Yield the parts of a block, alternatives that stand apart by empty lines."""
    yield yaml.safe_load(content)
    for part in re.split(r"\n\s*\n", content) if content.count("generator:") > 1 else []:
        yield yaml.safe_load(part)


def study_file(tmp_path, page, content):
    """Write what a block names: the study that it extends, and the example of its page."""
    for name in ("first.yaml", "cats.yaml"):
        (tmp_path / name).write_text(STUDY)
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if match[2] == "python":
            (tmp_path / "mine.py").write_text(match[3])
    if not (tmp_path / "mine.py").exists():
        readme = (ROOT / "README.md").read_text()
        generator = next(m[3] for m in BLOCK.finditer(readme) if "class Perceptron" in m[3])
        (tmp_path / "mine.py").write_text(generator.replace("Perceptron", "TinyGenerator"))


@pytest.mark.parametrize(
    ("page", "content"),
    blocks("yaml"),
)
def test_a_study_of_a_page_is_valid(page, content, tmp_path):
    study_file(tmp_path, page, content)
    alternatives = [*studies(content)]
    if len(alternatives) > 1:  # the block as a whole names keys twice
        alternatives = alternatives[1:]
    for own in alternatives:
        is_whole = "extends" in own or {"dataset", "name"} <= own.keys()
        base = {} if is_whole else yaml.safe_load(STUDY)
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump(base | own))
        document = StudyDocument.read(path)
        document.tree = resolve_references(document.tree, [tmp_path])
        spec = document.spec()
        if "4bb0..." not in str(own):  # a digest that the page abbreviates
            SearchSpace(spec, Registry())


@pytest.mark.parametrize(("page", "content"), blocks("python"))
def test_the_python_of_a_page_can_be_compiled(page, content):
    compile(content, str(page), "exec")


@pytest.mark.parametrize("role", GUIDES)
def test_the_example_of_a_guide_passes_the_contract_of_its_role(role, tmp_path):
    check_guide(role, tmp_path, lambda name: "onnx" not in name, least=6)


@pytest.mark.campaign
def test_the_example_of_the_guide_to_generators_can_be_written_as_onnx(tmp_path):
    check_guide("generator", tmp_path, lambda name: "onnx" in name, least=1)


def check_guide(role, tmp_path, kind, least):
    """Run the contract tests of a kind, at least so many, on the example of a page."""
    page = ROOT / "docs" / "plugins" / f"{role}.md"
    (code,) = [match[3] for match in BLOCK.finditer(page.read_text()) if match[2] == "python"]
    (tmp_path / "mine.py").write_text(code)
    ((use, component),) = components_of_file(tmp_path / "mine.py").items()
    assert component.role == role and "mine.py:" in use
    contract = getattr(testing, CONTRACTS[role])()
    names = [name for name in dir(contract) if name.startswith("test_") and kind(name)]
    tests = [getattr(contract, name) for name in names]
    assert len(tests) >= least
    for test in tests:
        wanted = {"component": component(), "tmp_path": tmp_path}
        arguments = {name: wanted[name] for name in inspect.signature(test).parameters}
        try:
            test(**arguments)
        except pytest.skip.Exception:
            continue


def test_there_is_a_guide_for_every_role():
    pages = {path.stem for path in (ROOT / "docs" / "plugins").glob("*.md")}
    assert pages == {"index", *GROUP_OF_ROLE}


def test_every_link_of_a_page_leads_somewhere():
    broken = []
    for page in PAGES:
        for link in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", page.read_text("utf-8"))):
            target = (page.parent / link.partition("#")[0]).resolve()
            if not link.startswith(("http", "#", "mailto:")) and not target.exists():
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []


def test_the_conventions_are_counted_as_the_page_says():
    text = (ROOT / "docs" / "conventions.md").read_text()
    states = re.findall(r"^\| \d+ \|.*?\|.*?\| (yes|in part|no) \|", text, re.MULTILINE)
    (stated,) = re.findall(r"(\d+) are `yes`", text)
    assert (len(states), states.count("yes")) == (54, int(stated))
