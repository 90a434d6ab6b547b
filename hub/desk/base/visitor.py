"""The clerk's session: who is at the desk. Holds a mark that the gate knows again and the operator's number, never a
name.
"""

from __future__ import annotations

from flask import session

from hub.acts.doing import Person
from hub.served import served

_MARK, _OPERATOR, _BROWSER = "visitor", "operator", "browser"


def come_to_the_door() -> None:
    """Mark a browser that opens the sign-in page, so that a second click of it is known as one."""
    session.setdefault(_BROWSER, served().gate.new_browser())


def enter(key: str, operator: int) -> bool:
    """Sign in with the key of the link, which is then used up; tell whether it was good."""
    browser = str(session.get(_BROWSER, ""))
    mark = served().gate.admit(key, browser, served().hub.wall_ms())
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


def person() -> Person:
    """Return who does the acts of this session."""
    return Person(f"担当 {session[_OPERATOR]}")
