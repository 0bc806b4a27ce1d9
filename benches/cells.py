"""How the time of an export and of a sync grows with a notebook: 500 to 8,000 cells, many setups and tests, long cells.

    python3 benches/cells.py [ROUNDS] [NBEXPORT]

Needs Python alone. Each time is the best of ROUNDS (3) fresh exports of one notebook in a crate of its own, by the program
NBEXPORT (target/release/nbexport, which is built); then of a sync once every exported cell and test was edited in the
module. "per cell" is of the processor's time, and what to look at: it stays where time grows with the notebook, and
doubles from row to row where it grows with its square.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
NBEXPORT = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else ROOT / "target/release/nbexport"


def item(n):
    return f"//| export\n/// Adds {n}.\npub fn f{n}(x: i64) -> i64 {{\n    x + {n}\n}}"


def test(n):
    return f"//| test f{n}_adds\nassert_eq!(f{n}(1), 1 + {n}, \"{{}}\", helper({n}));"


def explore(n):
    return f"let x{n} = f{n}({n});\nprintln!(\"{{x{n}}}\");"


def mixed(count):
    """A notebook as people write it: an item, a test of it, and a cell that explores."""
    kinds = [item, test, explore]
    return ["//| export\npub fn helper(n: i64) -> i64 {\n    n\n}"] + [
        kinds[n % 3](n // 3) for n in range(count - 1)]


def setups(count, tests):
    return [f"//| setup\nlet s{n} = {n};" for n in range(count)] + [
        f"//| test t{n}\nassert_eq!(s0, 0);" for n in range(tests)]


def project(folder, cells, ids=True):
    for path in ["notebooks", "exp/src"]:
        (folder / path).mkdir(parents=True)
    (folder / "Cargo.toml").write_text(
        '[workspace]\nresolver = "3"\nmembers = ["exp"]\n\n[workspace.metadata.nbexport]\n')
    (folder / "exp/Cargo.toml").write_text('[package]\nname = "exp"\nversion = "0.1.0"\nedition = "2024"\n')
    (folder / "exp/src/lib.rs").write_text("")
    book = {
        "cells": [{"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
                  | ({"id": f"c{n}"} if ids else {}) for n, source in enumerate(cells)],
        "metadata": {}, "nbformat": 4, "nbformat_minor": 5 if ids else 4}
    (folder / "notebooks/00_cells.ipynb").write_text(json.dumps(book, indent=1))


def run(folder, *arguments, expected=0):
    """Seconds of wall time and of the processor."""
    start, before = time.perf_counter(), os.times()
    done = subprocess.run([NBEXPORT, *arguments], cwd=folder, capture_output=True, text=True)
    seconds, after = time.perf_counter() - start, os.times()
    if done.returncode != expected:
        sys.exit(f"nbexport {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[:2000]}")
    return seconds, after.children_user + after.children_system - before.children_user - before.children_system


def edit(folder):
    """An edit of each item and of each test in the module."""
    module = folder / "exp/src/nb_00.rs"
    text = module.read_text()
    module.write_text(text.replace("    x + ", "    0 + x + ").replace("assert_eq!(", "assert_eq!(0 + "))


def measure(cells, ids=True, is_refused=False):
    """The best of some fresh exports and of as many syncs, in seconds of wall time and of the processor; of what is
    refused, of the refusals."""
    exports, syncs = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "project"
        for _ in range(ROUNDS):
            project(folder, cells, ids)
            exports.append(run(folder, "-q", expected=int(is_refused)))
            if not is_refused:
                edit(folder)
            syncs.append(run(folder, "sync", "-q", expected=int(is_refused)))
            book = (folder / "notebooks/00_cells.ipynb").read_text()
            assert "0 + " in book or is_refused or "x + " not in "".join(cells), "the edits are not in the notebook"
            shutil.rmtree(folder)
    return [tuple(map(min, zip(*times))) for times in [exports, syncs]]


def main():
    if len(sys.argv) < 3:
        subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "nbexport"], cwd=ROOT, check=True)
    rows = [(f"{count:,} cells", count, lambda count=count: measure(mixed(count)))
            for count in [500, 1000, 2000, 4000, 8000]]
    rows += [(f"{count:,} cells without ids", count, lambda count=count: measure(mixed(count), ids=False))
             for count in [4000, 8000]]
    rows += [("300 setups, 3,000 tests", 3300, lambda: measure(setups(300, 3000))),
             ("one cell of 4,000 items", 4000, lambda: measure(
                 ["//| export\n" + "\n".join(item(n).split("\n", 1)[1] for n in range(4000))])),
             ("a number of 100,000 digits, refused", 1, lambda: measure(
                 ["//| export\npub fn long(x: f64) -> f64 {\n    x + 1." + "7" * 100_000 + "\n}"], is_refused=True))]
    print("| notebook | export | per cell | sync | per cell |\n|---|---|---|---|---|")
    for name, count, times in rows:
        figures = [f"{seconds * 1000:,.0f} ms | {busy / count * 1e6:,.0f} µs" for seconds, busy in times()]
        print(f"| {name} | {' | '.join(figures)} |", flush=True)


main()
