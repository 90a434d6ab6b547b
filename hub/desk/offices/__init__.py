"""The desk's page of organisations and their allotments."""
