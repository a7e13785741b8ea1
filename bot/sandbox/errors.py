"""How Slack says no.

A method that refuses raises `SlackError`; the edge turns it into Slack's own answer, for example
`{"ok": false, "error": "invalid_blocks", "response_metadata": {"messages": ["[ERROR] ..."]}}`.
"""

from typing import Any


class SlackError(Exception):
    """A refusal with the code that Slack gives for it."""

    def __init__(
        self,
        code: str,
        messages: list[str] | None = None,
        *,
        status: int = 200,
        retry_after: int | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        """Refuse with `code`.

        Args:
            code: Slack's error code, such as `channel_not_found`.
            messages: What is wrong in detail, each with a JSON pointer.
            status: The HTTP status of the answer.
            retry_after: Seconds to wait, sent as the `Retry-After` header.
            extra: More fields of the answer.
        """
        super().__init__(code)
        self.code = code
        self.messages = messages or []
        self.status = status
        self.retry_after = retry_after
        self.extra = extra or {}

    def answer(self) -> dict[str, Any]:
        """The body of the HTTP answer."""
        body: dict[str, Any] = {"ok": False, "error": self.code, **self.extra}
        if self.messages:
            body["errors"] = [message.removeprefix("[ERROR] ") for message in self.messages]
            body["response_metadata"] = {"messages": self.messages}
        return body
