"""llmd over sockets: the same properties of the hosted one, and of the machine that is nothing else."""
import concurrent.futures
import pathlib
import re
import selectors
import socket
import subprocess
import tempfile
import unittest

from harness.host import ROOT, make
from harness.serving import (ANSWERS, LLMD, MODELS, NO_MODELS, OUT, PROMPT, TOOLS, Machine, Server,
                             connect, image_with)

QUEUED_MAX = 64


def setUpModule():
    status, output = make(*(str(path.relative_to(ROOT))
                            for path in (LLMD, OUT / "exo.Image", OUT / "bin" / "llmd.elf")))
    if status:
        raise RuntimeError(output)


class Properties:
    """What is true of every llmd. `server` is one that serves stories260K."""
    # pylint: disable=no-member
    server = None
    queued_max = QUEUED_MAX
    rounds = 16

    @classmethod
    def tearDownClass(cls):
        cls.server.end()

    def reference(self):
        path = MODELS / "ref" / "stories260K.once-upon-a-time.t0.n256.txt"
        return path.read_bytes()[len(PROMPT):]

    def test_answer_is_the_reference_text(self):
        answer = self.server.complete(query="?n=252")   # 256 positions, as the reference counts
        self.assertEqual(answer.rstrip(b"\n"), self.reference().rstrip(b"\n"))

    def test_default_is_64_tokens(self):
        before = self.server.metric("llmd_generated_tokens_total")
        self.server.complete()
        self.assertEqual(self.server.metric("llmd_generated_tokens_total") - before, 64)

    def test_n_is_a_prefix(self):
        whole = self.server.complete(query="?n=30")
        for count in (1, 2, 7, 29):
            part = self.server.complete(query=f"?n={count}")
            self.assertTrue(whole.startswith(part))

    def test_context_ends_an_answer_and_says_so(self):
        raw = connect(self.server.port)
        raw.sendall(b"POST /completion?n=100000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                    b"Content-Length: 4\r\n\r\nOnce")
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
        raw.close()
        self.assertRegex(answer, rb"0\r\nFinish-Reason: (context|end)\r\n\r\n$")

    def test_refusals(self):
        for method, path, body, status in (
                ("GET", "/", None, 404), ("GET", "/completion", None, 405),
                ("POST", "/health", b"", 405), ("DELETE", "/metrics", None, 405),
                ("POST", "/completion?n=0", b"x", 400), ("POST", "/completion?n=-1", b"x", 400),
                ("POST", "/completion?n=1x", b"x", 400), ("POST", "/completion?n=", b"x", 400),
                ("POST", "/completion?n=99999999999999999999", b"x", 400),
                ("POST", "/completion?temperature=hot", b"x", 400),
                ("POST", "/completion?temprature=1", b"x", 400),
                ("POST", "/completion", b"word " * 600, 400),
                ("POST", "/completion", b"x" * 300000, 413)):
            with self.subTest(path=path, status=status):
                response, text = self.server.request(method, path, body)
                self.assertEqual(response.status, status)
                self.assertTrue(text.endswith(b"\n"))
        response, _ = self.server.request("PUT", "/completion")
        self.assertEqual(response.getheader("Allow"), "POST")

    def test_who_asks_wrongly_learns_which_parameter(self):
        _, text = self.server.request("POST", "/completion?n=5&top_p=1.5", b"x")
        self.assertEqual(text, b"top_p: must be a number from 0 to 1\n")

    def test_a_seed_makes_the_same_text_alone_and_beside_others(self):
        queries = [f"?n=24&temperature=1&seed={seed}" for seed in range(4)]
        queries += ["?n=24&temperature=0.8&top_k=40&top_p=0.9&min_p=0.02&repetition_penalty=1.2"]
        alone = [self.server.complete(query=query) for query in queries]
        self.assertEqual(len(set(alone)), len(alone))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda query: self.server.complete(query=query), queries * 2))
        self.assertEqual(together, alone * 2)

    def test_a_kept_beginning_makes_the_same_text(self):
        prompt, query = b"Once upon a time there was a little girl.", "?n=40&temperature=0.8&seed=3"
        plain = self.server.complete(prompt=prompt, query=query)
        before = self.server.metrics()
        for key in ("first", "first", "second"):
            text = self.server.complete(prompt=prompt, query=f"{query}&cache_key={key}")
            self.assertEqual(text, plain)
        self.server.complete(prompt=prompt + b" She had a cat.", query="?n=9&cache_key=second")
        grown = {name: value - before[name] for name, value in self.server.metrics().items()}
        self.assertEqual(grown["llmd_prompt_cache_hits_total"], 2)
        self.assertEqual(grown["llmd_prompt_cache_misses_total"], 2)
        self.assertGreater(grown["llmd_prompt_cache_tokens_total"], 2 * 8)
        self.assertGreater(grown["llmd_prompt_cache_bytes"], 0)

    def test_one_word_to_choose_from_is_greedy(self):
        self.assertEqual(self.server.complete(query="?n=30&temperature=2&top_k=1&seed=9"),
                         self.server.complete(query="?n=30"))

    def test_the_answers_probability_is_in_the_trailer(self):
        with connect(self.server.port) as raw:
            raw.sendall(b"POST /completion?n=3&logprobs=1 HTTP/1.1\r\nHost: h\r\n"
                        b"Connection: close\r\nContent-Length: 4\r\n\r\nOnce")
            answer = b"".join(iter(lambda: raw.recv(65536), b""))
        self.assertIn(b"\r\nTrailer: Finish-Reason, Log-Probability\r\n", answer)
        self.assertRegex(answer, rb"Finish-Reason: length\r\nLog-Probability: -[0-9]\.[0-9]{3}\r\n\r\n$")

    def test_empty_prompt_is_answered(self):
        self.assertGreater(len(self.server.complete(b"", "?n=5")), 0)

    def test_connection_is_kept(self):
        connection = self.server.connection()
        for _ in range(20):
            connection.request("GET", "/health")
            self.assertEqual(connection.getresponse().read()[:14], b'{"status":"ok"')
        connection.close()

    def test_answers_are_the_same_side_by_side(self):
        alone = {count: self.server.complete(query=f"?n={count}") for count in (5, 20, 60)}
        with concurrent.futures.ThreadPoolExecutor(min(24, self.queued_max)) as pool:
            jobs = {pool.submit(self.server.complete, PROMPT, f"?n={count}"): count
                    for count in (5, 20, 60) * self.rounds}
            for job, count in jobs.items():
                self.assertEqual(job.result(), alone[count])

    def test_too_many_are_told_to_come_again(self):
        asked = []
        for _ in range(ANSWERS + self.queued_max + 16):
            connection = connect(self.server.port)
            connection.sendall(b"POST /completion?n=400 HTTP/1.1\r\nHost: h\r\n"
                               b"Content-Length: 1\r\n\r\nx")
            asked.append(connection)
        with selectors.DefaultSelector() as selector:
            for connection in asked:
                selector.register(connection, selectors.EVENT_READ)
            heads = []
            while not any(head.startswith(b"HTTP/1.1 503") for head in heads):
                for key, _ in selector.select():
                    heads.append(key.fileobj.recv(4096))
                    selector.unregister(key.fileobj)
                self.assertLess(len(heads), len(asked), "nobody was refused")
        refused = next(head for head in heads if head.startswith(b"HTTP/1.1 503"))
        self.assertIn(b"Retry-After: 1\r\n", refused)
        for connection in asked:
            connection.close()

    def test_who_goes_away_is_not_answered_on(self):
        abandoned = self.server.metric("llmd_abandoned_total")
        connection = connect(self.server.port)
        connection.sendall(b"POST /completion?n=500 HTTP/1.1\r\nHost: h\r\n"
                           b"Content-Length: 1\r\n\r\nx")
        self.assertEqual(connection.recv(12, socket.MSG_WAITALL), b"HTTP/1.1 200")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()      # with a reset
        self.server.until(lambda seen: seen["llmd_abandoned_total"] > abandoned,
                          "the answer was not abandoned")


@unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
class Hosted(Properties, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(MODELS / "stories260K.bin", MODELS / "tok512.bin")


@unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
class Gguf(unittest.TestCase):
    """Of the context of 128 that its file says, the reference text."""
    def check(self, server):
        self.addCleanup(server.end)
        path = MODELS / "ref" / "stories260K.once-upon-a-time.t0.n256.txt"
        answer = server.complete(query="?n=123")
        self.assertGreater(len(answer), 300)
        self.assertTrue(path.read_bytes()[len(PROMPT):].startswith(answer))
        health = server.request("GET", "/health")[1]
        self.assertIn(b'"model":"GGUF version 3 (llama)"', health)
        self.assertIn(b'"context":128', health)

    def test_hosted(self):
        self.check(Server(*[MODELS / "stories260K.gguf"] * 2))

    def test_names_of_control_tokens_are_text_unless_asked_for(self):
        server = Server(*[MODELS / "stories260K.gguf"] * 2)
        self.addCleanup(server.end)

        def count(prompt, query):
            before = server.metric("llmd_prompt_tokens_total")
            server.complete(prompt, "?n=1" + query)
            return server.metric("llmd_prompt_tokens_total") - before
        self.assertEqual(count(b"a</s>", "&special=1"), count(b"a", "") + 1)
        self.assertGreater(count(b"a</s>", ""), count(b"a", "") + 1)

    def test_machine(self):
        with tempfile.TemporaryDirectory() as folder:
            image = pathlib.Path(folder) / "llmd.img"
            subprocess.run([TOOLS / "mkboot", "-o", image, "--init", OUT / "bin" / "llmd.elf",
                            f"model.bin={MODELS / 'stories260K.gguf'}"], check=True)
            self.check(Machine(image))


class InMachine(Properties):
    """The same of a machine; its own properties besides."""
    # pylint: disable=no-member
    variables = {}
    words = ""      # of the command line
    rounds = 5
    queued_max = 8

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        cls.addClassCleanup(cls.folder.cleanup)
        cls.server = Machine(image_with(cls.folder.name, MODELS / "stories260K.bin",
                                        MODELS / "tok512.bin"),
                             CMDLINE=f"llmd.answers={ANSWERS} llmd.queue={cls.queued_max} "
                                     f"{cls.words}", **cls.variables)

    def test_nothing_is_copied_between_device_and_application(self):
        self.server.complete()
        self.assertEqual(set(self.server.copied_bytes().values()), {0})
        self.assertGreater(self.server.metric("net_frames_sent_total"), 60)


@unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
class MachineOfFour(InMachine, unittest.TestCase):
    variables = {"SMP": "4"}


@unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
class MachineOfOne(InMachine, unittest.TestCase):
    variables = {"SMP": "1", "CPU": "cortex-a72"}
    words = "llmd.precision=reference"

    def calls_of(self, tokens):
        """(calls of the kernel, tokens) of one answer."""
        before = self.server.metrics()
        self.server.complete(query=f"?n={tokens}")
        grown = {name: value - before[name] for name, value in self.server.metrics().items()}
        return grown["kernel_calls_total"], grown["llmd_generated_tokens_total"]

    def test_a_token_takes_fewer_than_two_calls(self):
        """One to send it; buffers of the acknowledgements go back to the NIC several at once."""
        (few, short), (many, long) = self.calls_of(10), self.calls_of(90)
        self.assertEqual(long - short, 80)
        self.assertLess(many - few, 1.7 * (long - short))


class DefaultStore(unittest.TestCase):
    """What `make run` serves."""
    @classmethod
    def setUpClass(cls):
        status, output = make("out/store.img", "out/clang-release/llmd.img")
        if status:
            raise RuntimeError(output)
        cls.server = Machine(OUT / "llmd.img", STORE=str(ROOT / "out" / "store.img"), SMP="4",
                             CMDLINE="llmd.url=http://here")

    @classmethod
    def tearDownClass(cls):
        cls.server.end()

    def test_the_damaged_generation_is_refused_and_the_one_before_it_served(self):
        console = "".join(self.server.lines)
        self.assertRegex(console, "bundle default/2: rejected: .*not what was signed")
        self.assertRegex(console, "bundle default/1: opened: signed by development, verified eager")
        self.assertIn(b'"generation":1,', self.server.request("GET", "/health")[1])

    def test_it_answers_in_words(self):
        answer = self.server.complete(query="?n=60").decode()
        self.assertGreater(len(answer.split()), 20)

    def grown(self, query):
        """What an answer adds to the metrics; of another one, where llmd looked for the number of workers
        meanwhile: its CPUs then wait for each other in the kernel, thousands of times where the host
        has too few."""
        while True:
            before = self.server.metrics()
            self.server.complete(query=query)
            grown = {name: value - before[name] for name, value in self.server.metrics().items()}
            if (before["llmd_worker_measurement_under_way"] == grown["llmd_worker_measurements_total"] ==
                    grown["llmd_worker_measurement_under_way"] == 0):
                return grown

    def test_kernel_is_entered_a_few_times_for_each_token(self):
        grown = self.grown("?n=250")
        tokens = grown["llmd_generated_tokens_total"]
        self.assertGreater(tokens, 100)
        # Each token is a chunk that goes to the NIC, by a doorbell.
        self.assertGreaterEqual(grown["kernel_calls_total"], tokens)
        self.assertLess(grown["kernel_calls_total"], 20 * tokens)
        self.assertLessEqual(grown["kernel_upcalls_total"], grown["kernel_calls_total"])

    def tried(self):
        """{columns: {kernel: (GMAC/s, whether it was chosen)}}, as the console says."""
        found = {}
        for name, columns, rate, chosen in re.findall(
                r"kernel (\S+)-q8, (\d+) columns: ([\d.]+) GMAC/s(, chosen)?\n", "".join(self.server.lines)):
            found.setdefault(int(columns), {})[name] = (float(rate), bool(chosen))
        return found

    def test_kernels_are_chosen_by_trying_them(self):
        """On this CPU neon-int16, where nothing comes between."""
        metrics = self.server.request("GET", "/metrics")[1].decode()
        tried = self.tried()
        self.assertEqual(set(tried), {128, 384})
        for columns, kernels in tried.items():
            self.assertLessEqual({"scalar-int", "neon-int16", "sdot", "smmla"}, set(kernels))
            name, = (name for name, (_, chosen) in kernels.items() if chosen)
            self.assertEqual(kernels[name][0], max(rate for rate, _ in kernels.values()))
            self.assertRegex(metrics, rf'kernel="{name}-q8",columns="{columns}",chosen="1"}} [1-9]')
        self.assertIn("weights packed for them", "".join(self.server.lines))

    def test_translations_are_forgotten_after_the_first_steps(self):
        self.server.complete(query="?n=20")
        self.assertGreaterEqual(self.server.metric("llmd_translations_forgotten_total"), 16)

    def test_integers_say_what_the_reference_says(self):
        model = ROOT / "bundles" / "default"
        hosted = Server(model / "model.bin", model / "tokenizer.bin")
        expected = hosted.complete(query="?n=250")
        hosted.end()
        server = self.server
        if not all(kernels["neon-int16"][1] for kernels in self.tried().values()):
            server = Machine(OUT / "llmd.img", STORE=str(ROOT / "out" / "store.img"), SMP="4",
                             CMDLINE="llmd.kernel=neon-int16")     # others round in another way
            self.addCleanup(server.stop)
        self.assertEqual(server.complete(query="?n=250"), expected)

    def test_machine_that_counts_instructions_says_the_same(self):
        """With time of its own, in which no deadline passes while the host reads a disk."""
        store = {"STORE": str(ROOT / "out" / "store.img"), "CMDLINE": "llmd.kernel=neon-int16"}
        answers = []
        for variables in ({"SMP": "4"}, {"SMP": "1", "ICOUNT": "1"}):
            server = Machine(OUT / "llmd.img", **store, **variables)
            self.addCleanup(server.stop)
            answers.append(server.complete(query="?n=30"))
            self.assertNotIn("cannot be read", "".join(server.lines))
        self.assertEqual(*answers)

    def test_weights_are_read_once_and_answers_read_nothing(self):
        before = self.server.metric("store_bytes_read_total")
        self.server.complete()
        self.assertEqual(self.server.metric("store_bytes_read_total"), before)


class Kernels(unittest.TestCase):
    """What is said about kernels on the command line; the machine ends with it."""
    def console(self, words):
        image = self.enterContext(tempfile.TemporaryDirectory())
        model = ROOT / "bundles" / "default"
        image = image_with(image, model / "model.bin", model / "tokenizer.bin")
        with self.assertRaises(RuntimeError) as ended:
            Machine(image, CMDLINE=words, SMP="1")
        return str(ended.exception)

    def test_list_prints_their_names(self):
        self.assertIn("kernels: reference scalar-int neon-int16 ", self.console("llmd.kernel=list"))

    def test_unknown_words_are_named(self):
        for words, text in (("llmd.kernel=abacus",
                             "kernel abacus: none of reference scalar-int neon-int16 "),
                            ("llmd.precision=high", "llmd.precision=high: must be default or reference"),
                            ("llmd.precision=reference llmd.kernel=neon", "kernel says something"),
                            ("llmd.speed=9", "llmd.speed: no such word; there are: answers ")):
            with self.subTest(words=words):
                self.assertIn(text, self.console(words))


@unittest.skipUnless(MODELS.is_dir(), NO_MODELS)
class Ends(unittest.TestCase):
    def test_stop_lets_answers_end(self):
        server = Server(MODELS / "stories260K.bin", MODELS / "tok512.bin")
        connection = connect(server.port)
        connection.sendall(b"POST /completion?n=300 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                           b"Content-Length: 16\r\n\r\n" + PROMPT)
        self.assertTrue(connection.recv(1).startswith(b"H"))
        self.assertEqual(server.end(), 0)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
        connection.close()
        self.assertRegex(answer, rb"0\r\nFinish-Reason: [a-z]+\r\n\r\n$")

    def test_files_that_do_not_fit_are_named(self):
        for files, text in (((MODELS / "stories260K.bin", MODELS / "tokenizer.bin"), "vocabulary|word"),
                            ((MODELS / "tok512.bin", MODELS / "tok512.bin"), "tok512.bin"),
                            ((pathlib.Path("/nowhere"), MODELS / "tok512.bin"), "/nowhere")):
            with self.subTest(files=files):
                done = subprocess.run([LLMD, *files, "0"], capture_output=True, text=True,
                                      stdin=subprocess.DEVNULL, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, text)
