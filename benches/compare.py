#!/usr/bin/env python3
"""The lesson-8 network in exp, PyTorch, numpy, JAX, candle and burn: the same work in one run, side by side.

    python3 -m venv target/compare && target/compare/bin/pip install torch numpy jax
    target/compare/bin/python benches/compare.py            # or: just compare

Every side is a process of its own that is told, a word a line, what to do next, and answers with the milliseconds it
took (benches/peers has the Rust ones). So the sides take turns, round by round, and what disturbs the machine disturbs
all of them. Nothing is random: all get the same images, weights and order of rows, and before anything is timed, loss,
product and gradients are compared with PyTorch's. A side that cannot be had here is named and left out.
"""
import argparse, datetime, gzip, json, math, os, pathlib, pickle, platform, statistics, subprocess, sys, tempfile, time

from sides import ROOT, Process, cpu, mnist_file, python, rust

M, NH, BATCH, LR, PRODUCTS = 784, 50, 64, 0.002, 1000
WORK = ["forward", "params", "input", "product"]
# Beside the epoch itself, in which all are given one thread: at 64 rows a second one costs more than it brings.
TITLES = {"forward": "forward", "params": "and backward, parameters", "input": "with the input's gradient",
          "product": "5×784 · 784×10", "epoch": "an epoch, one thread"}


# --- The Python sides. Each answers to the same words as those in benches/peers. ---

class Torch:
    def __init__(self, files, threads):
        import torch
        self.torch, self.version = torch, torch.__version__
        torch.set_num_threads(threads)
        read = lambda name, *shape: torch.frombuffer(bytearray(files(name)), dtype=torch.float32).reshape(shape)
        self.x, self.y = read("x", -1, M), read("y", -1)
        self.order = torch.frombuffer(bytearray(files("order")), dtype=torch.int32).long()
        self.given = [read("w1", M, NH), read("b1", NH), read("w2", NH, 1), read("b2", 1)]
        self.parameters = [it.clone().requires_grad_() for it in self.given]
        self.m2, self.five = read("m2", M, 10), self.x[:5]
        self.tracked_x = self.x.detach().requires_grad_()

    def loss(self, x, y, parameters):
        w1, b1, w2, b2 = parameters
        hidden = self.torch.addmm(b1, x, w1).relu()
        return (self.torch.addmm(b2, hidden, w2).squeeze(-1) - y).square().mean()

    def forward(self):
        with self.torch.inference_mode():
            return self.loss(self.x, self.y, self.parameters).item()

    def params(self):
        self.grads = self.torch.autograd.grad(self.loss(self.x, self.y, self.parameters), self.parameters)

    def input(self):
        self.grads = None
        over = [*self.parameters, self.tracked_x]
        self.grads = self.torch.autograd.grad(self.loss(self.tracked_x, self.y, self.parameters), over)

    def product(self):
        with self.torch.inference_mode():
            return (self.five @ self.m2).sum().item()

    def gradients(self):
        return [it.double().flatten() for it in self.grads]

    def epoch(self):
        torch, parameters = self.torch, [it.clone().requires_grad_() for it in self.given]
        x, y, total, starts = self.x[self.order], self.y[self.order], 0.0, range(0, len(self.y), BATCH)
        for start in starts:
            loss = self.loss(x[start:start + BATCH], y[start:start + BATCH], parameters)
            grads = torch.autograd.grad(loss, parameters)
            with torch.no_grad():
                torch._foreach_add_(parameters, grads, alpha=-LR)
            total += loss.item() * len(y[start:start + BATCH])
        return total / len(y)


