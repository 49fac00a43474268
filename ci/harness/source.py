"""What can be said of the sources before anything runs: layout, size, and that they build."""
from .host import make

BUILDS = [("clang", "release"), ("clang", "debug"), ("gcc", "release")]


def check(report, name, *arguments):
    if report.selected(name):
        status, output = make(*arguments)
        if status:
            report.fail(name, f"make {' '.join(arguments)}", output)
        else:
            report.ok(name)


def form(report):
    check(report, "source/format", "format-check")
    check(report, "source/lines", "lines")


def build(report):
    for toolchain, kind in BUILDS:
        check(report, f"build/{toolchain}-{kind}", f"TOOLCHAIN={toolchain}", f"BUILD={kind}",
              "all", "guests", "benches")
    check(report, "build/hosted", "hosted")
