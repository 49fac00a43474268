"""What `make bench` says about llmd: figures (name, unit, bar, values of all rounds), as a client sees
them. A client that finds nobody tries again, with a new connection after RETRY_S.
"""
import concurrent.futures
import contextlib
import pathlib
import re
import socket
import subprocess
import tempfile
import time

from . import console, qmp, serving
from .host import ROOT, make

ROUNDS = 7
TRIES = 10      # of a round that something else may disturb
RETRY_S = 0.05
PAGE_BYTES, MIB = 4096, 1 << 20
PATIENCE_S = 120
ANSWER_TOKENS = 16
BIG_ROUNDS, BIG_ANSWERS = 3, 3  # starts of the big model, and answers of each
FOLDER = "out/bench"
TOKENIZER = serving.MODELS / "tokenizer.bin"
RING = serving.OUT / "bench" / "http_ring.img"
IMAGE = serving.OUT / "services-private.img"  # what `make run` boots
TAP_WORDS = "net.dhcp=0 net.ip=10.0.2.15"
CONNECTIONS, REQUESTS = 8, 30000
# What make-model is told: width, hidden, layers, heads, heads of keys, vocabulary, context, seed, and
# the group of Q8_0, if any.
SHAPES = {"15m": (288, 768, 6, 6, 6, 32000, 256, 1),
          "15m-q8": (288, 768, 6, 6, 6, 32000, 256, 1, 32),
          "1b": (2048, 5632, 22, 32, 4, 32000, 2048, 1, 32)}
# What the console says at the end of each phase of a start.
PHASES = (("emulator_and_kernel", "CPUs online"), ("init", "llmd: trusts"),
          ("verification", ": opened: "),
          ("model_and_kernels", "llmd: (kernels: |chosen in)"), ("network", "llmd: serving at"))


class Failed(Exception):
    """A figure that could not be measured, and why."""


def build(*words):
    status, output = make(*words)
    if status:
        raise Failed(f"make {words}: {output[-2000:]}")


def model_of(name):
    """A random model of that shape; made once."""
    model = ROOT / FOLDER / f"{name}.bin"
    build("out/host/make-model")
    if not model.exists():
        model.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([ROOT / "out/host/make-model", model, *map(str, SHAPES[name])], check=True)
    return model


def store_of(name, verify):
    """The store image with it."""
    folder = f"{FOLDER}/{name}-{verify}"
    build(f"MODEL={model_of(name)}", f"TOKENIZER={TOKENIZER}", f"VERIFY={verify}",
          f"STORE_FOLDER={folder}", "store")
    return str(ROOT / folder / "store.img")


def big_store(layout=""):
    """The big one, as Q4_0 in a file of GGUF, or packed ahead of time for a layout."""
    folder, model = f"{FOLDER}/1b-{layout or 'q4'}", ROOT / FOLDER / "1b.gguf"
    build("out/host/gguf")
    if not model.exists():
        subprocess.run([ROOT / "out/host/gguf", "convert", model_of("1b"), TOKENIZER, model, "q4_0"],
                       check=True)
    build(f"MODEL={model}", "VERIFY=on-fault", f"LAYOUT={layout}", f"STORE_FOLDER={folder}", "store")
    return str(ROOT / folder / "store.img")


def ask(port, method, path, body, patience):
    """The first bytes of an answer's body, or None when nobody answered in time."""
    with contextlib.suppress(OSError):
        with socket.create_connection(("127.0.0.1", port), patience) as connection:
            connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: h\r\nContent-Length: "
                               f"{len(body)}\r\n\r\n{body}".encode())
            answer = b""
            while part := connection.recv(4096):
                answer += part
                head, _, rest = answer.partition(b"\r\n\r\n")
                if rest and head.startswith(b"HTTP/1.1 200 "):
                    return rest
    return None


