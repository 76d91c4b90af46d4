"""What does our own source say? Read once, asked by the house rules."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("billing", "config.py", "environment.py", "wsgi.py")
ALL = (*PRODUCT, "migrations", "scripts", "tests", "bench", "examples")


@dataclass(frozen=True)
class Source:
    """One Python file."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The path from the root, with slashes."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def lines(self) -> list[str]:
        """The text by lines."""
        return self.text.splitlines()

    def nodes(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """Every node of these kinds."""
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    def imports(self) -> set[str]:
        """The full names of the modules, or of the things in them, that the file imports."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
        return found


@cache
def sources(*places: str) -> tuple[Source, ...]:
    """Read the Python files of some folders and files of the project."""
    found = [ROOT / place for place in places]
    paths = [path for place in found for path in _files(place)]
    return tuple(Source(path, (text := path.read_text()), ast.parse(text)) for path in paths)


def product() -> tuple[Source, ...]:
    """What runs in production."""
    return sources(*PRODUCT)


def offences(among: tuple[Source, ...], rule: Callable[[Source], Iterator[ast.AST]]) -> list[str]:
    """Name file and line of everything that the rule finds."""
    return [
        f"{source.name}:{getattr(node, 'lineno', 1)}" for source in among for node in rule(source)
    ]


def naming(source: Source, *names: str) -> Iterator[ast.AST]:
    """Find expressions that end in one of the dotted names."""
    return matching(source, r"(.*\.)?(" + "|".join(map(re.escape, names)) + ")")


def matching(source: Source, pattern: str) -> Iterator[ast.AST]:
    """Find dotted expressions of this form."""
    found = re.compile(pattern)
    return (node for node in source.nodes(ast.Attribute) if found.fullmatch(dotted(node)))


def calling(source: Source, pattern: str) -> Iterator[ast.AST]:
    """Find calls of what is so named."""
    calls = (node for node in source.nodes(ast.Call) if isinstance(node, ast.Call))
    return (call for call in calls if re.fullmatch(pattern, dotted(call.func)))


def silent_public_definitions(source: Source) -> Iterator[ast.AST]:
    """Public functions and classes at the top of a module, without a docstring."""
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in source.tree.body:
        is_public = isinstance(node, definitions) and not node.name.startswith("_")
        if is_public and ast.get_docstring(node) is None:
            yield node


def relative_imports(source: Source) -> Iterator[ast.AST]:
    """Imports that begin with a dot."""
    return (n for n in source.nodes(ast.ImportFrom) if isinstance(n, ast.ImportFrom) and n.level)


def hidden_imports(source: Source) -> Iterator[ast.AST]:
    """Imports inside functions, with no comment beside them or on the line above."""
    functions = source.nodes(ast.FunctionDef, ast.AsyncFunctionDef)
    inside = chain.from_iterable(ast.walk(function) for function in functions)
    for node in inside:
        is_import = isinstance(node, (ast.Import, ast.ImportFrom))
        if is_import and "#" not in "".join(source.lines[node.lineno - 2 : node.lineno]):
            yield node


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """Name every line of the project that holds the pattern."""
    return [
        f"{source.name}:{number}"
        for source in sources(*ALL)
        for number, line in enumerate(source.lines, 1)
        if pattern.search(line)
    ]


def dotted(node: ast.AST) -> str:
    """Write `a.b.c` of an expression that is one, else the empty string or its known end."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.rglob("*.py"))
