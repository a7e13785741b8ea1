"""`chaosbot` as it is, but for its pace: `python -m bench.soak.unpaced serve`.

The painter spends a budget that Slack's rate limits make: four messages and their updates take ten
seconds. A sandbox without rate limits lets a thousand runs be painted as soon as they happen.
"""

from __future__ import annotations

import sys

from bot.__main__ import main
from bot.slack import budget


def plenty() -> budget.Bucket:
    return budget.Bucket(holds=1_000.0, rate=1_000.0)


if __name__ == "__main__":
    budget.updates = budget.posts = budget.lookups = plenty
    sys.exit(main())
