"""OTLP log records of coding agents: each client's to the decoder of that client, all others to none."""

from detector.errors import BadInput
from detector.sources import claude_code, codex, gemini, otlp
from detector.sources.told import Decoded, by

_CLIENTS = {"codex": codex, "gemini_cli": gemini, "claude_code": claude_code}


def decode(body: bytes) -> Decoded:
    """The events of a body, protobuf or JSON, of one client after the other, each client's in the body's order."""
    try:
        records = otlp.logs(body)
    except BadInput as bad:
        return [bad]
    out: Decoded = []
    for name, client in _CLIENTS.items():
        mine = [record for record in records if client.mine(record)]
        if mine:
            out += by(name, client.take(mine))
    return out
