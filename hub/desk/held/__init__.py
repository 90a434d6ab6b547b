"""The desk's pages of what is held, and the decisions on it."""
