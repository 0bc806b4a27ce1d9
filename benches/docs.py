"""Makes the site of the project's notebooks, and of 100 of them: `nbexport docs` beside `jupyter nbconvert --to html`.

    python -m venv venv && venv/bin/pip install nbconvert
    cargo build --release -p nbexport --features docs
    venv/bin/python benches/docs.py [COUNT] [ROUNDS]

The sides take turns. A number is the processor time of the best of ROUNDS (2) runs, so that it holds on a busy machine, too:
cold (nothing is there), and after one notebook was changed, for which nbconvert is given that notebook alone. rustdoc's own
time is left out of both (`--no-api`), and is what `cargo doc` takes. Nothing of the project is changed.

mystmd takes part where node is there (`pip install mystmd`). Where it cannot fetch its theme from the network it makes no
pages: it reads the notebooks, resolves their links and stops, so its number is then less than a site takes, and is marked.
Quarto takes part where `quarto` is installed; what the package registry has of it downloads the program from elsewhere.
"""
import json
import os
import pathlib
import platform
import resource
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
NBEXPORT = os.environ.get("NBEXPORT", ROOT / "target/release/nbexport")
BIN = pathlib.Path(sys.executable).parent
COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 100
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 2
# Sides that could not fetch what they need for pages.
WITHOUT_PAGES = set()


def seconds(command, folder):
    """What a command takes of the processors, its children's time included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Links to files that are not copied are found, and told by exit status 1; the pages are made all the same.
    if done.returncode > 1 or done.returncode == 1 and "pages," not in done.stdout:
        sys.exit(f"{command[0]}: {done.stdout[-500:]}{done.stderr[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def project(folder, count):
    """A project of the project's own notebooks, or of `count` copies of them, whose links lead to the copies."""
    originals = sorted((ROOT / "notebooks").glob("*.ipynb"))
    (folder / "notebooks").mkdir(parents=True)
    for name in ["exp/src", "benches"]:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("target", "__pycache__"))
    (folder / "Cargo.toml").write_text('[workspace]\nmembers = ["exp"]\n\n[workspace.metadata.nbexport]\n')
    (folder / "exp/Cargo.toml").write_text('[package]\nname = "exp"\nversion = "0.1.0"\nedition = "2024"\n')
    for number in range(count or len(originals)):
        original = originals[number % len(originals)]
        text, name = original.read_text(), original.name
        if count:
            first = number - number % len(originals)
            names = {it.name: f"{min(first + n, count - 1):03}x{originals[min(first + n, count - 1) % len(originals)].name}"
                     for n, it in enumerate(originals)}
            for old, new in names.items():
                text = text.replace(f"]({old}", f"]({new}")
            name = names[name]
        (folder / "notebooks" / name).write_text(text)


def change(folder, number):
    """Changes the text of one notebook; gives its path."""
    path = sorted((folder / "notebooks").glob("*.ipynb"))[2]
    book = json.loads(path.read_text())
    cell = next(cell for cell in book["cells"] if cell["cell_type"] == "markdown")
    cell["source"] = "".join(cell["source"]) + f"\n\nChange {number}."
    path.write_text(json.dumps(book, indent=1) + "\n")
    return path


def nbexport(folder, changed):
    if changed is None:
        shutil.rmtree(folder / "target", ignore_errors=True)
    return seconds([NBEXPORT, "docs", "--no-api", "-d", "target/site"], folder)


def nbconvert(folder, changed):
    books = [changed] if changed else sorted((folder / "notebooks").glob("*.ipynb"))
    return seconds([BIN / "jupyter-nbconvert", "--log-level=ERROR", "--to", "html", "--output-dir", "html", *books], folder)


def mystmd(folder, changed):
    if not (folder / "myst.yml").exists():
        (folder / "myst.yml").write_text("version: 1\nproject:\n  title: Course\nsite:\n  title: Course\n")
    if changed is None:
        shutil.rmtree(folder / "_build", ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([BIN / "myst", "build", "--site", "--ci"], cwd=folder, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if "pages for project" not in done.stdout + done.stderr:
        sys.exit(f"mystmd: {done.stdout[-500:]}{done.stderr[-2000:]}")
    if done.returncode:
        WITHOUT_PAGES.add("mystmd")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rustdoc():
    """What `cargo doc` takes for the crate by itself: its dependencies are checked before."""
    target = ["--target-dir", ROOT / "target/bench-docs/api"]
    command = ["cargo", "doc", "--quiet", "-p", "exp", "--no-deps", "--lib", *target]
    seconds(command, ROOT)
    seconds(["cargo", "clean", "--quiet", "-p", "exp", *target], ROOT)
    return seconds(command, ROOT)


def quarto(folder, changed):
    (folder / "notebooks/_quarto.yml").write_text("project:\n  type: website\n")
    if changed is None:
        shutil.rmtree(folder / "notebooks/_site", ignore_errors=True)
    return seconds(["quarto", "render", *([changed] if changed else ["."])], folder / "notebooks")


def main():
    sides = {"nbexport docs": nbexport, "jupyter nbconvert": nbconvert}
    if (BIN / "myst").exists() and shutil.which("node"):
        sides["mystmd"] = mystmd
    if shutil.which("quarto"):
        sides["quarto render"] = quarto
    print(f"{platform.machine()}, {os.cpu_count()} processors, best of {ROUNDS}, seconds of processor time\n")
    print("| notebooks | | " + " | ".join(sides) + " | fastest other / nbexport |")
    print("|---|---|" + "---|" * (len(sides) + 1))
    with tempfile.TemporaryDirectory() as temporary:
        for count in [0, COUNT]:
            folder = pathlib.Path(temporary) / str(count)
            project(folder, count)
            number = len(list((folder / "notebooks").glob("*.ipynb")))
            for what in ["cold", "one changed"]:
                best = dict.fromkeys(sides, float("inf"))
                for turn in range(ROUNDS):
                    for name, side in sides.items():
                        changed = change(folder, f"{turn} {name}") if what != "cold" else None
                        best[name] = min(best[name], side(folder, changed))
                ours, *others = best.values()
                cells = " | ".join(f"{value:.2f}" for value in best.values())
                print(f"| {number} | {what} | {cells} | {min(others) / ours:.1f} |", flush=True)
    if WITHOUT_PAGES:
        print(f"\nwithout pages, for their theme could not be fetched: {', '.join(sorted(WITHOUT_PAGES))}")
    print(f"\nrustdoc, of the crate exp by itself: {rustdoc():.1f}")


main()
