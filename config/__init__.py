"""Settings read once and checked loudly, and the one clock. Imports nothing of the other layers."""
