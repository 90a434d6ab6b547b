"""What persons decide, each with a reason: on records, holes and kiosks, on cards and accounts."""
