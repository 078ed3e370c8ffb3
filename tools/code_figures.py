"""Print how long functions, files and lines of a package are, and how finely it is cut.

    python tools/code_figures.py            # gansearch/ of this checkout
    python tools/code_figures.py FOLDER     # any folder of Python files, or another checkout

Code lines are lines that are neither empty nor only a comment; docstrings count as code lines.
The lines of a function include its decorators and its docstring. Folders named `resources` are
left out.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter
from pathlib import Path

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef
LONGEST_LINE = 100


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    if (folder / "gansearch").is_dir():
        folder /= "gansearch"
    paths = sorted(path for path in folder.rglob("*.py") if "resources" not in path.parts)
    if not paths:
        sys.exit(f"{folder} has no Python files")
    sources = [path.read_text(encoding="utf-8") for path in paths]
    for label, figure in figures(sources).items():
        print(f"{label:48} {figure}")


def figures(sources: list[str]) -> dict[str, str]:
    """Return each figure of the given files, by its label."""
    trees = [ast.parse(source) for source in sources]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    functions = [node for node in nodes if isinstance(node, FUNCTIONS)]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    conditionals = sum(isinstance(node, ast.IfExp) for node in nodes)
    lines = [line for source in sources for line in source.splitlines()]
    code = sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in lines)
    lengths = [lines_of(function) for function in functions]
    files = [len(source.splitlines()) for source in sources]
    short = sum(body_lines(function) <= 3 for function in functions)
    long_lines = sum(len(line) > LONGEST_LINE for line in lines)
    helpers, tiny = single_use_helpers(trees)
    return {
        "files": f"{len(files)}",
        "code lines": f"{code}",
        "function lines, median / p90 / max": (
            f"{statistics.median(lengths):.0f} / {p90(lengths):.0f} / {max(lengths)}"
        ),
        "file lines, median / p90": f"{statistics.median(files):.0f} / {p90(files):.0f}",
        "functions per 1,000 code lines": f"{1000 * len(functions) / code:.0f}",
        "classes per 1,000 code lines": f"{1000 * len(classes) / code:.0f}",
        "bodies of 3 lines or less": f"{short / len(functions):.0%}",
        "conditional expressions per 1,000 code lines": f"{1000 * conditionals / code:.0f}",
        f"lines over {LONGEST_LINE} characters": f"{long_lines / len(lines):.1%}",
        "private helpers called once": f"{helpers}",
        "  of these, with a body of 1 or 2 lines": f"{tiny}",
        "imports inside functions": f"{sum(map(inner_imports, trees))}",
    }


def p90(values: list[int]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[-1]


def lines_of(function: Function) -> int:
    first = min([function.lineno, *(one.lineno for one in function.decorator_list)])
    return (function.end_lineno or first) - first + 1


def body_lines(function: Function) -> int:
    """Return the lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return 0
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1


def single_use_helpers(trees: list[ast.Module]) -> tuple[int, int]:
    """Count private functions whose name is used once in their file, and the tiny ones of them."""
    helpers = tiny = 0
    for tree in trees:
        uses: Counter[str] = Counter()
        private: list[Function] = []
        for node in ast.walk(tree):
            match node:
                case ast.Name():
                    uses[node.id] += 1
                case ast.Attribute():
                    uses[node.attr] += 1
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    if node.name.startswith("_") and not node.name.startswith("__"):
                        private.append(node)
        once = [function for function in private if uses[function.name] == 1]
        helpers += len(once)
        tiny += sum(body_lines(function) <= 2 for function in once)
    return helpers, tiny


def inner_imports(tree: ast.Module) -> int:
    """Count the import statements inside functions."""
    found = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, FUNCTIONS)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    return len(found)


if __name__ == "__main__":
    main()
