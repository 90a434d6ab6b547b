"""What is printed: sheets of cards."""
