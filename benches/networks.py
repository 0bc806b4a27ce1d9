#!/usr/bin/env python3
"""The convolutional networks of notebooks 05 to 07 in exp, PyTorch, JAX, candle and burn, and single layers of them.

    target/compare/bin/python benches/networks.py           # or: just compare-networks

As in compare.py, every side is a process that is told what to do a line at a time and answers with the milliseconds it
took; the sides take turns, and all get the same pictures, parameters and order of rows, from files. Before
anything is timed, each side's loss and gradients (PyTorch's own in f32, too) are compared with what PyTorch computes in f64;
after a training, its loss is compared with PyTorch's.

A side that cannot be had here, or of another library and off by more than f32 explains, is named and left out.
"""
import argparse, datetime, gzip, json, math, os, pathlib, pickle, statistics, sys, tempfile, time

from sides import Process, cpu, mnist_file, python, rust

LR, MOMENTUM, CLASSES = 0.02, 0.9, 10
NETS = {"net05": "05", "net06": "06", "net07": "07"}
# What a layer takes, and its size, stride and padding where it is a convolution.
LAYERS = {"conv5": ((512, 28, 28, 1), (5, 5, 1, 8), 2, 2), "conv3": ((512, 14, 14, 8), (3, 3, 8, 16), 2, 1),
          "norm": ((512, 14, 14, 8), None, None, None)}
TITLES = {"net05-512": "05, batches of 512", "net05-64": "of 64", "net06-512": "06, of 512", "net06-64": "of 64",
          "net07-512": "07, of 512", "net07-64": "of 64", "conv5": "convolution 5×5, 1 → 8", "conv3": "3×3, 8 → 16",
          "norm": "batch norm, 8 channels"}


def shapes(net):
    """The parameters of a network, in exp's order and layout: weights are size × size × channels × kernels."""
    conv = lambda size, c, k: [(size, size, c, k), (k,)]
    norm = lambda k: [(k,), (k,)]
    if net == "net07":
        out, c = [], 1
        for k in [16, 32, 64, 64]:
            out += conv(3, c, k) + norm(k) + conv(3, k, k) + norm(k) + conv(3, k, k) + norm(k)
            c = k
    else:
        out = []
        for c, k, size in [(1, 8, 5), (8, 16, 3), (16, 32, 3), (32, 32, 3)]:
            out += conv(size, c, k) + (norm(k) if net == "net06" else [])
    return out + [(k, CLASSES), (CLASSES,)]


def parameters(net):
    """Normal numbers from a seed, of Kaiming's size; the scales of a normalization are about 1."""
    import numpy as np
    values, vectors, rng = [], 0, np.random.default_rng(5)
    for shape in shapes(net):
        normal = rng.standard_normal(shape)
        if len(shape) > 1:
            values.append(normal * math.sqrt(2 / math.prod(shape[:-1])))
            vectors = 0
        else:
            # After the weights come a bias, then γ and β.
            values.append(1 + 0.1 * normal if vectors == 1 else 0.01 * normal)
            vectors += 1
    return [value.astype("f4") for value in values]


# --- The Python sides. ---

