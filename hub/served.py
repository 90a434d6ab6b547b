"""What the routes are served with: the hub, the gate of its desk, and what the office says about itself. Kept on the
Flask app.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from flask import Flask, current_app

from hub.allowances import Allowances
from hub.desk.base.gate import Gate
from hub.desk.base.jobs import Jobs
from hub.service import Hub

_NAME = "kumapo"


@dataclass(frozen=True)
class Office:
    """What stands on cards and pages. `address` is where kiosks reach this hub; empty: where the desk is."""

    city: str = "熊谷市"
    address: str = ""


@dataclass(frozen=True)
class Served:
    """The parts a route may use."""

    hub: Hub
    gate: Gate
    office: Office
    jobs: Jobs = field(default_factory=Jobs)
    allowances: Allowances = field(default_factory=Allowances)


def serve_with(app: Flask, served: Served) -> None:
    """Hand the parts to the routes of `app`."""
    app.extensions[_NAME] = served


def served() -> Served:
    """Return the parts of the app that answers the present request."""
    return cast("Served", current_app.extensions[_NAME])
