//! The networks and layers of exp for `benches/networks.py`.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use exp::nb_02::{Lin, Module, seeded};
use exp::nb_03::{CrossEntropy, Optimizer, Parameters, Sequential};
use exp::nb_05::{Conv, GeneralRelu, GlobalAvgPool, ToPictures, cnn};
use exp::nb_06::{BatchNorm, norm_cnn};
use exp::nb_07::{conv_block, res_block};
use ndarray::{ArcArray2, Array1, Array2, Array4, s};

/// How often a layer goes there and back in one measurement.
const TIMES: u32 = 20;

struct Side {
    folder: PathBuf,
    x: ArcArray2<f32>,
    y: Array1<usize>,
}

fn words(path: &Path) -> Vec<[u8; 4]> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    bytes.as_chunks::<4>().0.to_vec()
}

fn floats(path: &Path) -> Vec<f32> {
    words(path).into_iter().map(f32::from_le_bytes).collect()
}

/// Sum and sum of squares of a gradient.
fn sums<'a>(grad: impl Iterator<Item = &'a f32> + Clone) -> String {
    let wide = || grad.clone().copied().map(f64::from);
    format!("[{}, {}]", wide().sum::<f64>(), wide().map(|v| v * v).sum::<f64>())
}

impl Side {
    /// A network with the parameters of the script.
    fn net(&self, name: &str) -> Sequential<f32> {
        let zeros = |shape, _| Array4::zeros(shape);
        let mut net = match name {
            "net05" => cnn(zeros, &GeneralRelu::default()),
            "net06" => norm_cnn(zeros, &GeneralRelu::default(), BatchNorm::new),
            "net07" => resnet(),
            other => panic!("unknown network: {other}"),
        };
        let mut given = floats(&self.folder.join(name)).into_iter();
        for mut parameter in net.parameters() {
            parameter.value.iter_mut().zip(&mut given).for_each(|(to, from)| *to = from);
        }
        assert!(given.next().is_none(), "the script gave more parameters than {name} has");
        net
    }

    /// One pass over all rows; the mean loss of the rows.
    fn train(&self, name: &str, batch: usize) -> f64 {
        let (mut net, mut loss, mut total) = (self.net(name), CrossEntropy::default(), 0.0);
        let mut opt = Optimizer::new(0.02, 0.9, 0.0);
        for start in (0..self.y.len()).step_by(batch) {
            let end = (start + batch).min(self.y.len());
            let x = self.x.slice(s![start..end, ..]).to_shared();
            total += f64::from(loss.forward(&net.forward(&x), &self.y.slice(s![start..end]))) * (end - start) as f64;
            net.backward_params(&loss.backward());
            opt.step(&mut net);
        }
        total / self.y.len() as f64
    }

    fn check_net(&self, name: &str) -> String {
        let (mut net, mut loss) = (self.net(name), CrossEntropy::default());
        let value = loss.forward(&net.forward(&self.x.slice(s![..512, ..]).to_shared()), &self.y.slice(s![..512]));
        net.backward_params(&loss.backward());
        let grads: Vec<String> = net.parameters().iter().map(|p| sums(p.grad.iter())).collect();
        format!("{{\"loss\": {value}, \"gradients\": [{}]}}", grads.join(", "))
    }

    /// A layer there and back, so often; the gradients of its input and its parameters.
    fn layer(&self, name: &str, times: u32) -> (f64, String) {
        let (shape, weights, out) = match name {
            "conv5" => ((512, 28, 28, 1), (5, 5, 1, 8), (512, 14, 14, 8)),
            "conv3" => ((512, 14, 14, 8), (3, 3, 8, 16), (512, 7, 7, 16)),
            "norm" => ((512, 14, 14, 8), (1, 1, 1, 8), (512, 14, 14, 8)),
            other => panic!("unknown layer: {other}"),
        };
        let mut given = floats(&self.folder.join(name)).into_iter();
        let mut take = |shape| Array4::from_shape_simple_fn(shape, || given.next().expect("enough numbers"));
        let (x, w) = (take(shape).into_shared(), take(weights));
        let (b, grad) = (take((1, 1, 1, out.3)).into_iter().collect::<Array1<f32>>(), take(out));
        let run = |layer: &mut dyn FnMut() -> Array4<f32>| {
            let start = Instant::now();
            let last = (0..times).map(|_| layer()).last().expect("at least once");
            (start.elapsed().as_secs_f64() * 1e3 / f64::from(times), last)
        };
        if name == "norm" {
            let mut layer = BatchNorm::new(8);
            (layer.gamma, layer.beta) = (w.into_iter().collect(), b);
            let (ms, grad_x) = run(&mut || {
                layer.forward(&x);
                layer.backward(&grad)
            });
            let (gamma, beta) = &layer.grads;
            return (ms, format!("{}, {}, {}", sums(grad_x.iter()), sums(gamma.iter()), sums(beta.iter())));
        }
        let mut layer = Conv::new(w, b, 2, weights.0 / 2);
        let (ms, grad_x) = run(&mut || {
            layer.forward(&x);
            layer.backward(&grad)
        });
        (ms, format!("{}, {}, {}", sums(grad_x.iter()), sums(layer.grad_w.iter()), sums(layer.grad_b.iter())))
    }
}

/// The network of notebook 07, without its random shifts.
fn resnet() -> Sequential<f32> {
    let (mut net, mut c, rng) = (Sequential::default().then(ToPictures { shape: (28, 28, 1) }), 1, &mut seeded(1));
    for k in [8, 16, 32, 32] {
        net = net.then(conv_block(c, k, 2, rng)).then(res_block(k, rng));
        c = k;
    }
    net.then(GlobalAvgPool::default()).then(Lin::new(Array2::zeros((c, 10)), Array1::zeros(10)))
}

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("the script's folder is the first argument"));
    let y = words(&folder.join("y")).into_iter().map(|it| u32::from_le_bytes(it) as usize).collect::<Array1<usize>>();
    let x = Array2::from_shape_vec((y.len(), 784), floats(&folder.join("x"))).expect("its size").into_shared();
    let side = Side { folder, x, y };
    println!("{{\"ready\": true}}");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("the script writes UTF-8");
        match line.split_once(' ').unwrap_or(("", line.trim())) {
            ("check", net) if net.starts_with("net") => println!("{}", side.check_net(net)),
            ("check", layer) => println!("{{\"gradients\": [{}]}}", side.layer(layer, 1).1),
            (_, work) => match work.split_once('-') {
                Some((net, batch)) => {
                    let start = Instant::now();
                    let loss = side.train(net, batch.parse().expect("a batch size"));
                    println!("{{\"ms\": {}, \"loss\": {loss}}}", start.elapsed().as_secs_f64() * 1e3);
                }
                None => println!("{{\"ms\": {}}}", side.layer(work, TIMES).0),
            },
        }
    }
}
