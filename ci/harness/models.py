"""Spin models: each must verify, and each of its mutants must not.

A model's mutants are the `MUTANT_<x>` that its #if lines name, and the files NAME.mutant-*.pml
beside it. Checked are assertions and deadlocks first, then each `ltl` claim. Keys of its config
line: pan (arguments of the verifier), ltl (further ones for ltl claims, like -f), cc (flags of
the verifier's compilation), timeout (seconds of a quiet host: patience.py).
"""
import functools
import re
import shutil

from . import config
from .host import LOGS, ROOT, parallel, run

HANG_S = 120
KEYS = {"pan", "ltl", "cc", "timeout"}
MUTANT = re.compile(r"^\s*#\s*(?:el)?if.*", re.MULTILINE)
CLAIM = re.compile(r"^\s*ltl\s+(\w+)", re.MULTILINE)
INCOMPLETE = ("max search depth too small", "out of memory", "aborting", "VECTORSZ",
              "hash table full", "Search not completed")


def mutants(text):
    """The MUTANT_ names that the conditionals of a model test."""
    return sorted(set(re.findall(r"\bMUTANT_\w+", " ".join(MUTANT.findall(text)))))


def verdict(status, output):
    """"verified", "violated", or what kept the verifier from an answer."""
    if status is None:
        return "hung"
    errors = re.search(r"errors: (\d+)", output)
    if errors and int(errors[1]) > 0:
        return "violated"
    incomplete = [text for text in INCOMPLETE if text in output]
    if not errors or status or incomplete:
        return f"no answer: {', '.join(incomplete) or f'exit status {status}'}"
    return "verified"


def search(folder, model, defines, asked, claim):
    """Generates, compiles and runs one verifier; returns (verdict, output)."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    compile_flags = [] if claim else ["-DSAFETY", "-DNOCLAIM"]
    run_flags = ["-a", "-N", claim, *asked.get("ltl", [])] if claim else []
    timeout = int(asked.get("timeout", HANG_S))
    steps = [["spin", "-Pclang-19 -E -x c", *(f"-D{define}" for define in defines), "-a", model],
             ["clang-19", "-O2", "-w", *compile_flags, *asked.get("cc", []), "-o", "pan", "pan.c"],
             ["./pan", *asked.get("pan", []), *run_flags]]
    for step in steps:
        status, output = run(step, seconds=timeout, cwd=folder)
        (folder / "log").write_text(output, encoding="utf-8")
        if step is not steps[-1] and (status or "error:" in output.lower()):
            return f"{step[0]} failed", output
    return verdict(status, output), output


def check(report, model, mutant, must_fail):
    """One model or mutant: all its searches."""
    name = f"models/{model.stem}" + (f"/{mutant}" if mutant else "")
    text = model.read_text(encoding="utf-8")
    try:
        asked = config.parse(text, KEYS, {"timeout"})
    except (config.ConfigError, ValueError) as error:
        report.fail(name, str(error))
        return
    violated = False
    for claim in [None, *CLAIM.findall(text)]:
        label = claim or "safety"
        folder = LOGS / "models" / f"{model.stem}.{mutant or 'model'}.{label}"
        answer, output = search(folder, model, [mutant] if mutant else [], asked, claim)
        if answer == "violated" and must_fail:
            violated = True
            break
        if answer != "verified":
            report.fail(f"{name} {label}", answer, output)
            return
        if not must_fail:
            report.ok(f"{name} {label}")
    if must_fail and violated:
        report.ok(f"{name} is caught ({label})")
    elif must_fail:
        report.fail(name, "the mutant verified: the model does not notice it", output)


def suite(report):
    jobs = []
    for model in sorted((ROOT / "tests/models").glob("*.pml")):
        is_mutant = ".mutant-" in model.name
        if not report.selected(f"models/{model.stem}"):
            continue
        jobs.append(functools.partial(check, report, model, None, is_mutant))
        if not is_mutant:
            for mutant in mutants(model.read_text(encoding="utf-8")):
                jobs.append(functools.partial(check, report, model, mutant, True))
    parallel(jobs)
