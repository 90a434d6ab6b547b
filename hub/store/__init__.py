"""The database: one engine by URL, its tables, what keeps them append-only, and whose turn it is to write."""
