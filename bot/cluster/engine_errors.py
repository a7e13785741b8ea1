"""What goes wrong between us and a Docker engine, translated once; each with its remedy.

permission denied on the socket     Unreachable   join the group docker, or ask a proxy
nobody there, connection refused    Unreachable   start Docker, or set DOCKER_HOST
no answer in time, broken off       Unreachable
403 (a proxy in front of it)        BadAnswer     what the proxy has to allow
404, 409, other 4xx                 BadAnswer     the engine's own words
5xx                                 Unreachable   the engine's own words
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import requests
from docker.errors import APIError, DockerException

from bot.domain.errors import BadAnswer, ClusterError, Unreachable

_DENIED: Final = 403
_NOT_FOUND: Final = 404
_SERVER_ERROR: Final = 500
_SHOWN: Final = 200
# What the SDK, the HTTP library under it and the sockets under that raise.
# The last are what the SDK makes of JSON of another shape: it looks at nothing before it takes it.
_ODD: Final = (AttributeError, LookupError, TypeError, RecursionError)
RAISED: Final = (DockerException, requests.RequestException, OSError, ValueError, *_ODD)


class Missing(BadAnswer):
    """The engine knows no such container, network or image."""


def translated(error: BaseException, who: str) -> ClusterError:  # noqa: PLR0911 - a table
    """The error in our words; `who` is "the Docker engine at unix:///var/run/docker.sock"."""
    if isinstance(error, ClusterError):
        return error
    if isinstance(error, APIError):
        return _answered(error, who)
    if isinstance(error, _ODD):
        return BadAnswer(f"{who} answered what makes no sense ({type(error).__name__})")
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, APIError):
            return _answered(cause, who)
        if isinstance(cause, PermissionError):
            return _with(
                Unreachable(f"{who} may not be used: permission denied"),
                'Join the group docker ("sudo usermod -aG docker $USER", then log in anew), '
                "or point DOCKER_HOST at a socket proxy.",
            )
        if isinstance(cause, FileNotFoundError | ConnectionRefusedError):
            return _with(
                Unreachable(f"{who} is not there"),
                'Start Docker ("sudo systemctl start docker"), or set DOCKER_HOST.',
            )
        if isinstance(cause, requests.Timeout | TimeoutError):
            return Unreachable(f"{who} did not answer in time")
    text = " ".join(str(error).split())[:_SHOWN]
    if "paramiko" in text:
        return _with(
            Unreachable(f"{who} is reached by ssh, which needs another package"),
            'Install it: pip install "docker[ssh]".',
        )
    return Unreachable(f"{who} could not be asked ({type(error).__name__}: {text})")


def _answered(error: APIError, who: str) -> ClusterError:
    status = error.status_code or 0
    said = " ".join(str(error.explanation or error).split())[:_SHOWN].rstrip(".")
    if status == _NOT_FOUND:
        return Missing(f"{who} answered {status}: {said}")
    if status == _DENIED:
        return _with(
            BadAnswer(f"{who} denies it ({status}: {said})"),
            "Let the socket proxy allow containers, networks, events and exec, with POST.",
        )
    problem = f"{who} answered {status}: {said}"
    return Unreachable(problem) if status >= _SERVER_ERROR else BadAnswer(problem)


def _with(error: ClusterError, mend: str) -> ClusterError:
    error.mend = mend
    return error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it was made of, outermost first."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
