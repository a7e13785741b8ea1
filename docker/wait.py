"""Waits until a cluster is ready: three stores that are Up, and each with a region.

Usage: wait.py PD [PD ...]   a PD is like 127.0.0.1:12379; the standard library is enough.
"""  # noqa: INP001 - a script, no package

import json
import sys
import time
from http.client import HTTPConnection, HTTPException

PATIENCE = 180.0
"""Seconds; real stores on a small machine take one of these minutes."""
STORES = 3


def ready(pd: str) -> str:
    """What is still missing, as this PD sees it; empty when nothing is."""
    connection = HTTPConnection(pd, timeout=3)
    try:
        connection.request("GET", "/pd/api/v1/stores")
        answer = connection.getresponse()
        text = answer.read().decode()
        stores = json.loads(text)["stores"] if answer.status == 200 else None  # noqa: PLR2004 - OK
    except (OSError, HTTPException, ValueError, LookupError) as error:
        return f"{pd} does not answer ({type(error).__name__})"
    finally:
        connection.close()
    if stores is None:
        return f"{pd} has no leader yet"
    up = [store for store in stores if store["store"]["state_name"] == "Up"]
    if len(up) < STORES:
        return f"{len(up)} of {STORES} stores are Up"
    if not all(store["status"].get("region_count") for store in up):
        return "a store has no region yet"
    return ""


def main(pds: list[str]) -> int:
    """0 when the cluster is ready, 1 when it is not in time, 2 without a PD to ask."""
    if not pds:
        sys.stderr.write(__doc__ or "")
        return 2
    until, turn, missing = time.monotonic() + PATIENCE, 0, "nobody was asked"
    while time.monotonic() < until:
        missing = ready(pds[turn % len(pds)])
        if not missing:
            sys.stderr.write(f"The cluster is ready. Its PDs: {' '.join(pds)}\n")
            return 0
        turn += 1
        time.sleep(0.3)
    sys.stderr.write(f"The cluster is not ready after {PATIENCE:.0f} s: {missing}.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
