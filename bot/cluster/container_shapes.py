"""What a Docker engine says of a container (`GET /containers/{id}/json`), as far as we ask.

Read on the engine's API 1.41; fields that an engine leaves out have defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

from bot.domain.cluster import Node, NodeState, Role
from bot.domain.fault import Attachment, Container
from bot.domain.secrets import REDACTED, names_a_secret, without_secrets

PROJECT: Final = "com.docker.compose.project"
SERVICE: Final = "com.docker.compose.service"
NUMBER: Final = "com.docker.compose.container-number"
ONE_OFF: Final = "com.docker.compose.oneoff"
# Labels that engine, compose and image builders write for themselves.
_INTERNAL: Final = (
    *("com.docker.", "io.docker.", "org.dockerproject.", "desktop.docker.io/"),
    *("org.opencontainers.image.", "org.label-schema."),
)
_NEVER: Final = 1970  # the engine's "never" is the year 1
_SHORT_ID: Final = 12
_STATES: Final = {"running": NodeState.RUNNING, "paused": NodeState.PAUSED}


def _listed(value: object) -> object:
    return () if value is None else value


def _mapped(value: object) -> object:
    return {} if value is None else value


Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class StateInfo(BaseModel):
    """How a container stands."""

    status: str = Field(alias="Status")
    exit_code: int = Field(0, alias="ExitCode")
    oom_killed: bool = Field(False, alias="OOMKilled")  # noqa: FBT003 - pydantic's default
    started_at: AwareDatetime | None = Field(None, alias="StartedAt")
    finished_at: AwareDatetime | None = Field(None, alias="FinishedAt")


class AddressingInfo(BaseModel):
    """What somebody has chosen of a connection's addresses."""

    ipv4: str = Field("", alias="IPv4Address")
    ipv6: str = Field("", alias="IPv6Address")
    link_local: Words = Field((), alias="LinkLocalIPs")


class EndpointInfo(BaseModel):
    """A container's connection with one network."""

    network: str = Field("", alias="NetworkID")
    aliases: Words = Field((), alias="Aliases")
    links: Words = Field((), alias="Links")
    ipv4: str = Field("", alias="IPAddress")
    ipv6: str = Field("", alias="GlobalIPv6Address")
    chosen: AddressingInfo | None = Field(None, alias="IPAMConfig")
    options: dict[str, str] | None = Field(None, alias="DriverOpts")

    def attachment(self, name: str, container: str) -> Attachment:
        """How it can be made again. The engine adds the container's short id by itself."""
        chosen = self.chosen or AddressingInfo.model_construct(ipv4="", ipv6="", link_local=())
        return Attachment(
            network=self.network,
            name=name,
            aliases=tuple(a for a in self.aliases if a != container[:_SHORT_ID]),
            ipv4=chosen.ipv4 or self.ipv4 or None,
            ipv6=chosen.ipv6 or self.ipv6 or None,
            fixed=bool(chosen.ipv4 or chosen.ipv6),
            links=self.links,
            link_local=chosen.link_local,
            options=self.options or None,
        )


class BindingInfo(BaseModel):
    """Where a port of a container is published on its host."""

    ip: str = Field("", alias="HostIp")
    port: str = Field("", alias="HostPort")


Bindings = Annotated[
    dict[str, Annotated[tuple[BindingInfo, ...], BeforeValidator(_listed)]],
    BeforeValidator(_mapped),
]


class NetworkingInfo(BaseModel):
    """A container's networks, by name, and its published ports."""

    networks: Annotated[dict[str, EndpointInfo], BeforeValidator(_mapped)] = Field(
        default_factory=dict, alias="Networks"
    )
    ports: Bindings = Field(default_factory=dict, alias="Ports")


class ConfigInfo(BaseModel):
    """What a container was made of."""

    hostname: str = Field("", alias="Hostname")
    image: str = Field("", alias="Image")
    command: Words = Field((), alias="Cmd")
    labels: Annotated[dict[str, str], BeforeValidator(_mapped)] = Field(
        default_factory=dict, alias="Labels"
    )
    exposed: Annotated[dict[str, object], BeforeValidator(_mapped)] = Field(
        default_factory=dict, alias="ExposedPorts"
    )
    stop_timeout: int | None = Field(None, alias="StopTimeout")


class HostInfo(BaseModel):
    """What a container was told of its host."""

    bindings: Bindings = Field(default_factory=dict, alias="PortBindings")


class Inspected(BaseModel):
    """A container."""

    id: str = Field(alias="Id")
    slashed: str = Field(alias="Name")
    restarts: int = Field(0, alias="RestartCount")
    state: StateInfo = Field(alias="State")
    config: ConfigInfo = Field(alias="Config")
    host: HostInfo = Field(default_factory=lambda: HostInfo.model_validate({}), alias="HostConfig")
    networking: NetworkingInfo = Field(alias="NetworkSettings")

    @property
    def name(self) -> str:
        """Its name, without the engine's slash."""
        return self.slashed.lstrip("/")

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self.config.labels

    @property
    def service(self) -> str:
        """Its compose service; "" if it has none."""
        return self.labels.get(SERVICE, "")

    @property
    def number(self) -> int:
        """Which of its service's containers it is, from 1."""
        digits = self.labels.get(NUMBER, "")
        return int(digits) if digits.isascii() and digits.isdigit() else 1

    @property
    def short_id(self) -> str:
        """The first twelve digits of its id."""
        return self.id[:_SHORT_ID]

    def container(self) -> Container:
        """How to find it again, and how it hangs on its networks."""
        networks = self.networking.networks
        return Container(
            id=self.id,
            name=self.name,
            project=self.labels.get(PROJECT, ""),
            service=self.service,
            number=self.number,
            networks=tuple(e.attachment(n, self.id) for n, e in sorted(networks.items())),
        )

    def node(self, name: str, role: Role) -> Node:
        """The node that it is."""
        state = _STATES.get(self.state.status, NodeState.EXITED)
        gone = state is NodeState.EXITED
        ends = self.networking.networks.values()
        aliases = {a for e in ends for a in e.aliases}
        published = [b for found in self.networking.ports.values() for b in found]
        return Node(
            name=name,
            role=role,
            state=state,
            addresses=tuple(f"{b.ip}:{b.port}" for b in published if b.ip not in _ANY),
            hosts=(
                (self.name,),
                (self.service,),
                tuple(sorted(aliases)),
                (self.config.hostname,),
                tuple(ip for e in ends for ip in (e.ipv4, e.ipv6) if ip),
            ),
            ports=tuple(sorted(int(p.partition("/")[0]) for p in self.config.exposed)),
            exit_code=self.state.exit_code if gone else None,
            oom_killed=self.state.oom_killed if gone else None,
            started_at=_when(self.state.started_at),
            finished_at=_when(self.state.finished_at) if gone else None,
            restarts=self.restarts,
            labels=self._written(),
        )

    def _written(self) -> dict[str, str]:
        """The labels that somebody wrote on it, without what is secret in them."""
        return {
            key: REDACTED if names_a_secret(key) else without_secrets(value)
            for key, value in sorted(self.labels.items())
            if not key.startswith(_INTERNAL)
        }


_ANY: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - nothing is bound here


def _when(moment: datetime | None) -> datetime | None:
    return moment if moment and moment.year > _NEVER else None
