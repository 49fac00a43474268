"""Commands for gdb that show the kernel's state. build/tools/debug sources this file.

    exo cells              the tree of cells and their accounts
    exo envs               environments, their vCPUs: state, CPU, pc
    exo caps ENV           the capability table of the environment with that number
    exo sched              what each CPU runs, who is ready, deadlines, owners of slots
    exo trace [CPU] [N]    the last N (20) trace events, of one CPU or of all

They only read memory, through the symbols of exo.elf, and want the kernel to be booted. A CPU may
be anywhere in the kernel when it is stopped: lists can be half changed then.
"""
import pathlib
import re

import gdb

ABI = pathlib.Path(__file__).resolve().parents[2] / "exo" / "include" / "exo" / "abi.h"
LIST_MAX = 65536  # longer: a list that was caught while it changed
USER_END = 1 << 39
DYING, MAPPED = 1, 2  # enum cap_flag
ROOT_DEPTH = 0
STATES = {1: "ready", 2: "waiting", 3: "calling", 4: "receiving", 5: "faulted", 6: "dead"}
PHASES = {1: "mark", 2: "grace", 3: "sweep", 4: "finish", 5: "dead"}
FOREVER = (1 << 64) - 1


class Abi:
    """Names that abi.h gives to numbers."""

    def __init__(self, text):
        self.calls = {int(n): name for n, name in re.findall(r'X\((\d+), (\w+), "', text)}
        self.errors = {int(v): name for name, v in re.findall(r'X\((\w+), (-\d+), "', text)}
        self.types = self.enum(text, "TYPE")
        self.kinds = self.enum(text, "TRACE")
        self.upcalls = self.enum(text, "UPCALL")
        self.resources = self.enum(text, "RES")

    @staticmethod
    def enum(text, prefix):
        return {int(v): name.lower() for name, v
                in re.findall(rf"\bEXO_{prefix}_(\w+) = (\d+)\b", text)
                if name not in ("COUNT", "KINDS")}


abi = Abi(ABI.read_text(encoding="utf-8"))


def symbol(name):
    try:
        return gdb.parse_and_eval(name)
    except gdb.error as error:
        raise gdb.GdbError(f"exo: {name}: {error}") from error


def pointer_to(type_name):
    return gdb.lookup_type(type_name).pointer()


def chain(first, link):
    """The members of a list that ends with NULL."""
    node = first
    for _ in range(LIST_MAX):
        if not int(node):
            return
        yield node
        node = node[link]
    print("... more than one would believe")


def name(pointer):
    """An object's name, as cap_info and the trace have it."""
    return f"{int(pointer) & FOREVER:x}"


# --- What there is ------------------------------------------------------------------------------


def root_cell():
    root = symbol("root_cell")
    if not int(root):
        raise gdb.GdbError("exo: not booted yet: there is no root cell")
    return root


def cells(cell=None, level=0):
    """(cell, level), parents before children."""
    cell = root_cell() if cell is None else cell
    yield cell, level
    for child in chain(cell["first_child"], "next"):
        yield from cells(child, level + 1)


def objects(cell, type_name, number):
    for listed in ("alive", "doomed"):
        for origin in chain(cell[listed], "next"):
            if int(origin["type"]) == number:
                yield origin.cast(pointer_to(type_name))


def environments():
    env_type = next(v for v, n in abi.types.items() if n == "env")
    found = [env for cell, _ in cells() for env in objects(cell, "struct env", env_type)]
    return sorted(found, key=lambda env: int(env["number"]))


def cpus():
    array = symbol("cpus")
    for i in range(int(symbol("cpu_count"))):
        yield i, array[i]


def live_pcs():
    """The pc of each CPU that stands in EL0; a vCPU's saved one is older then."""
    selected = gdb.selected_thread()
    found = {}
    try:
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            pc = int(gdb.parse_and_eval("(unsigned long)$pc"))
            if pc < USER_END:
                found[thread.num - 1] = pc
    finally:
        if selected:
            selected.switch()
    return found


# --- How it is shown ----------------------------------------------------------------------------


def vcpu_text(vcpu, pcs):
    cpu = int(vcpu["cpu"])
    current = int(symbol("cpus")[cpu]["current"]) == int(vcpu)
    pc = pcs.get(cpu) if current else None
    words = [STATES.get(int(vcpu["state"]), f"state {int(vcpu['state'])}")]
    words += ["current"] if current else []
    words += ["held"] if int(vcpu["held"]) else []
    if int(vcpu["control"]):
        words += ["inside"] if int(vcpu["control"]["inside"]) else []
    where = f"pc {int(vcpu['context']['pc']) if pc is None else pc:x}"
    return f"vcpu {int(vcpu['number'])} {name(vcpu)}: CPU {cpu}, {', '.join(words)}, {where}"


