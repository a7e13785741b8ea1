"""What each command does, once its words are parsed; the result is an exit status."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from bot import logs
from bot import settings as configuration
from bot.commands.process import ABORTED, FAILED, REFUSED, USAGE, complain
from bot.domain.errors import ChaosError, CommandError, Refused, SettingsError


def perform(options: argparse.Namespace) -> int:
    """Do a parsed command. No ChaosError leaves it, and no traceback of a known trouble."""
    logs.set_up()
    try:
        return asyncio.run(_performed(options))
    except (SettingsError, CommandError) as error:
        return complain(error, USAGE)
    except Refused as error:
        return complain(error, REFUSED)
    except ChaosError as error:
        return complain(error, FAILED)
    except KeyboardInterrupt:
        return ABORTED
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stderr.close()
        return FAILED


def playground(words: Sequence[str]) -> int:
    """The local cluster alone, where the settings' commands find it."""
    from bot.playground.__main__ import main

    try:
        socket = configuration.load().socket
    except SettingsError as error:
        return complain(error, USAGE)
    return main(["--socket", str(socket), *words])


async def _performed(options: argparse.Namespace) -> int:  # noqa: PLR0911 - one for each command
    match options.command:
        case "demo":
            from bot.commands.serve import demo

            return await demo(options)
        case "serve":
            from bot.commands.serve import serve

            return await serve(options)
        case "run":
            from bot.commands.run import run

            return await run(options)
        case "recover":
            from bot.commands.recover import recover

            return await recover(options)
        case "halt":
            from bot.commands.halt import halt

            return await halt(options)
        case "resume":
            from bot.commands.halt import resume

            return await resume()
        case "doctor":
            from bot.commands.doctor import doctor

            return await doctor(options)
        case "history":
            from bot.commands.report import history

            return await history(options)
        case _:
            from bot.commands.report import report

            return await report(options)
