"""The house rules that a machine can count."""

import ast
from pathlib import Path

import pytest


SOURCE = Path(__file__).parent.parent / "src" / "deghost"
FILES = sorted(SOURCE.rglob("*.py"))


def longest(path):
    return 400 if path.parent.name == "models" else 300


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_is_short_and_so_are_its_functions(path):
    """A file has at most 300 lines (a network 400), a function 50."""
    text = path.read_text("utf-8")
    functions = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert text.count("\n") <= longest(path)
    for function in functions:
        assert function.end_lineno - function.body[0].lineno < 50, function.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_the_command_line_prints(path):
    """Nothing below the command line writes to the terminal."""
    called = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert path.parent.name == "cli" or "print" not in called


def test_the_package_stands_alone():
    """No source file names a path of the machine it was written on."""
    for path in FILES:
        assert "/work/" not in path.read_text("utf-8"), path
