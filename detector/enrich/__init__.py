"""What is added to an event at the edge: price, sketch, fingerprint, pseudonym."""
