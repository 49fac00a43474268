"""What `make bench` says about the engine: figures (name, unit, bar, values of all rounds) of the 15M
stand-in, in the machine (`llm.bench=1`) and on the host; and what busy loops beside it leave of llmd.
"""
import contextlib
import multiprocessing
import re
import subprocess
import time

from . import serving, serving_bench
from .host import ROOT, clean_environment, make
from .serving_bench import FOLDER, TOKENIZER, Failed

ROUNDS = 3
PATIENCE_S = 300
IMAGE = serving.OUT / "services-llm.img"
WORDS = "llm.bundle=raw llm.unsigned=1"
BUSY_LOOPS, BUSY_TOKENS = 2, 200
# Of what llm says, by number of workers: "2 workers: prompt of 104 tokens: 349.3 ms, 297.6 tok/s".
RATE = re.compile(r"^(\d+) workers?: ([^:]+): ([\d.]+) ms, ([\d.]+) tok/s", re.MULTILINE)
KERNEL = re.compile(r"^kernel (\S+) +(\d+) columns: ([\d.]+) GMAC/s(, chosen)?", re.MULTILINE)
CHOICE = re.compile(r"^choosing a word: (.+?) +\d+ us, ([\d.]+) % of a step", re.MULTILINE)
# Of one worker, since those come first: "of a step: all  5940 us 100 %, at best 5236 us".
PART = re.compile(r"^of a step( of 16)?: (.+?) +\d+ us +\d+ %, at best +(\d+) us", re.MULTILINE)
PRODUCTS = re.compile(r"^products: (\w+) +\S+ +(\d+) vectors? *: ([\d.]+) GMAC/s", re.MULTILINE)
PLAIN = re.compile(r"^plain loop: .* ([\d.]+) tok/s", re.MULTILINE)
PROMPT, DECODE, TEXTS = "prompt of", "tokens from", "texts at once"


