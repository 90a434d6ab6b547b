"""The hub's private keys, and what signs with them."""