def start(variables, token=True, answers=0):
    """What one start took, in seconds from it: each phase, until it is ready, until a first token;
    what of the weights was in memory when it was ready; and tokens a second of so many answers."""
    machine = serving.Machine(IMAGE, ready=" is the guest's port 80", **variables)
    try:
        while ask(machine.port, "GET", "/health", "", RETRY_S) is None:
            if time.monotonic() - machine.started > PATIENCE_S or machine.process.poll() is not None:
                raise Failed("nobody serves:\n" + "".join(machine.lines)[-2000:])
            time.sleep(RETRY_S / 10)
        found = dict(phases(machine), ready=time.monotonic() - machine.started)
        found["resident"] = machine.metric("pager_resident_pages") * PAGE_BYTES / MIB
        if token:
            if ask(machine.port, "POST", "/completion?n=1", "Once upon a time", PATIENCE_S) is None:
                raise Failed("no token:\n" + "".join(machine.lines)[-2000:])
            found["first_token"] = time.monotonic() - machine.started
        found["rates"] = [answer_rate(machine) for _ in range(answers)]
        return found
    finally:
        machine.stop()


def answer_rate(machine):
    """Tokens a second of one answer, as its client sees it: the prompt is part of it."""
    before = time.monotonic()
    machine.complete(query=f"?n={ANSWER_TOKENS}")
    return ANSWER_TOKENS / (time.monotonic() - before)


def phases(machine):
    """(phase, seconds that it took) as far as the console tells."""
    before = 0
    for name, text in PHASES:
        at = next((at for at, line in zip(machine.times, machine.lines) if re.search(text, line)),
                  None)
        if at is not None:
            yield name, at - before
            before = at


def starts(name, bar, rounds, **variables):
    """Figures of `rounds` starts: each phase, until it is ready, until the first token."""
    found = [start(variables) for _ in range(rounds)]
    for key in found[0]:
        if key not in ("resident", "rates"):
            yield (f"start_{name}_{key}", "s", bar.get(key, ""),
                   [each[key] for each in found if key in each])


def big_starts(name, rounds, **variables):
    """The same of a model that is read when it is touched. After the first answers, which look for the
    number of workers, some are measured."""
    found = [start(variables, answers=BIG_ANSWERS) for _ in range(rounds)]
    yield (f"start_{name}_ready", "s", "1.5", [each["ready"] for each in found])
    yield (f"start_{name}_resident", "MiB", "", [each["resident"] for each in found])
    yield (f"start_{name}_first_token", "s", "", [each["first_token"] for each in found])
    yield (f"answer_{name}", "tok/s", "", [each["rates"][-1] for each in found])


def load(machine):
    """Requests a second that httpload gets out of a machine on a tap device."""
    done = subprocess.run([ROOT / "out/host/httpload", str(machine.process.pid), "10.0.2.15", "80",
                           "/health", str(CONNECTIONS), str(REQUESTS)], capture_output=True,
                          text=True, timeout=PATIENCE_S, check=False)
    found = re.match(r"httpload: (\d+) req/s, median ([\d.]+) us", done.stdout)
    if not found:
        raise Failed(f"httpload: {done.stderr.strip()}")
    return int(found[1]), float(found[2])


def rate(image, ready, **variables):
    machine = serving.Machine(image, ready=ready, NET="tap", **variables)
    try:
        return load(machine)
    finally:
        machine.stop()


def rates(store):
    """GET /health: llmd and the responder at ring level, in turn."""
    ours, ring = [], []
    for _ in range(ROUNDS):
        ring.append(rate(RING, "http_ring: ready"))
        ours.append(rate(IMAGE, "llmd: serving at", STORE=store, CMDLINE=TAP_WORDS))
    yield ("health_per_second", "req/s", "15000", [each[0] for each in ours])
    yield ("health_per_second_ring_level", "req/s", "", [each[0] for each in ring])
    yield ("health_ratio_to_ring_level", "ratio", "", [a[0] / b[0] for a, b in zip(ours, ring)])
    yield ("health_median", "us", "", [each[1] for each in ours])
    yield ("health_median_ring_level", "us", "", [each[1] for each in ring])


def restarts(store):
    """Milliseconds from a crash of llmd until it answers again."""
    def serves(port):
        return ask(port, "GET", "/health", "", RETRY_S) is not None
    return [console.restart_ms(IMAGE, "llmd", serves, STORE=store, SMP="4")
            for _ in range(ROUNDS)]


