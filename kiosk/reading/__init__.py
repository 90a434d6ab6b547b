"""What `kiosk.decode` reads hard codes with: where in a frame to look, when it is worth it, and what is done to the
picture. It knows no QR library, judges no text and never leaves a picture lying.
"""
