"""Claude: is a key set, and, where that is wished for, does it answer one tiny question."""

from __future__ import annotations

from typing import Final

from bot.diagnosis.claude import Claude
from bot.doctor.finding import Finding, broken, not_set, works
from bot.domain.errors import DiagnosisError
from bot.engine.clock import SystemClock
from bot.settings import Settings

_WITHIN: Final = 4.5  # seconds


async def look_at_claude(settings: Settings, *, ask: bool) -> list[Finding]:
    """The key; `ask`: with one call, which costs a few tokens."""
    key = settings.anthropic_api_key
    if key is None:
        text = "ANTHROPIC_API_KEY: the rules make the diagnosis."
        return [not_set("Claude", text, mend="Set ANTHROPIC_API_KEY to have Claude make it.")]
    if not ask:
        text = f"A key is set, for {settings.model}; it was not tried (chaosbot doctor --claude)."
        return [works("Claude", text, needed=False)]
    claude = Claude(
        key.get_secret_value(),
        model=settings.model,
        clock=SystemClock(),
        base_url=settings.anthropic_base_url,
        limit=_WITHIN,
    )
    try:
        await claude.greet()
    except DiagnosisError as error:
        return [broken("Claude", error, needed=False)]
    return [works("Claude", f"{settings.model} answers.", needed=False)]
