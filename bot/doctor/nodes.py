"""The nodes: do they run; and of a playground what runs them, with PD and the load."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from bot.cluster.processes import Processes
from bot.doctor.finding import Finding, broken, not_set, works
from bot.doctor.pd import look_at_pd
from bot.domain.cluster import Node, NodeState, Role
from bot.domain.errors import ClusterError
from bot.engine.clock import SystemClock
from bot.settings import Settings

_START: Final = "chaosbot playground"
_RECOVER: Final = "chaosbot recover, or end the playground and start it anew."


async def look_at_playground(settings: Settings) -> list[Finding]:
    """The supervisor, its nodes, PD, and the load's command."""
    async with Processes(settings.socket, clock=SystemClock()) as backend:
        try:
            info = await backend.info()
            nodes = await backend.nodes()
        except ClusterError as error:
            return [_without_playground(settings, error), load_command(settings, ())]
    time = "real" if info.real_time else "fast"
    about = works("playground", f"It listens at {settings.socket}; its timers are {time}.")
    known: asyncio.Future[list[Node] | None] = asyncio.get_running_loop().create_future()
    known.set_result(nodes)
    found = await look_at_pd(info.pd, known, mend=_RECOVER)
    states = node_states(nodes, dict.fromkeys((n.name for n in nodes), _RECOVER))
    return [about, states, *found, load_command(settings, info.pd)]


def _without_playground(settings: Settings, error: ClusterError) -> Finding:
    """The bot in Slack needs one that is there; a run in a terminal starts its own."""
    if settings.slack_bot_token or settings.slack_app_token:
        return broken("playground", f"{error}, and chaosbot serve needs one.", mend=_START)
    text = f"None runs at {settings.socket}; chaosbot run starts its own."
    return not_set("playground", text, mend=f"For chaosbot serve: {_START}")


def node_states(nodes: Sequence[Node], commands: Mapping[str, str]) -> Finding:
    """Whether all of them run; `commands` are what puts each of them right, by its name."""
    roles = Counter(node.role for node in nodes)
    said = f"{roles[Role.PD]} PD and {roles[Role.TIKV]} TiKV"
    away = [node for node in nodes if node.state is not NodeState.RUNNING]
    if not roles[Role.PD] or not roles[Role.TIKV]:
        why = f"There are {said}; a cluster needs at least one of each."
        return broken("nodes", why, mend="Start the others.")
    if away:
        listed = ", ".join(f"{n.name} is {n.state.value}" for n in away)
        mend = " && ".join(dict.fromkeys(commands[n.name] for n in away))
        return broken("nodes", f"{said}, but {listed}.", mend=mend)
    return works("nodes", f"{said} run: {', '.join(sorted(n.name for n in nodes))}.")


def load_command(settings: Settings, pds: Sequence[str]) -> Finding:
    """Whether the command that loads the cluster can be started."""
    command = settings.ycsb_command(pds)
    found = shutil.which(command[0])
    if found is None:
        why = f'The command "{command[0]}" is not there; runs go on without load.'
        mend = "Install go-ycsb, or put the right command in CHAOSBOT_YCSB_COMMAND."
        return broken("YCSB", why, mend=mend, needed=False)
    own = "The playground's own load" if settings.ycsb is None else f"The command {found}"
    return works("YCSB", f"{own} is there.", needed=False)
