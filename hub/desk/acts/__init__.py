"""The desk's list of what persons have decided."""
