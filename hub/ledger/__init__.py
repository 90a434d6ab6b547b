"""The double entry: verdicts become transfers and balances, and what goes over a daily limit is flagged."""
