"""Raft: how the peers of one group agree on one log, whatever dies or stops among them.

A peer is a pure state machine: messages, the time and proposals go in; messages to send, records to
keep and committed entries come out of `take`. Time is monotonic seconds and is handed in. Beyond
the paper it has pre-votes, a leader's lease, leadership transfer and snapshots.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.playground.raft_log import Log
from bot.playground.raft_words import (
    Entry,
    Message,
    Pace,
    Ready,
    Saved,
    Snapshot,
    Vote,
)

BATCH = 256
"""At most so many entries travel in one message."""
NEVER = float("inf")
WINDOW = 2048
"""At most so many entries are on their way to one peer."""


@dataclass(slots=True)
class Progress:
    """What a leader knows of one follower."""

    next: int
    heard: float
    match: int = 0
    streaming: bool = False
    waiting: bool = False


class Raft:
    """One peer of one group."""

    def __init__(  # noqa: PLR0913, PLR0917 - a peer is made of exactly these, in one place
        self,
        me: int,
        peers: Sequence[int],
        pace: Pace,
        saved: Saved,
        now: float,
        draw: Callable[[float, float], float],
    ) -> None:
        """`draw(low, high)` gives a random number; a group without history elects at once."""
        self.me, self.peers, self.pace, self.draw = me, tuple(peers), pace, draw
        self.others = [peer for peer in peers if peer != me]
        self.majority = len(self.peers) // 2 + 1
        self.term, self.vote = saved.vote
        self.log = Log(saved)
        self.commit = self.applied = self.log.snapshot.at
        self.role: Literal["follower", "pre", "candidate", "leader"] = "follower"
        self.leader = 0
        self.now = now
        self.fresh = self.term == 0
        self.leader_heard = float("-inf") if self.fresh else now
        self.deadline = now + (draw(0.02, 0.2) if self.fresh else self._patience())
        self.next_heartbeat = now
        self.handing_over = NEVER
        self.started_at = 0
        self.votes: dict[int, bool] = {}
        self.progress: dict[int, Progress] = {}
        self._messages: list[Message] = []
        self._restored: Snapshot | None = None

    # What it knows

    def pending(self, peer: int) -> bool:
        """Whether the leader cannot say that this follower needs no snapshot."""
        return peer != self.me and self.progress[peer].match < self.log.snapshot.at

    def readable(self, now: float) -> bool:
        """Whether this leader may answer a read from its own state: nobody else can lead yet."""
        return (
            self.role == "leader"
            and self.applied >= self.started_at
            and self.handing_over == NEVER
            and now < self._quorum_heard(now) + 0.9 * self.pace.election
        )

    # What goes in

    def tick(self, now: float) -> None:
        """Lets time pass; to be called a few times in every heartbeat."""
        self.now = now
        if self.role == "leader":
            lonely = now - self._quorum_heard(now) > self.pace.election
            if lonely or now >= self.handing_over:
                self._follow(self.term, 0)
            elif now >= self.next_heartbeat:
                self.next_heartbeat = now + self.pace.heartbeat
                for peer in self.others:
                    self._append(peer, ())
        elif now >= self.deadline:
            self.campaign(now)

    def campaign(self, now: float) -> None:
        """Asks the others whether they would vote for this peer."""
        self.now = now
        self._stand("pre", asked=False)

    def propose(self, data: Any) -> int | None:
        """Puts a proposal into the log and returns its index; None is from a peer that cannot lead."""
        if self.role != "leader" or self.handing_over != NEVER:
            return None
        self.log.write(self.log.last, [(self.term, data)])
        self._advance()
        return self.log.last

    def transfer(self, peer: int) -> bool:
        """Asks an up-to-date follower to take over; False when it cannot.

        From here on this leader reads and writes nothing, and it steps down when nobody took over
        in time: the one that was asked may take over at any later moment of this term.
        """
        if self.role != "leader" or self.progress[peer].match < self.log.last:
            return False
        self.handing_over = min(self.handing_over, self.now + self.pace.election)
        self._send("now", peer)
        return True

    def compact(self, state: Any) -> None:
        """Forgets the applied entries; `state` contains them all."""
        self.log.compact(self.applied, state)

    def step(self, message: Message, now: float) -> None:
        """Takes one message in."""
        self.now = now
        if message.kind == "pre":
            self._weigh_pre(message)
        elif message.kind == "pre_reply" and message.ok:
            self._count(message, "pre")
        elif self._same_term(message):
            self._listen(message)

    def _same_term(self, message: Message) -> bool:
        leads = message.kind in ("append", "snapshot")
        if message.term > self.term:
            if message.kind == "vote" and not message.ok and self._lease():
                return False  # the leader lives; who asks has only not heard of it
            self._follow(message.term, message.sender if leads else 0)
        elif message.term < self.term and leads:
            self._send("reply", message.sender, at=self.log.last)
        return message.term == self.term

    def _listen(self, message: Message) -> None:
        if message.kind == "vote":
            self._weigh(message)
        elif message.kind == "vote_reply":
            self._count(message, "candidate")
        elif message.kind == "append":
            self._heed(message)
            self._receive(message)
        elif message.kind == "snapshot":
            self._heed(message)
            self._install(message)
        elif message.kind == "reply":
            self._acknowledge(message)
        elif message.kind == "now" and self.role != "leader":
            self._stand("candidate", asked=True)

    def take(self) -> Ready:
        """Takes out what has to be done; nothing is given twice."""
        if self.role == "leader":
            for peer in self.others:
                self._replicate(peer)
        entries = self.log.between(self.applied + 1, self.commit)
        committed = list(enumerate(entries, self.applied + 1))
        self.applied = self.commit
        ready = Ready(self.log.records, self._messages, self._restored, committed)
        self.log.records, self._messages, self._restored = [], [], None
        return ready

    # Elections

    def _patience(self) -> float:
        return self.draw(self.pace.election, self.pace.election_max)

    def _lease(self) -> bool:
        if self.role == "leader":
            return self.now < self._quorum_heard(self.now) + self.pace.election
        return self.now < self.leader_heard + self.pace.election

    def _quorum_heard(self, now: float) -> float:
        heard = sorted([now, *(p.heard for p in self.progress.values())], reverse=True)
        return heard[self.majority - 1]

    def _follow(self, term: int, leader: int) -> None:
        if term > self.term:
            self.term, self.vote = term, 0
            self.log.records.append(Vote(term, 0))
        self.role, self.leader, self.progress = "follower", leader, {}
        self.deadline = self.now + self._patience()

    def _heed(self, message: Message) -> None:
        if self.role != "follower" or self.leader != message.sender:
            self._follow(message.term, message.sender)
        self.fresh = False
        self.leader_heard = self.now
        self.deadline = self.now + self._patience()

    def _stand(self, role: Literal["pre", "candidate"], *, asked: bool) -> None:
        self.role, self.leader, self.votes = role, 0, {self.me: True}
        self.deadline = self.now + (self.draw(0.05, 0.2) if self.fresh else self._patience())
        if role == "candidate":
            self.term, self.vote = self.term + 1, self.me
            self.log.records.append(Vote(self.term, self.me))
        for peer in self.others:
            self._send(
                "pre" if role == "pre" else "vote",
                peer,
                term=self.term + (role == "pre"),
                at=self.log.last,
                log_term=self.log.term_at(self.log.last),
                ok=asked,
            )
        self._tally()

    def _weigh_pre(self, message: Message) -> None:
        ok = (
            message.term > self.term
            and not self._lease()
            and self.log.reaches(message.log_term, message.at)
        )
        self._send("pre_reply", message.sender, term=message.term if ok else self.term, ok=ok)

    def _weigh(self, message: Message) -> None:
        ok = (
            self.vote in (0, message.sender)
            and self.role == "follower"
            and self.leader == 0
            and self.log.reaches(message.log_term, message.at)
        )
        if ok:
            self.vote, self.deadline = message.sender, self.now + self._patience()
            self.log.records.append(Vote(self.term, self.vote))
        self._send("vote_reply", message.sender, ok=ok)

    def _count(self, message: Message, role: Literal["pre", "candidate"]) -> None:
        wanted = self.term + (role == "pre")
        if self.role == role and message.term == wanted:
            self.votes[message.sender] = message.ok
            self._tally()

    def _tally(self) -> None:
        if sum(self.votes.values()) < self.majority:
            return
        if self.role == "pre":
            self._stand("candidate", asked=False)
        elif self.role == "candidate":
            self._lead()

    def _lead(self) -> None:
        self.role, self.leader, self.fresh = "leader", self.me, False
        self.handing_over = NEVER
        self.progress = {peer: Progress(self.log.last + 1, self.now) for peer in self.others}
        self.next_heartbeat = self.now + self.pace.heartbeat
        self.log.write(self.log.last, [(self.term, None)])
        self.started_at = self.log.last
        self._advance()

    # The log

    def _send(self, kind: Any, to: int, *, term: int | None = None, **fields: Any) -> None:
        term = self.term if term is None else term
        self._messages.append(Message(kind, self.me, to, term, **fields))

    def _append(self, peer: int, entries: Sequence[Entry]) -> None:
        after = max(self.progress[peer].next - 1, self.log.snapshot.at)
        term = self.log.term_at(after)
        self._send(
            "append",
            peer,
            at=after,
            log_term=term,
            commit=self.commit,
            sent=self.now,
            entries=entries,
        )

    def _replicate(self, peer: int) -> None:
        progress = self.progress[peer]
        silent = self.now - progress.heard > 3 * self.pace.heartbeat
        if silent or progress.waiting or progress.next > self.log.last:
            return
        if progress.next <= self.log.snapshot.at:
            index, term, state = self.log.snapshot
            self._send("snapshot", peer, at=index, log_term=term, sent=self.now, state=state)
            progress.next, progress.waiting = index + 1, True
            return
        entries = self.log.between(progress.next, progress.next + BATCH - 1)
        self._append(peer, entries)
        progress.next += len(entries)
        progress.waiting = not progress.streaming or progress.next - progress.match > WINDOW

    def _receive(self, message: Message) -> None:
        after, entries = message.at, message.entries
        if after < self.log.snapshot.at:
            entries = entries[self.log.snapshot.at - after :]
            after = self.log.snapshot.at
        elif not self.log.holds(after, message.log_term):
            hint = min(self.log.last, after - 1)
            self._send("reply", message.sender, at=hint, sent=message.sent)
            return
        self.log.merge(after, entries)
        matched = after + len(entries)
        self.commit = max(self.commit, min(message.commit, matched))
        self._send("reply", message.sender, at=matched, ok=True, sent=message.sent)

    def _install(self, message: Message) -> None:
        if message.at > self.commit:
            self._restored = Snapshot(message.at, message.log_term, message.state)
            self.log.install(self._restored)
            self.commit = self.applied = message.at
        self._send("reply", message.sender, at=self.commit, ok=True, sent=message.sent)

    def _acknowledge(self, message: Message) -> None:
        if self.role != "leader":
            return
        progress = self.progress[message.sender]
        progress.heard = max(progress.heard, message.sent)
        progress.waiting = False
        if message.ok:
            progress.match = max(progress.match, message.at)
            progress.next = max(progress.next, progress.match + 1)
            progress.streaming = True
            self._advance()
        else:
            progress.next = max(progress.match + 1, min(message.at + 1, progress.next))
            progress.streaming = False

    def _advance(self) -> None:
        matches = sorted([self.log.last, *(p.match for p in self.progress.values())], reverse=True)
        index = matches[self.majority - 1]
        if index > self.commit and self.log.term_at(index) == self.term:
            self.commit = index
