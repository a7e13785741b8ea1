"""Checking: is the cluster well, and can it bear the fault? Refuses before any harm."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from bot.domain.blast_radius import Guard, guards
from bot.domain.cluster import Node, Region, Role, View
from bot.domain.errors import ClusterError, JournalError, Refused
from bot.domain.experiment import Experiment
from bot.domain.fault import Support
from bot.domain.hypothesis import Probe, Verdict
from bot.domain.limits import Limits
from bot.engine.monitor import Monitor
from bot.engine.ports import Journal

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What checking found: the node, and all that was asked about it."""

    node: Node
    address: str | None
    view: View
    probes: tuple[Probe, ...]
    guards: tuple[Guard, ...]
    support: Support

    def refuse(self) -> None:
        """Go no further unless everything held.

        Raises:
            Refused: naming what did not.
        """
        bad = [p for p in self.probes if p.verdict is not Verdict.HELD]
        if bad:
            deviated = any(p.verdict is Verdict.DEVIATED for p in bad)
            said = "; ".join(f"{p.probe} {p.verdict.value}: {p.observed}" for p in bad)
            raise Refused(
                (
                    "The cluster is not well"
                    if deviated
                    else "Whether the cluster is well is unknown"
                )
                + f" ({said}).",
                mend="Nothing was harmed.",
            )
        misfits = [m.text for m in self.view.mismatches if m.role in {Role.TIKV, self.node.role}]
        if misfits:
            raise Refused(" ".join(misfits), mend="Nothing was harmed.")
        if not self.support.supported:
            raise Refused(self.support.why_not, mend="Nothing was harmed.")
        no = [g for g in self.guards if g.verdict is not Verdict.HELD]
        if no:
            raise Refused(" ".join(g.text for g in no), mend="Nothing was harmed.")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What is permitted, and what has to be known to tell: the time, and the runs of an hour.

    `recent` is how many other runs were started in the last hour, None if nobody knows.
    """

    limits: Limits
    now: datetime
    recent: int | None


async def bounds(limits: Limits, journal: Journal, now: datetime, *, own: int = 0) -> Bounds:
    """The bounds at a moment; `own` runs of the last hour are not counted."""
    most, recent = limits.runs_an_hour, None
    if most is not None:
        try:
            hour = now - timedelta(hours=1)
            recent = max(0, await journal.started_since(hour, most + own) - own)
        except JournalError as error:
            log.warning("The runs of the last hour could not be counted: %s", error)
    return Bounds(limits=limits, now=now, recent=recent)


async def examine(
    experiment: Experiment, monitor: Monitor, random: Random, permitted: Bounds
) -> Findings:
    """Look at the cluster, choose a node, and ask hypothesis and guards. Harms nothing.

    Among the nodes that are meant, one that is not protected is chosen, if there is any.

    Raises:
        Refused: the backend cannot inject the fault, its nodes cannot be asked, or PD's leader is
            meant and nobody knows who that is.
        CommandError: no node is meant by the target.
    """
    support = monitor.cluster.backend.supports(experiment.fault)
    if not support.supported:
        raise Refused(f"{experiment.fault.value} is not possible here: {support.why_not}")
    view = await monitor.look()
    if view.nodes is None:
        raise Refused(
            f"The nodes of {monitor.cluster.name} could not be asked: {view.unanswered['nodes']}.",
            mend="Nothing was harmed.",
        )
    if experiment.target.leader and view.pd_leader is None:
        reason = view.unanswered.get("members", "PD has none")
        raise Refused(f"Who leads PD is not known: {reason}.", mend="Nothing was harmed.")
    meant = experiment.target.candidates(view.nodes, view.pd_leader)
    name = monitor.cluster.name
    node = random.choice([n for n in meant if not permitted.limits.protects(n, name)] or meant)
    regions, view = await _regions_of(node, monitor, view)
    store = view.store(node.store)
    return Findings(
        node=node,
        address=store.address if store else next(iter(node.addresses), None),
        view=view,
        probes=monitor.probes(view),
        guards=(
            *guards(node, view, regions, oldest_heartbeat=monitor.oldest_heartbeat),
            *permitted.limits.guards(node, name, permitted.now, permitted.recent),
        ),
        support=await monitor.cluster.backend.allows(experiment.fault, node),
    )


async def _regions_of(
    node: Node, monitor: Monitor, view: View
) -> tuple[Sequence[Region] | None, View]:
    if node.role is not Role.TIKV or node.store is None:
        return None, view
    try:
        return await monitor.cluster.pd.regions_of(node.store), view
    except ClusterError as error:
        unanswered = {**view.unanswered, "target_regions": str(error)}
        return None, view.model_copy(update={"unanswered": unanswered})


async def find_target(experiment: Experiment, monitor: Monitor) -> None:
    """Refuse an unknown node before there is a run; a backend that is away, checking refuses.

    Raises:
        CommandError: no node is meant by the target.
    """
    try:
        nodes = await monitor.cluster.backend.nodes()
    except ClusterError as error:
        log.info("%s could not be asked for its nodes: %s", monitor.cluster.name, error)
        return
    experiment.target.candidates(nodes)
