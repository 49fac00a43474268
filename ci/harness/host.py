"""Running things on the host: the build, and jobs side by side."""
import concurrent.futures
import contextlib
import fcntl
import os
import pathlib
import re
import subprocess

from .patience import Guard

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LOGS = ROOT / "out" / "tests"
JOBS = os.cpu_count() or 1


def clean_environment(**more):
    """What a test may see of this process's environment: none of the variables that people pass
    to make for their own machine."""
    keep = ("PATH", "HOME", "TMPDIR", "LANG", "XDG_CACHE_HOME")
    return {key: os.environ[key] for key in keep if key in os.environ} | more


def finish(process, seconds):
    """(whether it had to be killed, its output): patience.py says what seconds are."""
    with Guard(seconds, process.kill) as guard:
        output = process.communicate()[0]
    return guard.hung, output


def run(arguments, seconds=None, **options):
    """(status or None when it hung, output with errors)."""
    with subprocess.Popen([str(a) for a in arguments], cwd=options.pop("cwd", ROOT),
                          env=options.pop("env", clean_environment()), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options) as process:
        hung, output = finish(process, seconds) if seconds else (False, process.communicate()[0])
    return None if hung else process.returncode, output.decode(errors="replace")


@contextlib.contextmanager
def building():
    """One build at a time, of all processes: each may find the same files old."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with open(LOGS / "building", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make(*arguments):
    """(status, output without the lines that only say which step is at work)."""
    with building():
        status, output = run(["make", *arguments], env=clean_environment(LC_ALL="C"))
    return status, re.sub(r"^  [A-Z]+ +\S+\n", "", output, flags=re.MULTILINE)


def make_each(flags, targets):
    """Makes each target in spite of errors. Returns (those that were not made, output): an old
    file of theirs must not stand in for what no longer builds."""
    if not targets:
        return set(), ""
    status, output = make("-k", *flags, *targets)
    named = set(re.findall(r"Target '([^']+)' not remade", output))
    named |= set(re.findall(r"\*\*\* \[[^\]]*: ([^\]]+)\] Error", output))
    failed = named & set(targets)
    return failed if failed or not status else set(targets), output


def make_list(variable):
    """A list that a make fragment defines."""
    status, output = make("-s", f"print-{variable}")
    if status:
        raise RuntimeError(output)
    return output.split()


def parallel(jobs):
    """Calls every function of `jobs`, as many at once as there are CPUs."""
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for future in [pool.submit(job) for job in jobs]:
            future.result()
