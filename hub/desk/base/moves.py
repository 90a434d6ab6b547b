"""How an act moves points, in words: before it is done (who would lose and gain how much), and once it was done.

The act itself tells by member. How many grants have changed is counted in the act's own transaction, where its turns
can be told from all others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sa

from hub.acts.doing import ACTS, Doing, Done
from hub.ledger.inbox import fill_touched
from hub.ledger.posting import Moved
from hub.store.database import row

JUDGES_TOO = frozenset({"top up", "make known", "reopen account", "lose card", "find card"})
"""Acts that take nothing back and judge grants all the same."""


class Moves(NamedTuple):
    """What an act moves: net points by member, how many grants that are, and how many records it has left to be looked
    at after it.
    """

    moved: Moved = Moved()
    grants: int = 0
    later: int = 0

    @property
    def loses(self) -> tuple[int, int]:
        """Return how many members lose, and how many points."""
        return self.moved.people, self.moved.points_taken

    @property
    def gains(self) -> tuple[int, int]:
        """Return how many members gain, and how many points."""
        gained = [points for points in self.moved.net.values() if points > 0]
        return len(gained), sum(gained)


class Effect(NamedTuple):
    """What came of an act that was done at the desk."""

    act: bytes
    made: Any
    kind: str
    moves: Moves

    @property
    def said(self) -> str:
        """Return what it did with points; nothing for an act that has nothing to do with grants."""
        return done_text(self.moves) if judges(self.kind) else ""


class Watched:
    """An act's function that notes what it moves each time it is run: in a preview, in a trial, and for good."""

    def __init__(self, function: Callable[..., Done[Any]]) -> None:
        self._function = function
        self._tried: Moves | None = None
        self._done = Moves()

    def __call__(self, doing: Doing, *arguments: Any, **named: Any) -> Done[Any]:
        """Run the act, and note what it moves."""
        done = self._function(doing, *arguments, **named)
        moves = Moves(done.moved, _grants_changed(doing, done.moved), _left(doing))
        if doing.is_preview:
            self._tried = moves
        else:
            self._done = moves
        return done

    @property
    def moves(self) -> Moves:
        """Return what the act moves. One that leaves its judging for later does not know; its trial does."""
        if not self._done.later or self._tried is None:
            return self._done
        return self._tried._replace(later=self._done.later)

    @property
    def tried(self) -> Moves:
        """Return what it would move, as the last trial has found."""
        return self._tried or Moves()


def judges(kind: str) -> bool:
    """Tell whether an act of this kind may change what grants have become."""
    return ACTS[kind].takes_points or kind in JUDGES_TOO


def done_text(moves: Moves) -> str:
    """Say what an act did with points."""
    (losers, lost), (gainers, gained) = moves.loses, moves.gains
    if not losers and not gainers:
        return _still_working(moves.later) if moves.later else "利用者のポイントは変わりません。"
    took, gave = f"{losers:,}人から {lost:,}ポイントを取り戻し", f"{gainers:,}人に {gained:,}ポイントを付け"
    parts = [*([took] if losers else []), *([gave] if gainers else [])]
    said = f"{'、'.join(parts)}ました(付与 {moves.grants:,}件)。"
    return said + (_still_working(moves.later) if moves.later else "")


def coming_text(moves: Moves) -> str:
    """Say what an act would do with points."""
    (losers, lost), (gainers, gained) = moves.loses, moves.gains
    said = [f"{losers:,}人が {lost:,}ポイントを失い"] if losers else []
    said += [f"{gainers:,}人が {gained:,}ポイントを得"] if gainers else []
    if not said:
        return f"{moves.grants:,}件の付与が変わります。"
    return f"{moves.grants:,}件の付与が変わります。{'、'.join(said)}ます。"


def coming_text_en(moves: Moves) -> str:
    """Say the same in English."""
    (losers, lost), (gainers, gained) = moves.loses, moves.gains
    said = [f"{_people(losers)} {_verb('lose', losers)} {lost:,} points"] if losers else []
    said += [f"{_people(gainers)} {_verb('gain', gainers)} {gained:,} points"] if gainers else []
    grants = f"{moves.grants:,} {'grant changes' if moves.grants == 1 else 'grants change'}."
    return f"{grants} {', '.join(said)}." if said else grants


def _people(number: int) -> str:
    return f"{number:,} {'person' if number == 1 else 'people'}"


def _verb(verb: str, number: int) -> str:
    return f"{verb}s" if number == 1 else verb


def _still_working(later: int) -> str:
    return f"記録が多いので、{later:,}件は続けて見なおします。のこりは「処理の記録」のこの処理に出ます。"


def _left(doing: Doing) -> int:
    """Return how many records the act has left to be looked at after it."""
    text = "SELECT count(*) AS number FROM to_judge WHERE act = :act"
    return int(row(doing.connection, text, act=doing.number).number)


def _grants_changed(doing: Doing, moved: Moved) -> int:
    """Return how many grants an act has given, taken back or given other points: each once, whatever its turns."""
    if not moved.touched:
        return 0
    fill_touched(doing.connection, moved.touched)
    return _count(doing.connection, doing.number)


def _count(connection: sa.Connection, act: bytes) -> int:
    text = """
        SELECT count(*) AS number FROM (
            SELECT t.kiosk, t.seq, t.hash FROM touched k CROSS JOIN transfer t
            WHERE t.event = k.event AND t.bucket = k.bucket AND t.member = k.member AND t.activity = k.activity
              AND t.occasion = k.occasion AND t.act = :act
            GROUP BY t.kiosk, t.seq, t.hash HAVING sum(t.points) <> 0
        ) AS changed
    """
    return int(row(connection, text, act=act).number)
