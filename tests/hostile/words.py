"""What people and programs write: commands, lines of a load, the environment and `.env`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path

from bot.cluster.ycsb_lines import Tally
from bot.cluster.ycsb_output import Output
from bot.domain.command import experiment, parse
from bot.domain.errors import CommandError, SettingsError
from bot.engine.clock import SystemClock
from bot.settings import load, names
from tests.hostile.wild import Outcome, Wild

LINES = (
    "READ   - Takes(s): 10.0, Count: 5012, OPS: 501.1, Avg(us): 812, Min(us): 201, Max(us): 9000",
    "UPDATE - Takes(s): 10.0, Count: 4988, OPS: 498.8, Avg(us): 1012, Min(us): 300, Max(us): 9000",
    "TOTAL  - Takes(s): 10.0, Count: 10000, OPS: 999.9, Avg(us): 900, Min(us): 200, Max(us): 9000",
    "READ_ERROR - Takes(s): 9.0, Count: 12, OPS: 1.3, Avg(us): 9, Min(us): 3, Max(us): 900",
    "Run finished, takes 30.0s",
    "panic: runtime error: index out of range [7] with length 3",
)
COMMANDS = (
    'kill tikv-1 in staging "why"',
    "approve 17",
    "pause pd leader --dry-run",
    "restore #17",
)
STARTED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


async def commands(wild: Wild, count: int) -> Outcome:
    """Texts after `/chaos`, and after `chaosbot run`."""
    found = Outcome(inputs=count)
    for _ in range(count):
        good = wild.random.choice(COMMANDS)
        text = wild.text() if wild.random.random() < 0.5 else str(wild.mutated(good, 2))
        for read in (parse, experiment):
            try:
                read(text)
            except CommandError as error:
                if not str(error).strip() or "\n" in str(error):
                    found.wrong(text, error)
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                found.wrong(text, error)
    return found


async def load_lines(wild: Wild, count: int) -> Outcome:
    """What go-ycsb might print: line by line, and as bytes in pieces."""
    found, tally = Outcome(inputs=count), Tally()
    lines = []
    for number in range(count):
        line = wild.random.choice(LINES)
        line = wild.text() if wild.random.random() < 0.3 else str(wild.mutated(line, 3))
        lines.append(line)
        try:
            sample = tally.line(line, STARTED + timedelta(seconds=number))
            if sample and not (isfinite(sample.ops) and sample.ops >= 0 and sample.interval > 0):
                found.wrong(line, sample)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            found.wrong(line, error)
    output, whole = Output(SystemClock()), "\n".join(lines).encode(errors="surrogatepass")
    pieces = [wild.torn(whole[at : at + 4096]) for at in range(0, len(whole), 4096)]

    async def more() -> bytes:
        return pieces.pop(0) if pieces else b""

    try:
        await output.read(more)
        async for sample in output.samples():
            if not (isfinite(sample.ops) and sample.ops >= 0):
                found.wrong("bytes", sample)
    except Exception as error:  # noqa: BLE001 - the same
        found.wrong("bytes", error)
    return found


async def environment(wild: Wild, count: int, folder: Path) -> Outcome:
    """Variables of the environment, and files of variables."""
    found, file = Outcome(inputs=count), folder / ".env"
    good = {"CHAOSBOT_PD": "127.0.0.1:2379", "CHAOSBOT_APPROVALS": "2", "CHAOSBOT_HOURS": "mon-fri"}
    for _ in range(count):
        name = wild.random.choice(names())
        value = wild.text(3) if wild.random.random() < 0.7 else wild.mutated(good.get(name, "17"))
        value = str(value).replace("\0", "").encode(errors="replace").decode()
        secret = "xoxb-4711-very-secret"
        roll = wild.random.random()
        given, body = {}, b""
        if roll < 0.45:
            given = {name: value[:100_000]}
        elif roll < 0.8:
            body = f"{name}={value}\n".encode()
        elif roll < 0.9:
            body = wild.torn(f'SLACK_BOT_TOKEN={secret}\n{name}="{value}"\n'.encode())
        else:
            body = wild.octets()
        file.write_bytes(body)
        with _environment(given):
            try:
                load(file)
            except SettingsError as error:
                if not str(error).strip() or secret in error.whole:
                    found.wrong((given, body), error)
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                found.wrong((given, body), error)
    return found


@contextmanager
def _environment(given: dict[str, str]) -> Iterator[None]:
    """The environment without our settings but for these."""
    before = dict(os.environ)
    for name in names():
        os.environ.pop(name, None)
    os.environ.update(given)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
