"""Running things on the host: the build, and jobs side by side."""
import concurrent.futures
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LOGS = ROOT / "out" / "tests"
JOBS = os.cpu_count() or 1


def clean_environment(**more):
    """What a test may see of this process's environment: none of the variables that people pass
    to make for their own machine."""
    keep = ("PATH", "HOME", "TMPDIR", "LANG", "XDG_CACHE_HOME")
    return {key: os.environ[key] for key in keep if key in os.environ} | more


def run(arguments, timeout=None, **options):
    """(status or None when it hung, output with errors)."""
    try:
        done = subprocess.run([str(a) for a in arguments], cwd=options.pop("cwd", ROOT),
                              env=options.pop("env", clean_environment()),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, check=False, **options)
    except subprocess.TimeoutExpired as late:
        return None, (late.stdout or b"").decode(errors="replace")
    return done.returncode, done.stdout.decode(errors="replace")


def make(*arguments):
    return run(["make", *arguments])


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
