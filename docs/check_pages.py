"""Looks at every page of the built documentation in a real browser, as wide as a desktop's and as a phone's.

    python -m sphinx -W docs docs/_build && python docs/check_pages.py docs/_build

Names what is wrong and ends with an error: what the console complains of, a request that leaves the folder, an image
that does not show, a link whose page or place is not there, a page that is wider than the window, mathematics that
takes no room. Needs Chromium or Chrome, and nothing else; ``--shots FOLDER`` also leaves a picture of each page.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WIDTHS = (1280, 390)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
LOOK = """(async () => {
    for (const image of document.images) image.loading = 'eager';
    await Promise.all([...document.images].map(image => image.decode().catch(() => null)));
    await document.fonts.ready;
    const faults = [];
    for (const image of document.images)
        if (!image.naturalWidth) faults.push('image does not show: ' + image.getAttribute('src'));
    const wider = document.documentElement.scrollWidth - screen.width;
    if (wider > 0) faults.push(`wider than the window by ${wider} pixels`);
    for (const formula of document.querySelectorAll('math'))
        if (formula.checkVisibility() && !formula.getBoundingClientRect().width)
            faults.push('mathematics takes no room: ' + formula.textContent.slice(0, 40));
    return {faults, links: [...document.querySelectorAll('a[href]')].map(a => a.href),
            places: [...document.querySelectorAll('[id]')].map(e => e.id)};
})()"""


class Browser:
    """A headless browser that is spoken to over two pipes, one message of JSON after the other."""

    def __init__(self, program: str, profile: str) -> None:
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        connect = f'exec "$@" --remote-debugging-pipe 3<&{theirs_in} 4>&{theirs_out}'
        self.process = subprocess.Popen(
            ["bash", "-c", connect, "bash", *command], pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL
        )
        os.close(theirs_in), os.close(theirs_out)
        self._in, self._out = os.fdopen(ours_in, "rb"), os.fdopen(ours_out, "wb")
        self._rest, self._number, self.events = b"", 0, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    _session: str | None = None

    def call(self, method: str, **params: Any) -> dict:
        """The answer to a command; what happened before it came is kept in ``events``."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        self._out.flush()
        while (answer := self._read()).get("id") != self._number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def wait(self, event: str) -> None:
        """Until an event of this name has come."""
        while not any(each.get("method") == event for each in self.events):
            self.events.append(self._read())

    def _read(self) -> dict:
        while b"\0" not in self._rest:
            more = os.read(self._in.fileno(), 1 << 16)
            if not more:
                raise RuntimeError("the browser ended")
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def close(self) -> None:
        """End the browser."""
        self.process.terminate()
        self.process.wait()
        self._in.close(), self._out.close()


def complaints(events: list[dict]) -> Iterator[str]:
    """What the console says, and what was asked of somewhere else than the folder."""
    for event in events:
        params = event.get("params", {})
        match event.get("method"):
            case "Runtime.exceptionThrown":
                yield f"exception: {params['exceptionDetails']['text']}"
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "assert"):
                yield f"console: {' '.join(str(arg.get('value', '')) for arg in params['args'])}"
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                yield f"console: {params['entry']['text']} {params['entry'].get('url', '')}"
            case "Network.requestWillBeSent" if not params["request"]["url"].startswith(("file:", "data:", "blob:")):
                yield f"asks another place: {params['request']['url']}"


def look(browser: Browser, page: Path, width: int, shot: Path | None) -> dict:
    """The faults, links and places of one page in a window of one width."""
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, screenWidth=width, screenHeight=900,
                 deviceScaleFactor=1, mobile=width < 600)  # fmt: skip
    browser.events.clear()
    browser.call("Page.navigate", url=page.as_uri())
    browser.wait("Page.loadEventFired")
    seen = browser.call("Runtime.evaluate", expression=LOOK, awaitPromise=True, returnByValue=True)["result"]["value"]
    if shot is not None:
        picture = browser.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        shot.write_bytes(base64.b64decode(picture))
    return seen | {"faults": [*dict.fromkeys([*complaints(browser.events), *seen["faults"]])]}


def broken(links: list[str], places: dict[str, set[str]]) -> Iterator[str]:
    """Links into the folder whose page or place is not there."""
    for link in dict.fromkeys(links):
        address, _, place = link.partition("#")
        if not address.startswith("file:"):
            continue
        if address not in places and not Path(address.removeprefix("file://")).is_file():
            yield f"leads nowhere: {link}"
        elif place and place not in places.get(address, {place}):
            yield f"no such place: {link}"


def check(folder: Path, program: str, shots: Path | None = None) -> dict[str, list[str]]:
    """The faults of all pages of a folder, by page and width."""
    pages = sorted(folder.resolve().rglob("*.html"))
    found: dict[tuple[Path, int], dict] = {}
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(program, profile)
        try:
            for page in pages:
                for width in WIDTHS:
                    name = "-".join(page.relative_to(folder.resolve()).with_suffix("").parts)
                    shot = None if shots is None else shots / f"{name}-{width}.png"
                    found[page, width] = look(browser, page, width, shot)
        finally:
            browser.close()
    places = {page.as_uri(): set(seen["places"]) for (page, _), seen in found.items()}
    for seen in found.values():
        seen["faults"] += broken(seen["links"], places)
    return {
        f"{page.relative_to(folder.resolve())} at {width}": seen["faults"]
        for (page, width), seen in found.items()
        if seen["faults"]
    }


def find_browser() -> str | None:
    """The browser that is installed, if there is one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def main() -> None:
    """Check a folder, and say what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what Sphinx has built")
    parser.add_argument("--shots", type=Path, default=None, metavar="FOLDER", help="leave a picture of each page here")
    options = parser.parse_args()
    program = find_browser()
    if program is None:
        sys.exit(f"no browser: expected one of {', '.join(BROWSERS)} on the path.")
    if not (options.folder / "index.html").is_file():
        sys.exit(f"{options.folder} has no index.html: python -m sphinx docs {options.folder}")
    if options.shots is not None:
        options.shots.mkdir(parents=True, exist_ok=True)
    faults = check(options.folder, program, options.shots)
    for page, said in faults.items():
        print(page, *said, sep="\n    ")
    pages = len(list(options.folder.rglob("*.html")))
    print(f"{pages} pages at {' and '.join(map(str, WIDTHS))} pixels: {len(faults)} with faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
