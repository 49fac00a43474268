"""init: what it starts and with what, what it says when a service dies, and what it does then."""
import pathlib
import re
import subprocess
import tempfile
import unittest

from harness.console import OUT, Console
from harness.host import ROOT, make

BUILT = ("exo.Image", "bin/init.elf", "guest/service.stripped", "guest/service.elf")
LEAST = 'program = "service"\n{top}\narguments = ["as={name}", "act={act}"{words}]\n' \
        '[limits]\nmemory = "{memory}"\n{limits}\n{more}\n'
TOP = 'ready = "told"\nconsole = true\nprofiles = ["default"]\n'
TELL = ', "tell=1"'
CELL, ENV, VCPU, FRAMES, ENDPOINT, DEVICE = 1, 2, 3, 4, 5, 8


def setUpModule():
    status, output = make(*(f"out/clang-release/{name}" for name in BUILT))
    if status:
        raise RuntimeError(output)


def manifest(name, act="serve", top=TOP, memory="2M", words="", limits="",
             more=""):
    """The text of one, of which a test changes what it is about."""
    return LEAST.format(name=name, act=act, top=top, memory=memory, words=words, limits=limits,
                        more=more)


class Machine(Console):
    """One that boots init with these manifests, {name: text}."""

    def __init__(self, manifests, files=(), **variables):
        self.folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        image = pathlib.Path(self.folder.name) / "image"
        modules = [f"service={OUT / 'guest' / 'service.stripped'}", *files]
        for name, text in manifests.items():
            path = pathlib.Path(self.folder.name) / f"{name}.toml"
            path.write_text(text, encoding="utf-8")
            modules.append(f"services/{name}.toml={path}")
        subprocess.run([ROOT / "build/tools/mkboot", "-o", image, "--init", OUT / "bin/init.elf",
                        *modules], check=True)
        super().__init__(image, **variables)

    def __exit__(self, *error):
        super().__exit__(*error)
        self.folder.cleanup()


class Starts(unittest.TestCase):
    """What is started, in which order, and what it finds."""

    def test_services_start_when_those_before_them_are_ready(self):
        with Machine({"c": manifest("c", top=TOP + 'after = ["b", "a"]'),
                      "b": manifest("b", top=TOP + 'after = ["a"]'),
                      "a": manifest("a")}) as machine:
            machine.until("init: c: ready")
            self.assertEqual(re.findall("init: (.): ready", "".join(machine.lines)),
                             ["a", "b", "c"])

    def test_who_waits_for_one_that_is_never_ready_is_not_started(self):
        with Machine({"a": manifest("a", act="hang"),
                      "b": manifest("b", top=TOP + 'after = ["a"]'),
                      "c": manifest("c")}) as machine:
            machine.until("init: c: ready")
            self.assertEqual(machine.state("a")[0], "starting")
            self.assertEqual(machine.state("b")[0], "waiting")
            machine.type("kill a")
            machine.until("a: crashed: memory fault")
            self.assertEqual(machine.state("b")[0], "waiting")

    def test_only_the_profile_is_started_and_the_rest_by_hand(self):
        other = 'ready = "told"\nconsole = true\nprofiles = ["other"]'
        with Machine({"a": manifest("a"), "b": manifest("b", top=other)}) as machine:
            machine.until("init: a: ready")
            self.assertEqual(machine.state("b")[0], "off")
            machine.type("start b")
            machine.until("init: b: ready")
        with Machine({"a": manifest("a"), "b": manifest("b", top=other)},
                     CMDLINE="init.profile=other") as machine:
            machine.until("init: b: ready")
            self.assertEqual(machine.state("a")[0], "off")

    def test_app_starts_one_alone(self):
        with Machine({"a": manifest("a"), "b": manifest("b")}, APP="b") as machine:
            machine.until("init: b: ready")
            self.assertEqual(machine.state("a")[0], "off")
        with Machine({"a": manifest("a"), "b": manifest("b")}, APP="x") as machine:
            machine.until(r"init: init.only=x: no such service; there are: a b$")

    def test_a_service_finds_its_own_command_line_and_a_fresh_seed(self):
        with Machine({"a": manifest("a", words=TELL + ', "a.own=2"'),
                      "b": manifest("b", words=TELL, top=TOP + 'after = ["a"]')},
                     CMDLINE="a.word=1 b.word=2 ab.c=3 exo.all=4") as machine:
            self.assertEqual(machine.until("a: cmdline (.*)")[1],
                             "a.word=1 exo.all=4 exo.test=1 as=a act=serve tell=1 a.own=2")
            seeds = [machine.until("a: seed (.*)")[1]]
            self.assertEqual(machine.until("b: cmdline (.*)")[1],
                             "b.word=2 exo.all=4 exo.test=1 as=b act=serve tell=1")
            seeds.append(machine.until("b: seed (.*)")[1])
            machine.until("b: ready")
            machine.type("kill a")
            seeds.append(machine.until("a: seed (.*)")[1])
            self.assertEqual(len(set(seeds)), 3)


