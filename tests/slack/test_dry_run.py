"""Dry runs: what would be done is shown, nothing is touched, and a button lets it happen."""

from __future__ import annotations

import pytest

from bot.domain.blast_radius import Guard
from bot.domain.command import experiment
from bot.domain.hypothesis import Verdict
from bot.engine.overview import Preview
from bot.sandbox.directory import APPROVER, CHAOS, ONLOOKER, STARTER
from bot.sandbox.faults import Fault
from bot.sandbox.limits import check_message, check_view
from bot.slack.buttons import Action
from bot.slack.preview import again_dialog, preview_message, settled
from tests import histories


@pytest.fixture
def records(chaos):
    """All that the engine has told, from its beginning."""
    told = []
    publish = chaos.stream.publish
    chaos.stream.publish = lambda record: (told.append(record), publish(record))
    return told


def texts(blocks):
    return [b["text"]["text"] for b in blocks if b["type"] == "section"]


async def test_a_dry_run_shows_everything_and_touches_nothing(stage, records):
    await stage.user(STARTER).command('/chaos kill tikv-1 --dry-run "a look"')
    found = await stage.user(STARTER).until_ephemeral(lambda m: "Dry run" in m["text"])
    shown = "\n".join(texts(found["blocks"]))
    assert "*Dry run: kill tikv-1 in staging*" in shown
    assert "Target: tikv-1 (store 1)" in shown
    assert "✓ All 1 regions of tikv-1" in shown
    assert "*It would do* SIGKILL to tikv-1 (store 1)" in shown
    assert "*By hand it is undone with* `mend tikv-1`" in shown
    assert records == []
    assert await stage.chaos.journal.latest(1) == []
    assert stage.world.log == ["plan tikv-1"]
    assert stage.messages() == []
    assert await stage.user(ONLOOKER).ephemerals() == []


async def test_run_it_does_what_was_shown(stage):
    await stage.user(STARTER).command('/chaos kill tikv --dry-run "a look"')
    found = await stage.user(STARTER).until_ephemeral(lambda m: "Dry run" in m["text"])
    (button,) = [p for b in found["blocks"] if b["type"] == "actions" for p in b["elements"]]
    assert (button["action_id"], "confirm" in button) == (Action.RUN, True)
    node = stage.world.log[0].removeprefix("plan ")
    assert button["value"] == f'kill {node} "a look"'
    await stage.user(STARTER).click(found["ts"], Action.RUN)
    await stage.until(lambda: stage.message("root"))
    assert f"Run 1: kill {node}" in stage.message("root").text


async def test_what_would_be_refused_says_why_and_offers_nothing(stage, records):
    stage.world.pd_silent = True
    await stage.user(STARTER).command("/chaos kill tikv-1 --dry-run")
    found = await stage.user(STARTER).until_ephemeral(lambda m: "Dry run" in m["text"])
    assert "would be refused" in found["text"]
    shown = "\n".join(texts(found["blocks"]))
    assert "? stores_up unknown: PD did not answer" in shown
    assert "✗ *It would be refused:*" in shown
    assert not [b for b in found["blocks"] if b["type"] == "actions"]
    assert records == []


async def test_a_dry_run_of_an_unknown_node_is_a_sentence(stage):
    await stage.user(STARTER).command("/chaos kill tikv-9 --dry-run")
    await stage.told(STARTER, "no node", "tikv-9")


async def test_run_again_asks_first_and_shows_a_dry_run_in_place(stage):
    await stage.asked()
    await stage.user(APPROVER).command("/chaos approve")
    await stage.until(lambda: Action.AGAIN in stage.offered("result"))
    await stage.until(lambda: stage.chaos.living == ())
    seen = len(await stage.chaos.journal.history(1))
    onlooker = stage.user(ONLOOKER)
    await onlooker.click(stage.message("result").ts, Action.AGAIN)
    dialog = await onlooker.until_view()
    assert texts(dialog["blocks"])[0].startswith("*Kill tikv-1* in staging.\n“a test”")
    await onlooker.click_in_view(dialog["id"], Action.DRY_RUN)
    shown = await onlooker.until_view(lambda v: "Dry run: kill tikv-1" in str(v["blocks"]))
    assert shown["id"] == dialog["id"]
    assert "Nothing was touched." in str(shown["blocks"])
    assert await stage.chaos.journal.latest(5) == [1]
    assert len(await stage.chaos.journal.history(1)) == seen
    await onlooker.submit(dialog["id"])
    await stage.until(lambda: stage.message("root", run=2))
    assert f"<@{ONLOOKER}>" in str(stage.message("root", run=2).blocks)
    assert await onlooker.views() == []


