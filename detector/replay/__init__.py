"""Recorded events in, alerts out, without Kafka."""