class Limits(unittest.TestCase):
    """No more than the manifest names."""

    def test_cells_are_as_large_as_the_manifest_says(self):
        with Machine({"a": manifest("a", act="take", memory="3M", words=TELL, limits="caps = 8192\nenvs = 3",
                                    more="[cpu]\nnumber = 1\nslots = 5")}) as machine:
            self.assertEqual(machine.until("a: limits (.*)")[1], "768 8192 3 5")
            self.assertEqual(machine.until(r"a: CPU (\d)")[1], "1")
            taken = machine.until(r"a: took (\d+) frames, then EXO_E_LIMIT")
            self.assertIn(int(taken[1]), range(600, 769))
            machine.until("a: ready")

    def test_the_rest_is_shared(self):
        with Machine({"a": manifest("a", memory="rest"), "b": manifest("b", memory="rest"),
                      "c": manifest("c", memory="8M")}, MEM="64M") as machine:
            machine.ready(3)
            machine.type("list")
            rest = [int(machine.until(rf"{name}: ready.* of (\d+) frames")[1]) for name in "abc"]
            self.assertEqual(rest[0], rest[1])
            self.assertGreater(sum(rest), 12000)
            self.assertEqual(rest[2], 2048)

    def test_a_service_holds_what_its_manifest_names_and_nothing_else(self):
        def slots(machine):
            found = {}
            machine.until("a: CPU")
            while (line := machine.line()).startswith("a: slot"):
                _, _, slot, _, kind, _, rights = line.split()
                found[int(slot)] = (int(kind), int(rights))
            self.assertRegex(line, "a: the boot image")
            return found, line.split()[-3]

        base = {1: (CELL, 19), 2: (ENV, 27), 3: (VCPU, 27), 9: (FRAMES, 19), 11: (ENDPOINT, 2),
                12: (FRAMES, 5)}
        with Machine({"a": manifest("a", act="tell", words=TELL)}, DEVICES="net:user,blk:1M,rng") as machine:
            self.assertEqual(slots(machine), ({**base, 6: (FRAMES, 19)}, "cannot"))
        more = 'nic = "private"\ndata = true\nrng = true\nclock = true'
        with Machine({"a": manifest("a", act="tell", words=TELL, more="[devices]\n" + more,
                                    top=TOP + "boot_image = true")},
                     DEVICES="net:user,blk:1M,rng") as machine:
            found = {**base, 6: (FRAMES, 19), 7: (FRAMES, 1), 8: (FRAMES, 17),
                     32: (DEVICE, 11), 33: (DEVICE, 11), 34: (DEVICE, 11)}
            self.assertEqual(slots(machine), (found, "can"))
        with Machine({"a": manifest("a", act="tell", words=TELL, more='[devices]\nnic = "shared"'),
                      "b": manifest("b", words=TELL, more='[devices]\nnic = "shared"',
                                    top=TOP + 'after = ["a"]')},
                     DEVICES="net:user") as machine:
            self.assertRegex(machine.until("a: cmdline (.*)")[1],
                             "net.port=0 net.mac=52:54:00:00:00:01$")
            self.assertEqual(slots(machine), ({**base, 6: (FRAMES, 19), 32: (DEVICE, 3)},
                                              "cannot"))
            self.assertRegex(machine.until("b: cmdline (.*)")[1],
                             "net.port=1 net.mac=52:54:00:01:00:01$")

    def test_a_service_without_console_prints_nothing(self):
        with Machine({"a": manifest("a", top='ready = "told"\nprofiles = ["default"]',
                                    words=TELL)}) as machine:
            machine.until("init: a: ready")
            self.assertNotIn("a: seed", "".join(machine.lines))


