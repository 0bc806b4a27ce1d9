"""What a native run costs as a notebook grows: 24, 100, 300 and 1,000 cells, one of them changed.

    python3 benches/native.py [ROUNDS] [NBEXPORT …]

Needs Python and cargo. Each figure is processor time, compiler and linker included, of `nbexport test` after a cell was
changed: the least of ROUNDS (3), by each of the programs NBEXPORT in turn (target/release/nbexport, which is built). With
two of them, an older one first, it is the comparison before and after a change of what programs look like.
"""
import json
import pathlib
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
PROGRAMS = [pathlib.Path(name).resolve() for name in sys.argv[2:]] or [ROOT / "target/release/nbexport"]
SIZES = [24, 100, 300, 1000]


def cell(n):
    """Types, functions with a variable, checks, lists, and values that are shown, in turn."""
    return [
        f"#[derive(Debug, Clone)]\nstruct S{n} {{ a: u64, b: Vec<f64> }}\n"
        f"impl S{n} {{ fn sum(&self) -> f64 {{ self.b.iter().sum::<f64>() + self.a as f64 }} }}",
        f"fn f{n}(x: &[f64]) -> f64 {{ x.iter().map(|x| x * {n}.0).sum() }}\nlet y{n} = f{n}(&v);",
        'let n = step(n);\nassert!(n > 0, "{n}");',
        f"let w{n}: Vec<String> = (0..{n}).map(|i| format!(\"{{i}}\")).collect();\nassert_eq!(w{n}.len(), {n});",
        f"println!(\"{{}}\", v.len() + {n});\nv.iter().sum::<f64>()",
    ][n % 5]


def notebook(count, change):
    first = f"fn step(n: u64) -> u64 {{ n + 1 }}\nlet n = 0u64;\nlet v = vec![1.0f64, 2.0, {change}.0];"
    sources = [first] + [cell(n) for n in range(1, count)]
    cells = [{"cell_type": "code", "execution_count": None, "id": f"c{n}", "metadata": {}, "outputs": [],
              "source": source} for n, source in enumerate(sources)]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def project(folder):
    for path, text in {
        "Cargo.toml": '[workspace]\nresolver = "3"\nmembers = ["exp"]\n[workspace.metadata.nbexport]\n',
        "exp/Cargo.toml": '[package]\nname = "exp"\nversion = "0.1.0"\nedition = "2024"\n',
        "exp/src/lib.rs": "//! The crate.\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "notebooks").mkdir()


def seconds(program, folder):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([program, "test"], cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if len(sys.argv) <= 2:
    subprocess.run(["cargo", "build", "--release", "-p", "nbexport"], cwd=ROOT, check=True)
with tempfile.TemporaryDirectory() as temporary:
    print("cells  " + "  ".join(f"{program.name:>16}" for program in PROGRAMS) + "   (seconds of processor)")
    for size in SIZES:
        best = []
        folders = [pathlib.Path(temporary) / f"{size}-{side}" for side in range(len(PROGRAMS))]
        for folder in folders:
            project(folder)
        for change in range(ROUNDS + 1):
            times = []
            for program, folder in zip(PROGRAMS, folders):
                (folder / "notebooks/00_cells.ipynb").write_text(notebook(size, change))
                times.append(seconds(program, folder))
            # The first also compiles what all programs run on.
            best = times if change <= 1 else [min(pair) for pair in zip(best, times)]
        print(f"{size:5}  " + "  ".join(f"{time:16.2f}" for time in best)
              + ("   " + f"{best[-1] / best[0]:.2f} of the first" if len(best) > 1 else ""), flush=True)
