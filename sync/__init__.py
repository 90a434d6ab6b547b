"""The wire between kiosk and hub, and the engine that moves it. Normative: docs/wire.cddl and tests/vectors/.

Start reading at `entry` (what a kiosk signs), `batch` (what travels), `receipt` (what the hub answers) and `engine`
(who drives it).
"""
