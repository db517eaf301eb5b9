"""What to set in which client, and what of what it sends arrives."""
