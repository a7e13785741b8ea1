"""The preview: what a run would do, said to one person, with a button that lets it happen.

Nothing was touched for it. Where any node would do, the one that was looked at is the one that the
button is for: what was shown is what is done.
"""

from __future__ import annotations

import json
from typing import Any, Final

from slack_sdk.models.blocks import Block, PlainTextObject
from slack_sdk.models.views import View

from bot.domain.command import parse, words_of
from bot.domain.errors import CommandError
from bot.domain.experiment import Experiment
from bot.domain.fault import Fault
from bot.domain.hypothesis import Verdict
from bot.domain.report import Report
from bot.domain.sentence import ended
from bot.domain.target import Target
from bot.engine.overview import Preview
from bot.slack import blocks, buttons
from bot.slack.blocks import BlockJson
from bot.slack.mrkdwn import Markup, bold, code, cut, join, line, lines

_GLYPHS: Final = {Verdict.HELD: "✓", Verdict.DEVIATED: "✗", Verdict.UNKNOWN: "?"}
_LONGEST: Final = 500  # characters of one line


def experiment_of(report: Report) -> Experiment:
    """What a run did, to be done once more."""
    return Experiment(
        fault=Fault(report.fault.kind),
        target=Target.parse(report.fault.target),
        cluster=report.cluster,
        reason=report.reason,
    )


def settled(wanted: Experiment, preview: Preview) -> Experiment:
    """The experiment on the very node that was looked at; PD's leader stays PD's leader."""
    if preview.node is None or wanted.target.leader:
        return wanted
    target = Target(name=preview.node.name.lower())
    on_node = wanted.model_copy(update={"target": target})
    try:
        parse(words_of(on_node))
    except CommandError:  # a node whose name nobody could type
        return wanted
    return on_node


def preview_message(preview: Preview, wanted: Experiment) -> tuple[str, tuple[BlockJson, ...]]:
    """Top-level text and blocks of what is told after `--dry-run`."""
    made = preview_blocks(preview)
    if preview.refused is None:
        made.append(blocks.actions(buttons.run_it(settled(wanted, preview), preview.cluster)))
    refused = f"would be refused: {ended(preview.refused)}" if preview.refused else "could be done."
    text = line(f"Dry run, nothing was touched: {preview.command} in {preview.cluster} {refused}")
    return cut(text, blocks.TEXT), blocks.message(made)


def preview_blocks(preview: Preview) -> list[Block]:
    """Target, guards, what would be carried out, and how it would be undone."""
    head = [bold(f"Dry run: {preview.command} in {preview.cluster}")]
    if preview.node:
        head.append(line(f"Target: {preview.node.label}"))
    made: list[Block] = [blocks.section(lines(*head))]
    guards = [_judged(guard.verdict, guard.text) for guard in preview.guards]
    guards += [
        _judged(p.verdict, f"{p.probe} {p.verdict.value}: {p.observed}, not {p.tolerance}")
        for p in preview.probes
        if p.verdict is not Verdict.HELD
    ]
    if guards:
        made.append(blocks.section(lines(*guards)))
    if preview.injection:
        does, mend = preview.injection.does, preview.injection.mend
        told = [join(" ", (bold("It would do"), line(preview.injection.text)))]
        if does:
            told.append(join(" ", (bold("By hand that is"), code(does))))
        told.append(join(" ", (bold("By hand it is undone with"), code(mend))))
        made.append(blocks.section(lines(*told)))
    if preview.refused:
        refused = join(" ", (bold("It would be refused:"), line(ended(preview.refused))))
        made.append(blocks.section(cut(Markup(f"✗ {refused}"), blocks.SECTION)))
    made.append(blocks.context(Markup("Nothing was touched.")))
    return made


def again_dialog(
    wanted: Experiment,
    channel: str | None,
    thread_ts: str | None,
    *,
    preview: Preview | None = None,
    trouble: Markup = Markup(""),  # noqa: B008 - a string
) -> dict[str, Any]:
    """The dialog before a run is started once more: what would be done, and on request a preview.

    What its submission needs is in its `private_metadata`.
    """
    chosen = settled(wanted, preview) if preview else wanted
    what = join(" ", (bold(chosen.command.capitalize()), line(f"in {wanted.cluster}.")))
    why = line(f"“{wanted.reason}”") if wanted.reason else Markup("")
    new = Markup("It is a new run, with its own checks and its own approval.")
    made: list[Block] = [blocks.section(lines(what, why, new))]
    if preview:
        made += [blocks.divider(), *preview_blocks(preview)]
    if trouble:
        made.append(blocks.section(Markup(f"✗ {trouble}")))
    made.append(blocks.actions(buttons.dry_run(wanted)))
    refused = bool(trouble) or (preview is not None and preview.refused is not None)
    kept = {"words": words_of(chosen), "channel": channel, "thread_ts": thread_ts}
    view = View(
        type="modal",
        callback_id=buttons.AGAIN_DIALOG,
        title=PlainTextObject(text=blocks.title("Run it again?")),
        submit=None if refused else PlainTextObject(text="Run it"),
        close=PlainTextObject(text="Not now"),
        blocks=list(blocks.view(made)),
        private_metadata=json.dumps(kept),
    )
    return dict(view.to_dict())


def wanted_by(words: str) -> Experiment:
    """The experiment that a button's value stands for.

    Raises:
        CommandError: it stands for none; the button is not one of ours.
    """
    command = parse(words)
    if isinstance(command, Experiment):
        return command
    raise CommandError("That button names no experiment.", word=words[:40])


def _judged(verdict: Verdict, text: str) -> Markup:
    return cut(Markup(f"{_GLYPHS[verdict]} {line(text)}"), _LONGEST)
