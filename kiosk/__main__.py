"""`python -m kiosk`: the booth's commands."""

from kiosk.commands import kiosk

kiosk(prog_name="kiosk")
