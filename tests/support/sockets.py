"""Where a process and its children listen, as the kernel says (Linux)."""

import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
_WAITING = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}  # LISTEN, and UDP that is not connected


def tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for parent in found:
        for tasks in (PROC / str(parent) / "task").glob("*/children"):
            found += map(int, tasks.read_text().split())
    return found


def listening(pid: int) -> list[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]]:
    """Address and port of every socket on which a process or its children can be spoken to."""
    mine = {inode for each in tree(pid) for inode in _sockets(each)}
    return [place for kind in _WAITING for inode, place in _places(kind) if inode in mine]


def _sockets(pid: int) -> Iterator[str]:
    for descriptor in (PROC / str(pid) / "fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except OSError:  # closed since
            continue
        if target.startswith("socket:["):
            yield target[8:-1]


def _places(kind: str) -> Iterator[tuple[str, tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]]]:
    for line in (PROC / "net" / kind).read_text().splitlines()[1:]:
        fields = line.split()
        address, _, port = fields[1].partition(":")
        if fields[3] == _WAITING[kind]:
            words = [bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8)]  # of a small-endian
            yield fields[9], (ipaddress.ip_address(b"".join(words)), int(port, 16))
