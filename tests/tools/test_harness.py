"""The harness itself: nothing that is missing, broken or unknown may count as passed."""
import contextlib
import io
import json
import pathlib
import socket
import tempfile
import threading
import unittest
from unittest import mock

from harness import (actions, compare, config, host, models, patience, qemu, qmp, report, source, tap,
                     tools)


class Tap(unittest.TestCase):
    def test_points_and_plan(self):
        result = tap.parse("boot noise\r\n1..3\r\nok 1 - first one\r\nnot ok 2 - second\r\n"
                           "ok 3 - third # SKIP no device\r\n")
        self.assertEqual(result.problems, [])
        self.assertEqual([tuple(point) for point in result.points],
                         [("first one", True, None), ("second", False, None),
                          ("third", True, "no device")])

    def test_plan_may_come_last(self):
        self.assertEqual(tap.parse("ok 1 - a\n1..1\n").problems, [])

    def test_plans_of_several_groups_add_up(self):
        self.assertEqual(tap.parse("1..1\nok 1 - a\n1..1\nok 1 - b\n").problems, [])

    def test_missing_plan(self):
        self.assertIn("no plan", tap.parse("ok 1 - a\n").problems[0])

    def test_empty_output(self):
        self.assertIn("no plan", tap.parse("").problems[0])

    def test_too_few_and_too_many_points(self):
        self.assertIn("2 tests planned, 1 seen", tap.parse("1..2\nok 1 - a\n").problems)
        self.assertIn("1 tests planned, 2 seen", tap.parse("1..1\nok 1 - a\nok 2\n").problems)

    def test_zero_tests(self):
        self.assertEqual(tap.parse("1..0\n").problems, ["no tests"])

    def test_skipping_all(self):
        result = tap.parse("1..0 # SKIP no such CPU\n")
        self.assertEqual((result.problems, result.skip_all), ([], "no such CPU"))

    def test_bail_out(self):
        self.assertIn("Bail out! no memory", tap.parse("1..1\nok 1\nBail out! no memory\n").problems)

    def test_other_words_are_no_points(self):
        self.assertEqual(tap.parse("okay\n  ok 1 - indented\nnot okay\n1..0\n").points, [])


class Config(unittest.TestCase):
    def test_defaults_run_everywhere(self):
        plan = qemu.plan("int main(void);")
        self.assertEqual([machine.label() for machine in plan.machines],
                         ["smp1,max", "smp1,cortex-a72", "smp4,max", "smp4,cortex-a72",
                          "smp4,max,gcc-release", "smp4,max,clang-debug"])
        self.assertEqual((plan.expect, plan.timeout_s), ("pass", qemu.TIMEOUT_S))

    def test_config_line(self):
        plan = qemu.plan('// config: smp=2 cpu=max el2=1 build=debug timeout=5 mem=64M\n'
                         ' * config: expect="panic:bad cell" cmdline="a=1 b=2"\n')
        self.assertEqual([machine.label() for machine in plan.machines],
                         ["smp2,max,el2,clang-debug"])
        self.assertEqual((plan.expect, plan.timeout_s, plan.mem, plan.cmdline),
                         ("panic:bad cell", 5, "64M", "a=1 b=2"))

    def test_devices_are_one_list(self):
        self.assertEqual(qemu.plan("// config: devices=rng,net:tap@port\n").devices,
                         "rng,net:tap@port")
        self.assertEqual(qemu.plan("").devices, "")

    def test_a_machine_may_be_without_its(self):
        self.assertEqual([qemu.plan(text).its for text in ("", "// config: its=0\n")], ["1", "0"])

    def test_unknown_keys_and_values_are_refused(self):
        for line in ("smpp=1", "smp", "build=fast", "expect=hang"):
            with self.assertRaises(config.ConfigError):
                qemu.plan(f"// config: {line}\n")


