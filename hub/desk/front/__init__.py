"""The desk's first page: per kiosk the equation, and what there is to decide."""
