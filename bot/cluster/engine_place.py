"""Where the Docker engine is: DOCKER_CONTEXT, DOCKER_HOST, or the context that the CLI uses now.

The order is the CLI's own. tcp with TLS takes its certificates from DOCKER_CERT_PATH or from the
context; ssh goes through the ssh client of this machine, and needs the package paramiko.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from docker.constants import DEFAULT_UNIX_SOCKET
from docker.context import ContextAPI
from docker.errors import DockerException
from docker.tls import TLSConfig
from docker.utils import kwargs_from_env

from bot.domain.errors import SettingsError

_SOCKET: Final = DEFAULT_UNIX_SOCKET.replace("http+", "", 1)


@dataclass(frozen=True, kw_only=True)
class Place:
    """An engine's address, as the SDK takes it."""

    url: str
    tls: TLSConfig | bool = False

    def __str__(self) -> str:
        return f"the Docker engine at {self.url}"

    @property
    def host(self) -> str:
        """The host whose ports the containers' published ones are; this one for a socket."""
        scheme, _, rest = self.url.partition("://")
        if scheme not in {"tcp", "http", "https", "ssh"}:
            return "127.0.0.1"
        return rest.partition("/")[0].rpartition("@")[2].rpartition(":")[0] or rest


def located(environment: Mapping[str, str]) -> Place:
    """The engine that the environment names, else the CLI's context, else the local socket.

    Raises:
        SettingsError: it names a context that is not there, or certificates of no use.
    """
    name = environment.get("DOCKER_CONTEXT") or None
    given = dict(environment)
    try:
        if name is None and given.get("DOCKER_HOST"):
            found = kwargs_from_env(environment=given)
            return Place(url=found["base_url"], tls=found.get("tls", False))
        context = ContextAPI.get_context(name)
    except DockerException as error:
        raise SettingsError(
            f"The settings for Docker cannot be used: {error}.",
            mend="Look at DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH.",
        ) from error
    except Exception as error:  # the SDK raises a bare Exception for a broken context file
        raise SettingsError(f"The Docker context cannot be read: {error}.") from error
    if context is None:
        raise SettingsError(
            f'There is no Docker context "{name or "that the Docker CLI is set to"}".',
            mend='"docker context ls" lists them; set DOCKER_CONTEXT or DOCKER_HOST.',
        )
    tls: TLSConfig | None = context.TLSConfig
    return Place(url=context.Host or _SOCKET, tls=False if tls is None else tls)
