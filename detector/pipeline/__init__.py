"""The stages: ingest, watch, portfolio, notify."""
