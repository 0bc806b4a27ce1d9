//! How long the network of notebook 02 takes on the full training set, by the simple layers and by [`exp::Model`],
//! compiled for release and without Python; `just compare` sets both beside other libraries.
//!
//! `cargo run --release -p exp --example speed [ROUNDS]` prints one JSON object: the best and the median time in
//! milliseconds of each contender, which run in turn, round by round; the losses; and sums over the gradients, so that
//! all sides can be seen to compute the same. The weights are closed form, as in the fixtures of the tests.

use std::env;
use std::time::Instant;

use exp::nb_02::{self, Module, Mse, float, get_data, mean_std, normalize, relative_error, targets};
use exp::nb_03::{self, DataLoader, Dataset, Optimizer, Sampler};
use exp::nb_03b::{cross_entropy_of, mse_of, train_epoch};
use ndarray::{ArcArray2, Array1, Array2, ArrayRef2};
use serde_json::{Value, json};

const HIDDEN: usize = 50;
const BATCH: usize = 64;
const RATE: f32 = 0.1;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds = env::args().nth(1).map_or(Ok(15), |rounds| rounds.parse())?;
    let (x, labels, ..) = get_data()?;
    let (mean, std) = mean_std(&x);
    let (x, y) = (normalize(&x, mean, std).into_shared(), targets::<f32>(&labels));

    let mut times = Times::default();
    let [w1, b1, w2, b2] = weights(x.ncols(), 1);
    let mut simple = nb_02::Model::new(w1.clone(), line(&b1), w2.clone(), line(&b2));
    let mut fast = exp::Model::new(w1, line(&b1), w2, line(&b2));
    let (mut grad_x, mut mse) = (Array2::zeros(x.dim()), Mse::default());
    for _ in 0..rounds {
        times.add("simple", "forward", || simple.forward(&x));
        times.add("simple", "parameters", || {
            mse.forward(&simple.forward(&x), &y);
            simple.backward_params(&mse.backward());
        });
        times.add("simple", "all", || {
            mse.forward(&simple.forward(&x), &y);
            simple.backward(&mse.backward())
        });
        times.add("fast", "forward", || fast.forward(&x));
        times.add("fast", "parameters", || {
            mse.forward(&fast.forward(&x), &y);
            fast.backward_params(&mse.backward());
        });
        times.add("fast", "all", || {
            mse.forward(&fast.forward(&x), &y);
            fast.backward_into(&mse.backward(), &mut grad_x);
        });
        times.add("fast", "all, fresh array", || {
            mse.forward(&fast.forward(&x), &y);
            fast.backward(&mse.backward())
        });
        times.add("fast", "parameters, one pass", || fast.forward_backward(&x, mse_of(&y), None));
        times.add("fast", "all, one pass", || fast.forward_backward(&x, mse_of(&y), Some(&mut grad_x)));
    }

    let simple_loss = mse.forward(&simple.forward(&x), &y);
    let simple_x = simple.backward(&mse.backward());
    let fast_loss = fast.forward_backward(&x, mse_of(&y), Some(&mut grad_x));
    let apart = [
        relative_error(&grad_x, &simple_x),
        relative_error(&fast.lin1.grad_w, &simple.lin1.grad_w),
        relative_error(&fast.lin1.grad_b, &simple.lin1.grad_b),
        relative_error(&fast.lin2.grad_w, &simple.lin2.grad_w),
        relative_error(&fast.lin2.grad_b, &simple.lin2.grad_b),
    ];
    let sums = json!({
        "x": sums(&grad_x),
        "w1": sums(&fast.lin1.grad_w),
        "b1": sums(&fast.lin1.grad_b.view().insert_axis(ndarray::Axis(0))),
        "w2": sums(&fast.lin2.grad_w),
        "b2": sums(&fast.lin2.grad_b.view().insert_axis(ndarray::Axis(0))),
    });
    let epoch = epochs(&x, &labels, rounds.min(5), &mut times);
    let report = json!({
        "rows": x.nrows(), "hidden": HIDDEN, "rounds": rounds,
        "cores": std::thread::available_parallelism().map_or(1, Into::into),
        "simd": format!("{:?}", fearless_simd::Level::new()).split('(').next(),
        "milliseconds": times.report(),
        "loss": { "simple": simple_loss, "fast": fast_loss },
        "gradients_apart": apart, "gradient_sums": sums, "first_epoch_loss": epoch,
    });
    println!("{report:#}");
    Ok(())
}

