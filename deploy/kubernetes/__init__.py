"""Manifests for Kubernetes; of them the rules of Prometheus are made by `python -m deploy.kubernetes`."""
