"""The desk: the hub's pages for the clerk. Begin at `routes`; `base/` holds what they share."""
