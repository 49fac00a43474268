"""llmd in the machine when the generation that it serves on fault turns out bad: its answers end, the
next one is served, and nothing of it stays."""
import concurrent.futures
import http.client
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness.host import ROOT, make
from harness.patience import Patience
from harness.serving import OUT, Machine

TOOL = ROOT / "out" / "host" / "bundle"
KEY = ROOT / "out" / "keys" / "development.key"
FILES = ROOT / "bundles" / "default"
BLOCK, SECTOR = 65536, 512
BAD_BLOCK = 11                  # of the weights: read by every token, by nobody before
WAIT_S = 60     # patience.py
AT_ONCE = 6
KERNEL = "llmd.kernel=neon-int16"   # whichever is fastest today: texts of two machines are compared


def setUpModule():
    status, output = make("out/host/bundle", "out/keys/development.pub",
                          "out/clang-release/exo.Image", "out/clang-release/llmd.img")
    if status:
        raise RuntimeError(output)


def make_store(folder, *generations, verify="on-fault", layout=None):
    """A store of the bundle `spare`: (generation, whether it is damaged)."""
    root = pathlib.Path(folder)
    paths = []
    for number, damaged in generations:
        path = root / "spare" / str(number)
        path.mkdir(parents=True)
        for name in ("model.bin", "tokenizer.bin"):
            shutil.copy(FILES / name, path)
        packed = ["--layout", layout, "--from", FILES / "model.bin"] if layout else []
        subprocess.run([TOOL, "make", path, "--verify", verify, "--weights", "model.bin",
                        "--tokenizer", "tokenizer.bin", *packed], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run([TOOL, "sign", path, "--key", KEY], check=True, stdout=subprocess.DEVNULL)
        if damaged:
            data = bytearray((path / "model.bin").read_bytes())
            data[BAD_BLOCK * BLOCK + 77] ^= 8
            (path / "model.bin").write_bytes(data)
        paths.append(path)
    store = root / "store.img"
    subprocess.run([TOOL, "pack", "-o", store, *paths], check=True, stdout=subprocess.DEVNULL)
    return store


class Generations(unittest.TestCase):
    def serve(self, *generations, verify="on-fault", layout=None, words=KERNEL, **variables):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        store = make_store(folder, *generations, verify=verify, layout=layout)
        if "fault" in variables:
            start = (FILES / "model.bin").read_bytes()[:4096]
            at = store.read_bytes().rfind(start)        # of the newest generation
            sector = (at + BAD_BLOCK * BLOCK) // SECTOR
            variables["STORE_FAULT"] = f"{variables.pop('fault')}@{sector}"
        server = Machine(OUT / "llmd.img", STORE=str(store), CMDLINE=f"llmd.bundle=spare {words}",
                         **{"SMP": "4"} | variables)
        self.addCleanup(server.stop)
        return server

    def wait_for(self, server, generation):
        """Until that generation is served: the answers of /health until then."""
        seen, patience = [], Patience(WAIT_S)
        while not patience.is_over():
            response, body = server.request("GET", "/health")
            seen.append((response.status, body.decode()))
            if response.status == 200 and f'"generation":{generation},'.encode() in body:
                return seen
        self.fail(f"generation {generation} is not served: {seen[-1]}")
        return None

    def ask(self, server):
        """The status of one completion, and its text; None: it was cut off."""
        try:
            response, body = server.request("POST", "/completion?n=24", b"Who are you?")
            return response.status, body
        except (http.client.IncompleteRead, ConnectionError):
            return None, b""

    def ask_at_once(self, server):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            return [job.result() for job in [pool.submit(self.ask, server) for _ in range(AT_ONCE)]]

    def good_text(self):
        server = self.serve((1, False))
        self.wait_for(server, 1)
        text, *others = self.ask_at_once(server)
        self.assertEqual(text[0], 200)
        self.assertEqual(set(others), {text})
        return text, server.metric("memory_frames_free")

    def test_corrupt_block_under_load_is_the_end_of_its_generation_alone(self):
        expected, free = self.good_text()
        server = self.serve((1, False), (2, True), (3, True))
        self.wait_for(server, 3)
        statuses = set()
        while expected[0] not in statuses:
            answers = self.ask_at_once(server)
            statuses |= {status for status, _ in answers}
            for status, text in answers:
                self.assertTrue(status in (None, 503) or (status, text) == expected, answers)
        self.assertIn(503, statuses)
        for generation in (3, 2):
            self.assertTrue(server.says(f"bundle spare/{generation}: rejected: model.bin: block "
                                        f"{BAD_BLOCK} is not what was signed"))
        self.wait_for(server, 1)
        self.assertEqual(self.ask(server), expected)
        # What two generations took (of each 352 pages of files, and 512 of packed blocks) is back,
        # but for some pages of the heap, which their answers left in pieces, and of tables.
        self.assertGreater(server.metric("memory_frames_free"), free - 256)

    def test_what_is_packed_when_it_is_touched_answers_as_what_was_packed_before(self):
        eager = self.serve((1, False), verify="eager")
        expected = self.ask(eager)
        self.assertEqual(expected[0], 200)
        eager.stop()
        server = self.serve((1, False))
        self.assertTrue(server.says("packed for them when they are touched"))
        self.assertEqual(server.metric("llmd_packed_blocks"), 0)
        self.assertEqual(self.ask(server), expected)
        packed = server.metric("llmd_packed_blocks")
        self.assertGreater(packed, 200)
        self.assertEqual(self.ask(server), expected)
        self.assertEqual(server.metric("llmd_packed_blocks"), packed)
        server.stop()
        for verify in ("on-fault", "eager"):
            server = self.serve((1, False), verify=verify, layout="rows16-q8")
            self.assertTrue(server.says("packed for them ahead of time"))
            self.assertEqual(self.ask(server), expected)
            self.assertEqual(server.metric("llmd_packed_blocks"), 0)
            server.stop()

    def test_what_is_packed_for_other_kernels_than_the_chosen_ones_is_refused(self):
        with self.assertRaisesRegex(RuntimeError, "spare/1: rejected: layout rows16-q8: kernel"):
            self.serve((1, False), layout="rows16-q8", words="llmd.kernel=reference")

    def test_block_that_cannot_be_read_is_the_end_of_its_generation(self):
        server = self.serve((1, False), (2, False), fault="always")
        self.wait_for(server, 2)
        status, text = self.ask(server)
        self.assertEqual(status, 503)
        self.assertIn(b"cannot be read from the disk", text)
        self.wait_for(server, 1)
        self.assertEqual(self.ask(server)[0], 200)
        self.assertGreater(server.metric("store_errors_total"), 0)

    def test_without_another_generation_health_says_why(self):
        server = self.serve((1, True), SMP="1")
        self.wait_for(server, 1)
        self.assertEqual(self.ask(server)[0], 503)
        self.assertTrue(server.says("llmd: bundle spare: nothing to serve"))
        response, body = server.request("GET", "/health")
        self.assertEqual(response.status, 503)
        self.assertIn(f"model.bin: block {BAD_BLOCK} is not what was signed".encode(), body)
        response, body = server.request("POST", "/completion", b"Once")
        self.assertEqual(response.status, 503)

    def test_prompt_that_cannot_fit_takes_no_memory_from_blocks(self):
        server = self.serve((1, False), MEM="24M")
        free = server.metric("memory_frames_free")
        response, text = server.request("POST", "/completion", b"x" * (256 << 10))
        self.assertEqual(response.status, 400)
        self.assertIn(b"the prompt has 262144 bytes", text)
        self.assertGreater(server.metric("memory_frames_free"), free - 512)

    def test_only_what_is_touched_is_read_before_the_first_answer(self):
        server = self.serve((1, False))
        pages = server.metric("pager_resident_pages")
        blocks = sum(-(-(FILES / name).stat().st_size // BLOCK)
                     for name in ("model.bin", "tokenizer.bin"))
        self.assertLess(pages, blocks * 16 // 2)
        self.assertEqual(self.ask(server)[0], 200)
        self.assertLessEqual(server.metric("pager_resident_pages"), blocks * 16)
        verified = server.metric("pager_bytes_verified_total")
        faults = server.metric("pager_faults_total")
        self.assertGreaterEqual(server.metric("kernel_upcalls_total"), faults)
        self.ask(server)
        self.assertEqual(server.metric("pager_bytes_verified_total"), verified)
        self.assertEqual(server.metric("pager_faults_total"), faults)
