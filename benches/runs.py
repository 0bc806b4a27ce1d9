#!/usr/bin/env python3
"""The runs of the table at the end of notebook 07, trained by PyTorch: same networks, schedules and batches.

    target/compare/bin/python benches/runs.py [NAME …]      # or: just pytorch-runs

Prints a line for each: epochs, seconds (with a look at the validation rows after each epoch, as in the notebooks), and the
accuracy on the 10,000 validation rows. The weights come from PyTorch's own random numbers (seed 1), so the last tenths of
an accuracy are as much luck as ours. Running batch normalization is left out: PyTorch has no such layer.
"""
import argparse, gzip, math, os, pickle, time

from sides import mnist_file


def cosine(start, end):
    return lambda over: start + (1 - math.cos(over * math.pi)) / 2 * (end - start)


def combined(first, up, down):
    """One schedule for the first part of a training, the other for the rest."""
    return lambda over: up(over / first) if over < first else down((over - first) / (1 - first))


def one_cycle(first, peak, start, end):
    return combined(first, cosine(peak / start, peak), cosine(peak, peak / end))


class Course:
    def __init__(self, file, threads):
        import numpy, torch
        self.torch = torch
        torch.set_num_threads(threads)
        with gzip.open(file) as opened:
            (x, y), (x_valid, y_valid), _ = pickle.load(opened, encoding="latin-1")
        mean, std = x.mean(dtype="f8"), x.std(dtype="f8", ddof=1)
        tensor = lambda x: torch.from_numpy(numpy.asarray((x - mean) / std, dtype="f4"))
        self.x, self.y = tensor(x), torch.from_numpy(y.astype("i8"))
        self.valid = tensor(x_valid), torch.from_numpy(y_valid.astype("i8"))
        self.black = float(-mean / std)

    # --- The networks. ---

    def relu(self, leak=0.0, sub=0.0, most=math.inf):
        nn = self.torch.nn

        class GeneralRelu(nn.Module):
            def forward(self, x):
                return (nn.functional.leaky_relu(x, leak) - sub).clamp_max(most)
        return nn.ReLU() if (leak, sub, most) == (0, 0, math.inf) else GeneralRelu()

    def kaiming(self, net, leak):
        for layer in net.modules():
            if isinstance(layer, (self.torch.nn.Conv2d, self.torch.nn.Linear)):
                self.torch.nn.init.kaiming_normal_(layer.weight, a=leak)
                self.torch.nn.init.zeros_(layer.bias)
        return net

    def hidden(self):
        nn = self.torch.nn
        return self.kaiming(nn.Sequential(nn.Linear(784, 50), nn.ReLU(), nn.Linear(50, 10)), 0)

    def cnn(self, bend, norm=False):
        nn = self.torch.nn
        layers = [nn.Unflatten(1, (1, 28, 28))]
        for c, k, size in [(1, 8, 5), (8, 16, 3), (16, 32, 3), (32, 32, 3)]:
            layers += [nn.Conv2d(c, k, size, stride=2, padding=size // 2), bend()] + [nn.BatchNorm2d(k)] * norm
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))

    def bent(self, norm=False):
        return self.kaiming(self.cnn(lambda: self.relu(0.1, 0.4, 6.0), norm), 0.1)

    def lsuv(self):
        """Scaled and shifted until what each relu puts out has the mean 0 and the standard deviation 1."""
        torch, net = self.torch, self.bent()
        with torch.no_grad():
            for i, conv in [(i, layer) for i, layer in enumerate(net) if isinstance(layer, torch.nn.Conv2d)]:
                for _ in range(10):
                    out = net[:i + 2](self.x[:512])
                    conv.bias -= out.mean()
                    conv.weight /= out.std()
        return net

    def resnet(self, kernels=(16, 32, 64, 64)):
        nn, course = self.torch.nn, self

        def block(c, k, stride):
            return nn.Sequential(nn.Conv2d(c, k, 3, stride=stride, padding=1), nn.BatchNorm2d(k))

        class Residual(nn.Module):
            def __init__(self, k):
                super().__init__()
                self.inner = nn.Sequential(block(k, k, 1), nn.ReLU(), block(k, k, 1))
                nn.init.zeros_(self.inner[2][1].weight)

            def forward(self, x):
                return (x + self.inner(x)).relu()

        class RandomCrop(nn.Module):
            def forward(self, x):
                if not self.training:
                    return x
                framed = nn.functional.pad(x, [2] * 4, value=course.black)
                rows, columns = course.torch.randint(5, (2, len(x), 1)) + course.torch.arange(28)
                return framed[course.torch.arange(len(x))[:, None, None], 0, rows[:, :, None], columns[:, None]][:, None]

        layers, c = [nn.Unflatten(1, (1, 28, 28)), RandomCrop()], 1
        for k in kernels:
            layers += [block(c, k, 2), nn.ReLU(), Residual(k)]
            c = k
        net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 10))
        return self.kaiming(net, 0)

    # --- Their training. ---

    def train(self, net, epochs, batch, lr, momentum=lambda over: 0.9, decay=0.0):
        torch = self.torch
        opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=decay)
        batches, start = math.ceil(len(self.y) / batch), time.perf_counter()
        for epoch in range(epochs):
            net.train()
            for i, rows in enumerate(torch.randperm(len(self.y)).split(batch)):
                over = (epoch * batches + i) / (epochs * batches)
                opt.param_groups[0].update(lr=lr(over), momentum=momentum(over))
                opt.zero_grad()
                torch.nn.functional.cross_entropy(net(self.x[rows]), self.y[rows]).backward()
                opt.step()
            net.eval()
            with torch.no_grad():
                scores = torch.cat([net(x) for x in self.valid[0].split(1000)])
            right = (scores.argmax(1) == self.valid[1]).double().mean().item()
        return time.perf_counter() - start, right