def copies(store):
    """Bytes copied per byte of payload: requests and answers of a machine that serves."""
    machine = serving.Machine(IMAGE, STORE=store)
    try:
        payload = 0
        for _ in range(8):
            payload += len(serving.PROMPT) + len(machine.complete())
        yield ("bytes_copied_per_payload_byte", "bytes", "0",
               [sum(machine.copied_bytes().values()) / payload])
    finally:
        machine.stop()


@contextlib.contextmanager
def counting(path):
    """Lets the emulator write down each exception; gives a function that counts system calls."""
    log = path / "exceptions"
    monitor = qmp.Monitor(path / "qmp")
    def tell(text):
        monitor.execute("human-monitor-command", **{"command-line": text})
    def count(work):
        log.write_bytes(b"")
        tell(f"logfile {log}")
        tell("log int")
        work()
        tell("log none")
        return log.read_bytes().count(b"[SVC]")
    try:
        yield count
    finally:
        monitor.close()


def answer(machine, streams, tokens):
    """So many answers at once of up to `tokens` tokens."""
    with concurrent.futures.ThreadPoolExecutor(streams) as pool:
        list(pool.map(machine.complete, [serving.PROMPT] * streams, [f"?n={tokens}"] * streams))


def measurements(metrics):
    """How often the number of workers was looked for, and whether it is now."""
    return metrics["llmd_worker_measurements_total"], metrics["llmd_worker_measurement_under_way"]


def calls_per_token(machine, count, streams):
    """Those of long answers less those of short ones, over the tokens that they have more. Again, where
    llmd looked for the number of workers meanwhile: its CPUs then wait for each other in the kernel,
    thousands of times now and then, which is no part of a token."""
    for _ in range(TRIES):
        seen, found = [machine.metrics()], []
        for tokens in (20, 200):
            number = count(lambda tokens=tokens: answer(machine, streams, tokens))
            seen.append(machine.metrics())
            found.append((number, seen[-1]["llmd_generated_tokens_total"]
                          - seen[-2]["llmd_generated_tokens_total"]))
        (few, short), (many, long) = found
        first = measurements(seen[0])
        if not first[1] and measurements(seen[-1]) == first:
            return (many - few) / (long - short)
    raise Failed(f"the number of workers was looked for in each of {TRIES} rounds")


def calls(store):
    """System calls per token, of all that runs in the machine."""
    with tempfile.TemporaryDirectory() as folder:
        machine = serving.Machine(IMAGE, STORE=store, QMP=f"{folder}/qmp")
        try:
            with counting(pathlib.Path(folder)) as count:
                for streams, bar in ((1, "2"), (8, "1")):
                    yield (f"system_calls_per_token_{streams}_streams", "calls", bar,
                           [calls_per_token(machine, count, streams) for _ in range(ROUNDS)])
        finally:
            machine.stop()


def skipped(reason, figures):
    print(f"# skip {figures}: {reason}", flush=True)


def figures():
    """All of them; what this host does not permit, or has no files for, is passed over and said."""
    default = str(ROOT / "out/store.img")
    first = {"first_token": "0.6"}
    yield from starts("default", first, ROUNDS, STORE=default, SMP="4")
    yield ("restart_to_serving", "ms", "", restarts(default))
    yield from copies(default)
    yield from calls(default)
    try:
        yield from rates(default)
    except RuntimeError as error:
        skipped(str(error).strip().splitlines()[-1], "health_per_second")
    if not TOKENIZER.is_file():
        skipped(serving.NO_MODELS, "start_15m, start_1b")
        return
    raw = "llmd.bundle=raw llmd.unsigned=1"
    yield from starts("15m", {"first_token": "1.2"}, ROUNDS, STORE=store_of("15m", "eager"),
                      CMDLINE=raw)
    yield from starts("15m-q8", {"first_token": "1.2"}, ROUNDS, STORE=store_of("15m-q8", "eager"),
                      CMDLINE=raw)
    yield from big_starts("1b", BIG_ROUNDS, STORE=big_store(), MEM="1G", CMDLINE=raw)
    yield from big_starts("1b_packed", BIG_ROUNDS, STORE=big_store("rows32-q4"), MEM="1G",
                          CMDLINE=raw)
