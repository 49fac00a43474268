"""What `make run` boots: llmd under init, with the default model, on the host's port."""
import contextlib
import http.client
import unittest

from harness.console import Console
from harness.host import ROOT, make
from harness.patience import Patience
from harness.serving import connect, http_connect

OUT = ROOT / "out" / "clang-release"
STORE = ROOT / "out" / "store.img"
CONFIGS = ("private", "shared", "sockets", "posix")
PROMPT = b"Once upon a time"
ANSWER_S = 30   # that a connection which nobody takes yet is tried again: patience.py


def image_of(config):
    return OUT / f"services-{config}.img"


def setUpModule():
    status, output = make("out/store.img", "out/clang-release/exo.Image",
                          *(f"out/clang-release/services-{config}.img" for config in CONFIGS))
    if status:
        raise RuntimeError(output)


def ask(port, method, path, body=None):
    """(status, body); a connection that is reset is tried again."""
    patience = Patience(ANSWER_S)
    while not patience.is_over():
        with contextlib.suppress(ConnectionError, http.client.HTTPException), \
                contextlib.closing(http_connect(port)) as connection:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read()
    raise AssertionError("nobody answers")


class Serves(unittest.TestCase):
    def machine(self, config="private", **variables):
        return Console(image_of(config), **{"STORE": str(STORE), "NET": "user"} | variables)

    def test_every_configuration_serves_is_started_again_and_stops(self):
        for config in CONFIGS:
            with self.subTest(config=config), \
                    self.machine(config, CMDLINE="llmd.kernel=neon-int16") as machine:
                machine.ready()
                first = ask(machine.port, "POST", "/completion?n=8", PROMPT)
                self.assertEqual(first[0], 200)
                machine.type("kill llmd")
                machine.until("init: llmd: crashed: ")
                machine.ready()
                self.assertEqual(ask(machine.port, "POST", "/completion?n=8", PROMPT), first)
                machine.type("stop llmd")
                machine.until("init: llmd: ended with code 0")
                self.assertEqual(machine.state("llmd"), ("off", 1))

    def test_app_starts_it_alone_in_a_small_machine(self):
        with self.machine(APP="llmd", MEM="24M", SMP="1") as machine:
            machine.ready()
            self.assertEqual(ask(machine.port, "GET", "/health")[0], 200)

    def test_killed_while_it_answers_it_serves_again_and_nothing_is_lost(self):
        with self.machine() as machine:
            machine.ready()
            free = machine.free()
            for _ in range(3):
                with connect(machine.port) as connection:
                    connection.sendall(b"POST /completion?n=200 HTTP/1.1\r\nHost: h\r\n"
                                       b"Content-Length: 1\r\n\r\nx")
                    self.assertTrue(connection.recv(1))
                    machine.type("kill llmd")
                    machine.until("init: llmd: crashed: memory fault at address 0")
                    machine.until(r"init: llmd:   from [0-9a-f]+ main\+0x")
                    machine.ready()
                self.assertEqual(ask(machine.port, "GET", "/health")[0], 200)
            self.assertEqual(machine.free(), free)

    def test_stop_lets_answers_end_and_refuses_new_ones(self):
        for config in CONFIGS:
            with self.subTest(config=config), self.machine(config) as machine, \
                    contextlib.ExitStack() as stack:
                machine.ready()
                waiting = stack.enter_context(contextlib.closing(http_connect(machine.port)))
                waiting.request("GET", "/health")
                self.assertEqual(waiting.getresponse().read()[:14], b'{"status":"ok"')
                answered = stack.enter_context(connect(machine.port))
                answered.sendall(b"POST /completion?n=250 HTTP/1.1\r\nHost: h\r\n"
                                 b"Connection: close\r\nContent-Length: 16\r\n\r\n" + PROMPT)
                text = answered.recv(1)
                machine.type("stop llmd")
                machine.type("list")
                machine.until("init: llmd: stopping")
                waiting.request("POST", "/completion", PROMPT)
                refused = waiting.getresponse()
                self.assertEqual((refused.status, refused.read()[:10]), (503, b"going down"))
                text += b"".join(iter(lambda: answered.recv(65536), b""))
                self.assertRegex(text, rb"0\r\nFinish-Reason: [a-z]+\r\n")
                machine.until("init: llmd: ended with code 0")

    def test_the_list_of_kernels_is_printed_once(self):
        with self.machine(CMDLINE="llmd.kernel=list") as machine:
            machine.until("llmd: kernels: reference .* sdot smmla")
            machine.until("init: llmd: ended with code 0")
            self.assertEqual(machine.state("llmd"), ("off", 0))
        with self.machine(APP="llmd", CMDLINE="llmd.kernel=list") as machine:
            machine.until("init: llmd: ended with code 0$")
            self.assertEqual(machine.rest(), (0, ""))

    def test_words_that_cannot_be_meant_are_refused_once_and_the_machine_ends(self):
        kernels = make("-s", "print-ENGINE_KERNELS")[1].strip()
        for config, words, text in (
                ("private", "llmd.kernel=abacus", f"kernel abacus: none of {kernels}$"),
                ("private", "llmd.anwers=2", "llmd.anwers: no such word; there are: answers "),
                ("posix", "llmd.answers=x", "llmd.answers=x: must be a number from 1 to 32"),
                ("private", "net.ip=here", "net.ip: must be an IPv4 address"),
                ("sockets", "net.ip=here", "net.ip must be an IPv4 address")):
            with self.subTest(words=words), self.machine(config, CMDLINE=words) as machine:
                machine.until(text)
                machine.until("init: llmd: ended with code 2, and would again: it stays down")
                machine.until("init: nothing runs any more: the machine ends with code 2")
                self.assertEqual(machine.rest(), (2, ""))

    def test_what_cannot_become_better_is_said_once_and_the_machine_ends(self):
        for variables, text in (
                ({"MEM": "10M"}, "llmd: too little memory: the machine has 10 MiB"),
                ({"CMDLINE": "llmd.bundle=nothing"}, "llmd: nothing: no generation of this bundle can be served: docs/"),
                ({"STORE": str(image_of("private"))}, "llmd: store: ")):
            with self.subTest(text=text), self.machine(**{"CMDLINE": ""} | variables) as machine:
                machine.until(text)
                machine.until("init: llmd: ended with code 2, and would again: it stays down")
                machine.until("init: nothing runs any more: the machine ends with code 2")
                self.assertEqual(machine.rest(), (2, ""))
                self.assertEqual("".join(machine.lines).count("init: llmd: ended"), 1)
        with self.machine(CMDLINE="", STORE_FAULT="always@0") as machine:   # this may
            machine.until("init: llmd: ended with code 1")
            machine.until("init: llmd: start 1 of at most 5 again")

    def test_kernels_that_cannot_run_here_are_named(self):
        with self.machine(CMDLINE="llmd.kernel=sdot", CPU="cortex-a72", SMP="1") as machine:
            machine.until("llmd: kernel reference: this machine and these weights fit no sdot")
            machine.until("weights as in the file")


