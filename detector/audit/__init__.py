"""A month of spend against what it achieved: figures that an auditor can recompute from the same events."""
