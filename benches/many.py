"""Exports many notebooks: nbexport against nbdev-export and `ruff check`, all in one go and taking turns.

    python -m venv venv && venv/bin/pip install nbdev ruff
    venv/bin/python benches/many.py [COUNT] [ROUNDS]

It makes COUNT notebooks (1,000) of the project's own, each with a module of its own in a crate of its own, and a Python
twin of each: the same cells with lines of the same length, exported where the original is, with the same outputs. Every
time is the best of ROUNDS (3) runs, nbdev-export once; memory is the peak of one process. Nothing of the project is changed.

What it measured stands in docs/commands.md. "Nothing changed" and "one changed" follow within seconds of a full export,
so nbexport still compares the modules by their content; once they are older than two seconds, by size and times.
"""
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NBEXPORT = ROOT / "target/release/nbexport"
BIN = pathlib.Path(sys.executable).parent
COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3


def originals():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        yield json.loads(path.read_text())


def source(cell):
    return "".join(cell["source"])


def python_twin(book):
    """The same cells in Python: a line of assignment for a line of Rust, as long as it."""
    cells = []
    for number, cell in enumerate(book["cells"]):
        if cell["cell_type"] == "code":
            lines = source(cell).split("\n")
            exported = lines[0].startswith("//| export")
            python = [f"v_{number}_{row} = '{'x' * max(0, len(line) - 12)}'" for row, line in enumerate(lines)]
            if exported:
                python[0] = "#| export"
            cell = cell | {"source": [line + "\n" for line in python[:-1]] + python[-1:]}
        cells.append(cell)
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
              "language_info": {"name": "python"}}
    return book | {"cells": cells, "metadata": kernel}


def projects(folder, count):
    rust, python = folder / f"rust{count}", folder / f"python{count}"
    for path in [rust / "notebooks", rust / "exp/src", python / "nbs", python / "many"]:
        path.mkdir(parents=True)
    (rust / "Cargo.toml").write_text('[workspace]\nmembers = ["exp"]\n\n[workspace.metadata.nbexport]\n')
    (rust / "exp/Cargo.toml").write_text('[package]\nname = "exp"\nversion = "0.1.0"\nedition = "2024"\n')
    (rust / "exp/src/lib.rs").write_text("")
    (python / "pyproject.toml").write_text(
        '[project]\nname = "many"\ndynamic = ["version"]\n\n[tool.nbdev]\nlib_path = "many"\n')
    (python / "many/__init__.py").write_text('__version__ = "0.0.1"\n')
    books = list(originals())
    cells = 0
    for number in range(count):
        book = books[number % len(books)]
        cells += len(book["cells"])
        (rust / f"notebooks/{number:04}_many.ipynb").write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n")
        twin = python_twin(book)
        twin["cells"][1:1] = [{"cell_type": "code", "execution_count": None, "id": "default-exp", "metadata": {},
                               "outputs": [], "source": [f"#| default_exp nb_{number:04}"]}]
        (python / f"nbs/{number:04}_many.ipynb").write_text(json.dumps(twin, indent=1, ensure_ascii=False) + "\n")
    size = sum(path.stat().st_size for path in (rust / "notebooks").iterdir())
    return rust, python, cells, size


def run(command, folder, expected=(0,)):
    """Seconds of wall time and peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    if code not in expected:
        sys.exit(f"{command} ended with {code}:\n{error.decode()}")
    return seconds, usage.ru_maxrss / (1 if platform.system() == "Linux" else 1024) / 1024


def touch(path):
    text = path.read_text()
    path.write_text(text.replace("pub fn ", f"/* {time.monotonic_ns()} */ pub fn ", 1))


def best(runs):
    return min(seconds for seconds, _ in runs), max(memory for _, memory in runs)


def measure(rust, python, slow):
    runs = {"nbexport, all fresh": [], "nbexport, nothing changed": [], "nbexport, one changed": [],
            "ruff check --no-cache": [], "ruff check, cached": []}
    ruff = [BIN / "ruff", "check", "--quiet", "--exit-zero", "nbs"]
    for _ in range(ROUNDS):
        for module in (rust / "exp/src").glob("nb_*.rs"):
            module.unlink()
        runs["nbexport, all fresh"].append(run([NBEXPORT], rust))
        runs["ruff check --no-cache"].append(run([*ruff, "--no-cache"], python))
        runs["nbexport, nothing changed"].append(run([NBEXPORT], rust))
        runs["ruff check, cached"].append(run(ruff, python))
        touch(rust / "notebooks/0001_many.ipynb")
        runs["nbexport, one changed"].append(run([NBEXPORT], rust))
    if slow:
        runs["nbdev-export"] = [run([BIN / "nbdev-export"], python)]
        written = len(list((python / "many").glob("nb_*.py")))
        assert written == len(list((python / "nbs").iterdir())), f"nbdev-export wrote {written} modules"
    one = rust / "notebooks/0001_many.ipynb"
    touch(one)
    runs["nbexport PATH, that one changed"] = [run([NBEXPORT, one], rust)]
    runs["nbexport clean"] = [run([NBEXPORT, "clean"], rust)]
    return {name: best(of) for name, of in runs.items()}


def main():
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "nbexport"], cwd=ROOT, check=True)
    for command in [[NBEXPORT, "--version"], [BIN / "ruff", "--version"]]:
        print(subprocess.run(command, capture_output=True, text=True).stdout.strip())
    nbdev = "import importlib.metadata as m; print('nbdev', m.version('nbdev'))"
    subprocess.run([sys.executable, "-c", nbdev], check=True)
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.release()}\n")
    with tempfile.TemporaryDirectory() as folder:
        tables = {}
        for count in sorted({min(100, COUNT), COUNT}):
            rust, python, cells, size = projects(pathlib.Path(folder), count)
            print(f"{count} notebooks: {cells} cells, {size / 1e6:.0f} MB", flush=True)
            tables[count] = measure(rust, python, slow=count == COUNT)
            shutil.rmtree(rust)
            shutil.rmtree(python)
        print("\n| | " + " | ".join(f"{count} notebooks | peak memory" for count in tables) + " |")
        print("|---" * (1 + 2 * len(tables)) + "|")
        for name in tables[COUNT]:
            cells = []
            for table in tables.values():
                seconds, memory = table.get(name, (None, None))
                cells += ["", ""] if seconds is None else [f"{seconds * 1000:,.0f} ms", f"{memory:.0f} MB"]
            print(f"| {name} | " + " | ".join(cells) + " |")
        largest = tables[COUNT]
        print(f"\nnbdev-export / nbexport: {largest['nbdev-export'][0] / largest['nbexport, all fresh'][0]:.0f}×, "
              f"ruff / nbexport: {largest['ruff check --no-cache'][0] / largest['nbexport, nothing changed'][0]:.1f}×")


main()
