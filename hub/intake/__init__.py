"""Where batches arrive and are judged: checked, hung on their kiosk's chain, held against the facts.
Begin at `arrival`; `judge` and `settle` decide, and are pure.
"""