class Problems(unittest.TestCase):
    plan = qemu.plan("")
    panic_plan = qemu.plan('// config: expect="panic:no init"\n')

    def test_clean_exit(self):
        self.assertEqual(qemu.problems(self.plan, 0, "1..1\nok 1\n"), [])

    def test_hang_status_and_panic(self):
        self.assertIn("hung", qemu.problems(self.plan, None, "")[0])
        self.assertIn(" in two", qemu.problems(
            self.plan, None, "1..3\n# one\nok 1 - one\n# two\n# tests/two.c: not so\n")[0])
        self.assertEqual(qemu.problems(self.plan, 3, ""), ["exit status 3"])
        self.assertEqual(qemu.problems(self.plan, 0, "x\nexo: panic: y\r\n"), ["exo: panic: y"])

    def test_what_the_host_could_not_do(self):
        console = "1..1\nok 1\nhost: failed: qmp: device_del: Device 'x' not found\n"
        self.assertEqual(qemu.problems(self.plan, 0, console),
                         ["qmp: device_del: Device 'x' not found"])

    def test_only_run_qemu_can_say_that_the_host_does_not_permit(self):
        self.assertEqual(qemu.not_permitted(77, "run-qemu: tap: no\n"), "tap: no")
        self.assertEqual(qemu.not_permitted(77, "run-qemu: tap: no\n1..1\n"), "")
        self.assertEqual(qemu.not_permitted(1, "run-qemu: tap: no\n"), "")

    def test_expected_panic(self):
        self.assertEqual(qemu.problems(self.panic_plan, 1, "exo: panic: no init\n"), [])
        self.assertTrue(qemu.problems(self.panic_plan, 1, "exo: panic: other\n"))
        self.assertTrue(qemu.problems(self.panic_plan, 1, "no init\n"))
        self.assertTrue(qemu.problems(self.panic_plan, 0, "exo: panic: no init\n"))
        self.assertTrue(qemu.problems(self.panic_plan, None, "exo: panic: no init\n"))

    def test_expected_panic_shows_all_texts(self):
        plan = qemu.plan('// config: expect="panic:no init|genesis+0x|x30 "\n')
        shown = "exo: panic: no init\n  genesis+0x12\n  x30 000\n"
        self.assertEqual(qemu.problems(plan, 101, shown), [])
        self.assertTrue(qemu.problems(plan, 0, shown))
        self.assertEqual(qemu.problems(plan, 101, "x30 \nexo: panic: no init\ngenesis+0x\n"),
                         ["the panic does not show: x30 "])


class Console(unittest.TestCase):
    def follow(self, text, **table):
        side, log = actions.Actions(0, "no socket"), io.BytesIO()
        side.table = table
        qemu.follow(mock.Mock(stdout=io.BytesIO(text)), log, side)
        return log.getvalue().decode()

    def test_a_line_makes_the_host_act_and_all_is_logged(self):
        done = []
        text = b"1..1\r\nact: now then\r\nokay: not known\n act: no\nact:no\nend"
        self.assertEqual(self.follow(text, act=done.append), text.decode())
        self.assertEqual(done, ["now then"])

    def test_what_fails_is_logged_behind_its_line(self):
        def fail(text):
            raise qmp.Failed(f"{text} cannot be")
        self.assertEqual(self.follow(b"act: this\nok\n", act=fail),
                         "act: this\nhost: failed: act: this cannot be\nok\n")

    def pump(self, status):
        """What is logged of a pump that says its arguments and ends with `status`."""
        with tempfile.TemporaryDirectory() as folder:
            stub = pathlib.Path(folder) / "pump"
            stub.write_text(f"#!/bin/sh\necho $*\nexit {status}\n")
            stub.chmod(0o755)
            with mock.patch.object(actions, "PUMP", stub):
                side = actions.Actions(12, "no socket")
                self.assertEqual(side.line("pump: 500 mac\r\n"), "")
                return side.finish()

    def test_a_pump_is_started_and_its_result_logged(self):
        self.assertEqual(self.pump(0), "host: pump: 12 500 mac\n")

    def test_a_pump_that_fails_is_a_problem(self):
        self.assertEqual(actions.problems("1..1\n" + self.pump(1)), ["pump: 12 500 mac"])


