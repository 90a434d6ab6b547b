"""The hub: batches in, a ledger that anybody can check, a desk for the clerk. Start reading at `arrival`."""
