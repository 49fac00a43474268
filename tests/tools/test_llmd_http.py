"""What llmd answers to requests of every kind: http/corpus.txt, on the host and in the machine."""
import contextlib
import pathlib
import re
import socket
import tempfile
import time
import unittest
from typing import NamedTuple

from harness.host import ROOT, make
from harness.serving import (CHECKED_LLMD, MODELS, NO_MODELS, OUT, Machine, Server, connect,
                             image_with)

CORPUS = pathlib.Path(__file__).parent / "http" / "corpus.txt"
LAST = b"GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
PIECE = 7               # bytes, of a request that is sent in pieces
PIECES_MAX = 10000      # bytes of a request that is not too long for that
SLOW_S = 10             # services/llmd/http.h: HTTP_REQUEST_MS, after which a client is answered 408


class Case(NamedTuple):
    """One request of the corpus, or several in one."""
    name: str
    statuses: list
    fate: str
    text: bytes


def unescape(text):
    repeated = re.sub(r"\{(.*?)\*(\d+)\}", lambda found: found[1] * int(found[2]), text)
    return repeated.encode("latin-1").decode("unicode_escape").encode("latin-1")


def read_corpus():
    cases = []
    for line in CORPUS.read_text(encoding="ascii").splitlines():
        if line.startswith("    "):
            cases[-1] = cases[-1]._replace(text=cases[-1].text + unescape(line.strip()))
        elif line and not line.startswith("#"):
            name, _, rest = line.rpartition(": ")
            *statuses, fate = rest.split()
            cases.append(Case(name, statuses, fate, b""))
    return cases


def exchange(port, case, piece):
    """Statuses of all responses until the server ended the connection, and the responses."""
    answer = b""
    with connect(port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        text = case.text + (LAST if case.fate == "open" else b"")
        with contextlib.suppress(ConnectionError):      # it may end before all was sent
            for at in range(0, len(text), piece):
                connection.sendall(text[at:at + piece])
            if case.fate == "cut":
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                answer += part
    return [status.decode() for status in re.findall(rb"HTTP/1\.1 (\d+) ", answer)], answer


def exchange_in_time(port, case, piece):
    """The same, again where this host did not get its part done in the time that a client has."""
    while True:
        begun = time.monotonic()
        statuses, answer = exchange(port, case, piece)
        if "408" not in statuses or "408" in case.statuses or time.monotonic() - begun < SLOW_S:
            return statuses, answer


class Corpus:
    """`server` is the one that is asked."""
    # pylint: disable=no-member
    server, slow = None, None
    pieces = (1 << 20,)

    @classmethod
    def begin(cls):
        """A client that sends half a request, and is looked at again when all others are done."""
        cls.slow = connect(cls.server.port)
        cls.addClassCleanup(cls.slow.close)
        cls.slow.sendall(b"GET /health HTTP/1.1\r\n")

    def test_corpus(self):
        for case in read_corpus():
            for piece in self.pieces:
                if piece < len(case.text) > PIECES_MAX:
                    continue
                with self.subTest(case=case.name, piece=piece):
                    statuses, answer = exchange_in_time(self.server.port, case, piece)
                    expected = case.statuses + (["200"] if case.fate == "open" else [])
                    self.assertEqual(statuses, expected, answer[:500])
                    if "405" in statuses:
                        self.assertRegex(answer, rb"\r\nAllow: [A-Z, ]+\r\n")
                    if case.fate != "cut" and expected != ["100"]:
                        self.assertIn(b"\r\nConnection: close\r\n", answer)

    def test_every_response_has_the_date(self):
        response, _ = self.server.request("GET", "/nothing")
        self.assertRegex(response.getheader("Date"),
                         r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d GMT")

    def test_slow_client_is_told_so(self):
        answer = b"".join(iter(lambda: self.slow.recv(4096), b""))
        self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)
        self.assertIn(b"\r\nConnection: close\r\n", answer)


def setUpModule():
    status, output = make(*(str(path.relative_to(ROOT)) for path in (
        CHECKED_LLMD, OUT / "exo.Image", OUT / "bin" / "llmd.elf",
        OUT / "bin" / "llmd-sockets.elf")))
    if status:
        raise RuntimeError(output)


@unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
class Hosted(Corpus, unittest.TestCase):
    pieces = (1 << 20, PIECE)

    @classmethod
    def setUpClass(cls):
        cls.server = Server(MODELS / "stories260K.bin", MODELS / "tok512.bin", program=CHECKED_LLMD)
        cls.addClassCleanup(cls.check)
        cls.begin()

    @classmethod
    def check(cls):
        """The sanitizers have found nothing, leaks included."""
        if cls.server.stop():
            raise AssertionError(cls.server.errors[-3000:])


class InMachine(Corpus):
    """`variables` are the machine's, `program` is the configuration of llmd that it runs."""
    # pylint: disable=no-member
    variables = {}
    program = "llmd"

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            cls.server = Machine(image_with(folder, MODELS / "stories260K.bin",
                                            MODELS / "tok512.bin", cls.program), **cls.variables)
        cls.addClassCleanup(cls.server.stop)
        cls.begin()


@unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
class MachineOfFour(InMachine, unittest.TestCase):
    variables = {"SMP": "4"}


@unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
class MachineOfOne(InMachine, unittest.TestCase):
    variables = {"SMP": "1", "CPU": "cortex-a72"}
    test_slow_client_is_told_so = None      # ten seconds, which the others wait for


@unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
class MachineWithSockets(InMachine, unittest.TestCase):
    program = "llmd-sockets"
    test_slow_client_is_told_so = None