/// An epoch of plain gradient descent with ten outputs and cross-entropy. Row `i` of the order is `7919 i + 13` modulo
/// the number of rows: as good as shuffled for a cache, and the same on all sides. Returns the first epoch's losses.
fn epochs(x: &ArcArray2<f32>, labels: &Array1<usize>, rounds: usize, times: &mut Times) -> Value {
    let n = x.nrows();
    let order: Vec<usize> = (0..n).map(|i| (7919 * i + 13) % n).collect();
    let [w1, b1, w2, b2] = weights(x.ncols(), 10);
    let mut simple = nb_02::Model::new(w1.clone(), line(&b1), w2.clone(), line(&b2));
    let mut fast = exp::Model::new(w1, line(&b1), w2, line(&b2));
    let data = Dataset::new(
        &x.select(ndarray::Axis(0), &order).into_shared(),
        &labels.select(ndarray::Axis(0), &order),
    );
    let mut in_order = DataLoader::new(data.clone(), Sampler::in_order(n), BATCH);
    let mut opt = Optimizer::new(RATE, 0.0, 0.0);
    let simple_loss = nb_03::train_epoch(&mut simple, &mut opt, &mut in_order, |_| RATE);
    let fast_loss = train_epoch(&mut fast, x, &order, BATCH, RATE, cross_entropy_of(labels));
    let (mut shuffled, mut sampler) =
        (DataLoader::new(data, Sampler::shuffled(n, 7), BATCH), Sampler::shuffled(n, 7));
    for _ in 0..rounds {
        times.add("simple", "epoch", || nb_03::train_epoch(&mut simple, &mut opt, &mut shuffled, |_| RATE));
        times.add("fast", "epoch", || {
            train_epoch(&mut fast, x, sampler.epoch(), BATCH, RATE, cross_entropy_of(labels))
        });
    }
    json!({ "simple": simple_loss, "fast": fast_loss })
}

/// Weights and biases by sines and cosines of their flat index: `m × 50`, `1 × 50`, `50 × k`, `1 × k`.
fn weights(m: usize, k: usize) -> [Array2<f32>; 4] {
    let closed = |rows: usize, columns: usize, f: &dyn Fn(f64) -> f64| {
        Array2::from_shape_fn((rows, columns), |(i, j)| narrow(f(float(i * columns + j))))
    };
    let (wide, narrow_layer) = ((2.0 / float::<f64>(m)).sqrt(), (1.0 / float::<f64>(HIDDEN)).sqrt());
    [
        closed(m, HIDDEN, &|i| (0.37 * i + 0.11).sin() * wide),
        closed(1, HIDDEN, &|i| i.cos() * 0.01),
        closed(HIDDEN, k, &|i| (0.53 * i + 0.20).cos() * narrow_layer),
        closed(1, k, &|i| if k == 1 { 0.05 } else { (i + 0.5).sin() * 0.01 }),
    ]
}

#[allow(clippy::cast_possible_truncation, reason = "the weights are f32")]
fn narrow(v: f64) -> f32 {
    v as f32
}

fn line(row: &Array2<f32>) -> Array1<f32> {
    row.row(0).to_owned()
}

/// The sum and the sum of squares, in `f64`.
fn sums(grad: &ArrayRef2<f32>) -> Value {
    let of = |f: fn(f64) -> f64| grad.iter().map(|&g| f(f64::from(g))).sum::<f64>();
    json!({ "sum": of(|g| g), "sum_of_squares": of(|g| g * g) })
}

/// The times of each contender at each task.
#[derive(Default)]
struct Times(Vec<(&'static str, &'static str, Vec<f64>)>);

impl Times {
    fn add<R>(&mut self, who: &'static str, what: &'static str, f: impl FnOnce() -> R) {
        let start = Instant::now();
        let result = std::hint::black_box(f());
        let time = start.elapsed().as_secs_f64() * 1e3;
        // Giving memory back is a part of the work as well, but not of what other libraries' clocks see.
        drop(result);
        match self.0.iter_mut().find(|(a, b, _)| (*a, *b) == (who, what)) {
            Some((.., times)) => times.push(time),
            None => self.0.push((who, what, vec![time])),
        }
    }

    fn report(&mut self) -> Value {
        let mut report = json!({});
        for (who, what, times) in &mut self.0 {
            times.sort_by(f64::total_cmp);
            report[*who][*what] = json!({ "best": times[0], "median": times[times.len() / 2] });
        }
        report
    }
}