class Torch:
    def __init__(self, folder, threads, channels_last=False, wide=False):
        import numpy as np, torch
        self.torch, self.version, self.np = torch, torch.__version__, np
        # What is read from numpy comes in f32; `wide` computes with it in f64.
        self.dtype = torch.float64 if wide else torch.float32
        torch.set_num_threads(threads)
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        x = np.fromfile(folder / "x", "<f4").reshape(-1, 1, 28, 28)
        self.x = torch.from_numpy(x).to(self.dtype).contiguous(memory_format=self.layout)
        self.y = torch.from_numpy(np.fromfile(folder / "y", "<u4").astype("i8"))

    def tensor(self, value):
        t = self.torch.from_numpy(value).to(self.dtype)
        if t.ndim == 4:
            t = t.permute(3, 2, 0, 1).contiguous(memory_format=self.layout)
        return t.clone().requires_grad_()

    def start(self, net):
        self.net, self.parameters = net, [self.tensor(value) for value in parameters(net)]
        vectors = [shape[0] for shape in shapes(net)[:-2] if len(shape) == 1]
        # A bias, γ and β for each normalization.
        start = lambda k: (self.torch.zeros(k, dtype=self.dtype), self.torch.ones(k, dtype=self.dtype))
        self.stats = [start(k) for k in (vectors[::3] if net != "net05" else [])]
        self.opt = self.torch.optim.SGD(self.parameters, lr=LR, momentum=MOMENTUM)

    def loss(self, x, y):
        F, p, stats = self.torch.nn.functional, iter(self.parameters), iter(self.stats)

        def conv(x, stride):
            w = next(p)
            return F.conv2d(x, w, next(p), stride=stride, padding=w.shape[-1] // 2)

        def norm(x):
            mean, var = next(stats)
            return F.batch_norm(x, mean, var, next(p), next(p), training=True)

        for _ in range(4):
            if self.net == "net07":
                x = norm(conv(x, 2)).relu()
                x = (norm(conv(norm(conv(x, 1)).relu(), 1)) + x).relu()
            else:
                x = conv(x, 2).relu()
                x = norm(x) if self.net == "net06" else x
        w = next(p)
        return F.cross_entropy(self.torch.addmm(next(p), x.mean((2, 3)), w), y)

    def train(self, net, batch):
        self.start(net)
        total = 0.0
        for start in range(0, len(self.y), batch):
            x, y = self.x[start:start + batch], self.y[start:start + batch]
            self.opt.zero_grad()
            loss = self.loss(x, y)
            loss.backward()
            self.opt.step()
            total += loss.item() * len(y)
        return total / len(self.y)

    def gradients(self, net):
        self.start(net)
        loss = self.loss(self.x[:512], self.y[:512])
        loss.backward()
        return loss.item(), [it.grad.double() for it in self.parameters]

    def layer(self, name):
        """A function that goes there and back; its gradients."""
        F, torch = self.torch.nn.functional, self.torch
        shape, weights, stride, pad = LAYERS[name]
        given = layer_numbers(name)
        pictures = lambda it: torch.from_numpy(it).to(self.dtype).permute(0, 3, 1, 2).contiguous(memory_format=self.layout)
        x, grad = pictures(given[0]).requires_grad_(), pictures(given[3])
        w, b = self.tensor(given[1]), self.tensor(given[2])
        mean, var = (fill(shape[-1], dtype=self.dtype) for fill in (torch.zeros, torch.ones))

        def run():
            out = (F.conv2d(x, w, b, stride=stride, padding=pad) if weights
                   else F.batch_norm(x, mean, var, w, b, training=True))
            return torch.autograd.grad(out, [x, w, b], grad)
        return run

    def sums(self, grads):
        return [[it.double().sum().item(), it.double().square().sum().item()] for it in grads]


def layer_numbers(name):
    """Input, weights (or γ), bias (or β) and the gradient of the output."""
    import numpy as np
    shape, weights, stride, pad = LAYERS[name]
    wave = lambda shape, a, b: np.sin(a * np.arange(math.prod(shape)) + b).reshape(shape).astype("f4")
    if weights:
        places = [(side + 2 * pad - weights[0]) // stride + 1 for side in shape[1:3]]
        out = (shape[0], *places, weights[-1])
        return [wave(shape, 0.37, 0.11), wave(weights, 0.53, 0.2), wave((weights[-1],), 1, 0), wave(out, 0.71, 0.3)]
    return [wave(shape, 0.37, 0.11), 1 + wave((shape[-1],), 0.53, 0.2) / 2, wave((shape[-1],), 1, 0), wave(shape, 0.71, 0.3)]


class Jax:
    def __init__(self, folder, threads):
        import jax, jax.numpy as jnp, numpy as np
        self.jax, self.jnp, self.version = jax, jnp, jax.__version__
        self.x = jnp.asarray(np.fromfile(folder / "x", "<f4").reshape(-1, 28, 28, 1))
        self.y = jnp.asarray(np.fromfile(folder / "y", "<u4").astype("i4"))
        self.compiled = {}

    def conv(self, x, w, b, stride, pad=None):
        pad = w.shape[0] // 2 if pad is None else pad
        pads = [(pad, pad)] * 2
        return self.jax.lax.conv_general_dilated(x, w, (stride, stride), pads, dimension_numbers=("NHWC", "HWIO", "NHWC")) + b

    def norm(self, x, gamma, beta):
        mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
        return (x - mean) * self.jax.lax.rsqrt(var + 1e-5) * gamma + beta

    def loss(self, net, parameters, x, y):
        jax, p = self.jax, iter(parameters)
        conv = lambda x, stride: self.conv(x, next(p), next(p), stride)
        norm = lambda x: self.norm(x, next(p), next(p))
        relu = jax.nn.relu
        for _ in range(4):
            if net == "net07":
                x = relu(norm(conv(x, 2)))
                x = relu(norm(conv(relu(norm(conv(x, 1))), 1)) + x)
            else:
                x = relu(conv(x, 2))
                x = norm(x) if net == "net06" else x
        scores = jax.nn.log_softmax(x.mean((1, 2)) @ next(p) + next(p))
        return -self.jnp.take_along_axis(scores, y[:, None], 1).mean()

    def train(self, net, batch):
        jax, jnp = self.jax, self.jnp
        if (net, batch) not in self.compiled:
            def step(state, rows):
                values, moves = state
                loss, grads = jax.value_and_grad(lambda p: self.loss(net, p, *rows))(values)
                moves = [MOMENTUM * m + g for m, g in zip(moves, grads)]
                return ([v - LR * m for v, m in zip(values, moves)], moves), loss

            self.compiled[net, batch] = jax.jit(step)
        state = [jnp.asarray(v) for v in parameters(net)]
        state, total = (state, [jnp.zeros_like(v) for v in state]), 0.0
        for start in range(0, len(self.y), batch):
            rows = self.x[start:start + batch], self.y[start:start + batch]
            state, loss = self.compiled[net, batch](state, rows)
            total += float(loss) * len(rows[1])
        return total / len(self.y)

    def gradients(self, net):
        values = [self.jnp.asarray(v) for v in parameters(net)]
        loss, grads = self.jax.value_and_grad(lambda p: self.loss(net, p, self.x[:512], self.y[:512]))(values)
        return float(loss), grads

    def layer(self, name):
        jax, (_, weights, stride, pad) = self.jax, LAYERS[name]
        x, w, b, grad = [self.jnp.asarray(it) for it in layer_numbers(name)]
        forward = (lambda x, w, b: self.conv(x, w, b, stride, pad)) if weights else self.norm

        def there_and_back(x, w, b, grad):
            out, back = jax.vjp(forward, x, w, b)
            return out, back(grad)
        compiled = jax.jit(there_and_back)
        return lambda: jax.block_until_ready(compiled(x, w, b, grad))[1]

    def sums(self, grads):
        import numpy as np
        grads = [np.asarray(it, dtype="f8") for it in grads]
        return [[float(it.sum()), float((it * it).sum())] for it in grads]


PYTHON = {"torch": Torch, "torch-last": lambda folder, threads: Torch(folder, threads, channels_last=True),
          "torch-wide": lambda folder, threads: Torch(folder, threads, wide=True), "jax": Jax}


def serve(name, folder, threads):
    """Answers `check NAME`, `NET-BATCH` and the names of layers, a line each."""
    side = PYTHON[name](pathlib.Path(folder), threads)
    print(json.dumps({"version": side.version}), flush=True)
    layers = {}
    for words in map(str.split, sys.stdin):
        answer = {}
        if words[0] == "check":
            if words[1] in NETS:
                answer["loss"], grads = side.gradients(words[1])
            else:
                grads = side.layer(words[1])()
            answer["gradients"] = side.sums(grads)
        elif words[0] in LAYERS:
            run = layers.setdefault(words[0], side.layer(words[0]))
            start = time.perf_counter()
            for _ in range(20):
                run()
            answer["ms"] = (time.perf_counter() - start) * 1e3 / 20
        else:
            net, batch = words[0].split("-")
            start = time.perf_counter()
            answer["loss"] = side.train(net, int(batch))
            answer["ms"] = (time.perf_counter() - start) * 1e3
        print(json.dumps(answer), flush=True)


# --- The comparison. ---

SIDES = [("torch", "PyTorch"), ("torch-last", "PyTorch, channels last"), ("jax", "JAX, jit"), ("candle", "candle"),
         ("burn", "burn, Flex"), ("exp", "exp")]


def commands(wanted):
    """How to start each side; what cannot be had is named."""
    found, missing = {}, {}
    for name, _ in SIDES:
        if name in wanted:
            is_python = name in PYTHON
            command, why = python(__file__, name, name.split("-")[0]) if is_python else rust(f"networks-{name}")
            if command:
                found[name] = command
            else:
                missing[name] = why
    return found, missing


def write_numbers(folder, mnist, rows):
    """The first rows, normalized, their labels, and the parameters of all networks and layers."""
    import numpy as np
    with gzip.open(mnist) as file:
        (x, y), _, _ = pickle.load(file, encoding="latin-1")
    x = np.asarray(x, dtype="f8")
    ((x[:rows] - x.mean()) / x.std(ddof=1)).astype("<f4").tofile(folder / "x")
    np.asarray(y[:rows], dtype="<u4").tofile(folder / "y")
    for net in NETS:
        np.concatenate([value.ravel() for value in parameters(net)]).astype("<f4").tofile(folder / net)
    for layer in LAYERS:
        np.concatenate([value.ravel() for value in layer_numbers(layer)]).astype("<f4").tofile(folder / layer)


def differs(ours, theirs, tolerance=5e-3):
    """What a side computes otherwise than PyTorch in f64, beyond what summing f32 explains. (A relu whose input is 0 but
    for rounding opens or closes: that is most of it.)"""
    wrong = []
    if "loss" in theirs and abs(ours["loss"] - theirs["loss"]) > 1e-3:
        wrong.append(f"loss {ours['loss']} is not {theirs['loss']}")
    if len(ours["gradients"]) != len(theirs["gradients"]):
        return [f"{len(ours['gradients'])} gradients are not {len(theirs['gradients'])}"]
    largest = math.sqrt(max(square for _, square in theirs["gradients"]))
    for i, ((sum_, square), (want_sum, want)) in enumerate(zip(ours["gradients"], theirs["gradients"])):
        got, want = math.sqrt(square), math.sqrt(want)
        if want < 1e-9 * largest:
            # The gradient of a bias before a normalization is zero. In f32, what is left of it is rounding.
            if not got < 1e-4 * largest:
                wrong.append(f"gradient {i}: its size {got} is not 0, and the largest is {largest}")
            continue
        size = want + 1e-3 * largest
        if not (abs(got - want) <= tolerance * size and abs(sum_ - want_sum) <= 10 * tolerance * size):
            wrong.append(f"gradient {i}: sum and size {[sum_, got]} are not {[want_sum, want]}")
    return wrong


def show(ms):
    return f"{ms:.2f} ms" if ms < 10 else f"{ms:.1f} ms" if ms < 1000 else f"{ms / 1e3:.2f} s"


def table(words, processes, times, first):
    lines = [[first] + [TITLES[word] for word in words]]
    for name, title in SIDES:
        if name in processes:
            row = [title]
            for word in words:
                mine, theirs = times[name, word], times["torch", word]
                row.append(f"{show(min(mine))} ({show(statistics.median(mine))}), {min(mine) / min(theirs):.2f}")
            lines.append(row)
    lines.insert(1, ["---"] * len(lines[0]))
    print("\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", default=os.environ.get("MNIST_PATH"), help="mnist.pkl.gz (default: MNIST_PATH, the cache)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int, default=10_000, help="pictures of an epoch (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processor", action="store_true", help="processor time of all threads instead of time on the wall: "
                        "for a machine that has other things to do (a layer's is that of 20 times)")
    parser.add_argument("--sides", default=",".join(name for name, _ in SIDES))
    parser.add_argument("--works", default=",".join(TITLES), help="which, by name (default: %(default)s)")
    parser.add_argument("--serve", nargs=3, metavar=("SIDE", "FOLDER", "THREADS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve(args.serve[0], args.serve[1], int(args.serve[2]))
    file = mnist_file(args.mnist)
    found, missing = commands(args.sides.split(","))
    works = args.works.split(",")
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        folder = pathlib.Path(folder)
        write_numbers(folder, file, args.rows)
        processes = {}
        for name, command in found.items():
            try:
                processes[name] = Process(name, command, folder, args.threads)
            except (RuntimeError, OSError) as error:
                missing[name] = str(error)
        if "torch" not in processes:
            sys.exit(f"without PyTorch there is nothing to compare with: {missing.get('torch', 'it was not asked for')}")
        wide = Process("torch-wide", python(__file__, "torch-wide", "torch")[0], folder, args.threads)
        for what in dict.fromkeys(work.split("-")[0] for work in works):
            reference = wide.ask(f"check {what}")
            for name, process in list(processes.items()):
                # With channels last, PyTorch's own batch norm is off by some percent from what it says in f64.
                wrong = differs(process.ask(f"check {what}"), reference, *[0.15] * (name == "torch-last"))
                if wrong:
                    told = f"it computes something else in {what}: {'; '.join(wrong[:3])}"
                    if name == "exp" or name.startswith("torch"):
                        sys.exit(f"{name}: {told}")
                    missing[name] = told
                    processes.pop(name).close()
        wide.close()
        times = {(name, work): [] for name in processes for work in works}
        order = list(processes.items())
        for turn in range(args.rounds + 1):
            for work in works:
                losses = {}
                for name, process in order[turn % len(order):] + order[:turn % len(order)]:
                    answer = process.ask(work)
                    losses[name] = answer.get("loss")
                    if turn:
                        times[name, work].append(answer["processor" if args.processor else "ms"])
                for name, loss in losses.items():
                    if loss is not None and not abs(loss / losses["torch"] - 1) < 0.02:
                        sys.exit(f"{name} trains {work} to the mean loss {loss}, PyTorch to {losses['torch']}")
            print(f"round {turn} of {args.rounds}", file=sys.stderr)
        for process in processes.values():
            process.close()
    print(f"\n{datetime.date.today()}, {cpu()}, {os.cpu_count()} cores, {args.threads} threads, f32; {args.rounds} rounds, the sides in turn; "
          + ", ".join(f"{name} {process.version}" for name, process in processes.items() if name != "torch-last"))
    print("loss and gradients of these sides agree with PyTorch's in f64"
          + ("; processor time of all threads\n" if args.processor else "\n"))
    nets = [work for work in works if "-" in work]
    layers = [work for work in works if work in LAYERS]
    if nets:
        table(nets, processes, times, f"{args.rows:,} pictures: best (median), ratio to PyTorch's best")
    if layers:
        table(layers, processes, times, "512 pictures, forward and backward")
    for name, why in missing.items():
        print(f"left out: {name}, since {why}")


if __name__ == "__main__":
    main()
