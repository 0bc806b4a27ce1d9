//! Notebook 03's training on the embedded sample, and its loss against `PyTorch`'s own numbers.
//!
//! `fixtures/torch_lesson8.json` holds what `PyTorch` computed in float64 for the first 256 training rows of MNIST
//! and weights that are a formula (see `fixtures/torch_lesson8.py`); the sample begins with the same rows.

use exp::mnist;
use exp::nb_02::{Lin, Model, Module, Relu, float, kaiming_normal, mean_std, normalize, seeded};
use exp::nb_03::{
    CrossEntropy, DataLoader, Dataset, Epoch, Layer, Loaders, Optimizer, Parameter, Parameters, Sampler,
    Sequential, cross_entropy, cross_entropy_grad, fit, one_cycle,
};
use ndarray::{ArcArray2, Array1, Array2, ArrayRef2, NdFloat, s};
use serde_json::Value;

/// The network of the reference, its input and its labels.
fn reference_model<F: NdFloat + Default>() -> (Model<F>, ArcArray2<F>, Array1<usize>) {
    let train = mnist::sample().train;
    let (mean, std) = (0.130_449_722_078_284_45, 0.307_289_836_862_509_16);
    let x = normalize(&train.x.slice(s![..256, ..]).mapv(f64::from), mean, std);
    // Computed in `f64` as the reference did, then rounded once.
    let narrow = |v: f64| F::from(v).expect("a float");
    let wave = |rows, cols, scale: f64, f: &dyn Fn(f64) -> f64| {
        Array2::from_shape_fn((rows, cols), |(i, j)| narrow(scale * f(float(i * cols + j))))
    };
    let w1 = wave(784, 50, (2.0_f64 / 784.0).sqrt(), &|k| (0.37 * k + 0.11).sin());
    let w2 = wave(50, 10, (1.0_f64 / 50.0).sqrt(), &|k| (0.53 * k + 0.20).cos());
    let b1 = wave(1, 50, 0.01, &f64::cos).row(0).to_owned();
    let b2 = wave(1, 10, 0.01, &|k| (k + 0.5).sin()).row(0).to_owned();
    (Model::new(w1, b1, w2, b2), x.mapv(narrow).into_shared(), train.y.slice(s![..256]).to_owned())
}

fn wide<'a, F: NdFloat>(values: impl IntoIterator<Item = &'a F>) -> Vec<f64> {
    values.into_iter().map(|v| v.to_f64().expect("a float")).collect()
}

/// Fails unless every number of `want` is met, in units of the gradient's root mean square where that is larger.
fn close_grad(name: &str, shape: &[usize], got: &[f64], want: &Value, tol: f64) {
    assert_eq!(serde_json::json!(shape), want["shape"], "shape of {name}");
    let squares = want["sum_of_squares"].as_f64().expect("a number");
    let each = (squares / float::<f64>(got.len())).sqrt();
    let close = |what: String, got: f64, want: f64, scale: f64| {
        let error = (got - want).abs() / scale;
        assert!(error <= tol, "{what}: {got:e} against PyTorch's {want:e}, off by {error:e} of {scale:e}");
    };
    close(format!("squares of {name}"), got.iter().map(|v| v * v).sum(), squares, squares);
    let values = want["values"].as_array().into_iter().flatten().enumerate();
    let samples = want["samples"].as_object().into_iter().flatten();
    let all = values.chain(samples.map(|(at, v)| (at.parse().expect("an index"), v)));
    let count = all
        .map(|(at, v)| (at, v.as_f64().expect("a number")))
        .map(|(at, v)| close(format!("{name}[{at}]"), got[at], v, v.abs().max(each)))
        .count();
    assert!(count > 0, "the reference has no values of {name}");
}

/// Loss and all five gradients of `model` against the reference.
fn agrees<F: NdFloat>(model: &mut impl Layer<F>, x: &ArcArray2<F>, labels: &Array1<usize>, tol: f64) {
    let reference: Value = serde_json::from_str(include_str!("fixtures/torch_lesson8.json")).expect("JSON");
    let want = &reference["cross_entropy_relu"];
    let mut loss = CrossEntropy::default();
    let got = loss.forward(&model.forward(x), labels).to_f64().expect("a float");
    let want_loss = want["loss"].as_f64().expect("a number");
    assert!((got / want_loss - 1.0).abs() <= tol, "loss {got} against PyTorch's {want_loss}");

    let grad_x = model.backward(&loss.backward());
    close_grad("x", grad_x.shape(), &wide(&grad_x), &want["grads"]["x"], tol);
    let parameters = model.parameters();
    assert_eq!(parameters.len(), 4);
    for (name, Parameter { grad, .. }) in ["w1", "b1", "w2", "b2"].into_iter().zip(&parameters) {
        close_grad(name, grad.shape(), &wide(grad), &want["grads"][name], tol);
    }
}

