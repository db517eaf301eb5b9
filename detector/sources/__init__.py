"""Wire formats in, one file each: bytes to typed events."""
