"""A streaming anomaly detector for what AI agents spend."""

__version__ = "0.1.0"
