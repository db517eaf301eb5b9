"""All clients that are known, by name."""

from detector.connect.agents import AGENTS
from detector.connect.libraries import LIBRARIES
from detector.connect.ways import WAYS

CLIENTS = {client.name: client for client in (*AGENTS, *LIBRARIES, *WAYS)}
