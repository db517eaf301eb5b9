"""Who gives way where there is no room: whoever holds most, so that one tenant cannot push out what others have."""

from collections import Counter
from collections.abc import Iterable, Sequence


def giving_way(tenants: Sequence[str], excess: int, staying: Iterable[str] = ()) -> list[int]:
    """Places of the `excess` entries that leave; `tenants`: whose each is, first those that would leave first.

    Every tenant keeps what it has up to a number that is the same for all; only those with more give, their first ones.
    `staying`: whose the entries are that count, but cannot leave; where a tenant has too few others, fewer leave.
    """
    if excess <= 0:
        return []
    held = Counter(tenants)
    held.update(staying)
    # The highest share at which enough leaves.
    low, high = 0, max(held.values(), default=0)
    while low < high:
        share = (low + high + 1) // 2
        if sum(n - share for n in held.values() if n > share) >= excess:
            low = share
        else:
            high = share - 1
    gives = {tenant: n - low for tenant, n in held.items() if n > low}
    spare = sum(gives.values()) - excess
    for tenant in sorted(gives)[: max(0, spare)]:
        gives[tenant] -= 1
    out = []
    for place, tenant in enumerate(tenants):
        if gives.get(tenant, 0) > 0:
            gives[tenant] -= 1
            out.append(place)
    return out
