"""A picture of the console's page, taken while the demo's stack still runs."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

from stack.stack import Stack

PAGE = "plugin/amc"
SIZE = {"width": 1280, "height": 1200}
TIMEOUT_MILLISECONDS = 30_000
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]


def page_url(stack: Stack) -> str:
    """Return where the console's page is while the stack runs."""
    return f"{stack.settings.api_url}/{PAGE}"


def take_picture(stack: Stack) -> Path | None:
    """Save the page as ``console.png`` in the stack's directory.

    :return: the file; None where the machine has no Chromium, or it did not show the page.
    """
    program = shutil.which("chromium")
    if program is None:
        return None
    from playwright.sync_api import Error, sync_playwright

    token = stack.api().headers["Authorization"].removeprefix("Bearer ")
    path = stack.settings.data / "console.png"
    try:
        with (
            sync_playwright() as playwright,
            closing(playwright.chromium.launch(executable_path=program, args=ARGUMENTS)) as browser,
        ):
            context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
            cookie = {"name": "_token", "value": token, "url": stack.settings.api_url}
            context.add_cookies([cookie])  # type: ignore[list-item]
            page = context.new_page()
            page.goto(page_url(stack), timeout=TIMEOUT_MILLISECONDS)
            page.get_by_role("table", name="Instances").wait_for(timeout=TIMEOUT_MILLISECONDS)
            page.screenshot(path=path)
    except Error:
        return None
    return path
