"""What all pages of the desk share: the figures they read, their words and forms, who may come in, and
the frame around them.
"""
