"""What an activity gives: points are a pure function of its rule and a quantity, at the kiosk and at the hub alike."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from sync.codec import Value, WireError, want_int, want_list, want_text

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
    parts = want_list(value, 2)
    if len(parts) != 2:
        raise WireError("type")
    name = want_text(parts[0], 16)
    if name == "fixed":
        return Fixed(want_int(parts[1], POINTS_LIMIT))
    if name != "by_hours":
        raise WireError("value")
    return ByHours(_read_rows(parts[1]))


def _read_rows(value: Value) -> tuple[tuple[int, int], ...]:
    rows = []
    for row in want_list(value, 100):
        parts = want_list(row, 2)
        if len(parts) != 2:
            raise WireError("type")
        rows.append((want_int(parts[0], QUANTITY_LIMIT), want_int(parts[1], POINTS_LIMIT)))
    if not rows or any(later[0] <= earlier[0] for earlier, later in zip(rows, rows[1:], strict=False)):
        raise WireError("value")
    return tuple(rows)