class Numpy:
    def __init__(self, files, threads):
        import numpy as np
        self.np, self.version = np, np.__version__
        read = lambda name, *shape: np.frombuffer(files(name), dtype="<f4").reshape(shape)
        self.x, self.y = read("x", -1, M), read("y", -1)
        self.order = np.frombuffer(files("order"), dtype="<u4").astype(np.int64)
        self.given = [read("w1", M, NH), read("b1", NH), read("w2", NH, 1), read("b2", 1)]
        self.m2 = read("m2", M, 10)

    def there(self, x, y, parameters):
        w1, b1, w2, b2 = parameters
        hidden = x @ w1
        hidden += b1
        self.np.maximum(hidden, 0, out=hidden)
        return hidden, (hidden @ w2 + b2)[:, 0] - y

    def back(self, x, hidden, off, parameters):
        w1, b1, w2, b2 = parameters
        grad_out = ((2 / len(off)) * off)[:, None]
        grad_hidden = grad_out @ w2.T
        grad_hidden *= hidden > 0
        self.grad_hidden = grad_hidden
        return [x.T @ grad_hidden, grad_hidden.sum(0), hidden.T @ grad_out, grad_out.sum(0)]

    def forward(self):
        _, off = self.there(self.x, self.y, self.given)
        return float(self.np.mean(off * off))

    def params(self):
        hidden, off = self.there(self.x, self.y, self.given)
        off.mean()
        self.grads = self.back(self.x, hidden, off, self.given)

    def input(self):
        self.grads = None
        self.params()
        self.grads.append(self.grad_hidden @ self.given[0].T)

    def product(self):
        return float((self.x[:5] @ self.m2).sum())

    def gradients(self):
        return [it.astype("f8").ravel() for it in self.grads]

    def epoch(self):
        parameters, total, starts = [it.copy() for it in self.given], 0.0, range(0, len(self.y), BATCH)
        x, y = self.x[self.order], self.y[self.order]
        for start in starts:
            rows, aims = x[start:start + BATCH], y[start:start + BATCH]
            hidden, off = self.there(rows, aims, parameters)
            for parameter, grad in zip(parameters, self.back(rows, hidden, off, parameters)):
                parameter -= self.np.float32(LR) * grad
            total += float(self.np.sum(off * off))
        return total / len(y)


class Jax:
    def __init__(self, files, threads):
        import jax, jax.numpy as jnp, numpy as np
        self.np, self.version = np, jax.__version__
        read = lambda name, *shape: jnp.asarray(np.frombuffer(files(name), dtype="<f4").reshape(shape))
        self.x, self.y = read("x", -1, M), read("y", -1)
        self.order = jnp.asarray(np.frombuffer(files("order"), dtype="<u4").astype("i4"))
        self.given, self.m2 = [read("w1", M, NH), read("b1", NH), read("w2", NH, 1), read("b2", 1)], read("m2", M, 10)

        def loss(parameters, x, y):
            w1, b1, w2, b2 = parameters
            return jnp.square(((jax.nn.relu(x @ w1 + b1) @ w2 + b2)[:, 0] - y)).mean()

        def step(parameters, batch):
            value, grads = jax.value_and_grad(loss)(parameters, *batch)
            return jax.tree.map(lambda p, g: p - LR * g, parameters, grads), value

        def epoch(parameters, x, y, order):
            whole = len(order) // BATCH * BATCH
            x, y = x[order], y[order]
            batches = x[:whole].reshape(-1, BATCH, M), y[:whole].reshape(-1, BATCH)
            parameters, losses = jax.lax.scan(step, parameters, batches)
            total = losses.sum() * BATCH
            if whole < len(order):
                parameters, last = step(parameters, (x[whole:], y[whole:]))
                total += last * (len(order) - whole)
            return parameters, total / len(order)

        # The loss is asked for, too: the others compute it on the way.
        self.compiled = {"forward": jax.jit(loss), "params": jax.jit(jax.value_and_grad(loss)),
                         "input": jax.jit(jax.value_and_grad(loss, argnums=(0, 1))),
                         "product": jax.jit(lambda a, b: (a @ b).sum()), "epoch": jax.jit(epoch)}
        self.five = self.x[:5]

    def forward(self):
        return float(self.compiled["forward"](self.given, self.x, self.y))

    def params(self):
        _, grads = self.compiled["params"](self.given, self.x, self.y)
        self.grads = [it.block_until_ready() for it in grads]

    def input(self):
        self.grads = None
        _, (grads, grad_x) = self.compiled["input"](self.given, self.x, self.y)
        self.grads = [it.block_until_ready() for it in [*grads, grad_x]]

    def product(self):
        return float(self.compiled["product"](self.five, self.m2))

    def gradients(self):
        return [self.np.asarray(it, dtype="f8").ravel() for it in self.grads]

    def epoch(self):
        return float(self.compiled["epoch"](self.given, self.x, self.y, self.order)[1])


