"""The small faults that can be put into a source file: one change of one expression or statement each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
PARTNERS = (("x", "y"), ("x0", "y0"), ("x1", "y1"), ("width", "height"), ("left", "top"), ("right", "bottom"))
SWAPPED = {a: b for pair in PARTNERS for a, b in (pair, pair[::-1])}
"""Names of one direction, and the same of the other."""
CALLS = {a: b for pair in (("min", "max"), ("any", "all"), ("floor", "ceil")) for a, b in (pair, pair[::-1])}
"""Functions, and those that a slip of the mind puts in their place."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: bytes `start` to `end` of a file are replaced; `before` and `after` are what a person reads.

    `text` is the line on which it begins.
    """

    file: str
    function: str
    line: int
    start: int
    end: int
    text: str
    before: str
    after: str

    def applied(self, source: bytes) -> bytes:
        """The file with the fault in it."""
        return source[: self.start] + self.after.encode() + source[self.end :]


def mutants(root: Path, file: str) -> list[Mutant]:
    """Every fault that can be put into `file` (relative to `root`), in the order in which it is read."""
    source = (root / file).read_bytes()
    walker = _Walker(file, source)
    walker.visit(ast.parse(source))
    return sorted(walker.found, key=lambda mutant: (mutant.start, mutant.end, mutant.after))


class _Walker(ast.NodeVisitor):
    """Collects the faults of one file; leaves out what no test can see: types, texts for people, what is never run."""

    def __init__(self, file: str, source: bytes) -> None:
        self.file = file
        self.source = source
        self.found: list[Mutant] = []
        self.scope: list[str] = []
        self.names: list[set[str]] = [set()]
        self.lines = source.splitlines(keepends=True)
        self.offsets = [sum(map(len, self.lines[:number])) for number in range(len(self.lines) + 1)]

    def add(self, node: ast.expr | ast.stmt, after: str) -> None:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.offsets[node.lineno - 1] + node.col_offset
        end = self.offsets[node.end_lineno - 1] + node.end_col_offset
        before = self.source[start:end].decode()
        function = ".".join(self.scope)
        text = self.lines[node.lineno - 1].decode().strip()
        self.found.append(Mutant(self.file, function, node.lineno, start, end, text, before, after))

    def replace(self, node: ast.expr, new: ast.expr) -> None:
        self.add(node, f"({ast.unparse(ast.fix_missing_locations(new))})")

    # What holds other things.

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if any(getattr(base, "id", "") == "Protocol" for base in node.bases):
            return
        self.inside(node.name, node.body, set())

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name in ("__repr__", "__str__"):
            return
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(default)
        names = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
        self.inside(node.name, node.body, names | {one.arg for one in ast.walk(node) if isinstance(one, ast.arg)})

    def inside(self, name: str, body: list[ast.stmt], names: set[str]) -> None:
        self.scope.append(name)
        self.names.append(names)
        for statement in body:
            self.visit(statement)
        self.names.pop()
        self.scope.pop()

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) == "TYPE_CHECKING":
            return
        self.negate(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        if not isinstance(node.test, ast.Constant):
            self.negate(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self.negate(test)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        if getattr(node.targets[0], "id", "") != "__all__":
            self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Texts; nor are the places of what stands in them exact before Python 3.12."""

    def visit_Raise(self, node: ast.Raise) -> None:
        self.add(node, "pass")

    # What is changed.

    def negate(self, test: ast.expr) -> None:
        if not isinstance(test, ast.UnaryOp) and not (isinstance(test, ast.Compare) and len(test.ops) == 1):
            self.replace(test, ast.UnaryOp(ast.Not(), test))

    def visit_Compare(self, node: ast.Compare) -> None:
        for place, op in enumerate(node.ops):
            ops = [*node.ops[:place], COMPARISONS[type(op)](), *node.ops[place + 1 :]]
            self.replace(node, ast.Compare(node.left, ops, node.comparators))
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        texts = any(isinstance(side, ast.JoinedStr | ast.List | ast.Tuple) for side in (node.left, node.right))
        if type(node.op) in OPERATORS and not texts:
            self.replace(node, ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.replace(node, ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub | ast.Invert):
            self.replace(node, node.operand)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.replace(node, ast.Constant(not node.value))
        elif isinstance(node.value, int):
            self.replace(node, ast.Constant(node.value + 1))
            self.replace(node, ast.Constant(node.value - 1))
        elif isinstance(node.value, float):
            self.replace(node, ast.Constant(node.value * 2 or 1.0))
            self.replace(node, ast.Constant(node.value / 2 or -1.0))

    def visit_Name(self, node: ast.Name) -> None:
        other = SWAPPED.get(node.id)
        if isinstance(node.ctx, ast.Load) and other in self.names[-1]:
            self.add(node, other)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Load) and node.attr in SWAPPED:
            self.replace(node, ast.Attribute(node.value, SWAPPED[node.attr], node.ctx))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in CALLS:
            self.replace(node, ast.Call(ast.Name(CALLS[node.func.id]), node.args, node.keywords))
        for place, given in enumerate(node.keywords):
            if given.arg is not None:
                rest = [*node.keywords[:place], *node.keywords[place + 1 :]]
                self.replace(node, ast.Call(node.func, node.args, rest))
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self.add(node, "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.add(node, "pass")
        self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self.add(node, "break")

    def visit_Break(self, node: ast.Break) -> None:
        self.add(node, "continue")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self.add(node, "return None")
            self.visit(node.value)


def sites(found: list[Mutant]) -> Iterator[list[Mutant]]:
    """Faults at the same place together, so that a place with three variants is drawn no oftener than one with one."""
    places: dict[tuple[int, int], list[Mutant]] = {}
    for mutant in found:
        places.setdefault((mutant.start, mutant.end), []).append(mutant)
    yield from places.values()
