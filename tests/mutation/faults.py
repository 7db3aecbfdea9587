"""Faults: small changes of a source file, one at a time, as a tired programmer makes them.

An operator is exchanged, a sign flipped, a factor dropped, a transpose forgotten; a constant, a
slice or a comparison is one off; a sum starts anew instead of growing; a condition is negated. Most
rules are those of tests/proof, which plants faults into the reference answers of exercises.

Not changed: docstrings, texts and what is raised with them, type hints, `assert` (here it only
tells the type checker something), and code for the type checker alone.
"""

import ast
import copy
import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import CodeType
from typing import Any

from tests.proof.mutants import RULES, SWAPS

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
UNTOUCHED = (ast.Raise, ast.Assert, ast.Import, ast.ImportFrom, ast.JoinedStr)
HINTS = {"annotation", "returns"}  # the fields of the syntax tree that hold type hints
# Functions whose arguments, exchanged, crash at once or give the same.
ORDERED = {"isinstance", "issubclass", "hasattr", "getattr", "setattr"}
SYMMETRIC = {"min", "max", "minimum", "maximum"}
CONVERSIONS = {"bool", "int", "float", "tuple", "list"}  # NumPy's numbers do as well as Python's
TRUTHS = {"isinstance", "hasattr", "callable", "bool", "any", "all"}  # -True counts as True


@dataclass(frozen=True)
class Fault:
    """One change of one file, not yet made."""

    file: str  # inside the package, such as "layers/conv.py"
    where: str  # the function around it, such as "Windows.pad"; "" at the top of the file
    line: int
    source: str  # the text of this line
    change: str  # such as "`x - 1`: Sub becomes Add"
    lines: range  # a test that runs none of them can't see it: its statement; if it is not local,
    # the function whose default value it is, the class, or the whole file
    is_local: bool  # inside a function; else it acts when the file is imported
    _edit: "_Edit" = field(repr=False, compare=False)

    def compiled(self) -> CodeType:
        """The code of the whole file with this fault."""
        with self._edit.made():
            return _compile(self._edit.tree, self._edit.path)

    def original(self) -> CodeType:
        """The code of the whole file without it."""
        return _compile(self._edit.tree, self._edit.path)

    @property
    def path(self) -> str:
        """The file, in full."""
        return self._edit.path


@dataclass(frozen=True)
class _Edit:
    """Where in a syntax tree something else is to stand."""

    tree: ast.Module
    path: str
    parent: ast.AST
    slot: str  # the parent's field
    index: int | None  # in that field, if it is a list
    new: ast.AST

    @contextmanager
    def made(self) -> Iterator[None]:
        """Within the block the tree has the fault."""
        old = self._exchange(self.new)
        try:
            yield
        finally:
            self._exchange(old)

    def _exchange(self, new: ast.AST) -> Any:
        if self.index is None:
            old = getattr(self.parent, self.slot)
            setattr(self.parent, self.slot, new)
            return old
        items = getattr(self.parent, self.slot)
        old, items[self.index] = items[self.index], new
        return old


# --- All faults of a file ---------------------------------------------------------------------
def faults_of(path: Path, file: str) -> list[Fault]:
    """Every fault of a file, each once; what leaves the code as it was is none."""
    text = path.read_text(encoding="utf-8")
    tree, lines = ast.parse(text), text.splitlines()
    found, whole = [], range(1, len(lines) + 1)
    for position, statement in enumerate(tree.body):
        seen = {_signature(statement)}
        for place in _places(tree, "body", position, statement, _Around("", whole, False)):
            for change, new in _changes(place.node):
                edit = _Edit(tree, str(path), place.parent, place.slot, place.index, new)
                with edit.made():
                    signature = _signature(tree.body[position])
                if signature is None or signature in seen:
                    continue
                seen.add(signature)
                line = getattr(place.node, "lineno", place.around.lines.start)
                around = place.around
                found.append(Fault(file, around.where, line, lines[line - 1].strip(), change,
                                   around.lines, around.is_local, edit))  # fmt: skip
    return _told_apart(found)


def _told_apart(faults: list[Fault]) -> list[Fault]:
    """Where a line has the same change at several places, the places are numbered."""
    names = Counter((fault.line, fault.change) for fault in faults)
    seen: Counter[tuple[int, str]] = Counter()
    for i, fault in enumerate(faults):
        name = (fault.line, fault.change)
        if names[name] > 1:
            seen[name] += 1
            faults[i] = replace(fault, change=f"{fault.change}, place {seen[name]}")
    return faults


def sample(faults: list[Fault], share: float, per_file: int | None, seed: int) -> list[Fault]:
    """Of each file the same share, or equally many, drawn by the seed."""
    by_file: dict[str, list[Fault]] = {}
    for fault in faults:
        by_file.setdefault(fault.file, []).append(fault)
    chosen = []
    for file, own in sorted(by_file.items()):
        count = round(share * len(own)) if per_file is None else min(per_file, len(own))
        places = random.Random(f"{seed} {file}").sample(range(len(own)), max(count, 1))
        chosen += [own[i] for i in sorted(places)]
    return chosen


def _compile(tree: ast.Module, path: str) -> CodeType:
    with warnings.catch_warnings():  # a fault may look odd to the compiler
        warnings.simplefilter("ignore")
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


def _signature(statement: ast.stmt) -> Any:
    """What a statement compiles to, without line numbers; None if it is no program."""
    try:
        return _parts(_compile(ast.Module([statement], []), ""))
    except (SyntaxError, ValueError, TypeError):
        return None


