"""Raft as a pure state machine: a hand-driven clock, a network that does what the test says."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.playground.raft import Raft
from bot.playground.raft_words import FIRST, Message, Pace, Saved, Vote

PACE = Pace(election=1.0, election_max=2.0, heartbeat=0.25)


class World:
    """Three peers, their disks and the messages between them."""

    def __init__(self, draws=()):
        self.draws, self.luck = list(draws), Random(7)
        self.now = 0.0
        self.saved = {n: Saved() for n in (1, 2, 3)}
        self.applied = {n: [] for n in (1, 2, 3)}
        self.network: list[Message] = []
        self.cut: set[int] = set()
        self.forced = False
        self.committed: dict[int, tuple] = {}
        self.leaders: dict[int, int] = {}
        self.peers = {n: self.peer(n) for n in (1, 2, 3)}

    def draw(self, low, high):
        share = self.draws.pop() if self.draws else self.luck.random()
        return low + (high - low) * share

    def peer(self, number):
        saved = self.saved[number]
        self.applied[number] = list(saved.snapshot.state or [])
        copy = replace(saved, entries=list(saved.entries))
        return Raft(number, (1, 2, 3), PACE, copy, self.now, self.draw)

    def restart(self, number):
        self.peers[number] = self.peer(number)

    def settle(self, number):
        """Does what a peer wants done, and looks whether it may."""
        raft = self.peers[number]
        ready = raft.take()
        for record in ready.records:
            self.saved[number].keep(record)
        self.network.extend(m for m in ready.messages if not {m.to, number} & self.cut)
        if ready.restored:
            self.applied[number] = list(ready.restored.state)
        for index, entry in ready.committed:
            assert self.committed.setdefault(index, tuple(entry)) == tuple(entry)
            if entry[1] is not None:
                self.applied[number].append(entry[1])
        if raft.role == "leader":
            assert self.leaders.setdefault(raft.term, number) == number
        if raft.readable(self.now) and not self.forced:
            later = [p for p in self.peers.values() if p.role == "leader" and p.term > raft.term]
            assert not later

    def deliver(self, position=0):
        message = self.network.pop(position)
        if message.to not in self.cut:
            self.peers[message.to].step(message, self.now)
            self.settle(message.to)

    def deliver_all(self):
        while self.network:
            self.deliver()

    def pass_time(self, seconds, who=(1, 2, 3)):
        self.now += seconds
        for number in who:
            self.peers[number].tick(self.now)
            self.settle(number)

    def run(self, seconds, who=(1, 2, 3)):
        until = self.now + seconds
        while self.now < until:
            self.pass_time(0.1, who)
            self.deliver_all()

    def leader(self):
        found = [n for n, p in self.peers.items() if p.role == "leader" and n not in self.cut]
        return max(found, key=lambda n: self.peers[n].term) if found else None

    def propose(self, data):
        leader = self.leader()
        assert self.peers[leader].propose(data) is not None
        self.settle(leader)
        self.deliver_all()


def elected(draws=(0.9, 0.5, 0.1)):
    world = World(draws)
    world.run(0.5)
    assert world.leader()
    return world


def test_a_new_group_elects_within_a_fraction_of_the_election_time():
    assert elected().leader() == 1  # it drew the shortest wait


def test_what_a_majority_holds_is_committed_and_applied_everywhere():
    world = elected()
    world.propose("a")
    world.propose("b")
    world.run(0.5)
    assert world.applied == {1: ["a", "b"], 2: ["a", "b"], 3: ["a", "b"]}


def test_a_dead_leader_is_replaced_within_the_longest_wait():
    world = elected()
    old = world.leader()
    world.cut = {old}
    world.run(0.9)
    assert world.leader() is None
    world.run(1.5)
    assert world.leader() not in (old, None)


def test_a_leader_without_its_followers_steps_down_and_serves_no_read():
    world = elected()
    leader = world.peers[world.leader()]
    assert leader.readable(world.now)
    world.cut = {leader.me}
    world.pass_time(0.95)
    assert not leader.readable(world.now)
    world.pass_time(0.2)
    assert leader.role == "follower"


def test_a_leader_that_was_stopped_serves_no_read_when_it_runs_on():
    world = elected()
    old = world.peers[world.leader()]
    world.run(5, [n for n in (1, 2, 3) if n != old.me])
    assert not old.readable(world.now)
    world.run(1)
    assert old.role == "follower"
    assert len({p.leader for p in world.peers.values()}) == 1


def test_a_peer_that_was_away_does_not_disturb_the_leader():
    world = elected()
    leader, term = world.leader(), world.peers[world.leader()].term
    away = next(n for n in (1, 2, 3) if n != leader)
    world.cut = {away}
    world.run(10)
    world.cut = set()
    world.run(3)
    assert (world.leader(), world.peers[leader].term) == (leader, term)


def test_a_restarted_peer_catches_up_from_its_log():
    world = elected()
    away = next(n for n in (1, 2, 3) if n != world.leader())
    world.cut = {away}
    for letter in "abc":
        world.propose(letter)
    world.restart(away)
    world.cut = set()
    world.run(1)
    assert world.applied[away] == ["a", "b", "c"]


def test_a_peer_that_is_too_far_behind_gets_a_snapshot_and_is_pending_until_then():
    world = elected()
    leader = world.leader()
    away = next(n for n in (1, 2, 3) if n != leader)
    world.cut = {away}
    for letter in "abc":
        world.propose(letter)
    world.peers[leader].compact(world.applied[leader])
    world.settle(leader)
    assert world.peers[leader].pending(away)
    world.restart(away)
    world.cut = set()
    world.run(1)
    assert world.applied[away] == ["a", "b", "c"]
    assert not world.peers[leader].pending(away)
    world.restart(away)
    assert world.applied[away] == ["a", "b", "c"]


def test_a_new_leader_calls_a_silent_peer_pending():
    world = elected()
    old = world.leader()
    world.cut = {old}
    world.run(3)
    assert world.peers[world.leader()].pending(old)
    assert world.peers[world.leader()].log.snapshot.at == FIRST


def test_leadership_is_handed_over_at_once():
    world = elected()
    old = world.leader()
    target = next(n for n in (1, 2, 3) if n != old)
    assert world.peers[old].transfer(target)
    assert world.peers[old].propose("late") is None
    assert not world.peers[old].readable(world.now)
    world.settle(old)
    world.deliver_all()
    assert world.leader() == target
    world.propose("a")


def lone(*entries, term=1, now=0.0):
    """Peer 1 alone, with a past."""
    saved = Saved(vote=Vote(term, 0), entries=list(entries))
    return Raft(1, (1, 2, 3), PACE, saved, now, lambda low, _high: low)


def test_an_entry_of_an_earlier_term_is_only_committed_with_one_of_this_term():
    raft = lone((1, "old"))
    raft.tick(1.1)
    raft.step(Message("pre_reply", 2, 1, 2, ok=True), 1.1)
    raft.step(Message("vote_reply", 2, 1, 2, ok=True), 1.1)
    assert (raft.role, raft.term, raft.log.last) == ("leader", 2, FIRST + 2)
    raft.step(Message("reply", 2, 1, 2, at=FIRST + 1, ok=True, sent=1.1), 1.1)
    assert raft.commit == FIRST
    raft.step(Message("reply", 2, 1, 2, at=FIRST + 2, ok=True, sent=1.1), 1.1)
    assert raft.commit == FIRST + 2


def test_a_leader_answers_reads_for_less_than_an_election_after_it_was_heard():
    raft = lone((1, "old"))
    raft.tick(1.1)
    raft.step(Message("pre_reply", 2, 1, 2, ok=True), 1.1)
    raft.step(Message("vote_reply", 2, 1, 2, ok=True), 1.1)
    raft.take()
    assert not raft.readable(1.2)  # nothing of its own term is committed yet
    raft.step(Message("reply", 2, 1, 2, at=FIRST + 2, ok=True, sent=1.3), 5.0)
    raft.take()
    assert raft.readable(1.3 + 0.89)
    assert not raft.readable(1.3 + 0.91)


def test_a_restarted_peer_keeps_its_promise_not_to_elect_another_for_a_while():
    raft = lone((1, "old"), now=10)
    asked = Message("vote", 2, 1, 5, at=FIRST + 1, log_term=1)
    raft.step(asked, 10.9)
    assert (raft.term, raft.take().messages) == (1, [])
    raft.step(asked, 11.1)
    assert raft.take().messages[-1].ok


def test_a_peer_that_knows_less_gets_no_vote():
    raft = lone((1, "a"), (1, "b"))
    raft.step(Message("vote", 2, 1, 2, at=FIRST + 1, log_term=1), 2)
    assert not raft.take().messages[-1].ok
    raft.step(Message("vote", 3, 1, 2, at=FIRST + 2, log_term=1), 2)
    assert raft.take().messages[-1].ok
    raft.step(Message("vote", 2, 1, 2, at=FIRST + 2, log_term=1), 2)
    assert not raft.take().messages[-1].ok


def test_a_hand_over_that_failed_ends_in_an_election():
    world = elected()
    old = world.leader()
    target = next(n for n in (1, 2, 3) if n != old)
    assert world.peers[old].transfer(target)
    world.settle(old)
    world.network.clear()
    world.run(4)
    world.propose("a")


STEPS = st.tuples(
    st.sampled_from(
        [
            "tick",
            "tick",
            "tick",
            "deliver",
            "deliver",
            "deliver",
            "deliver",
            "deliver",
            "drop",
            "again",
            "restart",
            "propose",
            "propose",
            "compact",
            "transfer",
            "cut",
        ]
    ),
    st.integers(0, 11),
)


def take_message(world, step, position):
    """Delivers a message, loses it, or has it come once more."""
    if step == "deliver":
        world.deliver(position)
    elif step == "drop":
        world.network.pop(position)
    else:
        world.network.append(world.network[position])


def take_step(world, step, number, data):
    """Does one of STEPS; the number chooses among peers or messages."""
    one = number % 3 + 1
    peer = world.peers[one]
    match step:
        case "tick":
            world.pass_time(0.02 * (number + 1) ** 2, [one])
        case "propose":
            peer.propose(data)
        case "restart":
            world.restart(one)
        case "compact" if peer.applied > FIRST:
            peer.compact(list(world.applied[one]))
        case "transfer" if peer.role == "leader":
            peer.transfer(one % 3 + 1 if number < 6 else (one + 1) % 3 + 1)
        case "transfer" if world.forced:  # somebody stands without asking whether he may
            peer.step(Message("now", one % 3 + 1, one, peer.term), world.now)
        case "cut":
            world.cut = {one} if number < 6 else set()
        case "deliver" | "drop" | "again" if world.network:
            take_message(world, step, number % len(world.network))
    world.settle(one)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1), max_size=40),
    st.lists(STEPS, min_size=40, max_size=300),
    st.booleans(),
)
def test_one_leader_a_term_and_nothing_committed_is_lost(draws, steps, forced):
    world = World(draws)
    world.forced = forced
    for count, (step, number) in enumerate(steps):
        take_step(world, step, number, f"p{count}")
    world.cut = set()
    world.network.clear()
    world.draws = []
    world.run(12)
    world.propose("last")
    world.run(1)
    assert world.applied[1] == world.applied[2] == world.applied[3]
    assert world.applied[1][-1] == "last"
    written = [entry[1] for _, entry in sorted(world.committed.items()) if entry[1] is not None]
    assert world.applied[1] == written