def rights_text(rights):
    return "".join(letter if rights & 1 << i else "-" for i, letter in enumerate("rwxcC"))


def range_text(slot, kind):
    if kind == "frames":
        base, count = int(slot["base"]), int(slot["count"])
        device = " device" if int(slot["origin"]["device"]) else ""
        return f"frames {base:x} + {count}{device}"
    if kind == "cpu":
        return f"slots {int(slot['base'])} + {int(slot['count'])}"
    badge = int(slot["badge"])
    return f"badge {badge:x}" if badge else ""


def slot_text(slot):
    kind = abi.types.get(int(slot["type"]), f"type {int(slot['type'])}")
    flags, origin = int(slot["flags"]), slot["origin"]
    words = ["root"] if int(slot["depth"]) == ROOT_DEPTH else [f"depth {int(slot['depth'])}"]
    words += ["dying"] if flags & DYING else []
    if int(origin["generation"]) != int(slot["generation"]):
        words.append("of another generation")
    if flags & MAPPED:
        words.append(f"mapped in pages {int(slot['hull_lo']):x}..{int(slot['hull_hi']):x}")
    phase = PHASES.get(int(origin["phase"]))
    words += [f"tree in {phase}"] if phase else []
    text = range_text(slot, kind)
    return (f"{kind:12} {rights_text(int(slot['rights']))} {name(origin)}"
            f"{' ' + text if text else ''} ({', '.join(words)})")


def result_text(value):
    signed = value - (1 << 64) if value >> 63 else value
    return {1: "blocked", 2: "elsewhere"}.get(signed) or abi.errors.get(signed, str(signed))


def event_text(event):
    kind, a, b = (int(event[field]) for field in ("kind", "a", "b"))
    title = abi.kinds.get(kind, f"kind {kind}")
    call = abi.calls.get(a, a)
    detail = {
        "call": f"{call} x0={b:x}",
        "call_end": f"{call} = {result_text(b)}",
        "upcall": f"{abi.upcalls.get(a, a)} x1={b:x}",
        "switch": f"vcpu {a:x}" if a else "idle",
        "interrupt": f"{a}",
        "map": f"{['map', 'unmap', 'protect', '?'][min(b >> 32, 3)]} {a:x} + {b & 0xffffffff}",
        "fault": f"address {a:x} syndrome {b:x}",
        "protected": f"server {a:x} w0={b:x}",
        "revoke": f"{a:x} {PHASES.get(b, b)}",
    }.get(title, f"{a:x} {b:x}")
    return (f"{int(event['ticks']):16} CPU {int(event['cpu'])} env {int(event['env']):3} "
            f"{title:10} {detail}")


# --- Commands -----------------------------------------------------------------------------------


class Command(gdb.Command):
    """Calls `show` with the words of the command line."""

    def __init__(self, name, most, show, text):
        self.__doc__ = text
        super().__init__(f"exo {name}", gdb.COMMAND_STATUS)
        self.name, self.most, self.show = name, most, show

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if len(words) > self.most or not all(re.fullmatch("[0-9]+", w) for w in words):
            raise gdb.GdbError(f"exo {self.name}: {self.__doc__}")
        try:
            self.show(*(int(word) for word in words))
        except gdb.MemoryError as error:
            raise gdb.GdbError(f"exo: {error} (is the MMU on?)") from error


def show_cells():
    for cell, level in cells():
        doomed = sum(1 for _ in chain(cell["doomed"], "next"))
        zombies = sum(1 for _ in chain(cell["zombies"], "next"))
        dying = ", dying" if int(cell["dying"]) else ""
        print(f"{'  ' * level}cell {name(cell)}: {doomed} doomed, {zombies} zombies{dying}")
        for i, resource in sorted(abi.resources.items()):
            limit, carved, free = (int(cell[field][i]) for field in ("limit", "carved", "free"))
            print(f"{'  ' * level}  {resource:9} limit {limit:9} own {limit - carved - free:9} "
                  f"carved {carved:9} free {free:9}")


