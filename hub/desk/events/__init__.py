"""The desk's pages of events and their activities."""
