"""Files: the upload in three steps, and the methods `files.*`.

`files.getUploadURLExternal` gives a URL, the bytes are posted to it, and
`files.completeUploadExternal` shares the file into a channel or a thread.
"""

import copy
from pathlib import PurePath
from typing import Any

from bot.sandbox import directory
from bot.sandbox.arguments import Arguments
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Message
from bot.sandbox.slack import Slack
from bot.sandbox.views import with_ids
from bot.sandbox.workspace import File

MOST_BYTES = 50_000_000
_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "log": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "json": "application/json",
    "html": "text/html",
    "pdf": "application/pdf",
}


def mimetype(name: str) -> str:
    """The type that a file's name stands for."""
    suffix = PurePath(name).suffix.lower().removeprefix(".")
    return _TYPES.get(suffix, "application/octet-stream")


def as_slack(slack: Slack, file: File) -> dict[str, Any]:
    """The file object."""
    suffix = PurePath(file.name).suffix.lower().removeprefix(".")
    url = f"{slack.url}/files-pri/{directory.TEAM}-{file.id}/{file.name}"
    return {
        "id": file.id,
        "created": int(slack.clock()),
        "timestamp": int(slack.clock()),
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": mimetype(file.name),
        "filetype": suffix or "binary",
        "user": directory.BOT_USER,
        "user_team": directory.TEAM,
        "size": file.size,
        "mode": "hosted",
        "is_external": False,
        "is_public": bool(file.shares),
        "alt_txt": file.alt_text,
        "url_private": url,
        "url_private_download": url,
        "permalink": f"{slack.url}/files/{file.id}",
        "channels": sorted({channel for channel, _ts in file.shares}),
    }


async def get_upload_url(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`files.getUploadURLExternal`."""
    size = call.number("length", 0)
    if not 0 < size <= MOST_BYTES:
        raise SlackError("invalid_arguments", ["[ERROR] invalid length [json-pointer:/length]"])
    file = File(
        id=slack.workspace.new_id("F"),
        name=PurePath(call.required("filename")).name,
        size=size,
        alt_text=call.text("alt_txt"),
    )
    slack.workspace.keep(file)
    return {"upload_url": f"{slack.url}/upload/v1/{file.id}", "file_id": file.id}


def receive(slack: Slack, file_id: str, data: bytes) -> str:
    """Take the bytes of an upload; Slack answers with a line of plain text.

    Raises:
        SlackError: `file_not_found` (404), or `size_mismatch` (400).
    """
    file = slack.workspace.files.get(file_id)
    if file is None or file.complete:
        raise SlackError("file_not_found", status=404)
    if len(data) != file.size:
        raise SlackError("size_mismatch", status=400)
    file.data = data
    return f"OK - {len(data)}"


async def complete_upload(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`files.completeUploadExternal`: without a channel the file stays private."""
    given = call.structure("files", "invalid_arguments")
    if not isinstance(given, list) or not given:
        raise SlackError("invalid_arguments", ["[ERROR] missing required field: files"])
    files = []
    for one in given:
        file = slack.workspace.files.get(str(one.get("id"))) if isinstance(one, dict) else None
        if file is None or file.data is None:
            raise SlackError("file_not_found")
        file.title = str(one.get("title") or file.name)
        files.append(file)
    names = [call.text("channel_id"), *call.text("channels").split(",")]
    channels = [slack.workspace.channel(name) for name in names if name]
    thread = call.text("thread_ts")
    blocks = call.structure("blocks", "invalid_blocks_format") or []
    for channel in channels:
        if directory.BOT_USER not in channel.members:
            raise SlackError("not_in_channel")
    for file in files:
        file.complete = True
    for channel in channels:
        message = Message(
            ts=slack.workspace.new_ts(),
            channel=channel.id,
            user=directory.BOT_USER,
            text=call.text("initial_comment"),
            blocks=with_ids(copy.deepcopy(blocks)),
            thread_ts=slack.workspace.root_of(channel, thread) if thread else None,
            from_app=True,
        )
        for file in files:
            file.shares.append((channel.id, message.ts))
        message.files = [as_slack(slack, file) for file in files]
        slack.workspace.post(channel, message)
    return {"files": [as_slack(slack, file) for file in files]}


async def info(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`files.info`."""
    file = slack.workspace.files.get(call.required("file"))
    if file is None or not file.complete:
        raise SlackError("file_not_found")
    shares: dict[str, list[dict[str, str]]] = {}
    for channel, ts in file.shares:
        shares.setdefault(channel, []).append({"ts": ts})
    return {"file": as_slack(slack, file) | {"shares": {"public": shares}}, "comments": []}
