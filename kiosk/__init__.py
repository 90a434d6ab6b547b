"""The booth: camera frame → text → token → outcome → entry → journal → screen. The network only drains the journal.

Start reading at `booth` (the chain of one scan), `scan` (what is decided), `journal` (what is kept) and `uplink` (what
is sent).
"""

SOFTWARE = "kumapo 0.1.0"
"""What this program calls itself towards the hub."""