def show_envs():
    pcs = live_pcs()
    for env in environments():
        words = ["stopped"] if int(env["stopped"]) else []
        words += ["doomed"] if int(env["origin"]["doomed"]) else []
        words.append(f"ASID {int(env['space']['asid'])}")
        words.append(f"{int(env['space']['tables'])} tables")
        print(f"env {int(env['number'])} {name(env)}: cell {name(env['origin']['cell'])}, "
              + ", ".join(words))
        for vcpu in chain(env["vcpus"], "env_next"):
            print("  " + vcpu_text(vcpu, pcs))


def show_caps(*number):
    if not number:
        raise gdb.GdbError("exo caps: the number of an environment (exo envs)")
    env = next((e for e in environments() if int(e["number"]) == number[0]), None)
    if env is None:
        raise gdb.GdbError(f"exo caps: there is no environment {number[0]}")
    per_page = 4096 // gdb.lookup_type("struct cap_slot").sizeof
    pages = 4096 // gdb.lookup_type("long").sizeof
    for page in range(pages):
        table = env["table"][page]
        if not int(table):
            continue
        for i in range(per_page):
            if int(table[i]["type"]):
                print(f"{page * per_page + i:6} {slot_text(table[i])}")
    if int(env["supervisor"]["type"]):
        print(f"supervisor {slot_text(env['supervisor'])}")


def heap(node):
    """Deadlines in no order."""
    stack = [node]
    while stack:
        node = stack.pop()
        if int(node):
            yield node
            stack += [node["heap_left"], node["heap_right"]]


def of(vcpu):
    return f"env {int(vcpu['env']['number'])} vcpu {int(vcpu['number'])}"


def owners_text(owner):
    """Runs of slots with one owner."""
    low, high = owner.type.range()
    runs = []
    for slot in range(low, high + 1):
        if runs and int(runs[-1][2]) == int(owner[slot]):
            runs[-1][1] = slot
        else:
            runs.append([slot, slot, owner[slot]])
    return ", ".join(f"{first}-{last} {of(who) if int(who) else 'nobody'}"
                     for first, last, who in runs)


def show_sched():
    for i, cpu in cpus():
        rq, current = cpu["run_queue"], cpu["current"]
        epoch = int(cpu["epoch"])
        inside = "outside" if epoch == FOREVER else f"in the kernel since epoch {epoch}"
        print(f"CPU {i}: {of(current) if int(current) else 'idle'}, {inside}, "
              f"slot {int(rq['slot_number'])} ends at {int(rq['slot_end'])}"
              + (", to reschedule" if int(cpu["reschedule"]) else ""))
        print("  ready: " + (", ".join(of(v) for v in chain(rq["ready"]["first"], "queue_next")) or "nobody"))
        waiting = sorted(heap(rq["deadlines"]), key=lambda v: int(v["deadline"]))
        if waiting:
            print("  deadlines: " + ", ".join(f"{of(v)} {int(v['deadline'])}" for v in waiting))
        print(f"  slots: {owners_text(rq['owner'])}")


def ring_events(cpu, most):
    ring = cpu["trace"]
    if not int(ring):
        return []
    written = int(ring["written"])
    low, high = ring["events"].type.range()
    length = high - low + 1
    first = max(0, written - min(most, length))
    return [ring["events"][n % length] for n in range(first, written)]


def show_trace(*words):
    which, most = (list(words) + [None, None])[:2]
    most = 20 if most is None else most
    count = int(symbol("cpu_count"))
    if which is not None and which >= count:
        raise gdb.GdbError(f"exo trace: there are {count} CPUs")
    events = [e for i, cpu in cpus() if which in (None, i) for e in ring_events(cpu, most)]
    events.sort(key=lambda e: int(e["ticks"]))
    print(f"recorded: mask {int(symbol('trace_mask')):x}")
    for event in events[-most:] if most else []:
        print(event_text(event))


class Prefix(gdb.Command):
    """The state of the exokernel: cells, envs, caps ENV, sched, trace [CPU] [N]."""

    def __init__(self):
        super().__init__("exo", gdb.COMMAND_STATUS, gdb.COMPLETE_NONE, True)


Prefix()
Command("cells", 0, show_cells, "the tree of cells and their accounts")
Command("envs", 0, show_envs, "environments and their vCPUs")
Command("caps", 1, show_caps, "ENV: the capability table of the environment with that number")
Command("sched", 0, show_sched, "what each CPU runs, who is ready, deadlines, owners of slots")
Command("trace", 2, show_trace, "[CPU] [N]: the last N (20) trace events")