class Make(unittest.TestCase):
    def test_an_image_is_booted_that_is_built(self):
        for chosen, image in ((), "private"), (("CONFIG=posix",), "posix"), (("APP=llm",), "llm"):
            self.assertEqual(make("-s", "print-SERVICES_IMAGE", *chosen),
                             (0, f"out/clang-release/services-{image}.img\n"))

    def refused(self, *words):
        status, output = make("-n", "run", *words)
        self.assertNotEqual(status, 0)
        return output

    def test_values_that_cannot_be_meant_are_refused_before_anything_boots(self):
        for words, text in (("ENGINE_KERNEL=abacus",
                             "ENGINE_KERNEL=abacus: must be list, reference, or .* of: .* smmla"),
                            ("ENGINE_KERNEL=neon sdot", "ENGINE_KERNEL=neon sdot: must be"),
                            ("ENGINE_KERNEL=%", "ENGINE_KERNEL=%: must be"),
                            ("ENGINE_KERNEL=ref", "ENGINE_KERNEL=ref: must be"),
                            ("PRECISION=high", "PRECISION=high: must be default or reference")):
            with self.subTest(words=words):
                self.assertRegex(self.refused(words), text)
        self.assertIn("ENGINE_KERNEL=neon says something else",
                      self.refused("PRECISION=reference", "ENGINE_KERNEL=neon"))
        for words in ("ENGINE_KERNEL=neon", "ENGINE_KERNEL=neon-int16-q8", "ENGINE_KERNEL=reference",
                      "PRECISION=reference", "PRECISION=default"):
            self.assertEqual(make("-n", "run", words)[0], 0, words)

    def test_the_list_of_kernels_is_the_machine_s_and_nothing_boots(self):
        status, output = make("run", "ENGINE_KERNEL=list")
        self.assertEqual(status, 0)
        self.assertTrue(output.startswith("kernels: reference "))
        with Console(image_of("private"), APP="llmd", CMDLINE="llmd.kernel=list", NET="user",
                     STORE=str(STORE)) as machine:
            self.assertEqual(machine.until("llmd: (kernels: .*)")[1] + "\n", output)

    def test_app_that_is_not_there_is_named_with_those_that_are(self):
        status, output = make("run", "APP=nobody")
        self.assertNotEqual(status, 0)
        self.assertIn("APP=nobody: no such service; there are: llmd", output)


if __name__ == "__main__":
    unittest.main()
