"""What comes over HTTP: bodies in, native events for Kafka out."""
