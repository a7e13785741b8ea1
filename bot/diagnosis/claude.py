"""Claude: one question, one structured answer, within a time limit.

Facts, anthropic 2.12: `messages.parse(output_format=...)` validates on our side, so an answer
that was cut off raises pydantic's ValidationError; a refusal has no parsed output; the SDK waits
for as long as a `retry-after` says. So it does not retry here: one more try is ours, and only
where it would come soon. Importing the SDK takes about a second: it is imported when the first
question is asked, in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from bot.diagnosis.answer import check
from bot.diagnosis.prompt import SYSTEM, AnswerForm, ask
from bot.domain.diagnosis import Diagnosis
from bot.domain.errors import DiagnosisError
from bot.domain.evidence import Evidence
from bot.engine.ports import Clock

if TYPE_CHECKING:
    from anthropic import APIError, APIStatusError, AsyncAnthropic

_MAX_TOKENS: Final = 6_000  # an answer has about 700; the rest is room for a model that thinks
_SOON: Final = 5.0  # seconds: a longer retry-after is not waited for
_PAUSE: Final = 1.0  # seconds before the second try where the server names none
_TRIES: Final = 2
_BAD_REQUEST, _UNKNOWN, _OVERLOADED = 400, 404, 529


class Claude:
    """Claude behind a key.

    `base_url` is another server that speaks the same protocol, None for Anthropic's own (or
    `ANTHROPIC_BASE_URL`); `limit` is how many seconds an answer may take in all.
    """

    def __init__(
        self,
        key: str,
        *,
        model: str,
        clock: Clock,
        base_url: str | None = None,
        limit: float = 60.0,
    ) -> None:
        self._key = key
        self._model = model
        self._clock = clock
        self._base_url = base_url
        self._limit = limit

    async def greet(self) -> None:
        """See that key and model are good, with the smallest question there is.

        Raises:
            DiagnosisError: they are not, or nobody answers; its sentence has no full stop.
        """
        self._check_key()
        try:
            async with asyncio.timeout(self._limit):
                await asyncio.to_thread(import_module, "anthropic")
                from anthropic import APIError, AsyncAnthropic  # noqa: PLC0415 - a second's import

                client = AsyncAnthropic(api_key=self._key, base_url=self._base_url, max_retries=0)
                async with client:
                    try:
                        message = await client.messages.create(
                            model=self._model,
                            max_tokens=1,
                            messages=[{"role": "user", "content": "Hello"}],
                        )
                    except APIError as error:
                        raise _translated(error, self._model) from error
                    except (AttributeError, TypeError, ValueError) as error:
                        raise DiagnosisError("Claude's answer makes no sense") from error
        except TimeoutError:
            raise self._late() from None
        if getattr(message, "role", None) != "assistant":  # a proxy's page, which the SDK trusts
            raise DiagnosisError("Claude's answer makes no sense")

    async def diagnose(
        self, evidence: Sequence[Evidence], components: Collection[str]
    ) -> Diagnosis:
        """Claude's diagnosis.

        Raises:
            DiagnosisError: there is none; its sentence has no full stop, to be shown as a reason.
        """
        self._check_key()
        try:
            async with asyncio.timeout(self._limit):
                form = await self._answer(ask(evidence, components))
        except TimeoutError:
            raise self._late() from None
        return check(form, evidence, components)

    def _check_key(self) -> None:
        if not self._key.isascii() or not self._key.isprintable() or not self._key.strip():
            raise DiagnosisError(
                "The Claude key has characters that no key has", mend="Set ANTHROPIC_API_KEY again."
            )

    def _late(self) -> DiagnosisError:
        return DiagnosisError(f"Claude did not answer within {self._limit:g} s")

    async def _answer(self, question: str) -> AnswerForm:
        await asyncio.to_thread(import_module, "anthropic")
        from anthropic import APIError, AsyncAnthropic  # noqa: PLC0415 - a second's import

        client = AsyncAnthropic(api_key=self._key, base_url=self._base_url, max_retries=0)
        async with client:
            for left in reversed(range(_TRIES)):
                try:
                    return await self._once(client, question)
                except APIError as error:
                    wait = _worth_waiting(error)
                    if not left or wait is None:
                        raise _translated(error, self._model) from error
                await self._clock.sleep(wait)
        raise AssertionError  # the last try returns or raises

    async def _once(self, client: AsyncAnthropic, question: str) -> AnswerForm:
        try:
            message = await client.messages.parse(
                model=self._model,
                max_tokens=_MAX_TOKENS,
                system=SYSTEM,
                messages=[{"role": "user", "content": question}],
                output_format=AnswerForm,
            )
            if message.stop_reason == "refusal":
                raise DiagnosisError("Claude refused to answer")
            form = message.parsed_output
        except ValidationError as error:
            cut_off = any("EOF" in e["msg"] for e in error.errors())
            how = "was cut off" if cut_off else "does not have the form that was asked for"
            raise DiagnosisError(f"Claude's answer {how}") from error
        except (AttributeError, TypeError, ValueError) as error:
            # The SDK trusts that a 200 carries a message; a proxy's page does not.
            raise DiagnosisError("Claude's answer makes no sense") from error
        if form is None:
            raise DiagnosisError("Claude's answer is empty")
        return form


def _worth_waiting(error: APIError) -> float | None:
    """Seconds after which a second try is worth it, None if it is not."""
    from anthropic import APIConnectionError, InternalServerError, RateLimitError  # noqa: PLC0415 - loaded

    if isinstance(error, APIConnectionError):
        return _PAUSE
    if not isinstance(error, (RateLimitError, InternalServerError)):
        return None
    wait = _retry_after(error)
    wait = _PAUSE if wait is None else wait
    return wait if 0 <= wait <= _SOON else None


def _retry_after(error: APIStatusError) -> float | None:
    """The seconds that the server asks to wait, if it does so in seconds."""
    try:
        return float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None


def _translated(error: APIError, model: str) -> DiagnosisError:
    """The one place where the SDK's errors become sentences."""
    from anthropic import APIConnectionError, APIStatusError, APITimeoutError  # noqa: PLC0415 - loaded

    if isinstance(error, APITimeoutError):
        return DiagnosisError("Claude did not answer in time")
    if isinstance(error, APIConnectionError):
        return DiagnosisError(
            "Claude could not be reached", mend="Check the network and ANTHROPIC_BASE_URL."
        )
    if not isinstance(error, APIStatusError):
        return DiagnosisError("Claude's answer makes no sense")
    code = error.status_code
    wait = _retry_after(error)
    later = f" and asks to wait {wait:,.0f} s" if wait is not None and wait > _SOON else ""
    sentence, mend = {
        401: ("did not accept the key", "Set ANTHROPIC_API_KEY to a valid key."),
        402: ("asks for payment", "Look at the account's billing."),
        403: ("does not permit this key to ask", "Look at the key's permissions."),
        _UNKNOWN: (f'knows no model "{model}"', "Name another one in CHAOSBOT_MODEL."),
        413: ("found the question too long", ""),
        429: (f"is asked too often{later}", ""),
        _OVERLOADED: (f"is overloaded{later}", ""),
    }.get(code, ("did not understand the question" if code == _BAD_REQUEST else "failed", ""))
    return DiagnosisError(f"Claude {sentence} ({code})", mend=mend)