class Refusals(unittest.TestCase):
    """What cannot be started is named, and the others run."""

    def refused(self, text, pattern, **variables):
        with Machine({"bad": text, "good": manifest("good")}, **variables) as machine:
            machine.until("init: good: ready")
            self.assertRegex("".join(machine.lines), "init: bad: not started: " + pattern)
            self.assertIn(machine.state("bad")[0], ("refused", "failed"))
            machine.type("start bad")
            self.assertIn(machine.state("bad")[0], ("refused", "failed"))

    def test_manifests_that_are_wrong(self):
        with Machine({"a": "", "b": 'program = "service"\nwhat = 1\n',
                      "c": manifest("c", limits='caps = "many"'),
                      "d": manifest("d", more="[cpu]\nslots = 1\nslots = 2"),
                      "e": manifest("e").replace('"service"', '"nothing"'),
                      "f": manifest("f").replace('"service"', '"trust"'),
                      "g": manifest("g", more='[stop]\n[stop]\n'),
                      "h": manifest("h", top='after = ["nobody"]\nprofiles = ["default"]'),
                      "good": manifest("good")},
                     files=[f"trust={__file__}"]) as machine:
            machine.until("init: good: ready")
            said = "".join(machine.lines)
            for pattern in ("a: not started: its manifest is empty",
                            "b: not started: services/b.toml:2: what: ",
                            r"c: not started: services/c.toml:\d+: limits.caps: ",
                            r"d: not started: services/d.toml:\d+: cpu.slots: ",
                            "e: not started: services/e.toml:1: program: .*no such module",
                            "f: not started: services/f.toml:1: program: no ELF file",
                            r"g: not started: services/g.toml:\d+: stop: ",
                            "h: not started: services/h.toml:2: after: "):
                self.assertRegex(said, "init: " + pattern)
            for name in "abcdefgh":
                self.assertEqual(machine.state(name), ("refused", 0))

    def test_services_whose_device_is_not_there(self):
        for key, value in (("nic", '"private"'), ("nic", '"shared"'), ("store", "true"),
                           ("data", "true"), ("rng", "true")):
            with self.subTest(key=key, value=value):
                self.refused(manifest("bad", more=f"[devices]\n{key} = {value}"),
                             rf"services/bad.toml:\d+: devices.{key}: ")

    def test_a_device_belongs_to_one(self):
        both = "[devices]\nrng = true"
        with Machine({"a": manifest("a", more=both), "b": manifest("b", more=both)},
                     DEVICES="rng") as machine:
            machine.until("init: b: not started: .*devices.rng")
            machine.until("init: a: ready")

    def test_what_is_refused_keeps_no_device(self):
        for nic, more in (("private", "data = true"), ("shared", "[cpu]\nslots = 32")):
            with self.subTest(nic=nic), Machine(
                    {"a": manifest("a", more=f'[devices]\nnic = "{nic}"\nrng = true\n{more}'),
                     "b": manifest("b", more='[devices]\nnic = "private"\nrng = true')},
                    DEVICES="net:user,rng") as machine:
                machine.until("init: a: not started: ")
                machine.until("init: b: ready")

    def test_services_that_would_wait_for_each_other(self):
        with Machine({"a": manifest("a", top=TOP + 'after = ["b"]'),
                      "b": manifest("b", top=TOP + 'after = ["c", "good"]'),
                      "c": manifest("c", top=TOP + 'after = ["a"]'),
                      "own": manifest("own", top=TOP + 'after = ["own"]'),
                      "good": manifest("good")}) as machine:
            for name in ("a", "b", "c", "own"):
                machine.until(f"init: {name}: not started: services/{name}.toml:5: after: it would")
            machine.until("init: good: ready")

    def test_more_than_the_machine_has(self):
        self.refused(manifest("bad", memory="999M"), "limits")
        self.refused(manifest("bad", more="[cpu]\nnumber = 1"),
                     r"services/bad.toml:\d+: cpu.number: ", SMP="1")
        self.refused(manifest("bad", more="[cpu]\nslots = 32"),
                     r"services/bad.toml:\d+: cpu.slots: ")


