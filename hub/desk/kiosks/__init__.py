"""The desk's pages of kiosks: inviting, letting in, settings, the acts on one."""
