"""The desk: the hub's pages for the clerk. Begin at `routes`; `overview` and `todo` say what the first page shows."""