PYTHON = {"torch": Torch, "numpy": Numpy, "jax": Jax}


def serve(name, folder, threads):
    side = PYTHON[name](lambda file: (pathlib.Path(folder) / file).read_bytes(), threads)
    say = lambda answer: print(json.dumps(answer), flush=True)
    say({"version": side.version})
    for word in map(str.strip, sys.stdin):
        start = time.perf_counter()
        ms = lambda: (time.perf_counter() - start) * 1e3
        if word == "check":
            loss = side.forward()
            side.input()
            sums = [[float(it.sum()), float((it * it).sum())] for it in side.gradients()]
            say({"loss": loss, "product": side.product(), "gradients": sums})
        elif word == "product":
            for _ in range(PRODUCTS):
                side.product()
            say({"ms": ms() / PRODUCTS})
        elif word == "epoch":
            loss = side.epoch()
            say({"ms": ms(), "loss": loss})
        else:
            getattr(side, word)()
            say({"ms": ms()})


# --- The comparison. ---

SIDES = [  # name, title, what it runs, extra environment
    ("torch", "PyTorch", ["python", "torch"], {}),
    ("torch-huge", "PyTorch, huge pages", ["python", "torch"], {"THP_MEM_ALLOC_ENABLE": "1"}),
    ("numpy", "numpy, backward by hand", ["python", "numpy"], {}),
    ("jax", "JAX, jit", ["python", "jax"], {}),
    ("candle", "candle", ["rust", "candle"], {}),
    ("burn", "burn, Flex", ["rust", "burn"], {}),
    ("plain", "exp, the simple layers", ["rust", "plain"], {}),
    ("fast", "exp::Model, as a Module", ["rust", "fast"], {}),
    ("once", "exp::Model, in one pass", ["rust", "once"], {}),
]


def commands(wanted):
    """How to start each side; what cannot be had is named."""
    found, missing = {}, {}
    for name, _, (kind, what), _ in SIDES:
        if name in wanted:
            command, why = python(__file__, what, what) if kind == "python" else rust(what)
            if command:
                found[name] = command
            else:
                missing[name] = why
    return found, missing


def write_numbers(folder, mnist):
    """The images, normalized, and closed-form weights: torch_lesson8.py's, for all 50,000 rows."""
    import numpy as np
    with gzip.open(mnist) as file:
        (x, y), _, _ = pickle.load(file, encoding="latin-1")
    x = np.asarray(x, dtype="f8")
    x = (x - x.mean()) / x.std(ddof=1)
    wave = lambda size, a, b, fn, scale: fn(a * np.arange(size) + b) * scale
    numbers = {"x": x, "y": y, "w1": wave(M * NH, 0.37, 0.11, np.sin, math.sqrt(2 / M)), "b1": wave(NH, 1, 0, np.cos, 0.01),
               "w2": wave(NH, 0.53, 0.2, np.cos, math.sqrt(1 / NH)), "b2": np.array([0.05]),
               "m2": wave(M * 10, 0.29, 0.4, np.sin, 1)}
    for name, values in numbers.items():
        (folder / name).write_bytes(np.asarray(values, dtype="<f4").tobytes())
    # Every 7919th row, round and round: a shuffle that all sides can be given.
    order = np.arange(len(y), dtype="i8") * 7919 % len(y)
    assert len(set(order.tolist())) == len(y)
    (folder / "order").write_bytes(order.astype("<u4").tobytes())
    return len(y)


