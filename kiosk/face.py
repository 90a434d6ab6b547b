"""What a booth's program and its page share: the board, the camera's picture, and what is typed at the page."""

from __future__ import annotations

from typing import NamedTuple

from kiosk.board import Board
from kiosk.mirror import Mirror
from kiosk.typed import Keys


class Face(NamedTuple):
    """The booth's face to people. The scan loop writes board and mirror and takes the keys; a page does the reverse."""

    board: Board
    mirror: Mirror
    keys: Keys


def new_face() -> Face:
    """Return a face that shows nothing yet."""
    return Face(Board(), Mirror(), Keys())
