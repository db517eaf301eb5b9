"""A simulated fleet on the embedded broker."""
