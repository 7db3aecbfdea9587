"""Mutants: small faults put into a reference answer, one at a time, by rewriting its syntax tree.

`mutants(function)` gives pairs of a description ("line 3: @ becomes *") and the faulty function.
"""

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Iterator

SWAPS: dict[type, list[type]] = {
    ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div], ast.Div: [ast.Mult],
    ast.MatMult: [ast.Mult], ast.Pow: [ast.Mult], ast.FloorDiv: [ast.Mult], ast.Mod: [ast.Add],
    ast.Lt: [ast.LtE, ast.GtE], ast.LtE: [ast.Lt, ast.Gt], ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt], ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq],
    ast.In: [ast.NotIn], ast.NotIn: [ast.In], ast.Is: [ast.IsNot], ast.IsNot: [ast.Is],
    ast.And: [ast.Or], ast.Or: [ast.And],
}  # fmt: skip
TRANSPOSES = {"transpose", "swapaxes", "matrix_transpose", "T", "mT"}

Change = tuple[str, Callable[[ast.AST], ast.AST]]


def _to(text: str, new: ast.AST) -> Change:
    return text, lambda node: new


def _negative(node: ast.expr) -> ast.UnaryOp:
    return ast.UnaryOp(ast.USub(), copy.deepcopy(node))


def _operators(node: ast.AST) -> Iterator[Change]:
    """An operator exchanged for its counterpart."""
    if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp):
        for other in SWAPS.get(type(node.op), []):
            yield (f"{type(node.op).__name__} becomes {other.__name__}",
                   lambda n, other=other: _with(n, op=other()))  # fmt: skip
    if isinstance(node, ast.Compare):
        for other in SWAPS.get(type(node.ops[0]), []):
            yield (f"{type(node.ops[0]).__name__} becomes {other.__name__}",
                   lambda n, other=other: _with(n, ops=[other(), *n.ops[1:]]))  # fmt: skip


def _with(node: ast.AST, **fields) -> ast.AST:
    new = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _operands(node: ast.AST) -> Iterator[Change]:
    """A factor or term dropped; the two sides exchanged."""
    if isinstance(node, ast.BinOp):
        yield _to("right side dropped", node.left)
        yield _to("left side dropped", node.right)
        if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult | ast.Pow):
            yield "sides exchanged", lambda n: _with(n, left=n.right, right=n.left)
    if isinstance(node, ast.UnaryOp):
        yield _to(f"{type(node.op).__name__} dropped", node.operand)
    if isinstance(node, ast.IfExp):
        yield "condition negated", lambda n: _with(n, body=n.orelse, orelse=n.body)


def _constants(node: ast.AST) -> Iterator[Change]:
    """Numbers one up and one down, a float doubled, truth values flipped."""
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield _to(f"{value} becomes {not value}", ast.Constant(not value))
    elif isinstance(value, int):
        for new in (value + 1, value - 1):
            yield _to(f"{value} becomes {new}", ast.Constant(new))
    elif isinstance(value, float):
        for new in (value * 2, value + 1, -value):
            yield _to(f"{value} becomes {new}", ast.Constant(new))


def _calls(node: ast.AST) -> Iterator[Change]:
    """A call dropped, its arguments exchanged, a keyword dropped, an axis changed."""
    if isinstance(node, ast.Attribute) and node.attr in TRANSPOSES:
        yield _to(f".{node.attr} dropped", node.value)
    if not isinstance(node, ast.Call):
        return
    inner = node.args[0] if node.args else None
    if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
        inner = node.func.value
    if inner is not None and not isinstance(inner, ast.Starred):
        yield _to(f"{ast.unparse(node.func)}() dropped", inner)
    if len(node.args) > 1:
        yield "arguments exchanged", lambda n: _with(n, args=[n.args[1], n.args[0], *n.args[2:]])
    for i, keyword in enumerate(node.keywords):
        yield (f"{keyword.arg}= dropped",
               lambda n, i=i: _with(n, keywords=n.keywords[:i] + n.keywords[i + 1 :]))  # fmt: skip
        if keyword.arg == "axis" and isinstance(keyword.value, ast.Constant | ast.UnaryOp):
            axis = ast.Constant(0 if ast.unparse(keyword.value) != "0" else 1)
            yield (f"axis becomes {axis.value}", lambda n, i=i, axis=axis: _axis(n, i, axis))


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("np", "numpy", "math", "torch", "dl")


def _axis(node: ast.Call, position: int, axis: ast.Constant) -> ast.AST:
    new = copy.deepcopy(node)
    new.keywords[position].value = axis
    return new


def _ranges(node: ast.AST) -> Iterator[Change]:
    """Loops and slices that start or end one off."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "range" and len(node.args) == 1:
        yield ("range starts at 1",
               lambda n: _with(n, args=[ast.Constant(1), n.args[0]]))  # fmt: skip
        yield "range ends one earlier", lambda n: _with(n, args=[_plus(n.args[0], -1)])
    if isinstance(node, ast.Slice):
        for end in ("lower", "upper"):
            bound = getattr(node, end)
            if bound is None:
                continue
            yield f"slice: {end} end dropped", lambda n, end=end: _with(n, **{end: None})
            yield (f"slice: {end} end one more",
                   lambda n, end=end, bound=bound: _with(n, **{end: _plus(bound, 1)}))  # fmt: skip
    if isinstance(node, ast.comprehension) and node.ifs:
        yield "filter dropped", lambda n: _with(n, ifs=[])


def _plus(node: ast.expr, step: int) -> ast.BinOp:
    return ast.BinOp(copy.deepcopy(node), ast.Add(), ast.Constant(step))


def _statements(node: ast.AST) -> Iterator[Change]:
    """A statement dropped, a condition negated, no accumulation, another result."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Break | ast.Continue | ast.If | ast.For):
        yield _to("statement dropped", ast.Pass())
    if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
        yield _to("statement dropped", ast.Pass())
    if isinstance(node, ast.If | ast.While):
        yield "condition negated", lambda n: _with(n, test=ast.UnaryOp(ast.Not(), n.test))
    if isinstance(node, ast.AugAssign):
        yield _to("no accumulation", ast.Assign([_with(node.target, ctx=ast.Store())], node.value))
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp | ast.Call):
        yield "sign flipped", lambda n: _with(n, value=_negative(n.value))