def runs(course):
    """The rows of the table: a name, the number of epochs, and how to begin and train."""
    plain, bent = lambda: course.cnn(course.relu), course.bent
    in05, in06 = lambda peak: one_cycle(0.1, peak, 4, 1000), one_cycle(0.3, 0.4, 10, 1000)
    momentum = combined(0.3, cosine(0.95, 0.85), cosine(0.85, 0.95))
    in04 = combined(0.3, cosine(0.05, 0.3), cosine(0.3, 0.001))
    return {
        "04: 50 hidden units": (3, course.hidden, dict(batch=512, lr=in04, momentum=momentum)),
        "05: four convolutions, default weights": (3, plain, dict(batch=512, lr=in05(0.1))),
        "05: with initialization, 2": (2, bent, dict(batch=512, lr=in05(0.2))),
        "05: with initialization, 8": (8, bent, dict(batch=512, lr=in05(0.4))),
        "06: batch normalization, 3": (3, lambda: bent(True), dict(batch=512, lr=in06)),
        "06: batch normalization, 8": (8, lambda: bent(True), dict(batch=512, lr=in06)),
        "06: LSUV": (2, course.lsuv, dict(batch=512, lr=in06)),
        "07: residual blocks, shifted pictures":
            (12, course.resnet, dict(batch=128, lr=one_cycle(0.3, 0.1, 10, 1000), decay=5e-4)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="runs whose names contain one of these (default: all)")
    parser.add_argument("--mnist", default=os.environ.get("MNIST_PATH"), help="mnist.pkl.gz (default: MNIST_PATH, the cache)")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    course = Course(mnist_file(args.mnist), args.threads)
    print(f"PyTorch {course.torch.__version__}, {args.threads} threads")
    for name, (epochs, net, how) in runs(course).items():
        if not args.names or any(part in name for part in args.names):
            course.torch.manual_seed(1)
            seconds, right = course.train(net(), epochs, **how)
            print(f"{name}: {epochs} epochs, {seconds:.1f} s, valid accuracy {right * 100:.2f} %", flush=True)


if __name__ == "__main__":
    main()
