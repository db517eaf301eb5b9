"""LiteLLM's proxy tells its calls without their text: what runs in the proxy, and in the child that sketches and sends.

In the proxy `picking` takes of each call what is needed and `feed` hands it to a child process, which never makes the
proxy wait. The child (`python -m detector.callback`) decodes, sketches and sends. This package, the decoder and the
functions that read texts need nothing of the rest of the detector, and of others msgspec, numpy and xxhash.
"""
