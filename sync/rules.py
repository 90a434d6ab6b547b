"""What an activity gives: points are a pure function of its rule and a quantity, at the kiosk and at the hub alike."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple, TypeAlias

from sync.codec import Value, WireError, want_array, want_int, want_list, want_text

POINTS_LIMIT = 1_000_001
QUANTITY_LIMIT = 100_000


class Fixed(NamedTuple):
    """The same points each time; the quantity is 1."""

    points: int


class ByHours(NamedTuple):
    """Points by how long somebody helped: rows of (from how many minutes, points), rising; the quantity is minutes."""

    rows: tuple[tuple[int, int], ...]


Rule: TypeAlias = Fixed | ByHours


def points_for(rule: Rule, quantity: int) -> int | None:
    """Return the points `rule` gives for `quantity`, or None where it gives nothing for such a quantity."""
    if isinstance(rule, Fixed):
        return rule.points if quantity == 1 else None
    reached = [points for from_minutes, points in rule.rows if quantity >= from_minutes]
    return reached[-1] if reached and quantity > 0 else None


def rule_as_value(rule: Rule) -> Value:
    """Return the rule as it stands in a manifest."""
    return ("fixed", rule.points) if isinstance(rule, Fixed) else ("by_hours", rule.rows)


def read_rule(value: Value) -> Rule:
    """Return the rule in a manifest. Raises WireError("type" | "value")."""
    kind, content = want_array(value, 2)
    name = want_text(kind, 16)
    if name == "fixed":
        return Fixed(_want_points(content))
    if name == "by_hours":
        return ByHours(_read_rows(content))
    raise WireError("value")


def _read_rows(value: Value) -> tuple[tuple[int, int], ...]:
    rows = []
    for row in want_list(value, 100):
        from_minutes, points = want_array(row, 2)
        rows.append((want_int(from_minutes, QUANTITY_LIMIT), _want_points(points)))
    if not rows or any(later[0] <= earlier[0] for earlier, later in pairwise(rows)):
        raise WireError("value")
    return tuple(rows)


def _want_points(value: Value) -> int:
    """A rule gives at least 1 point: an entry cannot grant 0, and a kiosk must not find that out at the scan."""
    points = want_int(value, POINTS_LIMIT)
    if points == 0:
        raise WireError("value")
    return points
