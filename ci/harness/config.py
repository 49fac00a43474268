"""The comment line with which a test says how it wants to be run.

    // config: smp=1,4 cpu=max cmdline="a=1 b=2"

Words are split as a shell would; values are lists separated by commas, but for those keys that
the caller names as plain.
"""
import re
import shlex

LINE = re.compile(r"^\s*(?://|/\*|\*|#)\s*config:\s*(.*?)\s*(?:\*/)?\s*$", re.MULTILINE)


class ConfigError(Exception):
    """A config line that says nothing that the harness knows."""


def parse(text, known, plain=()):
    """A dictionary of the keys given in all config lines of `text`."""
    settings = {}
    for line in LINE.findall(text):
        for word in shlex.split(line):
            key, equals, value = word.partition("=")
            if key not in known or not equals:
                raise ConfigError(f"config: {word}: must be key=value with a key of "
                                  + " ".join(sorted(known)))
            settings[key] = value if key in plain else value.split(",")
    return settings
