"""Asking something of the operator's to stop what a critical alert names, once an episode."""