async def test_run_again_that_would_be_refused_cannot_be_submitted(stage):
    await stage.asked()
    await stage.user(APPROVER).command("/chaos approve")
    await stage.until(lambda: Action.AGAIN in stage.offered("result"))
    await stage.until(lambda: stage.chaos.living == ())
    starter = stage.user(STARTER)
    await starter.click(stage.message("result").ts, Action.AGAIN)
    dialog = await starter.until_view()
    assert dialog["submit"]
    stage.world.nodes_["tikv-2"].running = False
    await starter.click_in_view(dialog["id"], Action.DRY_RUN)
    shown = await starter.until_view(lambda v: "It would be refused" in str(v["blocks"]))
    assert not shown["submit"]


async def test_a_run_that_is_refused_after_the_dialog_is_told_in_the_thread(stage):
    await stage.asked()
    await stage.user(APPROVER).command("/chaos approve")
    await stage.until(lambda: Action.AGAIN in stage.offered("result"))
    await stage.until(lambda: stage.chaos.living == ())
    result = stage.message("result")
    await stage.user(STARTER).click(result.ts, Action.AGAIN)
    dialog = await stage.user(STARTER).until_view()
    await stage.user(APPROVER).command("/chaos halt")
    await stage.told(APPROVER, "Chaosbot is halted")
    await stage.user(STARTER).submit(dialog["id"])
    await stage.told(STARTER, "Chaosbot is halted", "`/chaos resume`")
    told = (await stage.user(STARTER).ephemerals())[-1]
    assert (told["channel"], told["thread_ts"]) == (CHAOS, result.thread_ts)
    await stage.user(STARTER).click(result.ts, Action.AGAIN, old_screen=True)
    assert await stage.user(STARTER).views() == []


async def test_a_dialog_that_slack_does_not_open_is_told(stage):
    await stage.asked()
    await stage.user(APPROVER).command("/chaos approve")
    await stage.until(lambda: Action.AGAIN in stage.offered("result"))
    stage.sandbox.slack.faults.add(Fault(method="views.open", error="expired_trigger_id"))
    await stage.user(STARTER).click(stage.message("result").ts, Action.AGAIN)
    await stage.told(STARTER, "`/chaos kill tikv-1`")


async def test_a_button_whose_words_are_forged_starts_nothing(stage):
    await stage.user(STARTER).command("/chaos kill tikv-1 --dry-run")
    found = await stage.user(STARTER).until_ephemeral(lambda m: "Dry run" in m["text"])
    for value in ("halt", "17", "", "kill <!channel>"):
        await stage.user(STARTER).click(found["ts"], Action.RUN, forged={"value": value})
    while len(await stage.user(STARTER).ephemerals()) < 5:
        await stage.client.get("views", user=STARTER)
    assert stage.chaos.halted is None
    assert await stage.chaos.journal.latest(1) == []


WANTED = experiment('kill tikv in staging "' + "why " * 60 + '"')


@pytest.mark.parametrize("size", [1, 400])
def test_any_preview_makes_what_slack_takes(size):
    guards = tuple(
        Guard(guard="g", verdict=verdict, text="<!channel> " * size) for verdict in Verdict
    )
    receipt = histories.planned(histories.started()).records[-1].event.injection
    preview = Preview(
        command="kill tikv",
        cluster="staging" * size,
        node=histories.NODE,
        guards=guards * 12,
        injection=receipt.model_copy(update={"does": "kill -KILL 4711"}),
        refused="no & never " * size,
    )
    text, blocks = preview_message(preview, WANTED)
    check_message(text, list(blocks), update=False)
    for allowed in (preview, preview.model_copy(update={"refused": None})):
        told, made = preview_message(allowed, WANTED)
        check_message(told, list(made), update=False)
        check_view(again_dialog(WANTED, CHAOS, "1.2", preview=allowed))
    check_view(again_dialog(WANTED, None, None))
    assert "*By hand that is* `kill -KILL 4711`" in str(made)


def test_pds_leader_stays_pds_leader_and_a_name_that_nobody_can_type_is_not_used():
    leader = experiment("kill pd leader")
    preview = Preview(command="kill pd leader", cluster="staging", node=histories.NODE)
    assert settled(leader, preview) == leader
    odd = preview.model_copy(update={"node": histories.NODE.model_copy(update={"name": "ti kv"})})
    assert settled(WANTED, odd) == WANTED
    assert str(settled(WANTED, preview).target) == "tikv-1"
