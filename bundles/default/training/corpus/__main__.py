"""python3 -m corpus [--held-out] [--seed N] LINES: prints documents, one in a line."""
import argparse

from .document import document

parser = argparse.ArgumentParser(prog="corpus", description="Prints training text.")
parser.add_argument("lines", type=int)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--held-out", action="store_true",
                    help="only texts with combinations that the training text never has")
options = parser.parse_args()
for number in range(options.lines):
    print(document(options.seed, number, options.held_out).replace("\n", "\\n"))