#[test]
fn cross_entropy_and_its_gradients_are_pytorchs_in_f64() {
    let (model, x, labels) = reference_model::<f64>();
    agrees(&mut model.clone(), &x, &labels, 1e-10);
    let Model { lin1, relu, lin2 } = model;
    agrees(&mut Sequential::default().then(lin1).then(relu).then(lin2), &x, &labels, 1e-10);
}

#[test]
fn cross_entropy_and_its_gradients_are_pytorchs_in_f32() {
    let (mut model, x, labels) = reference_model::<f32>();
    agrees(&mut model, &x, &labels, 2e-5);
}

#[test]
#[should_panic(expected = "against PyTorch's")]
fn another_network_is_told_from_the_references() {
    let (mut model, x, labels) = reference_model::<f64>();
    model.relu.sub = 1e-4;
    agrees(&mut model, &x, &labels, 1e-10);
}

#[test]
fn the_loss_module_is_the_loss_function() {
    let (mut model, x, labels) = reference_model::<f64>();
    let scores = model.forward(&x);
    let mut loss = CrossEntropy::default();
    assert!((loss.forward(&scores, &labels) - cross_entropy(&scores, &labels)).abs() < 1e-15);
    assert_eq!(loss.backward(), cross_entropy_grad(&scores, &labels));
}

/// The notebook's training of 50 hidden units, on the sample's 2,000 rows, with a middle layer of the caller's.
fn train(middle: impl Layer<f32> + 'static, seed: u64) -> Vec<Epoch> {
    let mnist::Mnist { train, valid, .. } = mnist::sample();
    let (mean, std) = mean_std(&train.x);
    let data = |part: &mnist::Split| Dataset::new(&normalize(&part.x, mean, std).into_shared(), &part.y);
    let mut rng = seeded(seed);
    let lin1 = Lin::new(kaiming_normal(784, 50, &mut rng), Array1::zeros(50));
    let lin2 = Lin::new(kaiming_normal(50, 10, &mut rng), Array1::zeros(10));
    let mut model = Sequential::default().then(lin1).then(middle).then(lin2);
    let mut loaders = Loaders {
        train: DataLoader::new(data(&train), Sampler::shuffled(train.y.len(), seed), 64),
        valid: DataLoader::new(data(&valid), Sampler::in_order(valid.y.len()), 200),
    };
    let mut opt = Optimizer::new(0.0, 0.9, 1e-3);
    fit(5, &mut model, &mut opt, &mut loaders, |over| one_cycle(0.04, over), |_| ())
}

/// What no broken gradient reaches, see the tests that break it.
const LEARNED: f64 = 0.84;

#[test]
fn it_learns() {
    for seed in 0..3 {
        let history = train(Relu::default(), seed);
        let (first, last) = (history[0], history[4]);
        assert_eq!((last.number, last.of), (5, 5));
        assert!(last.train_loss < first.train_loss / 4.0, "seed {seed}: {first} then {last}");
        assert!(last.valid.loss < first.valid.loss, "seed {seed}: {first} then {last}");
        assert!(last.valid.accuracy > LEARNED, "seed {seed}: {last}");
    }
}

#[test]
fn a_second_run_gives_the_same_numbers() {
    assert_eq!(train(Relu::default(), 1), train(Relu::default(), 1));
    assert_ne!(train(Relu::default(), 1), train(Relu::default(), 2));
}

/// What is done to a gradient that was right.
type Mistake = fn(Array2<f32>) -> Array2<f32>;

/// A relu with a mistake on its way back.
struct Broken {
    relu: Relu<f32>,
    mistake: Mistake,
}

impl Module<f32> for Broken {
    fn forward(&mut self, input: &ArcArray2<f32>) -> ArcArray2<f32> {
        self.relu.forward(input)
    }

    fn predict(&self, input: &ArcArray2<f32>) -> ArcArray2<f32> {
        self.relu.predict(input)
    }

    fn backward(&mut self, grad_output: &ArrayRef2<f32>) -> Array2<f32> {
        (self.mistake)(self.relu.backward(grad_output))
    }
}

impl Parameters<f32> for Broken {
    fn parameters(&mut self) -> Vec<Parameter<'_, f32>> {
        Vec::new()
    }
}

#[test]
fn with_a_broken_gradient_it_does_not_learn_as_much() {
    let mistakes: [(&str, Mistake); 3] = [
        ("wrong sign", |grad| -grad),
        ("rows in reverse", |grad| grad.slice(s![..;-1, ..]).to_owned()),
        ("units in reverse", |grad| grad.slice(s![.., ..;-1]).to_owned()),
    ];
    for (name, mistake) in mistakes {
        let last = train(Broken { relu: Relu::default(), mistake }, 0)[4];
        println!("{name}: {last}");
        assert!(last.valid.accuracy < LEARNED, "{name}: {last}");
    }
}
