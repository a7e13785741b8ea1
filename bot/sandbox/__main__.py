"""`python -m bot.sandbox`: the local Slack alone, until it is interrupted."""

import argparse
import asyncio
import contextlib
import signal
import sys

from bot.sandbox import server


def main(argv: list[str] | None = None) -> int:
    """Serve the sandbox; 0 when interrupted, 2 when the port is in use."""
    parser = argparse.ArgumentParser(
        prog="chaosbot sandbox", description="A local stand-in for Slack, with a page."
    )
    parser.add_argument(
        "--port", type=int, default=server.DEFAULT_PORT, help="default: %(default)s"
    )
    port = parser.parse_args(argv).port
    try:
        asyncio.run(_serve(port))
    except server.PortInUseError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


async def _serve(port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows has no handlers on the loop
            loop.add_signal_handler(number, stopped.set)
    sandbox = await server.start(port)
    lines = [f"The sandbox is at {sandbox.url}", "", "A bot needs in its environment:"]
    lines += [f"{name}={value}" for name, value in sandbox.environment.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    try:
        await stopped.wait()
    finally:
        await sandbox.stop()


if __name__ == "__main__":
    sys.exit(main())
