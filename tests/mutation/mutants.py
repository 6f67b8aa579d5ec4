"""Mutants of a module: each is its source with one small mistake, of the kind that people make."""

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

# What stands in the place of each: the neighbour, then the opposite.
COMPARISONS: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
}
FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any", "bisect_left": "bisect_right"}
# Not part of what the code does: types, imports, documentation, what an instance has room for.
SILENT = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Mutant:
    """``name``: module:line:number on that line. ``source``: the whole module, mistake included."""

    name: str
    module: str
    source: str

    def diff(self, original: str) -> str:
        lines = difflib.unified_diff(
            original.splitlines(), self.source.splitlines(), self.name, self.name, n=2, lineterm=""
        )
        return "\n".join(lines)


def mutants_of(module: str, source: str) -> list[Mutant]:
    """Return all mutants of a module, in the order of its lines. Its text is ASCII."""
    found: list[Mutant] = []
    numbers: dict[int, Iterator[int]] = {}
    seen = {source}
    for node, text in sorted(_mistakes(ast.parse(source)), key=lambda mistake: _place(mistake[0])):
        changed = _spliced(source, node, text)
        if changed not in seen:
            seen.add(changed)
            number = next(numbers.setdefault(node.lineno, count(1)))
            found.append(Mutant(f"{module}:{node.lineno}:{number}", module, changed))
    return found


Located = ast.expr | ast.stmt


def _place(node: Located) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _spliced(source: str, node: Located, text: str) -> str:
    lines = source.splitlines(keepends=True)
    assert node.end_lineno is not None
    before = "".join(lines[: node.lineno - 1]) + lines[node.lineno - 1][: node.col_offset]
    after = lines[node.end_lineno - 1][node.end_col_offset :] + "".join(lines[node.end_lineno :])
    return before + text + after


def _mistakes(node: ast.AST) -> Iterator[tuple[Located, str]]:
    """Yield (what is replaced, by which text) for ``node`` and all below it."""
    if isinstance(node, ast.stmt):
        yield from ((node, text) for text in _of_statement(node))
    if isinstance(node, ast.expr):
        yield from ((node, f"({ast.unparse(other)})") for other in _of_expression(node))
    for child in _children(node):
        yield from _mistakes(child)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_params", "bases"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_silent(child):
                yield child


def _is_silent(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]) == "__slots__"
    return isinstance(node, (*SILENT, ast.JoinedStr, ast.Assert))


def _of_statement(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.Expr() | ast.AugAssign() | ast.Delete() | ast.Raise() | ast.Return(value=None):
            yield "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript() | ast.Tuple(), *_]):
            yield "pass"
        case ast.Return(value=value) if ast.unparse(value or node) != "None":
            yield "return None"
        case ast.Break() | ast.Continue():
            yield "pass"
            yield "continue" if isinstance(node, ast.Break) else "break"


def _of_expression(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare():
            yield from _other_comparisons(node)
        case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
            yield ast.BinOp(left, OPERATORS[type(operator)](), right)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            yield from values
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
            yield ast.Constant(value - 1)
        case ast.Constant(value=str(value)) if " " not in value:  # a sentence is for people
            yield ast.Constant(f"{value}?")
        case ast.Call():
            yield from _other_calls(node)


def _other_comparisons(node: ast.Compare) -> Iterator[ast.expr]:
    for place, operator in enumerate(node.ops):
        for other in COMPARISONS[type(operator)]:
            operators = [*node.ops[:place], other(), *node.ops[place + 1 :]]
            yield ast.Compare(node.left, operators, node.comparators)


def _other_calls(node: ast.Call) -> Iterator[ast.expr]:
    """Call its neighbour; with two arguments the other way round."""
    match node.func:
        case ast.Name(name) if name in FUNCTIONS:
            yield ast.Call(ast.Name(FUNCTIONS[name]), node.args, node.keywords)
            return
    for place in range(len(node.args) - 1):
        args = list(node.args)
        args[place : place + 2] = args[place + 1], args[place]
        if ast.dump(args[place]) == ast.dump(args[place + 1]):
            continue
        yield ast.Call(node.func, args, node.keywords)
