"""Checking: is the cluster well, and can it bear the fault? Refuses before any harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from bot.domain.blast_radius import Guard, guards
from bot.domain.cluster import Node, Region, Role, View
from bot.domain.errors import ClusterError, Refused
from bot.domain.experiment import Experiment
from bot.domain.fault import Support
from bot.domain.hypothesis import Probe, Verdict
from bot.engine.monitor import Monitor


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


async def examine(experiment: Experiment, monitor: Monitor, random: Random) -> Findings:
    """Look at the cluster, choose a node, and ask hypothesis and guards. Harms nothing.

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
    node = experiment.target.choose(view.nodes, random, view.pd_leader)
    regions, view = await _regions_of(node, monitor, view)
    store = view.store(node.store)
    return Findings(
        node=node,
        address=store.address if store else next(iter(node.addresses), None),
        view=view,
        probes=monitor.probes(view),
        guards=guards(node, view, regions, oldest_heartbeat=monitor.oldest_heartbeat),
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
