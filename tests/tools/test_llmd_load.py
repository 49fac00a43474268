"""llmd in the machine under many requests: nothing of what they take stays taken."""
import concurrent.futures
import contextlib
import os
import tempfile
import unittest

from harness.host import make
from harness.patience import Patience
from harness.serving import MODELS, NO_MODELS, PROMPT, Machine, image_with

# What the one connection takes that asks for it, when nothing is on its way ...
AT_REST = {"net_connections_open": 1, "net_tcp_connections": 1, "net_tcp_segments": 0, "net_pbufs": 0,
           "net_buffers_held": 1, "llmd_running": 0, "llmd_queue_length": 0}
# ... and what else must be as it was then.
GAUGES = {"memory_frames_free", "net_heap_bytes", *AT_REST}
SEQUENTIAL = 10000 if os.environ.get("SOAK") else 200
CONCURRENT = 64
CACHE_MIB = 1   # fewer beginnings fit than there are
ROUNDS = 5      # in which memory may still grow: how many come at once is the host's to say
SETTLE_S = 30   # TIME-WAIT is over, and all acknowledgements are there: patience.py


def setUpModule():
    status, output = make("out/clang-release/exo.Image", "out/clang-release/bin/llmd.elf")
    if status:
        raise RuntimeError(output)


class Load:
    """`variables` are the machine's."""
    # pylint: disable=no-member
    variables = {}

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            image = image_with(folder, MODELS / "stories260K.bin", MODELS / "tok512.bin")
            words = f"llmd.queue={CONCURRENT} llmd.cache={CACHE_MIB}"
            cls.server = Machine(image, CMDLINE=words, **cls.variables)
        cls.addClassCleanup(cls.server.stop)
        cls.at_once()       # whatever grows once has grown

    @classmethod
    def one(cls, number):
        if number % 4:
            return cls.server.request("GET", "/health")[0].status
        return cls.server.request("POST", f"/completion?n={number % 5 + 1}", b"Once")[0].status

    @classmethod
    def at_once(cls):
        with concurrent.futures.ThreadPoolExecutor(CONCURRENT) as pool:
            return list(pool.map(lambda _: len(cls.server.complete(query="?n=8")) > 0,
                                 range(CONCURRENT)))

    def gauges(self):
        """What is taken when nobody asks for anything else."""
        patience = Patience(SETTLE_S)
        with contextlib.closing(self.server.connection()) as connection:
            while True:
                connection.request("GET", "/metrics")
                text = connection.getresponse().read().decode()
                words = (line.split() for line in text.splitlines() if not line.startswith("#"))
                found = {name: int(value) for name, value in words if name in GAUGES}
                if found.items() >= AT_REST.items():
                    return found
                self.assertFalse(patience.is_over(), f"does not come to rest: {found}")

    def check(self, work):
        for _ in range(ROUNDS):
            before = self.gauges()
            self.assertEqual(set(before), GAUGES)
            work()
            after = self.gauges()
            if after == before:
                break
        self.assertEqual(after, before)
        self.assertEqual(self.server.metric("net_allocations_refused_total"), 0)
        self.assertEqual(self.server.metric("net_connections_refused_total"), 0)

    def test_one_after_the_other(self):
        self.check(lambda: self.assertEqual({self.one(i) for i in range(SEQUENTIAL)}, {200}))

    def test_at_once(self):
        self.check(lambda: self.assertTrue(all(self.at_once())))


@unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
class MachineOfOne(Load, unittest.TestCase):
    variables = {"SMP": "1"}


@unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
class MachineOfFour(Load, unittest.TestCase):
    variables = {"SMP": "4"}

    def leave(self, number):
        """Asks for a long answer with a key, and goes away: before it begins, or in its middle."""
        query = f"/completion?n=200&cache_key=k{number}"
        with contextlib.suppress(ConnectionError), \
             contextlib.closing(self.server.connection()) as connection:
            connection.request("POST", query, PROMPT * 6)
            if number % 3:
                connection.getresponse().read(number)

    def test_who_leaves(self):
        before, patience = self.gauges(), Patience(SETTLE_S)
        while True:         # until some have left in the middle, and more were kept than fit
            with concurrent.futures.ThreadPoolExecutor(CONCURRENT) as pool:
                list(pool.map(self.leave, range(CONCURRENT)))
            after, metrics = self.gauges(), self.server.metrics()
            if metrics["llmd_abandoned_total"] and metrics["llmd_prompt_cache_evictions_total"]:
                break
            self.assertFalse(patience.is_over(), metrics)
        frames = before.pop("memory_frames_free")   # beginnings that are kept take some
        self.assertGreaterEqual(after.pop("memory_frames_free"), frames - 2 * CACHE_MIB * 256)
        self.assertEqual(after, before)
        self.assertLessEqual(self.server.metric("llmd_prompt_cache_bytes"), CACHE_MIB << 20)


@unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
class SmallMachine(unittest.TestCase):
    def test_24_mib_are_enough(self):
        with tempfile.TemporaryDirectory() as folder:
            server = Machine(image_with(folder, MODELS / "stories260K.bin", MODELS / "tok512.bin"),
                             MEM="24M")
        self.addCleanup(server.stop)
        response, text = server.request("POST", "/completion?n=64", b"Once upon a time")
        self.assertEqual(response.status, 200)
        reference = MODELS / "ref" / "stories260K.once-upon-a-time.t0.n256.txt"
        self.assertTrue(reference.read_bytes()[len(b"Once upon a time"):].startswith(text))
        self.assertEqual(server.metric("llmd_generated_tokens_total"), 64)
        self.assertEqual(server.metric("net_allocations_refused_total"), 0)
        self.assertGreater(server.metric("memory_frames_free"), 0)
