"""The participant's screen: what the board holds, as a page in the browser of the booth itself. Loopback only.

Start reading at `app` (the routes), `streams` (server-sent events) and `serving` (the thread it runs in).
"""
