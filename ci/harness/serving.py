"""llmd as a test meets it: the hosted one, and a machine that serves, each on a port of the host."""
import contextlib
import http.client
import pathlib
import re
import socket
import subprocess
import threading
import time

from .host import ROOT, clean_environment
from .patience import Patience, running

LLMD = ROOT / "out" / "host" / "llmd"
CHECKED_LLMD = ROOT / "out" / "host-asan" / "llmd"      # the same under the sanitizers
OUT = ROOT / "out" / "clang-release"
TOOLS = ROOT / "build" / "tools"
MODELS = ROOT.parent / "shared" / "models"
NO_MODELS = "no ../shared/models: what is served comes from there"
PROMPT = b"Once upon a time"
ANSWERS = 2     # at a time
SERVING_S = 60  # after which a machine that does not serve hangs: patience.py


def connect(port):
    """A connection to a port of this host; again, when the host has given up since nobody took it: QEMU lets
    one client at a time wait, and may stand still meanwhile."""
    while True:
        with contextlib.suppress(TimeoutError):
            return socket.create_connection(("127.0.0.1", port))


def http_connect(port):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.sock = connect(port)
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)   # as it does by itself
    return connection


class Server:
    """An llmd on a free port of the host. Its answers are waited for as long as it runs: what ends a
    test that hangs ends it (tools.py)."""
    tries_s = 0     # that a connection which is reset is tried again: patience.py

    def __init__(self, *files, program=LLMD):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([program, *files, "0", str(ANSWERS)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.lines = []
        running.add(self)
        line = self.process.stdout.readline()
        self.port = int(line.rsplit(":", 1)[1]) if line else None

    def end(self):
        return self.stop()

    def stop(self):
        self.process.terminate()
        _, self.errors = self.process.communicate()
        return self.process.returncode

    def connection(self):
        return http_connect(self.port)

    def request(self, method, path, body=None):
        patience = Patience(self.tries_s)
        while True:
            try:
                return self.try_request(method, path, body)
            except ConnectionResetError:
                if patience.is_over():
                    raise

    def try_request(self, method, path, body):
        with contextlib.closing(self.connection()) as connection:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response, response.read()

    def complete(self, prompt=PROMPT, query=""):
        return self.request("POST", "/completion" + query, prompt)[1]

    def metrics(self):
        """All metrics without labels."""
        text = self.request("GET", "/metrics")[1].decode()
        return {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", text, re.MULTILINE)}

    def metric(self, name):
        return self.metrics()[name]

    def until(self, holds, otherwise):
        """Waits until something is true of the metrics; `otherwise` says what hangs."""
        patience = Patience(SERVING_S)
        while not holds(seen := self.metrics()):
            if patience.is_over():
                raise AssertionError(f"{otherwise}: {seen}")

    def copied_bytes(self):
        """{routine: bytes that it copied}"""
        text = self.request("GET", "/metrics")[1].decode()
        found = re.findall(r'^net_bytes_copied_total{routine="([a-z_]+)"} ([0-9]+)$', text,
                           re.MULTILINE)
        return {routine: int(count) for routine, count in found}


class Machine(Server):
    """A machine that serves; what its console says is kept, and when (seconds after its start).
    `ready` is what it says when it does."""
    tries_s = 30    # QEMU's user-mode networking resets connections that come in bursts

    def __init__(self, image, ready="llmd: serving at", **variables):
        # pylint: disable=super-init-not-called,consider-using-with
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [TOOLS / "run-qemu", "--kernel", OUT / "exo.Image", "--initrd", image],
            env=clean_environment(**{"NET": "user"} | variables),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.port, self.lines, self.times, self.changed = None, [], [], threading.Condition()
        running.add(self)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        if not self.says(ready):
            self.stop()
            raise RuntimeError("the machine does not serve:\n" + "".join(self.lines))

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line)
                self.times.append(time.monotonic() - self.started)
                if " is the guest's port 80" in line:
                    self.port = int(line.split()[1].rsplit(":", 1)[1])
                self.changed.notify_all()
        with self.changed:
            self.lines.append("")       # the end
            self.changed.notify_all()

    def says(self, text):
        """Waits until the console has said `text`: whether it did."""
        def said():
            return any(text in line for line in self.lines)
        patience = Patience(SERVING_S)
        with self.changed:
            while not said() and "" not in self.lines and not patience.is_over():
                self.changed.wait(1)
            return said()

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        return self.process.returncode


def image_with(folder, checkpoint, tokenizer, program="llmd"):
    """A boot image that carries a model itself."""
    image = pathlib.Path(folder) / "llmd.img"
    subprocess.run([TOOLS / "mkboot", "-o", image, "--init", OUT / "bin" / f"{program}.elf",
                    f"model.bin={checkpoint}", f"tokenizer.bin={tokenizer}"], check=True)
    return image
