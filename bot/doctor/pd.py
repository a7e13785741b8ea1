"""PD: does each address answer, is there a leader, is each store up, and which node is it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import httpx
from pydantic import BaseModel, TypeAdapter

from bot.cluster.answers import address_of, client, fetch, parsed
from bot.cluster.pd import Pd
from bot.doctor.finding import Finding, broken, works
from bot.domain.cluster import Node, StoreState, View
from bot.domain.errors import ClusterError
from bot.domain.matching import matched, mismatches
from bot.engine.clock import SystemClock

_WITHIN: Final = 1.5  # seconds, for one address
_LIMIT: Final = 64 * 1024  # bytes


class _Version(BaseModel):
    version: str


_VERSION: Final = TypeAdapter(_Version)


async def look_at_pd(
    urls: Sequence[str], nodes: asyncio.Future[list[Node] | None], *, mend: str
) -> list[Finding]:
    """Each address, the leader, the stores; the `nodes` (None: not known) are matched to them.

    `mend` says how an address that does not answer is put right.
    """
    async with client() as http, Pd(urls, clock=SystemClock()) as pd:
        known, view, addresses = await asyncio.gather(
            nodes, pd.look(), asyncio.gather(*(_address(http, url, mend) for url in urls))
        )
    return [*addresses, _leader(view), *_stores(view, known)]


async def _address(http: httpx.AsyncClient, url: str, mend: str) -> Finding:
    full = url if "://" in url else f"http://{url}"
    where = address_of(full)
    check, who = f"PD {where}", f"pd at {where}"
    asked = f"{full.rstrip('/')}/pd/api/v1/version"
    try:
        body = await fetch(http, asked, who=who, within=_WITHIN, limit=_LIMIT)
        version = parsed(body, _VERSION, who=who, what="version").version
    except ClusterError as error:
        return broken(check, error, mend=mend)
    return works(check, f"It answers, {version}.")


def _leader(view: View) -> Finding:
    check = "PD leader"
    members = view.members
    if members is None:
        why = f"It could not be asked: {view.unanswered.get('members', '')}"
        return broken(check, why, mend="Put the PD addresses right first.")
    well = sum(m.healthy for m in members)
    said = f"{well} of {len(members)} members are healthy"
    if view.pd_leader is None:
        mend = "A majority of the members must run: start those that are down."
        return broken(check, f"There is none; {said}.", mend=mend)
    away = [m.name for m in members if not m.healthy]
    if away:
        why = f"{view.pd_leader} leads; {said}, {', '.join(away)} cannot be reached by PD."
        return broken(check, why, mend=f"Start {' and '.join(away)}.")
    return works(check, f"{view.pd_leader} leads; {said}.")


def _stores(view: View, nodes: Sequence[Node] | None) -> list[Finding]:
    check = "stores"
    if view.stores is None:
        why = f"They could not be asked: {view.unanswered.get('stores', '')}"
        return [broken(check, why, mend="Put PD right first.")]
    if not view.stores:
        mend = "Start the stores, and see in their logs that they reach PD."
        return [broken(check, "PD knows of none.", mend=mend)]
    fitted = {n.store: n.label for n in matched(nodes or (), view) if n.store is not None}
    names = {s.id: fitted.get(s.id, f"store {s.id} at {s.address}") for s in view.stores}
    up = [s for s in view.stores if s.state is StoreState.UP]
    said = f"{len(up)} of {len(view.stores)} are Up"
    away = [f"{names[s.id]} is {s.state.value}" for s in view.stores if s not in up]
    if away:
        mend = "Start what is down; PD's word follows with its next heartbeat."
        found = [broken(check, f"{said}: {', '.join(away)}.", mend=mend)]
    else:
        found = [works(check, f"{said}: {', '.join(sorted(names.values()))}.")]
    if nodes is not None:
        found.append(_fits(view, nodes))
    return found


def _fits(view: View, nodes: Sequence[Node]) -> Finding:
    check = "nodes and stores"
    misfits = mismatches(nodes, view.stores, view.members)
    if not misfits:
        return works(check, "Each node is one store or member of PD, and each of these one node.")
    mend = "See that the nodes and the PD addresses are of one cluster."
    return broken(check, " ".join(m.text for m in misfits), mend=mend)
