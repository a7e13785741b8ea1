"""Matching: which node is which of PD's stores and members. Zero or two answers are none.

What does not fit is a Mismatch, a sentence that names both sides. Who is which matters before
the harm: a guard that counts the regions of the wrong store guards nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.domain.cluster import Member, Mismatch, Node, Role, Store, View, owners, with_stores


def matched(nodes: Sequence[Node], view: View) -> tuple[Node, ...]:
    """The nodes, each with the store or the member that it is in the view, where that is known."""
    return with_members(with_stores(nodes, view.stores), view.members)


def with_members(nodes: Sequence[Node], members: Sequence[Member] | None) -> tuple[Node, ...]:
    """The nodes, each PD with the name of its member: by its client URLs, else by its own name."""
    candidates = [n for n in nodes if n.role is Role.PD]
    found: dict[str, set[str]] = {}
    for member in members or ():
        fitting = _of_member(member, candidates)
        if len(fitting) == 1:
            found.setdefault(fitting[0].name, set()).add(member.name)
    return tuple(
        n.model_copy(update={"member": next(iter(names))})
        if len(names := found.get(n.name, set())) == 1
        else n
        for n in nodes
    )


def _of_member(member: Member, nodes: Sequence[Node]) -> list[Node]:
    found: list[Node] = []
    for url in member.client_urls:
        found += [n for n in owners(_address(url), nodes) if n not in found]
    return found or [n for n in nodes if n.name == member.name]


def _address(url: str) -> str:
    return url.rpartition("://")[2].partition("/")[0]


def mismatches(
    nodes: Sequence[Node], stores: Sequence[Store] | None, members: Sequence[Member] | None
) -> tuple[Mismatch, ...]:
    """What does not fit together, of what was answered; nodes as they come from the backend."""
    found: list[Mismatch] = []
    if stores is not None:
        named = [
            (f"store {s.id} at {s.address}", owners(s.address, _of(nodes, Role.TIKV)))
            for s in stores
        ]
        found += _misfits(Role.TIKV, _of(nodes, Role.TIKV), named)
    if members is not None:
        pds = _of(nodes, Role.PD)
        told = [(_called(m), _of_member(m, pds)) for m in members]
        found += _misfits(Role.PD, pds, told)
    return tuple(found)


def _of(nodes: Sequence[Node], role: Role) -> list[Node]:
    return [n for n in nodes if n.role is role]


def _called(member: Member) -> str:
    where = ", ".join(_address(url) for url in member.client_urls)
    return f"member {member.name}" + (f" at {where}" if where else "")


def _misfits(
    role: Role, nodes: Sequence[Node], named: Sequence[tuple[str, list[Node]]]
) -> Iterable[Mismatch]:
    known = ", ".join(n.name for n in nodes) or "none"
    kind = "store" if role is Role.TIKV else "member"
    for what, fitting in named:
        if not fitting:
            yield Mismatch(role=role, text=f"PD's {what} is none of the nodes ({known}).")
        elif len(fitting) > 1:
            both = " and ".join(n.name for n in fitting)
            yield Mismatch(role=role, text=f"PD's {what} could be {both}.")
    said = ", ".join(what for what, _ in named) or "none"
    for node in nodes:
        own = [what for what, fitting in named if fitting == [node]]
        if len(own) > 1:
            yield Mismatch(role=role, text=f"{node.name} could be PD's {' and '.join(own)}.")
        elif not own and not any(node in fitting for _, fitting in named):
            yield Mismatch(role=role, text=f"{node.name} is no {kind} that PD knows ({said}).")