class Hangs(unittest.TestCase):
    """What takes too long is ended, and said; a clock that jumps is not time that was waited for."""

    def setUp(self):
        self.enterContext(mock.patch.object(patience, "LOAD", 1))

    def test_a_jump_of_the_clock_counts_as_one_wait(self):
        clock = self.enterContext(mock.patch.object(patience.time, "monotonic"))
        clock.return_value = 100
        found = patience.Patience(3)
        for now, over in ((100.9, False), (101, False), (101.5, False), (100000, False),
                          (100000.5, False), (100001, True)):
            clock.return_value = now
            self.assertEqual(found.is_over(), over, now)

    def test_who_is_over_in_time_is_left_alone(self):
        late = mock.Mock()
        with patience.Guard(1000, late) as guard:
            pass
        self.assertFalse(guard.hung)
        late.assert_not_called()
        self.assertEqual(host.run(["echo", "said"], seconds=1000), (0, "said\n"))

    def test_a_program_that_hangs_is_killed_and_what_it_said_is_shown(self):
        self.assertEqual(host.run(["sh", "-c", "echo said; exec sleep 1000000"], seconds=1),
                         (None, "said\n"))

    def test_a_machine_that_hangs_is_ended_and_what_it_said_is_shown(self):
        with tempfile.TemporaryDirectory() as folder:
            stub = pathlib.Path(folder) / "build" / "tools" / "run-qemu"
            stub.parent.mkdir(parents=True)
            stub.write_text("#!/bin/sh\necho said\nexec sleep 1000000\n")
            stub.chmod(0o755)
            with mock.patch.object(qemu, "ROOT", pathlib.Path(folder)):
                plan = qemu.plan("// config: timeout=1\n")
                status, console = qemu.run(plan.machines[0], None, plan, pathlib.Path(folder) / "log")
        self.assertEqual((status, console), (None, "said\n"))
        self.assertEqual(qemu.problems(plan, status, console), [patience.spent(1)])

    def test_a_test_that_hangs_is_named_with_its_line_and_what_ran_beside_it(self):
        sent = []
        beside = mock.Mock(lines=["said\n"])
        reporter = tools.Reporter(sent.append, "tools/test_x")
        reporter.startTest(self)
        with mock.patch.object(tools, "running", {beside}), mock.patch.object(tools.os, "_exit") as ended:
            reporter.hang()
        kind, name, reason, text = sent[0]
        self.assertEqual((kind, name, reason), ("fail", reporter.name(self), patience.spent(tools.TEST_S)))
        self.assertRegex(text, r"^said\n(.*\n)*.*test_harness.py:\d+: reporter.hang\(\)")
        beside.process.kill.assert_called_once()
        ended.assert_called_once_with(1)
        self.assertEqual(sent[1:], [None])

    def test_each_test_has_its_time(self):
        reporter = tools.Reporter(None, "tools/test_x")
        for step in (reporter.startTest, reporter.stopTest):
            before = reporter.guard.patience
            step(self)
            self.assertIsNot(reporter.guard.patience, before)