def differs(ours, theirs):
    """What a side computes otherwise than PyTorch, beyond what summing f32 in another order explains."""
    wrong = []
    close = lambda a, b, scale: abs(a - b) <= 2e-4 * max(abs(scale), 1e-6)
    for what in ["loss", "product"]:
        if not close(ours[what], theirs[what], max(abs(theirs[what]), 1.0)):
            wrong.append(f"{what} {ours[what]} is not {theirs[what]}")
    for name, ours_, theirs_ in zip(["w1", "b1", "w2", "b2", "x"], ours["gradients"], theirs["gradients"]):
        # A sum may all but cancel: it is held against the length of the gradient.
        size = math.sqrt(theirs_[1])
        if not (close(ours_[0], theirs_[0], max(abs(theirs_[0]), size)) and close(ours_[1], theirs_[1], theirs_[1])):
            wrong.append(f"gradient of {name} {ours_} is not {theirs_}")
    return wrong


def measure(processes, words, rounds):
    """The sides in turn, round by round; the first round warms up."""
    times = {(process.name, word): [] for process in processes for word in words}
    losses = {}
    for turn in range(rounds + 1):
        for word in words:
            # Another one begins each round, so that nobody always follows the same one.
            for process in processes[turn % len(processes):] + processes[:turn % len(processes)]:
                answer = process.ask(word)
                losses[process.name] = answer.get("loss")
                if turn:
                    times[process.name, word].append(answer["ms"])
        print(f"round {turn} of {rounds}", file=sys.stderr)
    return times, losses


def show(ms):
    return f"{ms * 1e3:.1f} µs" if ms < 1 else f"{ms:.1f} ms"


def table(sides, words, times):
    rows = [["best (median), ratio to PyTorch's best"] + [TITLES[word] for word in words]]
    for name, title in sides:
        row = [title]
        for word in words:
            mine, theirs = times.get((name, word)), times.get(("torch", word))
            if not mine:
                row.append("–")
                continue
            ratio = f", {min(mine) / min(theirs):.2f}" if theirs else ""
            row.append(f"{show(min(mine))} ({show(statistics.median(mine))}){ratio}")
        rows.append(row)
    print("\n".join("| " + " | ".join(row) + " |" for row in rows[:1]))
    print("|" + "---|" * len(rows[0]))
    print("\n".join("| " + " | ".join(row) + " |" for row in rows[1:]))


