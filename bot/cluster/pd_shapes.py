"""The shapes of PD's JSON (`/pd/api/v1`), and what they mean in the domain's words.

Zero values are left out by PD (`state`, `leader_count`, ...), empty lists may be null, times are
RFC 3339 or nanoseconds since 1970, and a store that never sent a heartbeat has one of 1970.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, TypeAdapter

from bot.domain.cluster import Member, Peer, Region, Store, StoreState

_EPOCH_YEAR: Final = 1970
_NS: Final = 1_000_000_000
_LATEST_NS: Final = 253_402_300_799 * _NS  # the last second of the year 9999
_BY_NUMBER: Final = (StoreState.UP, StoreState.OFFLINE, StoreState.TOMBSTONE)

Count = Annotated[int, Field(ge=0)]


def _nothing(value: object) -> object:
    return [] if value is None else value


def _moment(at: datetime | None) -> datetime | None:
    """A time, None where PD means "never"."""
    return None if at is None or at.year <= _EPOCH_YEAR else at


class StoreMeta(BaseModel):
    """`store` in an element of `/stores`."""

    id: int
    address: str
    status_address: str | None = None
    state: Annotated[int, Field(ge=0, le=2)] = 0
    state_name: StoreState | None = None
    last_heartbeat: Annotated[int, Field(le=_LATEST_NS)] = 0


class StoreStatus(BaseModel):
    """`status` in an element of `/stores`."""

    leader_count: Count = 0
    region_count: Count = 0
    pending_peer_count: Count = 0
    start_ts: AwareDatetime | None = None
    last_heartbeat_ts: AwareDatetime | None = None


class StoreInfo(BaseModel):
    """An element of `/stores`."""

    store: StoreMeta
    status: StoreStatus

    def meant(self) -> Store:
        """The store in the domain's words."""
        beat = self.status.last_heartbeat_ts
        if self.store.last_heartbeat > 0:
            beat = datetime.fromtimestamp(self.store.last_heartbeat / _NS, UTC)
        return Store(
            id=self.store.id,
            address=self.store.address,
            status_address=self.store.status_address or None,
            state=self.store.state_name or _BY_NUMBER[self.store.state],
            last_heartbeat=_moment(beat),
            started_at=_moment(self.status.start_ts),
            leaders=self.status.leader_count,
            regions=self.status.region_count,
            pending_peers=self.status.pending_peer_count,
        )


class Stores(BaseModel):
    """`/stores`."""

    stores: Annotated[list[StoreInfo], BeforeValidator(_nothing)]


class MemberInfo(BaseModel):
    """A member in `/members`, or an element of `/health`."""

    name: str
    member_id: int
    client_urls: Annotated[tuple[str, ...], BeforeValidator(_nothing)] = ()
    health: bool = False

    def meant(self, *, healthy: bool) -> Member:
        """The member in the domain's words."""
        return Member(name=self.name, client_urls=self.client_urls, healthy=healthy)


class Leader(BaseModel):
    """Who leads, in `/members`; without a name where nobody does."""

    name: str = ""


class Members(BaseModel):
    """`/members`."""

    members: list[MemberInfo]
    leader: Leader | None = None


class Counted(BaseModel):
    """`/regions/check/...`, of which the count is all that is read."""

    count: Count


class PeerInfo(BaseModel):
    """A peer of a region, or (without a store) nobody."""

    id: int = 0
    store_id: int = 0
    role_name: str = "Voter"
    is_learner: bool = False


class DownPeer(BaseModel):
    """An element of a region's `down_peers`."""

    peer: PeerInfo


class RegionInfo(BaseModel):
    """An element of `/regions/store/{id}`."""

    id: int
    peers: Annotated[list[PeerInfo], BeforeValidator(_nothing)]
    leader: PeerInfo | None = None
    down_peers: Annotated[list[DownPeer], BeforeValidator(_nothing)] = []
    pending_peers: Annotated[list[PeerInfo], BeforeValidator(_nothing)] = []

    def meant(self) -> Region:
        """The region in the domain's words."""
        down = {d.peer.id for d in self.down_peers}
        pending = {p.id for p in self.pending_peers}
        return Region(
            id=self.id,
            leader=(self.leader.store_id or None) if self.leader else None,
            peers=tuple(
                Peer(
                    id=p.id,
                    store=p.store_id,
                    role="Learner" if p.is_learner else p.role_name,
                    down=p.id in down,
                    pending=p.id in pending,
                )
                for p in self.peers
            ),
        )


class Regions(BaseModel):
    """`/regions/store/{id}`."""

    regions: Annotated[list[RegionInfo], BeforeValidator(_nothing)]


STORES: Final = TypeAdapter(Stores)
MEMBERS: Final = TypeAdapter(Members)
HEALTH: Final = TypeAdapter(list[MemberInfo])
COUNTED: Final = TypeAdapter(Counted)
REGIONS: Final = TypeAdapter(Regions)
