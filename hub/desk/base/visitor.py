"""The clerk's session: who is at the desk. Holds a mark that the gate knows again and the operator's number, never a
name.
"""

from __future__ import annotations

from flask import session

from hub.served import served

_MARK, _OPERATOR = "visitor", "operator"


def enter(key: str, operator: int) -> bool:
    """Sign in with the key of the link, which is then used up; tell whether it was good."""
    mark = served().gate.admit(key)
    if mark is None:
        return False
    session.clear()
    session[_MARK], session[_OPERATOR] = mark, operator
    return True


def leave() -> None:
    """Sign out."""
    served().gate.leave()
    session.clear()


def is_known() -> bool:
    """Tell whether the present request comes from whoever signed in."""
    mark = session.get(_MARK)
    return isinstance(mark, str) and served().gate.knows(mark)


def done_by() -> str:
    """Return how the acts of this session are signed."""
    return f"担当 {session[_OPERATOR]}"
