"""The pump (tests/bench/tools/pump.c): every frame is accounted for, altered ones are a failure."""
import re
import subprocess
import sys
import unittest

from harness import actions, host

MAC = "52:54:00:00:00:01"
# Stands in for run-qemu and its machine: makes the tap device as run-qemu does, says so, and treats
# the frame with number i as treat(i, frame) says: what comes back in its stead. Ends with the last.
PEER = """
import os, sys
sys.path.insert(0, "build/tools")
import devices
try:
    tap = devices.open_tap()
except devices.Refused as why:
    sys.exit(f"skip: {why}")
print("ready", flush=True)
held = []
def hold(echo, count):
    held.append(echo)
    return [held.pop(0) for _ in range(count)] if len(held) == count else []
treat = eval(sys.argv[1])
while True:
    data = os.read(tap, 4096)
    header, frame = data[:10], data[10:]
    if frame[12:14] != b"\\x88\\xb5":
        continue
    number = int.from_bytes(frame[16:20], sys.byteorder)
    if number == 0xffffffff:
        break
    echo = frame[6:12] + frame[:6] + frame[12:]
    for each in treat(number, echo):
        os.write(tap, header + each)
"""


class Pump(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        status, output = host.make(actions.PUMP)
        assert status == 0, output

    def pump(self, frames, treat, *window):
        """(exit status, {"sent": ..., ...}) of a pump whose frames are treated so."""
        peer = subprocess.Popen([sys.executable, "-B", "-c", PEER, f"lambda i, echo: {treat}"],
                                cwd=host.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                stdin=subprocess.DEVNULL, text=True)
        with peer.stdout, peer.stderr:
            if peer.stdout.readline() != "ready\n":
                why = peer.stderr.read()
                peer.wait()
                self.skipTest(why.strip().splitlines()[-1].removeprefix("skip: "))
            done = subprocess.run([host.ROOT / actions.PUMP, str(peer.pid), str(frames), MAC, *window],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(peer.wait(), 0, peer.stderr.read())
        self.assertEqual(done.stderr, "")
        return done.returncode, {key: int(value)
                                 for key, value in re.findall(r"(\w+)=(\d+)", done.stdout)}

    def check(self, treat, status, sent, echoed, wrong):
        got, counts = self.pump(sent, treat)
        self.assertEqual((got, counts["sent"], counts["echoed"], counts["lost"], counts["wrong"]),
                         (status, sent, echoed, sent - echoed, wrong))

    def test_all_come_back(self):
        self.check("[echo]", 0, 2000, 2000, 0)

    def test_a_window_of_frames_is_on_its_way(self):
        # The peer answers eight at once, and none before it has them.
        self.assertEqual(self.pump(80, "hold(echo, 8)", "8")[1]["echoed"], 80)

    def test_lost_frames_are_counted(self):
        self.check("[echo] if i % 10 else []", 0, 60, 54, 0)

    def test_altered_and_repeated_frames_are_wrong(self):
        self.check("[echo[:-1] + b'x'] if i == 7 else [echo]", 1, 60, 59, 1)
        self.check("[echo[:-1]] if i == 7 else [echo]", 1, 60, 59, 1)
        self.check("[echo[:6] + bytes(6) + echo[12:]] if i == 7 else [echo]", 1, 60, 59, 1)
        self.check("[echo, echo] if i == 7 else [echo]", 1, 60, 60, 1)

    def test_refuses_what_it_cannot_do(self):
        pump = host.ROOT / actions.PUMP
        for words in ([], ["1", "0", MAC], ["1", "5", "52:54:00"], ["1", "5", MAC, "257"],
                      ["1", "5", MAC + ":00"]):
            self.assertEqual(host.run([pump, *words])[0], 2)
        status, output = host.run([pump, "0", "5", MAC])
        self.assertEqual(status, 2)
        self.assertIn("the machine's network namespace: No such file", output)
