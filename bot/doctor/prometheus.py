"""Prometheus: does it answer, and does it reach those whom it is to scrape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.cluster.prometheus import Prometheus, Target
from bot.doctor.finding import Finding, broken, not_set, works
from bot.domain.errors import ClusterError
from bot.settings import Settings

_SHOWN: Final = 4
_WITHIN: Final = 2.0  # seconds, for each of two questions


async def look_at_prometheus(settings: Settings) -> list[Finding]:
    """Reachable, its version, and its targets."""
    url = settings.prometheus_url
    if url is None:
        text = "CHAOSBOT_PROMETHEUS_URL: the metrics of before a fault are no evidence then."
        mend = "Set it to where your Prometheus is, like http://127.0.0.1:9090."
        return [not_set("Prometheus", text, mend=mend)]
    async with Prometheus(url, within=_WITHIN) as prometheus:
        try:
            version = await prometheus.version()
            targets = await prometheus.targets()
        except ClusterError as error:
            mend = "Start it, or set CHAOSBOT_PROMETHEUS_URL to where it is."
            return [broken("Prometheus", error, mend=mend)]
    return [works("Prometheus", f"Version {version} answers."), _targets(targets)]


def _targets(targets: Sequence[Target]) -> Finding:
    down = [target for target in targets if target.up is False]
    if not targets:
        why = "It scrapes nothing."
        mend = "Name the stores' status addresses and the PDs in its scrape_configs."
        return broken("Prometheus targets", why, mend=mend)
    up = sum(target.up is True for target in targets)
    said = f"{up} of {len(targets)} are up"
    if not down:
        new = len(targets) - up
        return works("Prometheus targets", f"{said}{f', {new} not scraped yet' if new else ''}.")
    listed = "; ".join(f"{t.job} {t.instance}: {t.error or 'down'}" for t in down[:_SHOWN])
    more = f"; and {len(down) - _SHOWN} more" if len(down) > _SHOWN else ""
    mend = "Start what is down, or take it out of the scrape_configs."
    return broken("Prometheus targets", f"{said}. {listed}{more}", mend=mend)