def loading(mnist, rounds):
    """MNIST from its file: Python's gzip and pickle, and exp's loader, each in fresh processes, in turn."""
    built = subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "exp", "--example", "load_mnist"], cwd=ROOT)
    python = ("import gzip, pickle, sys, time; start = time.perf_counter(); "
              "pickle.load(gzip.open(sys.argv[1]), encoding='latin-1'); print('in', (time.perf_counter() - start) * 1e3, 'ms')")
    ways = {"Python, gzip + pickle": [sys.executable, "-c", python, str(mnist)]}
    if built.returncode == 0:
        ways["exp::mnist"] = [str(ROOT / "target/release/examples/load_mnist"), str(mnist)]
    took, peak = {way: [] for way in ways}, {way: [] for way in ways}
    for _ in range(rounds):
        for way, command in ways.items():
            child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            text = child.stdout.read()
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode:
                sys.exit(f"{way}: {text}")
            took[way].append(float(text.split()[-2]))
            peak[way].append(usage.ru_maxrss / (1024 if platform.system() != "Darwin" else 1024 * 1024))
    first = next(iter(ways))
    lines = ["\n| loading `mnist.pkl.gz` | best (median) | ratio | peak memory | ratio |\n|---|---|---|---|---|"]
    for way in ways:
        lines.append(f"| {way} | {min(took[way]):.0f} ms ({statistics.median(took[way]):.0f} ms) | {min(took[way]) / min(took[first]):.2f} "
                     f"| {max(peak[way]):.0f} MiB | {max(peak[way]) / max(peak[first]):.2f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", default=os.environ.get("MNIST_PATH"), help="mnist.pkl.gz (default: MNIST_PATH, the cache)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--epochs", type=int, default=5, help="rounds of the epoch")
    parser.add_argument("--loads", type=int, default=5, help="rounds of the loading")
    parser.add_argument("--sides", default=",".join(side[0] for side in SIDES), help="which, by name (default: %(default)s)")
    parser.add_argument("--serve", nargs=3, metavar=("SIDE", "FOLDER", "THREADS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve(args.serve[0], args.serve[1], int(args.serve[2]))
    file = mnist_file(args.mnist)
    try:
        import numpy  # noqa: F401
    except ImportError:
        sys.exit(f"{sys.executable} has no numpy: make a venv and `pip install torch numpy jax` (the head of this file has the lines)")

    # First, as long as this process is small: on Linux a child's peak memory is at least what its parent had.
    loaded = loading(file, args.loads) if args.loads else ""
    found, missing = commands(args.sides.split(","))
    versions, all_times, checked = {}, {}, []
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        folder = pathlib.Path(folder)
        rows = write_numbers(folder, file)
        for words, threads, rounds in [(WORK, args.threads, args.rounds), (["epoch"], 1, args.epochs)]:
            processes = []
            for side in (side for side in SIDES if side[0] in found):
                try:
                    process = Process(side[0], found[side[0]], folder, threads, side[3])
                    process.title = side[1]
                    process.checked = process.ask("check")
                    processes.append(process)
                    versions[side[0]] = process.version
                except (RuntimeError, OSError) as error:
                    missing[side[0]] = str(error)
            reference = next((it.checked for it in processes if it.name == "torch"), None)
            if reference is None:
                sys.exit(f"without PyTorch there is nothing to compare with: {missing.get('torch', 'it was not asked for')}")
            for process in processes:
                wrong = differs(process.checked, reference)
                if wrong:
                    sys.exit(f"{process.title} computes something else: {'; '.join(wrong)}")
            checked = [it.name for it in processes]
            times, losses = measure(processes, words, rounds)
            for process in processes:
                if words == ["epoch"] and not abs(losses[process.name] / losses["torch"] - 1) < 1e-3:
                    sys.exit(f"{process.title} trains to the loss {losses[process.name]}, PyTorch to {losses['torch']}")
                process.close()
            all_times.update(times)

    print(f"\n{datetime.date.today()}, {cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}")
    print(f"{rows} × {M} images, {NH} hidden units, f32, {args.threads} threads (an epoch: 1), batches of {BATCH}, SGD; "
          f"{args.rounds} rounds (an epoch: {args.epochs}), the sides in turn")
    print("allocators as they come, but for `THP_MEM_ALLOC_ENABLE=1` in the row with huge pages; "
          f"transparent huge pages: {huge_pages()}")
    print(", ".join(f"{title} {versions[name]}" for name, title, _, _ in SIDES if name in versions))
    print(f"loss, product and gradients agree with PyTorch's: {', '.join(checked)}\n")
    table([(name, title) for name, title, _, _ in SIDES if name in versions], [*WORK, "epoch"], all_times)
    print(loaded)
    for name, why in missing.items():
        print(f"\nleft out: {name}, since {why}" if name == next(iter(missing)) else f"left out: {name}, since {why}")


def huge_pages():
    try:
        text = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text()
        return text.split("[")[1].split("]")[0]
    except (OSError, IndexError):
        return "unknown"


if __name__ == "__main__":
    main()