class Crashes(unittest.TestCase):
    """What is said of them, and what comes after."""

    def crash(self, act, *patterns, machine_variables=None):
        with Machine({"a": manifest("a", act=act, more='[restart]\nwhen = "never"'),
                      "b": manifest("b")}, **(machine_variables or {})) as machine:
            machine.until("init: a: crashed: " + patterns[0])
            for pattern in patterns[1:]:
                machine.until(r"init: a:   (at  |from) [0-9a-f]+ " + pattern)
            self.assertEqual(machine.state("a"), ("off", 0))
            self.assertEqual(machine.state("b"), ("ready", 0))

    def test_a_fault_is_told_with_the_functions_that_led_to_it(self):
        for variables in ({"SMP": "4"}, {"SMP": "1", "CPU": "cortex-a72"}):
            with self.subTest(variables=variables):
                self.crash("crash", "memory fault at address 8, writing, .*vCPU 0",
                           r"inner_function\+0x", r"middle_function\+0x", r"crash\+0x",
                           r"main\+0x", machine_variables=variables)

    def test_a_fault_that_the_program_cannot_handle_is_told_by_the_kernel(self):
        self.crash("inside", "memory fault at address 8, ", r"inner_function\+0x",
                   r"middle_function\+0x", r"crash\+0x", r"crash_inside\+0x", r"main\+0x")

    def test_the_first_program_does_not_stop_in_silence(self):
        with tempfile.TemporaryDirectory() as folder:
            image = pathlib.Path(folder) / "image"
            subprocess.run([ROOT / "build/tools/mkboot", "-o", image, "--init",
                            OUT / "guest" / "service.stripped"], check=True)
            with Console(image, CMDLINE="act=inside") as machine:
                machine.until("exo: the first program stops: fault at 8, esr 9200004")

    def test_a_trap_is_told(self):
        self.crash("trap", "trap at address", r"trap\+0x", r"main\+0x")

    def test_an_overflow_of_the_stack_is_told(self):
        self.crash("overflow", "memory fault at address eff", r"recurse\+0x", r"recurse\+0x")

    def test_frames_that_lead_nowhere_are_not_followed(self):
        self.crash("frames", "memory fault at address 0, writing", r"crash_without_frames\+0x")

    def test_nonsense_to_the_supervisor_harms_nobody(self):
        with Machine({"a": manifest("a", act="nonsense")}) as machine:
            machine.until("a: answered: EXO_OK|a: answered: ")
            machine.until("init: a: ready")


class Restarts(unittest.TestCase):
    """Services are started again, as often as they may."""

    def test_20_restarts_leave_nothing_behind(self):
        more = '[restart]\nmost = 100\nbackoff_ms = 0\n[devices]\nrng = true\nnic = "shared"'
        for smp in ("1", "4"):
            with self.subTest(smp=smp), Machine({"a": manifest("a", more=more)}, SMP=smp,
                                                DEVICES="rng,net:user") as machine:
                machine.ready(1)
                for _ in range(2):
                    machine.type("kill a")
                    machine.until("init: a: ready")
                free = machine.free()
                for _ in range(20):
                    machine.type("kill a")
                    machine.until("init: a: crashed")
                    machine.until("init: a: ready")
                self.assertEqual(machine.free(), free)
                self.assertEqual(machine.state("a"), ("ready", 22))

    def test_one_that_ends_too_often_stays_down(self):
        for act, count in (("crash", 3), ("fail", 3), ("succeed", 3)):
            with self.subTest(act=act):
                more = f"[restart]\nmost = {count}\nbackoff_ms = 1"
                with Machine({"a": manifest("a", act=act, more=more), "b": manifest("b")}) as machine:
                    machine.until(f"init: a: stays down: .* {count} times in a row")
                    self.assertEqual("".join(machine.lines).count("a: ready"), count + 1)
                    self.assertEqual(machine.state("a"), ("failed", count))
                    machine.type("start a")
                    machine.until("a: stays down")

    def test_where_the_last_one_stays_down_the_machine_ends_and_says_so(self):
        """Who waits outside learns that nobody will answer."""
        for act, code in (("crash", 1), ("fail", 3), ("succeed", 1), ("refuse", 2)):
            more = "[restart]\nmost = 1\nbackoff_ms = 1"
            with self.subTest(act=act), Machine(
                    {"a": manifest("a", act=act, more=more),
                     "b": manifest("b", top='profiles = ["other"]')}) as machine:
                machine.until("init: a: .*stays down")
                machine.until(f"init: nothing runs any more: the machine ends with code {code}$")
                self.assertEqual(machine.rest(), (code, ""))

    def test_where_nothing_can_be_started_the_machine_ends_and_says_so(self):
        for manifests, variables, text in (
                ({"a": manifest("a", more="[devices]\nrng = true"),
                  "b": manifest("b", top=TOP + 'after = ["a"]')}, {}, "devices.rng: "),
                ({"a": manifest("a", memory="999M")}, {}, "limits"),
                ({"a": manifest("a")}, {"APP": "x"}, "init.only=x: no such service")):
            with self.subTest(text=text), Machine(manifests, **variables) as machine:
                machine.until(text)
                machine.until("init: nothing runs any more: the machine ends with code 2$")
                self.assertEqual(machine.rest(), (2, ""))

    def test_who_was_ready_for_long_enough_is_not_counted(self):
        more = "[restart]\nmost = 1\nbackoff_ms = 0\nsettled_s = 0"
        with Machine({"a": manifest("a", more=more)}) as machine:
            machine.until("init: a: ready")
            for _ in range(4):
                machine.type("kill a")
                machine.until("init: a: ready")

    def test_when_to_restart_is_the_manifest_s_to_say(self):
        for when, act, again in (("never", "fail", 0), ("on-failure", "succeed", 0),
                                 ("on-failure", "fail", 2), ("on-failure", "crash", 2),
                                 ("always", "succeed", 2)):
            with self.subTest(when=when, act=act):
                more = f'[restart]\nwhen = "{when}"\nmost = 2\nbackoff_ms = 1'
                with Machine({"a": manifest("a", act=act, more=more), "b": manifest("b")}) as machine:
                    machine.until("a: stays down" if again else "a: (ended|crashed)")
                    self.assertEqual(machine.state("a"), ("failed" if again else "off", again))

    def test_one_that_was_told_what_cannot_be_is_not_started_again(self):
        for when in ("never", "on-failure", "always"):
            with self.subTest(when=when):
                more = f'[restart]\nwhen = "{when}"'
                with Machine({"a": manifest("a", act="refuse", more=more), "b": manifest("b")}) as machine:
                    machine.until("init: a: ended with code 2, and would again: it stays down")
                    self.assertEqual(machine.state("a"), ("failed", 0))
                    machine.type("start a")
                    machine.until("init: a: ended with code 2")

    def test_what_is_alone_ends_the_machine_with_it_when_it_ends_for_good(self):
        for when, act, code in (("never", "fail", 3), ("on-failure", "succeed", 0)):
            with self.subTest(when=when, act=act), Machine(
                    {"a": manifest("a", act=act, more=f'[restart]\nwhen = "{when}"')}, APP="a") as machine:
                machine.until(f"init: a: ended with code {code}$")
                self.assertEqual(machine.rest(), (code, ""))

    def test_numbers_of_restarts_are_said_as_people_do(self):
        with Machine({"a": manifest("a", act="fail", more="[restart]\nmost = 1"),
                      "b": manifest("b")}) as machine:
            machine.until("init: a: stays down: it was started again 1 time in a row")
            machine.type("list")
            machine.until("init: a: failed, started again 1 time, ")

    def test_killed_while_it_starts(self):
        with Machine({"a": manifest("a", act="hang", words=TELL,
                                    more="[restart]\nmost = 3\nbackoff_ms = 0")}) as machine:
            for _ in range(3):
                machine.until("a: CPU")
                machine.type("kill a")
                machine.until("init: a: crashed")
            machine.until("a: CPU")