def _results(node: ast.AST) -> Iterator[Change]:
    """Another value returned: negated, nothing, the parts exchanged."""
    if not isinstance(node, ast.Return) or node.value is None:
        return
    yield _to("returns None", ast.Return(ast.Constant(None)))
    if isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1:
        yield ("results exchanged",
               lambda n: ast.Return(_with(n.value, elts=n.value.elts[::-1])))  # fmt: skip
        for i in range(len(node.value.elts)):
            yield (f"result {i + 1} negated", lambda n, i=i: _negate_part(n, i))
    elif isinstance(node.value, ast.BinOp | ast.Call | ast.Name):
        yield "result negated", lambda n: ast.Return(_negative(n.value))


def _negate_part(node: ast.Return, position: int) -> ast.Return:
    new = copy.deepcopy(node)
    new.value.elts[position] = _negative(new.value.elts[position])
    return new


RULES = (_operators, _operands, _constants, _calls, _ranges, _statements, _results)


def _inputs_returned(tree: ast.FunctionDef) -> Iterator[tuple[str, ast.FunctionDef]]:
    for argument in tree.args.args:
        if argument.arg == "self":
            continue
        new = copy.deepcopy(tree)
        new.body = [ast.Return(ast.Name(argument.arg, ast.Load()))]
        yield f"returns its input {argument.arg}", new


def _changed_trees(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for number, node in enumerate(ast.walk(tree)):
        for rule in RULES:
            for text, change in rule(node):
                clone = copy.deepcopy(tree)
                places = _places(clone)
                parent, field, index = places[number]
                if parent is None:
                    continue
                old = list(ast.walk(clone))[number]
                new = copy.deepcopy(change(old))
                if index is None:
                    setattr(parent, field, new)
                else:
                    getattr(parent, field)[index] = new
                line = getattr(node, "lineno", 0)
                before = "" if isinstance(node, ast.stmt) else f" in `{_unparse(node)}`"
                yield f"line {line}{before}: {text}", clone
    if isinstance(tree, ast.FunctionDef):
        yield from _inputs_returned(tree)


def _unparse(node: ast.AST) -> str:
    try:
        return ast.unparse(node)[:50]
    except (ValueError, AttributeError):  # parts such as a slice's bounds have no text of their own
        return type(node).__name__


def _places(tree: ast.AST) -> list[tuple]:
    """For each node, in the order of ast.walk: its parent, the parent's field, and the index."""
    found = {id(tree): (None, "", None)}
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if isinstance(value, ast.AST):
                found[id(value)] = (parent, field, None)
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, ast.AST):
                        found[id(item)] = (parent, field, index)
    return [found[id(node)] for node in ast.walk(tree)]


def source_tree(function: Callable) -> ast.FunctionDef | ast.ClassDef:
    """The syntax tree of a function or class, without its docstring and decorators."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(tree, ast.FunctionDef | ast.ClassDef):
        raise TypeError("A reference must be written with `def` or `class`, to be mutated.")
    tree.decorator_list = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body[0] = ast.copy_location(ast.Pass(), node.body[0])
    return tree


def helpers(function: Callable) -> list[Callable]:
    """The function, and the functions of its module that it calls."""
    space, found, waiting = function.__globals__, [], [function]
    while waiting:
        current = waiting.pop(0)
        if current in found:
            continue
        found.append(current)
        for node in ast.walk(source_tree(current)):
            known = space.get(node.id) if isinstance(node, ast.Name) else None
            if inspect.isfunction(known) and known.__module__ == function.__module__:
                waiting.append(known)
    return found


def mutants(function: Callable) -> Iterator[tuple[str, Callable]]:
    """Every mutant of a function, and of the functions of its module that it calls."""
    if inspect.isclass(function):
        parts, space = [function], dict(vars(inspect.getmodule(function)))
    else:
        parts, space = helpers(function), dict(function.__globals__)
    trees = {part.__name__: source_tree(part) for part in parts}
    seen = {ast.unparse(tree) for tree in trees.values()}
    for name, tree in trees.items():
        for text, changed in _changed_trees(tree):
            ast.fix_missing_locations(changed)
            source = ast.unparse(changed)
            if source in seen:
                continue
            seen.add(source)
            made = _build({**trees, name: changed}, dict(space), function.__name__)
            prefix = "" if name == function.__name__ else f"{name}, "
            if made is not None:
                yield prefix + text, made


def _build(trees: dict[str, ast.AST], space: dict, name: str) -> Callable | None:
    source = "\n\n".join(ast.unparse(tree) for tree in trees.values())
    try:
        exec(compile(source, "<mutant>", "exec"), space)
    except (SyntaxError, TypeError, NameError):  # not a program: no mutant
        return None
    return space[name]
