"""The desk's pages of members: adding them, their cards, the end of an account."""