def _parts(code: CodeType) -> tuple[Any, ...]:
    constants = tuple(
        _parts(c) if isinstance(c, CodeType) else (type(c), repr(c)) for c in code.co_consts
    )
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return code.co_name, code.co_code, constants, *names


# --- The places of a syntax tree --------------------------------------------------------------
@dataclass(frozen=True)
class _Around:
    where: str
    lines: range  # see Fault
    is_local: bool


@dataclass(frozen=True)
class _Place:
    parent: ast.AST
    slot: str
    index: int | None
    node: ast.AST
    around: _Around


def _places(
    parent: ast.AST, slot: str, index: int | None, node: ast.AST, around: _Around
) -> Iterator[_Place]:
    """A node and all inside it that may be changed."""
    if slot in HINTS or isinstance(node, UNTOUCHED) or _is_text(node) or _is_hint(node, around):
        return
    if isinstance(node, ast.stmt) and around.is_local:
        around = _Around(around.where, _header(node), True)
    yield _Place(parent, slot, index, node, around)
    for name, value in ast.iter_fields(node):
        inner = _inside(node, name, around)
        if isinstance(value, ast.AST):
            yield from _places(node, name, None, value, inner)
        elif isinstance(value, list):
            for i, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield from _places(node, name, i, item, inner)


def _inside(node: ast.AST, slot: str, around: _Around) -> _Around:
    """What is around the parts of a node."""
    if isinstance(node, ast.Lambda) and slot == "body":
        return _Around(around.where, around.lines, True)
    if not isinstance(node, FUNCTIONS | ast.ClassDef):
        return around
    where = f"{around.where}.{node.name}".lstrip(".")
    acts_later = isinstance(node, FUNCTIONS) and slot == "body"
    lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
    return _Around(where, lines, around.is_local or acts_later)


def _header(statement: ast.stmt) -> range:
    """The lines of a statement; of `if`, `for`, `def` … the lines before what stands in them."""
    body = getattr(statement, "body", None)
    first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
    last = max(statement.lineno, body[0].lineno - 1) if body else statement.end_lineno
    return range(first, (last or first) + 1)


def _is_text(node: ast.AST) -> bool:
    """True for texts, and for statements that only put texts together."""
    if isinstance(node, ast.Constant | ast.JoinedStr):
        return isinstance(node, ast.JoinedStr) or isinstance(node.value, str)
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr):
        return _is_text(node.value)
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) or _is_text(node.orelse)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add) and (_is_text(node.left) or _is_text(node.right))
    return False


def _is_hint(node: ast.AST, around: _Around) -> bool:
    """True for names of types at the top of a file, and for what only the type checker reads."""
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    if isinstance(node, ast.Assign) and not around.is_local:
        value = node.value
        is_union = isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr)
        return is_union or isinstance(value, ast.Subscript)
    return False


# --- The rules --------------------------------------------------------------------------------
def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """All changes of a node: a description, and what stands there instead."""
    for rule in (*RULES, _chains, _conditions, _derivatives):
        for text, change in rule(node):
            if not _is_idle(node, text):
                new = ast.copy_location(copy.copy(change(node)), node)  # the tree keeps its own
                yield (text if isinstance(node, ast.stmt) else f"`{_short(node)}`: {text}"), new


def _is_idle(node: ast.AST, text: str) -> bool:
    """True for changes that say nothing about the tests: they always crash, or change nothing."""
    if text == "statement dropped" and isinstance(node, ast.Assign):  # the name is missing then
        names = {n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
        read = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
        is_new = all(isinstance(t, ast.Name | ast.Tuple) for t in node.targets)
        return is_new and not names & read
    if text == "arguments exchanged" and isinstance(node, ast.Call):
        return ast.unparse(node.func).rsplit(".", 1)[-1] in ORDERED | SYMMETRIC
    if text == "sign flipped" and isinstance(node, ast.Assign):
        return isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in TRUTHS
    if text.endswith("() dropped") and isinstance(node, ast.Call):
        return ast.unparse(node.func) in CONVERSIONS
    return text == "returns None" or text.endswith("becomes -0.0")


def _short(node: ast.AST) -> str:
    try:
        text = ast.unparse(node)
    except (ValueError, AttributeError):  # the bounds of a slice have no text of their own
        text = ast.unparse(ast.Subscript(ast.Name("_"), node, ast.Load()))
    return text if len(text) <= 60 else text[:57] + "..."


def _chains(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], ast.AST]]]:
    """The second operator of a chain, such as 0 <= p < 1; the first is among the other rules."""
    if isinstance(node, ast.Compare):
        for i, operator in enumerate(node.ops[1:], start=1):
            for other in SWAPS.get(type(operator), []):
                ops = [*node.ops[:i], other(), *node.ops[i + 1 :]]
                new = ast.Compare(node.left, ops, node.comparators)
                yield f"{type(operator).__name__} becomes {other.__name__}", lambda _, new=new: new


def _conditions(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], ast.AST]]]:
    """One part of `a and b` or `a or b` dropped."""
    if isinstance(node, ast.BoolOp):
        for i, part in enumerate(node.values):
            rest = node.values[:i] + node.values[i + 1 :]
            new = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
            yield f"without `{_short(part)}`", lambda _, new=new: new


def _derivatives(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], ast.AST]]]:
    """The sign of a lambda, which in this engine mostly is a derivative."""
    if isinstance(node, ast.Lambda):
        new = ast.Lambda(node.args, ast.UnaryOp(ast.USub(), node.body))
        yield "sign flipped", lambda _: new
