"""Measure how far a claim's condition is from being false.

A cell is cut into pieces, so that each claim is a piece of its own. In a claim's piece the sides of
each comparison are stored while they are evaluated: every expression runs once, in the usual order,
and the random generators end in the usual state.
"""

import ast
import math
from dataclasses import dataclass, field

from IPython.core.inputtransformer2 import TransformerManager

STORE = "__companion_sides"
TINY = 1e-300
_UPWARDS = (ast.Gt, ast.GtE)
_DOWNWARDS = (ast.Lt, ast.LtE)


@dataclass
class Piece:
    """A part of a cell's source.

    Attributes:
        source: the code to execute; a claim's is rewritten to store the sides it compares.
        text: the sentence of a claim where it stands as a literal, else an empty text.
        is_claim: whether the piece is one claim.
        pairs: the comparisons, as (left, right, sign, threshold): the places of both sides, 1 where
            the left one has to be the larger and -1 otherwise, and the place of the constant side.
    """

    source: str
    text: str = ""
    is_claim: bool = False
    pairs: list[tuple[int, int, int, int]] = field(default_factory=list)

    def margin(self, sides: dict[int, float]) -> float | None:
        """Return the smallest relative margin of the comparisons, or None if they have none.

        The distance in the allowed direction is divided by the size of the threshold; if that is
        zero, nothing is relative to it and the distance itself counts. It is negative where a
        comparison is false. Sides that are missing or no numbers are left out.
        """
        margins = []
        for left, right, sign, threshold in self.pairs:
            if left in sides and right in sides:
                size = abs(sides[threshold])
                distance = sign * (sides[left] - sides[right])
                margins.append(distance / size if size > TINY else distance)
        return min(margins, default=None)


def claim_calls(tree: ast.Module) -> list[ast.Expr]:
    """Return the statements at the top level of a cell that are calls of ``claim``."""
    return [node for node in tree.body if _is_claim(node)]


def _is_claim(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "claim"
    )


def split_cell(source: str) -> list[Piece]:
    """Return the pieces of a code cell, in order; together they do what the cell does.

    Raises:
        SyntaxError: if the cell is not Python, IPython's magics aside.
    """
    source = TransformerManager().transform_cell(source)
    pieces, waiting = [], []
    for node in ast.parse(source).body:
        if _is_claim(node):
            pieces.append(_plain(waiting))
            pieces.append(_claim_piece(node.value))
            waiting = []
        else:
            waiting.append(_statement(source, node))
    pieces.append(_plain(waiting))
    return [piece for piece in pieces if piece.source]


def _statement(source: str, node: ast.stmt) -> str:
    """Return the source of a statement, with the decorators that stand above it."""
    decorators = getattr(node, "decorator_list", [])
    if not decorators:
        return ast.get_source_segment(source, node)
    return "\n".join(source.splitlines()[decorators[0].lineno - 1 : node.end_lineno])


def _plain(statements: list[str]) -> Piece:
    return Piece("\n".join(statements))


def _claim_piece(call: ast.Call) -> Piece:
    """Return the piece of one claim, its condition rewritten."""
    text = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ""
    rewriter = _Rewriter()
    if len(call.args) > 1:
        call.args[1] = rewriter.rewrite(call.args[1])
    for keyword in call.keywords:
        if keyword.arg == "condition":
            keyword.value = rewriter.rewrite(keyword.value)
    source = f"{STORE} = {{}}\n{ast.unparse(call)}"
    return Piece(source, str(text), True, rewriter.pairs)


class _Rewriter:
    """Rewrites conditions so that they store the sides that they compare."""

    def __init__(self):
        self.pairs: list[tuple[int, int, int, int]] = []
        self.count = 0

    def rewrite(self, node: ast.expr) -> ast.expr:
        """Return a condition that has the same value and stores the sides of its comparisons."""
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            node.values = [self.rewrite(value) for value in node.values]
        elif isinstance(node, ast.Compare) and any(
            isinstance(operator, (*_UPWARDS, *_DOWNWARDS)) for operator in node.ops
        ):
            self._rewrite_comparison(node)
        return node

    def _rewrite_comparison(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        constant = [_is_constant(side) for side in sides]
        first = self.count
        stored = [self._stored(side) for side in sides]
        node.left, node.comparators = stored[0], stored[1:]
        for offset, operator in enumerate(node.ops):
            if isinstance(operator, (*_UPWARDS, *_DOWNWARDS)):
                left, right = first + offset, first + offset + 1
                left_only = constant[offset] and not constant[offset + 1]
                sign = 1 if isinstance(operator, _UPWARDS) else -1
                self.pairs.append((left, right, sign, left if left_only else right))

    def _stored(self, side: ast.expr) -> ast.expr:
        """Return ``STORE.setdefault(n, side)``, which is ``side`` and remembers it."""
        number = ast.Constant(self.count)
        self.count += 1
        store = ast.Attribute(ast.Name(STORE, ast.Load()), "setdefault", ast.Load())
        return ast.fix_missing_locations(ast.Call(store, [number, side], []))


def _is_constant(node: ast.expr) -> bool:
    """Tell whether an expression is made of literals only, such as ``1e-3`` or ``2 * 0.1``."""
    return not any(
        isinstance(part, ast.Name | ast.Call | ast.Attribute | ast.Subscript)
        for part in ast.walk(node)
    )


# Executed after a claim's piece: prints the sides that are single finite numbers.
READ_SIDES = f"""
def __companion_read(sides):
    import json
    numbers = {{}}
    for place, side in sides.items():
        try:
            numbers[place] = float(side)
        except (TypeError, ValueError, RuntimeError):
            pass
    print(json.dumps(numbers))
__companion_read({STORE})
"""


def finite(sides: dict[str, float]) -> dict[int, float]:
    """Return the sides that were read, with places as numbers, without NaN and infinities."""
    return {int(place): side for place, side in sides.items() if math.isfinite(side)}
