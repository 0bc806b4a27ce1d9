"""Compares the ways to run a notebook and keep its outputs, all in one go: `nbexport run --native`, `nbexport run` (in the
kernel) and `jupyter nbconvert --execute`.

    python -m venv venv && venv/bin/pip install nbconvert ipykernel
    venv/bin/python benches/runners.py [--warm] [--no-kernel] [NOTEBOOK]…

Without arguments it makes two notebooks of 60 cells, one of plain Rust and one with ndarray. It needs the evcxr kernel
(`evcxr_jupyter --install`). Every figure is seconds of wall time. `cold` is a run with nothing compiled, `warm` one
with dependencies compiled, after one cell was touched (the median of three); `--warm` leaves the cold runs out, which
take minutes where dependencies are big, and `--no-kernel` leaves out `nbexport run`. nbconvert starts the kernel as
its user would, who gets no dependencies from run to run: its runs are all cold. Its kernel is evcxr's own, with the
checks for debugging that this has.
"""
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NBEXPORT = ROOT / "target/release/nbexport"
# How often what is short is timed; nbconvert takes minutes, and its noise is small beside that.
WARM = 3


def notebook(cells):
    return {
        "cells": [
            {"cell_type": "code", "execution_count": None, "id": f"c{n}", "metadata": {}, "outputs": [], "source": text}
            for n, text in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"display_name": "Rust", "language": "rust", "name": "rust"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def plain(n):
    kinds = [f"fn f{n}(x: u64) -> u64 {{ x.wrapping_mul({n} + 3) }}", f"let v{n} = f{n - 1}({n});", f"v{n - 1} + 1"]
    return kinds[n % 3]


def with_ndarray(n):
    if n == 0:
        return ':dep ndarray = "0.17"\nuse ndarray::Array2;\nfn f0(x: f64) -> Array2<f64> { Array2::from_elem((8, 8), x) }'
    kinds = [
        f"fn f{n}(x: f64) -> Array2<f64> {{ Array2::from_elem((8, 8), x + {n}.0) }}",
        f"let v{n}: Array2<f64> = f{n - 1}(1.0);",
        f"v{n - 1}.sum()",
    ]
    return kinds[n % 3]


def seconds(command, folder, **env):
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | env)
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def touch(path):
    """Changes one cell in a way that has to be compiled."""
    book = json.loads(path.read_text())
    cell = [cell for cell in book["cells"] if cell["cell_type"] == "code"][-1]
    source = "".join(cell["source"])
    cell["source"] = re.sub(r"\s*// touched \d+$", "", source) + f" // touched {time.monotonic_ns()}"
    path.write_text(json.dumps(book, indent=1))


def compare(path, cold, kernel):
    folder, name = path.parent, path.name
    row = {}
    with tempfile.TemporaryDirectory() as nothing:
        # A first run is one with nothing compiled, or it only brings what is compiled up to date.
        own = {"CARGO_TARGET_DIR": f"{nothing}/target", "XDG_CACHE_HOME": f"{nothing}/cache"} if cold else {}
        commands = {"run --native": [NBEXPORT, "run", "--native", name]}
        if kernel:
            commands["run"] = [NBEXPORT, "run", name]
        for what, command in commands.items():
            first = seconds(command, folder, **own)
            again = []
            for _ in range(WARM):
                touch(path)
                again.append(seconds(command, folder, **own))
            row |= {f"`{what}` cold": first if cold else None, f"`{what}` warm": statistics.median(again)}
    nbconvert = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--stdout",
                 "--ExecutePreprocessor.timeout=1200", name]
    row["nbconvert"] = seconds(nbconvert, folder)
    for column in [name for name in row if name.startswith("`")]:
        row[f"nbconvert / {column}"] = row["nbconvert"] / row[column] if row[column] else None
    return row


def main():
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "nbexport"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        project = pathlib.Path(folder)
        (project / "Cargo.toml").write_text(
            '[package]\nname = "bench"\nversion = "0.1.0"\nedition = "2024"\n\n'
            '[package.metadata.nbexport]\nnotebooks = "."\ncrate = "."\n'
        )
        (project / "src").mkdir()
        (project / "src/lib.rs").write_text("")
        cold, kernel = "--warm" not in sys.argv[1:], "--no-kernel" not in sys.argv[1:]
        paths = [pathlib.Path(path).resolve() for path in sys.argv[1:] if not path.startswith("--")]
        if not paths:
            for name, text in [("60_plain", plain), ("60_ndarray", with_ndarray)]:
                path = project / f"{name}.ipynb"
                path.write_text(json.dumps(notebook([text(n) for n in range(60)]), indent=1))
                paths.append(path)
        for index, path in enumerate(paths):
            # The notebook itself is not changed: a copy beside it is, so that its relative paths hold.
            copy = path.with_name(f"bench-{path.name}")
            copy.write_text(path.read_text())
            try:
                row = compare(copy, cold, kernel)
            finally:
                copy.unlink()
            if index == 0:
                print("| notebook | " + " | ".join(row) + " |\n|---" * 1 + "|---" * len(row) + "|")
            print(f"| {path.stem} | " + " | ".join("" if value is None else f"{value:.2f}" for value in row.values()) + " |", flush=True)


main()
