"""The booth: camera frame → text → token → outcome → entry → journal → screen. The network only drains the journal.

Start reading at `run` (the chain), `scan` (what is decided), `journal` (what is kept) and `uplink` (what is sent).
"""
