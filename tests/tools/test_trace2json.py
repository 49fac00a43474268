"""trace2json: a time line from binary and console dumps; damaged ones are refused by place."""
import json
import pathlib
import struct
import subprocess
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "build" / "tools" / "trace2json"
CALL, CALL_END, UPCALL, SWITCH, INTERRUPT, MAP, FAULT, PROTECTED, REVOKE = range(9)
OK, AGAIN, YIELD, MAP_CALL = 0, -14 & (1 << 64) - 1, 3, 17


def line(ticks, kind, a=0, b=0, cpu=0, env=1):
    return f"trace: {ticks:x} {cpu:x} {env:x} {kind:x} {a:x} {b:x}\n"


def binary(ticks, kind, a=0, b=0, cpu=0, env=1):
    return struct.pack("<QHHIQQ", ticks, kind, cpu, env, a, b)


class Trace2json(unittest.TestCase):
    def tool(self, data, *arguments):
        data = data.encode() if isinstance(data, str) else data
        return subprocess.run([TOOL, *arguments], input=data, capture_output=True, check=False)

    def convert(self, data, hz="1000000"):
        done = self.tool(data, "--hz", hz)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return [e for e in json.loads(done.stdout)["traceEvents"] if e["ph"] != "M"]

    def refuse(self, data):
        done = self.tool(data)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        return done.stderr.decode()

    def summary(self, data):
        return [(e["name"], e["ts"], e.get("dur")) for e in self.convert(data)]

    def test_a_call_is_a_slice_from_beginning_to_end(self):
        event, = self.convert(line(100, CALL, MAP_CALL, 0xffffffff)
                              + line(107, CALL_END, MAP_CALL, AGAIN))
        self.assertEqual([event[k] for k in ("name", "ph", "ts", "dur")], ["map", "X", 0, 7])
        self.assertEqual(event["args"], {"env": 1, "x0": "0xffffffff", "result": "AGAIN"})

    def test_vcpus_are_slices_between_switches(self):
        self.assertEqual(
            self.summary(line(10, SWITCH, 0xabc, env=2) + line(15, SWITCH, 0)
                         + line(18, INTERRUPT, 27)),
            [("env 2 vcpu abc", 0, 5), ("interrupt 27", 8, None), ("idle", 5, 3)])

    def test_a_call_that_switched(self):
        events = self.convert(line(1, SWITCH, 0xa) + line(2, CALL, 38, 5)
                              + line(3, SWITCH, 0xb, env=2) + line(4, CALL_END, 38, 2, env=2))
        self.assertEqual([(e["name"], e["tid"], e["dur"]) for e in events],
                         [("env 1 vcpu a", 1, 2), ("call", 2, 2), ("env 2 vcpu b", 1, 1)])
        self.assertEqual(events[1]["args"]["result"], "went on elsewhere")

    def test_other_kinds_are_instants(self):
        events = self.convert(line(1, UPCALL, 1, 0x5000) + line(2, FAULT, 0x5000, 0x92000007)
                              + line(3, MAP, 0x5000, 2 << 32 | 4) + line(4, PROTECTED, 0xbeef, 1)
                              + line(5, REVOKE, 0xf00, 2))
        self.assertEqual([e["name"] for e in events],
                         ["upcall fault", "fault", "protect", "protected call", "revoke: grace"])
        self.assertEqual({e["ph"] for e in events}, {"i"})
        self.assertEqual(events[2]["args"], {"env": 1, "va": "0x5000", "pages": 4})

    def test_cpus_have_tracks_of_their_own(self):
        done = self.tool(line(1, INTERRUPT, 0) + line(2, INTERRUPT, 0, cpu=3))
        titles = [e["args"]["name"] for e in json.loads(done.stdout)["traceEvents"]
                  if e["name"] == "process_name"]
        self.assertEqual(titles, ["CPU 0", "CPU 3"])

    def test_binary_and_text_say_the_same(self):
        events = [(5, SWITCH, 7), (6, CALL, YIELD, 0), (9, CALL_END, YIELD, 1), (9, FAULT, 1, 2)]
        self.assertEqual(self.convert(b"".join(binary(*e) for e in events)),
                         self.convert("".join(line(*e) for e in events)))

    def test_the_rest_of_the_console_is_ignored(self):
        text = "exo: hello\r\n" + line(1, FAULT) + "ok 1 - traces\n" + line(2, INTERRUPT, 1)
        self.assertEqual(len(self.convert(text.replace("\n", "\r\n"))), 2)

    def test_the_rate_of_the_counter(self):
        text = line(0, FAULT) + line(1000, FAULT)
        for data, arguments, us in [(text, (), 16), ("trace: hz=f4240\n" + text, (), 1000),
                                    ("trace: hz=f4240\n" + text, ("--hz", "2000000"), 500)]:
            events = json.loads(self.tool(data, *arguments).stdout)["traceEvents"]
            self.assertEqual(events[-1]["ts"], us)
        self.assertNotEqual(self.tool(text, "--hz", "0").returncode, 0)

    def test_an_end_without_a_beginning(self):
        event, = self.convert(line(1, CALL_END, YIELD, OK))
        self.assertEqual((event["name"], event["ph"]), ("end of yield", "i"))

    def test_a_beginning_without_an_end(self):
        events = self.convert(line(1, CALL, YIELD) + line(5, CALL, MAP_CALL)
                              + line(6, CALL_END, MAP_CALL) + line(9, CALL, 0))
        self.assertEqual([(e["name"], e["dur"], e["args"].get("end")) for e in events],
                         [("yield", 0, "missing"), ("map", 1, None), ("null", 0, "missing")])

    def test_an_end_of_another_call(self):
        self.assertEqual([e["name"] for e in
                          self.convert(line(1, CALL, YIELD) + line(5, CALL_END, MAP_CALL))],
                         ["yield", "end of map"])

    def test_rings_that_overlap_are_joined(self):
        ring = [line(t, INTERRUPT, t) for t in range(1, 9)]
        for first, second in [(ring[:5], ring[3:]), (ring[3:], ring[:5]), (ring, ring),
                              (ring, ring[2:4]), (ring[:3], ring[5:]), (ring[5:], ring[:3])]:
            expected = sorted(set(first + second), key=ring.index)
            self.assertEqual([e["name"] for e in self.convert("".join(first + second))],
                             [f"interrupt {ring.index(e) + 1}" for e in expected])

    def test_equal_events_of_one_dump_stay(self):
        pair = line(4, CALL, 0) + line(4, CALL_END, 0)
        self.assertEqual(len(self.convert(pair * 3)), 3)

    def test_overlap_on_one_cpu_does_not_touch_others(self):
        text = line(1, INTERRUPT, 1) + line(1, INTERRUPT, 1, cpu=1)
        self.assertEqual(len(self.convert(text)), 2)

    def test_refuses_a_damaged_line_by_its_number(self):
        good = line(1, FAULT)
        for bad, why in [("trace: 1 2 3\n", "3 numbers instead of 6"),
                         ("trace: 1 0 1 xyz 0 0\n", "kind is 'xyz', not a number in hex"),
                         ("trace: 1 0 1 9 0 0\n", "kind 9 is unknown"),
                         ("trace: 1 8 1 0 0 0\n", "there is no CPU 8"),
                         ("trace: 11112222333344445 0 1 0 0 0\n", "ticks is"),
                         ("trace: hz=\n", "1 numbers")]:
            with self.subTest(bad):
                error = self.refuse("x\n" + good + bad)
                self.assertTrue(error.startswith("trace2json: stdin: line 3: "), error)
                self.assertIn(why, error)

    def test_refuses_damaged_bytes(self):
        self.assertIn("event 1: kind 77 is unknown", self.refuse(binary(1, FAULT) + binary(2, 77)))
        self.assertIn("33 bytes are no whole number", self.refuse(binary(1, FAULT) + b"\0"))

    def test_refuses_a_dump_without_events(self):
        self.assertIn("no event in it", self.refuse("nothing here\n"))
        self.assertIn("no event in it", self.refuse(""))

    def test_refuses_a_file_that_is_not_there(self):
        done = self.tool("", "/nonexistent/dump")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"/nonexistent/dump", done.stderr)