class Stops(unittest.TestCase):
    """Stopping, and the end of the machine."""

    def test_stop_lets_it_end_and_it_stays_down(self):
        with Machine({"a": manifest("a"), "b": manifest("b")}) as machine:
            machine.ready(2)
            machine.type("stop a")
            machine.until("init: a: ended with code 7")
            self.assertEqual(machine.state("a"), ("off", 0))
            machine.type("start a")
            machine.until("init: a: ready")

    def test_who_does_not_stop_in_time_is_ended(self):
        with Machine({"a": manifest("a", act="ignore", more="[stop]\nwithin_s = 0")}) as machine:
            machine.until("init: a: ready")
            machine.type("stop a")
            machine.until("init: a: did not stop in 0 s: ended")
            self.assertEqual(machine.state("a"), ("off", 0))

    def test_power_off_stops_everything(self):
        with Machine({"a": manifest("a"), "b": manifest("b")}) as machine:
            machine.ready(2)
            status, said = machine.end()
            self.assertEqual(status, 0)
            for name in "ab":
                self.assertIn(f"init: {name}: ended with code 7\n", said)

    def test_commands_that_are_wrong_say_which_there_are(self):
        with Machine({"a": manifest("a")}) as machine:
            machine.until("init: a: ready")
            machine.type("reboot")
            machine.until("init: commands: list, start NAME, stop NAME, kill NAME")
            machine.type("stop nobody")
            machine.until("init: stop nobody: no such service")
            machine.type("kill")
            machine.until("init: kill: names no service")
            machine.type("x" * 500)
            machine.until("init: commands: ")

    def test_commands_that_change_nothing_say_why(self):
        with Machine({"a": manifest("a")}) as machine:
            machine.until("init: a: ready")
            machine.type("start a")
            machine.until("init: a: it is ready$")
            machine.type("stop a")
            machine.until("init: a: ended with code 7")
            for command in ("stop a", "kill a"):
                machine.type(command)
                machine.until("init: a: it is off$")


if __name__ == "__main__":
    unittest.main()