class Qmp(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "qmp"
        self.asked = []

    def serve(self, *answers):
        """Stands in for QEMU: greets, then gives the next answers to each command."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen()

        def talk():
            with listener, listener.accept()[0] as peer, peer.makefile("rw") as lines:
                for each in ({"QMP": {}}, {"return": {}}, *answers):
                    if "QMP" not in each and "event" not in each:
                        self.asked.append(json.loads(lines.readline()))
                    lines.write(json.dumps(each) + "\n")
                    lines.flush()
        thread = threading.Thread(target=talk)
        thread.start()
        self.addCleanup(thread.join)
        monitor = qmp.Monitor(self.path)
        self.addCleanup(monitor.close)
        return monitor

    def test_a_line_becomes_a_command(self):
        self.serve({"return": {}}).perform("set_link name=net0 up=false size=12")
        self.assertEqual(self.asked, [
            {"execute": "qmp_capabilities", "arguments": {}},
            {"execute": "set_link", "arguments": {"name": "net0", "up": False, "size": 12}}])

    def test_events_are_passed_over(self):
        monitor = self.serve({"event": "RESUME"}, {"return": {"status": "running"}})
        self.assertEqual(monitor.execute("query-status"), {"status": "running"})

    def test_what_is_refused_fails(self):
        monitor = self.serve({"error": {"desc": "Device 'x' not found"}})
        with self.assertRaisesRegex(qmp.Failed, "device_del: Device 'x' not found"):
            monitor.perform("device_del id=x")

    def test_a_machine_that_ended_is_no_failure(self):
        self.assertIsNone(qmp.Monitor(self.path).execute("stop"))
        self.assertIsNone(self.serve().execute("stop"))

    def test_lines_that_are_no_command(self):
        for text in ("", "device_del net0", "x =1"):
            with self.assertRaises(qmp.Failed):
                qmp.parse(text)


class Compare(unittest.TestCase):
    def measure(self, consoles, image=pathlib.Path("out/clang-release/bench/net_echo.img")):
        """Figures of runs that print one console after the other."""
        runs = mock.Mock(side_effect=consoles)
        with mock.patch.object(qemu, "run", runs), mock.patch.object(compare, "ROUNDS", 3), \
                contextlib.redirect_stdout(io.StringIO()):
            return compare.measure(pathlib.Path("out/clang-release/baremetal/net_echo.Image"), image)

    @staticmethod
    def figures(*values):
        return [(0, f"bench: net_echo {value} frames/s\r\n") for value in values]

    def test_the_ratio_is_that_of_neighbours(self):
        # The second and third round meet a host that is three times as fast.
        self.assertEqual(self.measure(self.figures(100, 80, 300, 270, 330, 330)), [
            ("net_echo_baremetal", "frames/s", "", "300"), ("net_echo_chitin", "frames/s", "", "270"),
            ("net_echo_ratio", "ratio", "0.9", "0.900")])

    def test_the_bare_machine_alone_has_no_ratio(self):
        self.assertEqual(self.measure(self.figures(3, 1, 2), None),
                         [("net_echo_baremetal", "frames/s", "", "2")])

    def test_a_host_that_does_not_permit_gives_no_figure(self):
        self.assertEqual(self.measure([(77, "run-qemu: tap: no\n")]), [])

    def test_what_does_not_end_well_fails(self):
        for status, console in ((0, ""), (1, "bench: net_echo 1 frames/s\n"), (None, ""),
                                (0, "bench: blk_random_read 1 requests/s\n"),
                                (0, "bench: net_echo 1 frames/s\nhost: failed: pump: no\n")):
            with self.assertRaises(compare.Failed):
                self.measure([(status, console)])


class Models(unittest.TestCase):
    def test_mutants_come_from_conditionals(self):
        text = "#ifdef MUTANT_A\n#elif defined(MUTANT_B)\n#endif\n/* MUTANT_C */\n"
        self.assertEqual(models.mutants(text), ["MUTANT_A", "MUTANT_B"])

    def test_verdicts(self):
        self.assertEqual(models.verdict(0, "... errors: 0\n"), "verified")
        self.assertEqual(models.verdict(0, "... errors: 1\n"), "violated")
        self.assertEqual(models.verdict(None, ""), "hung")
        self.assertIn("no answer", models.verdict(0, ""))
        self.assertIn("no answer", models.verdict(1, "errors: 0"))
        self.assertIn("too small", models.verdict(
            0, "error: max search depth too small\n errors: 0\n"))


class Summary(unittest.TestCase):
    def finish(self, fill, pattern=None):
        """(status, last line) after `fill` has reported."""
        out = io.StringIO()
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(out), \
                mock.patch.object(report, "LOGS", pathlib.Path(folder)):
            results = report.Report(pattern)
            fill(results)
            status = results.finish()
        return status, out.getvalue().splitlines()[-1]

    def test_all_passed(self):
        self.assertEqual(self.finish(lambda r: r.ok("a")), (0, "1 passed, 0 failed"))

    def test_a_failure_fails(self):
        self.assertEqual(self.finish(lambda r: (r.ok("a"), r.fail("b", "why"))),
                         (1, "1 passed, 1 failed"))

    def test_skips_are_counted(self):
        self.assertEqual(self.finish(lambda r: (r.ok("a"), r.skip("b", "why"))),
                         (0, "1 passed, 0 failed, 1 skipped"))

    def test_nothing_ran(self):
        self.assertEqual(self.finish(lambda r: None)[0], 1)
        self.assertEqual(self.finish(lambda r: r.skip("a", "why"))[0], 1)

    def test_a_failed_point_and_its_exit_status_count_once(self):
        text = "1..2\nok 1 - a\nnot ok 2 - b\n"
        self.assertEqual(self.finish(lambda r: r.tap("t", tap.parse(text), ["exit status 1"], text)),
                         (1, "1 passed, 1 failed"))

    def test_problems_fail_a_run_whose_points_passed(self):
        text = "ok 1 - a\n"
        result = tap.parse(text)
        self.assertEqual(self.finish(lambda r: r.tap("t", result, result.problems, text)),
                         (1, "1 passed, 1 failed"))

    def test_selection(self):
        results = report.Report("guest/ipc*")
        self.assertTrue(results.selected("guest/ipc_call"))
        self.assertFalse(results.selected("unit/ipc_call"))
        self.assertTrue(report.Report("guest").selected("guest/x"))
        self.assertTrue(report.Report("x").selected("guest/x"))

    def test_each_suite_can_be_selected_by_its_name(self):
        checked = []
        with mock.patch.object(source, "make", lambda *a: checked.append(a) or (0, "")):
            with contextlib.redirect_stdout(io.StringIO()):
                source.form(report.Report("source"))
                source.form(report.Report("lines"))
        self.assertEqual(checked, [("format-check",), ("lines",), ("lines",)])
