"""The project's notebooks in one run, and in four shares: the ideal ratio and the measured one, on one machine.

    python3 benches/partition.py [--shares 4] [--kernel]

One run of all is timed first, and its times say how the notebooks are dealt out. Then each share runs by itself, one after
the other, as each would on a machine of its own; the longest of them is what the whole would take. Each of these runs is
made twice and the second counts: fewer notebooks ask for fewer features of what they share, so a share builds for itself,
and only the running is to be measured. The ideal is limited by the longest notebook, which no share can halve.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NBEXPORT = ROOT / "target/release/nbexport"


def test(arguments):
    """What a run told of each notebook, and how long it took in all."""
    command = [NBEXPORT, "test", "--fresh", "--format", "json", *arguments]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
    took = time.perf_counter() - start
    return {it["notebook"]: it["seconds"] for it in map(json.loads, done.stdout.splitlines())}, took


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shares", type=int, default=4)
    parser.add_argument("--kernel", action="store_true")
    arguments = parser.parse_args()
    engine = ["--kernel"] if arguments.kernel else []
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "nbexport"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        timings = ["--timings-file", f"{folder}/timings.jsonl"]
        # A kernel builds as it runs, each time.
        rounds = 1 if arguments.kernel else 2
        for _ in range(rounds):
            alone, wall = test([*engine, *timings])
        total, longest = sum(alone.values()), max(alone.values())
        print(f"one run of {len(alone)} notebooks: {total:.1f} s in notebooks, {wall:.1f} s in all")
        shares, walls = [], []
        for share in range(1, arguments.shares + 1):
            for _ in range(rounds):
                ran, took = test([*engine, *timings, "--partition", f"slice:{share}/{arguments.shares}"])
            shares.append(ran)
            walls.append(took)
            print(f"  slice:{share}/{arguments.shares}: {len(ran)} notebooks, {sum(ran.values()):.1f} s, {took:.1f} s in all")
    names = [name for ran in shares for name in ran]
    assert sorted(names) == sorted(alone), "the shares are not the whole"
    ideal = max(total / arguments.shares, longest)
    slowest = max(sum(ran.values()) for ran in shares)
    print(f"ideal:    {total / ideal:.2f} times as fast (limited by {'the longest notebook' if ideal == longest else 'their number'})")
    print(f"measured: {total / slowest:.2f} times as fast in notebooks, {wall / max(walls):.2f} in all")


main()
