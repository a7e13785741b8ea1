"""Groups: every Raft peer that lives in one process, with their disk, their network and their clock."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from bot.playground.raft import Raft
from bot.playground.raft_words import Entry, Message, Pace, Record, Saved
from bot.playground.wal import WriteAheadLog

LOG_LIMIT = 512
"""Entries; a longer log is replaced with a snapshot once the followers have it."""

Done = Callable[[Any], None]
"""Gets the machine's result of a proposal, or None when the proposal's fate is unknown."""


class Machine(Protocol):
    """What a group agrees about: a state, changed only by the committed entries."""

    def apply(self, index: int, data: Any) -> Any:
        """Takes a committed proposal in and returns its result, which is not None."""

    def save(self) -> Any:
        """The whole state, as JSON can hold it."""

    def restore(self, state: Any) -> None:
        """Replaces the state; None is the state in which a group begins."""


class Groups:
    """The peers of one node. All their work of one turn of the loop is kept and sent in one go."""

    def __init__(
        self,
        me: int,
        pace: Pace,
        wal: WriteAheadLog,
        send: Callable[[int, Any], None],
        changed: Callable[[int], None],
    ) -> None:
        """`send(peer, [[group, message], ...])` delivers; `changed(group)` hears of a new role."""
        self.me, self.pace = me, pace
        self.rafts: dict[int, Raft] = {}
        self.kept: Callable[[float], object] = lambda _seconds: None
        """Hears how long each write to the log took."""
        self._wal, self._send, self._changed = wal, send, changed
        self._machines: dict[int, Machine] = {}
        self._done: dict[int, dict[int, tuple[int, Done]]] = {}
        self._roles: dict[int, tuple[str, int]] = {}
        self._dirty: set[int] = set()
        self._early: dict[int, list[list[Any]]] = {}
        self._loop = asyncio.get_running_loop()
        self._tick()

    def add(
        self, group: int, peers: Sequence[int], machine: Machine, *, lead: bool = False
    ) -> None:
        """Begins or takes up a group; `lead` makes this peer stand for a new group's first term."""
        saved = self._wal.saved.get(group, Saved())
        now = self._loop.time()
        raft = Raft(self.me, peers, self.pace, saved, now, random.uniform)
        machine.restore(saved.snapshot.state)
        self.rafts[group], self._machines[group], self._done[group] = raft, machine, {}
        self._roles[group] = ("follower", 0)
        if lead and raft.fresh:
            raft.campaign(now)
        self._mark(group)
        for early in self._early.pop(group, []):
            self._step(group, early)

    def receive(self, pairs: list[list[Any]]) -> None:
        """Takes in what a peer's `send` sent; what is for a group not known yet waits for it."""
        for group, message in pairs:
            if group in self.rafts:
                self._step(group, message)
            elif len(early := self._early.setdefault(group, [])) < LOG_LIMIT:
                early.append(message)

    def propose(self, group: int, data: Any, done: Done) -> bool:
        """Proposes; False, and no call of `done`, when this peer does not lead the group."""
        raft = self.rafts[group]
        index = raft.propose(data)
        if index is None:
            return False
        self._done[group][index] = (raft.term, done)
        self._mark(group)
        return True

    def transfer(self, group: int, peer: int) -> bool:
        """Hands the leadership of a group to a peer; False when that cannot be done now."""
        done = self.rafts[group].transfer(peer)
        self._mark(group)
        return done

    def _step(self, group: int, message: list[Any]) -> None:
        self.rafts[group].step(Message(*message), self._loop.time())
        self._mark(group)

    def _tick(self) -> None:
        now = self._loop.time()
        for group, raft in self.rafts.items():
            raft.tick(now)
            self._mark(group)
        self._loop.call_later(self.pace.heartbeat / 3, self._tick)

    def _mark(self, group: int) -> None:
        if not self._dirty:
            self._loop.call_soon(self._flush)
        self._dirty.add(group)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, set()
        records: list[tuple[int, Record]] = []
        letters: dict[int, list[tuple[int, Message]]] = {}
        applied: list[tuple[int, list[tuple[int, Entry]]]] = []
        for group in dirty:
            ready = self.rafts[group].take()
            records.extend((group, record) for record in ready.records)
            for message in ready.messages:
                letters.setdefault(message.to, []).append((group, message))
            if ready.restored:
                self._machines[group].restore(ready.restored.state)
            if ready.committed:
                applied.append((group, ready.committed))
        if records:
            began = self._loop.time()
            self._wal.keep(records)
            self.kept(self._loop.time() - began)
        for peer, pairs in letters.items():
            self._send(peer, pairs)
        for group, committed in applied:
            self._apply(group, committed)
        for group in dirty:
            self._note_role(group)

    def _apply(self, group: int, committed: list[tuple[int, Entry]]) -> None:
        machine, waiting = self._machines[group], self._done[group]
        for index, (term, data) in committed:
            result = machine.apply(index, data) if data is not None else None
            if index in waiting:
                proposed, done = waiting.pop(index)
                done(result if proposed == term else None)
        raft = self.rafts[group]
        if len(raft.log.entries) > LOG_LIMIT and raft.applied == raft.commit:
            behind = any(p.match < raft.applied for p in raft.progress.values())
            if not behind or len(raft.log.entries) > 4 * LOG_LIMIT:
                raft.compact(machine.save())
                self._mark(group)

    def _note_role(self, group: int) -> None:
        raft = self.rafts[group]
        role = (raft.role, raft.leader)
        if role == self._roles[group]:
            return
        self._roles[group] = role
        if raft.role != "leader":
            waiting, self._done[group] = self._done[group], {}
            for _, done in waiting.values():
                done(None)
        self._changed(group)
