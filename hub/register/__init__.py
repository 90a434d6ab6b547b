"""What the city has entered and signed: its organisations, events, members and cards; its kiosks and
their manifests.
"""
