"""Makes the pictures of the README from the running program: `make pictures`.

thread.png: the page of a demo, photographed in a headless Chromium after the approval.
terminal.svg: `chaosbot run "kill tikv" --approve`, as a terminal shows it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import shutil
import signal
import struct
import sys
import tempfile
import termios
from pathlib import Path

from playwright.async_api import async_playwright
from rich.console import Console
from rich.text import Text

IMAGES = Path(__file__).parent / "images"
WIDTH = 100
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


async def photograph_the_thread() -> None:
    """Run a demo, approve in it, and photograph the page."""
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--port", "0", "--stay", "--no-browser"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    if demo.stderr is None:
        raise RuntimeError("the demo has no standard error")
    url = None
    while url is None:
        url = re.search(r"http://127\.0\.0\.1:\d+", (await demo.stderr.readline()).decode())
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(FLAGS)
        )
        page = await browser.new_page(
            viewport={"width": 1360, "height": 1180}, device_scale_factor=1.5
        )
        await page.goto(url[0])
        await page.get_by_role("button", name="Approve restore").click(timeout=60_000)
        await page.get_by_role("button", name="Restore it").click()
        thread = page.get_by_role("complementary", name="Thread")
        await thread.get_by_role("button", name="Run again").wait_for(timeout=60_000)
        await thread.get_by_text("the cluster is well").wait_for(timeout=60_000)
        await page.screenshot(path=IMAGES / "thread.png")
        await browser.close()
    demo.send_signal(signal.SIGINT)
    await demo.communicate()


def record_the_terminal() -> None:
    """Run once on a pseudo-terminal, and draw what stood on it at the end."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 60, WIDTH, 0, 0))
    with tempfile.TemporaryDirectory(prefix="cb-") as home:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "bot", "run", "kill tikv", "--approve"],
            {**os.environ, "CHAOSBOT_HOME": home, "TERM": "xterm-256color", "USER": "you"}
            | {"LOGNAME": "you"},
            file_actions=[(os.POSIX_SPAWN_DUP2, child, number) for number in (0, 1, 2)],
        )
        os.close(child)
        written = b""
        while True:
            try:
                part = os.read(parent, 65536)
            except OSError:  # the other end is closed: the run is over
                break
            written += part
        os.waitpid(pid, 0)
    console = Console(record=True, width=WIDTH, file=Path(os.devnull).open("w", encoding="utf-8"))
    console.print(Text.from_ansi("\n".join(screen(written.decode(errors="replace")))))
    drawn = console.export_svg(title='chaosbot run "kill tikv" --approve')
    own_fonts = re.sub(
        r"@font-face\s*{.*?}", "", drawn, flags=re.DOTALL
    )  # nothing from the network
    (IMAGES / "terminal.svg").write_text(own_fonts, encoding="utf-8")


def screen(written: str) -> list[str]:
    """The lines that stand at the end: live lines that were painted over are gone.

    Knows what Rich writes: carriage return, erase line, cursor up, and lines.
    """
    lines, row = [""], 0
    for part in re.split(r"(\r\n|\n|\r|\x1b\[\d*A|\x1b\[2K|\x1b\[\?25[hl])", written):
        if part in {"\r\n", "\n"}:
            row += 1
            if row == len(lines):
                lines.append("")
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part.endswith("A") and part.startswith("\x1b["):
            row -= int(part[2:-1] or 1)
        elif part and part != "\r" and not part.startswith("\x1b[?"):
            lines[row] += part
    return lines


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    record_the_terminal()
    asyncio.run(photograph_the_thread())
