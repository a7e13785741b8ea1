"""The supervisor's API: HTTP with JSON on a Unix socket."""

from collections.abc import Callable, Sequence
from typing import Any

from bot.playground import VERSION
from bot.playground.supervisor import SIGNALS, Node, NotRunningError, Supervisor, moment
from bot.playground.timers import Timers
from bot.playground.unified_log import line_time
from bot.playground.web import Request, Response, as_json, as_text

LOG_BYTES = 4 * 1024 * 1024
"""At most so much of the end of a log is given."""


class SupervisorApi:
    """The answers of one supervisor. An answer that is not JSON is a sentence."""

    def __init__(
        self, supervisor: Supervisor, timers: Timers, pds: Sequence[str], ready: Callable[[], bool]
    ) -> None:
        self.supervisor, self.timers, self.pds, self.ready = supervisor, timers, list(pds), ready

    def answer(self, request: Request) -> Response:
        """Answers; a signal is on its way before anything else is done."""
        words = request.path.strip("/").split("/")
        try:
            if words[0] == "nodes" and len(words) > 1:
                node = self.supervisor.nodes.get(words[1])
                if not node:
                    known = ", ".join(self.supervisor.nodes)
                    return as_text(f"There is no node {words[1]!r}; there are {known}.\n", 404)
                return self._node(node, words[2:], request)
            return self._whole(words, request)
        except NotRunningError as error:
            return as_text(f"{error}\n", 409)
        except ValueError as error:
            return as_text(f"{error}\n", 400)

    def _node(self, node: Node, words: list[str], request: Request) -> Response:
        match request.method, words:
            case "POST", ["signal"]:
                self.supervisor.signal(node, *signal_asked(request))
            case "POST", ["start"]:
                self.supervisor.start(node)
            case "GET", ["logs"]:
                return as_text(log_lines(node, request))
            case "GET", []:
                pass
            case _:
                return unknown(request)
        return as_json(node.described())

    def _whole(self, words: list[str], request: Request) -> Response:
        match request.method, words:
            case "GET", ["info"]:
                return as_json(self._info())
            case "GET", ["nodes"]:
                return as_json([node.described() for node in self.supervisor.nodes.values()])
            case "GET", ["events"]:
                since = request.query.get("since", [None])[-1]
                if since is not None:
                    moment(since)
                return Response(
                    content_type="application/x-ndjson", stream=self.supervisor.follow(since)
                )
        return unknown(request)

    def _info(self) -> dict[str, Any]:
        timers = self.timers.named()
        speed = timers.pop("speed")
        return {
            "name": "playground",
            "version": VERSION,
            "stand_in": True,
            "real_time": speed == 1,
            "speed": speed,
            "pd": self.pds,
            "ready": self.ready(),
            "timers": timers,
        }


def signal_asked(request: Request) -> tuple[str, str | None]:
    """The signal that a request names, and which start of the node it is for, if it says so.

    Raises:
        ValueError: it names none that may be sent.
    """
    try:
        asked = request.json()
        name, started_at = asked["signal"], asked.get("started_at")
    except (ValueError, TypeError, LookupError, AttributeError):
        raise ValueError('The body looks like {"signal": "SIGKILL"}.') from None
    if name not in SIGNALS:
        raise ValueError(f"The signal {name!r} cannot be sent; it is one of {', '.join(SIGNALS)}.")
    return str(name), started_at


def log_lines(node: Node, request: Request) -> str:
    """The end of a node's log: the lines not older than `since`, and of them the last `tail`.

    Raises:
        ValueError: one of the two makes no sense.
    """
    if not node.plan.log.exists():
        return ""
    with node.plan.log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - LOG_BYTES))
        lines = file.read().decode(errors="replace").splitlines(keepends=True)
    if since := request.query.get("since"):
        after = moment(since[-1])
        old = sum(1 for line in lines if (at := line_time(line)) and at < after)
        while old and old < len(lines) and not line_time(lines[old]):
            old += 1
        lines = lines[old:]
    if tail := request.query.get("tail"):
        if not tail[-1].isdigit():
            raise ValueError(f"A tail is a number of lines, not {tail[-1]!r}.")
        lines = lines[max(0, len(lines) - int(tail[-1])) :]
    return "".join(lines)


def unknown(request: Request) -> Response:
    """The answer to what there is not."""
    return as_text(f"There is no {request.method} {request.path} here.\n", 404)
