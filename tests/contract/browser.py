"""A headless Chromium that looks at pages, told over its debugging pipe (DevTools protocol). Standard library alone."""

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import Failed, Skipped


def find():
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        raise Skipped("no chromium: make browser-packages")
    return found


class Browser:
    """With a profile in `folder`. Messages are JSON ended by a zero byte; it reads from 3 and writes to 4."""

    def __init__(self, folder):
        from_us, self._to = os.pipe()
        self._from, to_us = os.pipe()
        theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (from_us, to_us)]

        def take_pipe():
            for place, fd in zip((3, 4), theirs):
                os.dup2(fd, place)

        self._process = subprocess.Popen(
            [find(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(3, 4),
            preexec_fn=take_pipe)
        for fd in (from_us, to_us, *theirs):
            os.close(fd)
        self._numbers, self._read, self.events = itertools.count(1), b"", []
        target = self.call("Target.createTarget", url="about:blank", session=None)["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True, session=None)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(20)
        os.close(self._to)
        os.close(self._from)

    def _message(self, seconds):
        end = time.monotonic() + seconds
        while b"\0" not in self._read:
            ready, _, _ = select.select([self._from], [], [], max(0, end - time.monotonic()))
            part = os.read(self._from, 1 << 20) if ready else b""
            if not part:
                raise Failed(f"the browser {'has ended' if ready else f'said nothing for {seconds} s'}")
            self._read += part
        message, self._read = self._read.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session="own", **parameters):
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message(60)
            if answer.get("id") == number:
                if "error" in answer:
                    raise Failed(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, url, width, height=900, dark=False):
        """Loads the page in a window of this size; forgets what was said of the one before."""
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._message(60))

    def value_of(self, script):
        """What a script of the page gives, a promise's value once it is there."""
        done = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise Failed(f"in the page: {done['exceptionDetails']}")
        return done["result"].get("value")

    def complaints(self):
        """Errors and warnings of the console, exceptions, and what was loaded over the network."""
        said = []
        for event in self.events:
            parameters = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                said.append(parameters["exceptionDetails"].get("text", "exception"))
            elif event.get("method") == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
                said.append(str(parameters["args"]))
            elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                said.append(parameters["entry"]["text"])
            elif event.get("method") == "Network.requestWillBeSent":
                url = parameters["request"]["url"]
                if not url.startswith(("file:", "data:", "blob:")):
                    said.append(f"asked the network for {url}")
        return said

    def picture(self, path):
        """The whole page as PNG, with all charts drawn."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        done = self.call("Page.captureScreenshot", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1})
        path.write_bytes(base64.b64decode(done["data"]))


def main():
    """browser.py PAGE PICTURE.png [WIDTH] [dark]: how a page looks."""
    page, picture, width, *dark = [*sys.argv[1:], "1280"][:4] if len(sys.argv) == 3 else sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder, Browser(folder) as browser:
        browser.open(f"file://{Path(page).resolve()}", int(width), dark=bool(dark))
        browser.value_of("charts.forEach(drawChart)")
        browser.picture(Path(picture))


if __name__ == "__main__":
    main()
