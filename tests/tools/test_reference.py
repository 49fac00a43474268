"""docs/reference/system-calls.md says what exo/include/exo/abi.h says: calls, errors, values."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = ROOT / "exo" / "include" / "exo" / "abi.h"
REFERENCE = ROOT / "docs" / "reference" / "system-calls.md"


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


class Header:
    """What abi.h defines."""

    def __init__(self, text):
        self.errors = {f"EXO_E_{name}": int(value) for name, value
                       in re.findall(r'X\((\w+), (-\d+), "', self.list(text, "EXO_ERRORS"))}
        self.calls = {name: (int(number), arguments.split(", ") if arguments else [])
                      for number, name, arguments
                      in re.findall(r'X\((\d+), (\w+), "([^"]*)"\)', self.list(text, "EXO_CALLS"))}
        self.values = {name: int(value) for body
                       in re.findall(r"^enum \w+ \{(.*?)\};", without_comments(text),
                                     re.DOTALL | re.MULTILINE)
                       for name, value in re.findall(r"\b(EXO_\w+)\s*=\s*(\d+)\b", body)
                       if not name.endswith(("_COUNT", "_KINDS", "EXO_OK"))}

    @staticmethod
    def list(text, name):
        return re.search(rf"#define {name}\(X\)(.*?[^\\])\n", text, re.DOTALL).group(1)


class Section:
    def __init__(self, number, name, body):
        self.number, self.name = number, name
        # Between the two: the call as one would write it.
        self.synopsis = re.findall(r"^`(\w+)\(([^`]*)\)`$", body, re.MULTILINE)
        self.registers = re.findall(r"^\| x(\d) \| (\w+) \|", body, re.MULTILINE)
        self.errors = re.findall(r"`(EXO_E_\w+)`", body)
        self.table = {error for row in re.findall(r"^\| (`EXO_E_[^|]*) \|", body, re.MULTILINE)
                      for error in re.findall(r"EXO_E_\w+", row)}
        self.no_errors = "\nErrors: none.\n" in body


def sections(text):
    body = text.split("\n## Calls\n")[1].split("\n## ")[0]
    parts = re.split(r"^### (\d+) (\w+)$", body, flags=re.MULTILINE)[1:]
    return [Section(int(parts[i]), parts[i + 1], parts[i + 2]) for i in range(0, len(parts), 3)]


def problems(header_text, text):
    """What the reference lacks or has wrong, a line each."""
    header = Header(header_text)
    found = []
    described = sections(text)
    seen = {s.name: s for s in described}
    if len(seen) != len(described):
        found.append("a call has two sections")
    found += [f"{name}: no section" for name in header.calls if name not in seen]
    for s in described:
        if s.name not in header.calls:
            found.append(f"{s.name}: no such call")
            continue
        number, arguments = header.calls[s.name]
        if s.number != number:
            found.append(f"{s.name}: number {s.number}, should be {number}")
        if s.synopsis != [(s.name, ", ".join(arguments))]:
            found.append(f"{s.name}: synopsis {s.synopsis}, should be {arguments}")
        if s.registers != [(str(i), a) for i, a in enumerate(arguments)]:
            found.append(f"{s.name}: registers {s.registers}, should be {arguments}")
        if s.no_errors == bool(s.table):
            found.append(f"{s.name}: needs a table of errors, or 'Errors: none.'")
        found += [f"{s.name}: no error {e}" for e in s.errors if e not in header.errors]
    rows = dict((name, int(value)) for value, name
                in re.findall(r"^\| (-?\d+) \| `(EXO_\w+)` \|", text, re.MULTILINE))
    for name, value in (header.errors | header.values).items():
        if name not in rows:
            found.append(f"{name}: not described")
        elif rows[name] != value:
            found.append(f"{name}: value {rows[name]}, should be {value}")
    found += [f"{name}: not in the header" for name in rows
              if name not in header.errors | header.values]
    return found


class Reference(unittest.TestCase):
    header = HEADER.read_text(encoding="utf-8")
    text = REFERENCE.read_text(encoding="utf-8")

    def wrong(self, old, new):
        self.assertIn(old, self.text)
        return problems(self.header, self.text.replace(old, new, 1))

    def test_agrees_with_the_header(self):
        self.assertEqual(problems(self.header, self.text), [])

    def test_reads_the_whole_header(self):
        header = Header(self.header)
        self.assertEqual(sorted(n for n, _ in header.calls.values()),
                         list(range(len(header.calls))))
        self.assertIn(f"EXO_CALL_COUNT = {len(header.calls)},", self.header)
        self.assertEqual(sorted(header.errors.values()), list(range(-len(header.errors), 0)))
        self.assertEqual(header.values["EXO_TYPE_MACHINE"], 14)

    def test_every_call_can_be_told_to_fail_as_it_says(self):
        # An error that no call can return has no place in the contract.
        used = {error for s in sections(self.text) for error in s.table}
        self.assertEqual(used, set(Header(self.header).errors))

    def test_notices_a_missing_call(self):
        self.assertIn("notify: no section", self.wrong("### 36 notify", "notify"))

    def test_notices_a_wrong_number(self):
        self.assertEqual(self.wrong("### 36 notify", "### 63 notify"),
                         ["notify: number 63, should be 36"])

    def test_notices_a_renamed_argument(self):
        self.assertEqual(len(self.wrong("| x2 | grace_ticks |", "| x2 | grace_ns |")), 1)
        self.assertEqual(len(self.wrong("`cell_reap(cell)`", "`cell_reap(cell, steps)`")), 1)

    def test_notices_an_unknown_error(self):
        self.assertEqual(self.wrong("| `EXO_E_ALIGN` | context_va", "| `EXO_E_SLOW` | context_va"),
                         ["resume: no error EXO_E_SLOW"])

    def test_notices_a_missing_table_of_errors(self):
        self.assertEqual(len(self.wrong("\nErrors: none.\n", "\n")), 1)

    def test_notices_an_error_that_is_not_described(self):
        self.assertEqual(self.wrong("| -16 | `EXO_E_WX` |", "| -16 | WX |"),
                         ["EXO_E_WX: not described"])

    def test_notices_a_wrong_value(self):
        self.assertEqual(self.wrong("| 16 | `EXO_COPY` |", "| 32 | `EXO_COPY` |"),
                         ["EXO_COPY: value 32, should be 16"])

    def test_notices_what_the_header_gained(self):
        header = self.header.replace("EXO_POWER_RESET = 1 ",
                                     "EXO_POWER_RESET = 1, EXO_POWER_NAP = 2 ")
        self.assertEqual(problems(header, self.text), ["EXO_POWER_NAP: not described"])

    def test_constants_have_their_values(self):
        """`512 (\`EXO_NAME\`)`, or words between the two."""
        defines = dict(re.findall(r"^#define\s+(EXO_\w+)\s+(0x[0-9a-f]+|\d+)", self.header,
                                  re.MULTILINE))
        found = re.findall(r"(0x[0-9a-f]+|[\d,]+)[ a-zA-Z]* \(`(EXO_\w+)`", self.text)
        found = [(value, name) for value, name in found if name in defines]
        self.assertGreater(len(found), 10)
        for value, name in found:
            with self.subTest(name):
                self.assertEqual(int(value.replace(",", ""), 0), int(defines[name], 0))