def run(command, **variables):
    """What a program says, when it ends well."""
    done = subprocess.run(command, env=clean_environment(**variables), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode:
        raise Failed(f"{command[0]}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout.replace("\r", "")


def in_machine(store, smp, cpu):
    return run([serving.TOOLS / "run-qemu", "--kernel", serving.OUT / "exo.Image", "--initrd", IMAGE],
               BENCH="1", APP="llm", SMP=str(smp), CPU=cpu, STORE=store, CMDLINE=WORDS)


def rate(text, workers, what):
    """(milliseconds, tokens a second) of that line."""
    for count, name, duration, found in RATE.findall(text):
        if int(count) == workers and what in name:
            return float(duration), float(found)
    raise Failed(f"llm did not say: {workers} workers: {what}:\n{text[-2000:]}")


def ratio_to_scalar(text):
    """How many times as fast as the scalar kernel the chosen one is, where that is least."""
    scalar, chosen = {}, {}
    for name, columns, speed, is_chosen in KERNEL.findall(text):
        if name.startswith("scalar-"):
            scalar[columns] = float(speed)
        if is_chosen:
            chosen[columns] = float(speed)
    found = [speed / scalar[columns] for columns, speed in chosen.items() if scalar.get(columns)]
    if not found:
        raise Failed(f"llm said nothing of a scalar kernel:\n{text[-2000:]}")
    return min(found)


def parts(text):
    """Microseconds of each part of a step at best, as one worker takes them: of one text, and of 16."""
    found = {}
    for texts, name, duration in PART.findall(text):
        found.setdefault(("16_texts_" if texts else "") + re.sub(r"\W+", "_", name), float(duration))
    return found


def quantised_store():
    """A store with the same model in Q4_0, as a GGUF file; made once."""
    model = f"{FOLDER}/15m-q4.gguf"
    status, output = make("out/host/gguf")
    if not status and not (ROOT / model).exists():
        run([ROOT / "out/host/gguf", "convert", str(ROOT / FOLDER / "15m.bin"), str(TOKENIZER),
             str(ROOT / model), "q4_0"])
    if not status:
        status, output = make(f"MODEL={model}", "VERIFY=eager", f"STORE_FOLDER={FOLDER}/15m-q4-eager",
                              "store")
    if status:
        raise Failed(f"15m-q4: {output[-2000:]}")
    return str(ROOT / FOLDER / "15m-q4-eager" / "store.img")


def machines(q8, q4):
    """One vCPU and two, as in the figures' table."""
    one = [in_machine(q8, 1, "max") for _ in range(ROUNDS)]
    two = [in_machine(q8, 2, "max") for _ in range(ROUNDS)]
    old = [in_machine(q8, 1, "cortex-a72") for _ in range(ROUNDS)]
    small = [in_machine(q4, 1, "max") for _ in range(ROUNDS)]
    for name, bar, texts, workers, what in (
            ("decode_q8_1_vcpu", "240", one, 1, DECODE), ("decode_q8_2_vcpus", "400", two, 2, DECODE),
            ("decode_q4_1_vcpu", "300", small, 1, DECODE),
            ("decode_q8_16_texts_2_vcpus", "600", two, 2, TEXTS),
            ("decode_q8_cortex_a72", "150", old, 1, DECODE)):
        yield name, "tok/s", bar, [rate(text, workers, what)[1] for text in texts]
    yield "prompt_104_tokens_1_vcpu", "ms", "350", [rate(text, 1, PROMPT)[0] for text in one]
    yield "kernel_to_scalar", "ratio", "10", [ratio_to_scalar(text) for text in one]
    for tensor, vectors, _ in PRODUCTS.findall(one[0]):
        yield (f"products_{tensor}_{vectors}_vectors", "GMAC/s", "",
               [float(speed) for text in one for at in PRODUCTS.findall(text)
                if at[:2] == (tensor, vectors) for speed in at[2:]])
    for name in parts(one[0]):
        yield f"step_{name}", "us", "", [parts(text)[name] for text in one]
    for name, _ in CHOICE.findall(one[0]):
        yield ("choosing_" + re.sub(r"\W+", "_", name), "percent", "",
               [float(dict(CHOICE.findall(text))[name]) for text in one])


def host():
    """The host build against a plain loop, in turn."""
    status, output = make("out/host/plain-loop", "out/host/llm")
    if status:
        raise Failed(output[-2000:])
    shape = [str(number) for number in serving_bench.SHAPES["15m"][:7]]
    ratios = []
    for _ in range(ROUNDS):
        plain = PLAIN.search(run([ROOT / "out/host/plain-loop", *shape]))
        text = run([ROOT / "out/host/llm", "--bench", str(ROOT / FOLDER / "15m-q8.bin")])
        if not plain:
            raise Failed("plain-loop said nothing")
        ratios.append(rate(text, 1, DECODE)[1] / float(plain[1]))
    yield "host_to_plain_loop", "ratio", "1.0", ratios


def spin():
    while True:
        pass


@contextlib.contextmanager
def busy_host():
    loops = [multiprocessing.Process(target=spin, daemon=True) for _ in range(BUSY_LOOPS)]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.join()


def tokens_a_second(store, words):
    """Of llmd on four vCPUs, once it has found out how many of them pay."""
    machine = serving.Machine(serving_bench.IMAGE, STORE=store, SMP="4",
                              CMDLINE=f"llmd.bundle=raw llmd.unsigned=1 {words}")
    try:
        query = f"?n={BUSY_TOKENS}"
        machine.complete(query="?n=50")
        before, start = machine.metric("llmd_generated_tokens_total"), time.monotonic()
        machine.complete(query=query)
        seconds = time.monotonic() - start
        return (machine.metric("llmd_generated_tokens_total") - before) / seconds
    finally:
        machine.stop()


def busy(store):
    """Four vCPUs with busy loops on all of the host's CPUs, against one worker in the same noise."""
    with busy_host():
        found = [(tokens_a_second(store, "llmd.workers=1"), tokens_a_second(store, ""))
                 for _ in range(ROUNDS)]
    yield "busy_host_1_worker", "tok/s", "", [alone for alone, _ in found]
    yield "busy_host_4_vcpus_to_1_worker", "ratio", "0.5", [many / alone for alone, many in found]


def figures():
    if not TOKENIZER.is_file():
        serving_bench.skipped(serving.NO_MODELS, "the engine")
        return
    q8 = serving_bench.store_of("15m-q8", "eager")
    serving_bench.store_of("15m", "eager")
    yield from machines(q8, quantised_store())
    yield from host()
    yield from busy(q8)
