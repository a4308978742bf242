"""Looks at every page of the account managers as people do: with axe's rules, by keyboard alone, and on a telephone.

    python look.py EXAMPLE AXE [PICTURES]

EXAMPLE is the built example `page`, AXE the file axe.min.js, PICTURES a folder for screenshots.
"""

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

DESK = {"width": 1280, "height": 900}
TELEPHONE = {"width": 390, "height": 844}
MAX_TABS = 80


def failures_of(page: Page, axe: str) -> list[str]:
    """What axe finds wrong, a line each."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {violation['help']} at {node['target']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def open_list(page: Page, origin: str, query: str = "") -> None:
    """Goes to the list, once everyone is ranked and what was told a month ago is judged."""
    for _ in range(60):
        page.goto(origin + "/record")
        if page.locator("table").count():
            break
        page.wait_for_timeout(1_000)
    page.goto(f"{origin}/{query}")
    page.wait_for_selector("a[href^='/customer/']", timeout=60_000)


def pages(page: Page, origin: str) -> dict[str, str]:
    """Every page there is, by a name for its pictures."""
    open_list(page, origin)
    customer = page.locator("tbody a[href^='/customer/']").first.get_attribute("href")
    return {
        "list": "/",
        "cut-off": "/?at_least=40&sort=chance",
        "nobody": "/?search=nobody-at-all",
        "customer": customer,
        "left": f"{customer}/left",
        "record": "/record",
        "map": "/map",
        "message": "/nowhere",
    }


def look(browser: Browser, cookies: list[dict], origin: str, axe: str, pictures: Path | None) -> list[str]:
    """What is wrong on any page, in light and dark, on a desk and on a telephone."""
    wrong = []
    for scheme in ("light", "dark"):
        for device, viewport in (("desk", DESK), ("telephone", TELEPHONE)):
            context = browser.new_context(color_scheme=scheme, viewport=viewport, bypass_csp=True, locale="en")
            context.add_cookies(cookies)
            page = context.new_page()
            for name, path in pages(page, origin).items():
                page.goto(origin + path)
                page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
                here = f"{name} ({scheme}, {device})"
                wrong += [f"{here}: {failure}" for failure in failures_of(page, axe)]
                width = page.evaluate("document.documentElement.scrollWidth")
                if width > viewport["width"]:
                    wrong.append(f"{here}: it is {width} wide and scrolls sideways")
                if pictures:
                    page.screenshot(path=pictures / f"{name}-{scheme}-{device}.png", full_page=True)
            context.close()
    return wrong


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until the focus is there."""
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"no Tab leads to {selector} on {page.url}")


def by_keyboard(browser: Browser, cookies: list[dict], origin: str) -> None:
    """From entering to "I will do this" and from there to putting the customer off, without a mouse or script."""
    context = browser.new_context(viewport=DESK, locale="en")
    context.add_cookies(cookies)
    page = context.new_page()
    open_list(page, origin)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip", "the first Tab offers to skip to the content"
    tab_to(page, "#at_least")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url("**at_least=1**")
    open_list(page, origin, "?search=rich-call")
    tab_to(page, "a[href^='/customer/']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/customer/*")
    tab_to(page, "button[value=will_do]")
    page.keyboard.press("Enter")
    page.wait_for_url("**became=recorded")
    page.get_by_text("Decided on").first.wait_for()
    tab_to(page, "button[name=days][value='7']")
    page.keyboard.press("Enter")
    page.get_by_text("Put off: back in the list on").wait_for()
    context.close()


def main(example: str, axe_file: str, pictures: str | None = None) -> int:
    axe = Path(axe_file).read_text(encoding="utf-8")
    folder = Path(pictures) if pictures else None
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    served = subprocess.Popen([example], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        entry = served.stdout.readline().strip()
        origin = entry.split("/enter")[0]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            context = browser.new_context(bypass_csp=True, locale="en")
            page = context.new_page()
            page.goto(origin)
            wrong = [f"at the door: {failure}" for failure in failures_of(page, axe)]
            page.goto(entry)
            cookies = context.cookies()
            wrong += look(browser, cookies, origin, axe, folder)
            by_keyboard(browser, cookies, origin)
            browser.close()
    finally:
        served.stdin.close()
        served.wait(timeout=30)
    for line in wrong:
        print(line)
    print(f"{len(wrong)} things are wrong with the pages")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
