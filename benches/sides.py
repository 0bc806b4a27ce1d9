"""What the comparisons share (compare.py, networks.py): sides that are processes, told what to do a line at a time."""
import json, math, os, pathlib, platform, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
THREADS = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "MATMUL_NUM_THREADS", "NUM_THREADS"]


class Process:
    """A side in its turn."""

    def __init__(self, name, command, folder, threads, extra=None):
        self.name, count = name, str(threads)
        environment = {**os.environ, **dict.fromkeys(THREADS, count), **(extra or {})}
        if name == "jax":
            environment["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
        self.child = subprocess.Popen([*command, str(folder)] + ([count] if "--serve" in command else []), text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      env=environment, preexec_fn=pin(threads))
        self.version = self.answer().get("version") or locked(name)

    def answer(self):
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError((self.child.stderr.read() or "it ended without a word").strip().splitlines()[-1])
        return json.loads(line)

    def ask(self, word):
        """What it answers, with the processor time that took."""
        before = self.processor_ms()
        self.child.stdin.write(word + "\n")
        self.child.stdin.flush()
        answer = self.answer()
        answer["processor"] = self.processor_ms() - before
        return answer

    def processor_ms(self):
        """The processor time of all its threads so far, where the system tells."""
        try:
            fields = pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return math.nan
        return (int(fields[11]) + int(fields[12])) * 1e3 / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.child.stdin.close()
        self.child.wait()


def locked(name):
    """The version that cargo chose for a Rust side."""
    package = {"candle": "candle-core", "burn": "burn"}.get(name, "exp")
    text = (ROOT / "benches/peers/Cargo.lock").read_text()
    return text.split(f'name = "{package}"\nversion = "')[1].split('"')[0]


def pin(threads):
    """All sides on the same cores, as many as they have threads: libraries that count cores find so many."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))[:threads]
    return lambda: os.sched_setaffinity(0, cores)


def python(script, name, module):
    """How to start a Python side of a script, and why that cannot be."""
    probe = subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True)
    if probe.returncode == 0:
        return [sys.executable, script, "--serve", name], None
    return None, f"`pip install {module}` for {sys.executable}"


def rust(what):
    """The same for a program of benches/peers."""
    target = ROOT / "target/peers"
    print(f"building {what} …", file=sys.stderr)
    built = subprocess.run(["cargo", "build", "--release", "--quiet", "--features", what, "--bin", what, "--manifest-path",
                            str(ROOT / "benches/peers/Cargo.toml"), "--target-dir", str(target)],
                           capture_output=True, text=True)
    if built.returncode == 0:
        return [str(target / "release" / what)], None
    errors = [line for line in built.stderr.splitlines() if line.startswith("error")]
    return None, f"it does not build: {(errors or ['cargo failed'])[0]}"


def mnist_file(named):
    """The full MNIST: the file that is named, or the cache's."""
    path = pathlib.Path(named or pathlib.Path.home() / ".cache/nbexport/mnist.pkl.gz")
    if not path.is_file():
        sys.exit(f"there is no {path}: name one with --mnist or MNIST_PATH")
    return path


def cpu():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
