//! The layers of notebooks 05 and 06 against `PyTorch`'s own numbers.
//!
//! `fixtures/torch_layers.py` wrote `fixtures/torch_layers.json` with `PyTorch` in float64. Inputs and parameters are
//! sines of their flat index, and the loss is the sum of all outputs, each times a cosine of its own.

use std::sync::LazyLock;

use exp::nb_02::Module;
use exp::nb_03::Parameters;
use exp::nb_05::Conv;
use exp::nb_06::{BatchNorm, ExampleNorm};
use ndarray::{Array, Array4, ArrayRef, Dimension, Ix4, ShapeBuilder};
use serde_json::Value;

static REFERENCE: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("fixtures/torch_layers.json")).expect("the fixture is JSON")
});

/// `scale · sin(a · k + b) + shift` for the flat index `k`.
fn wave<Sh: ShapeBuilder>(shape: Sh, (a, b): (f64, f64), (scale, shift): (f64, f64)) -> Array<f64, Sh::Dim> {
    let mut k = -1.0;
    Array::from_shape_simple_fn(shape, || {
        k += 1.0;
        f64::sin(a * k + b) * scale + shift
    })
}

/// Fails unless all numbers are `PyTorch`'s, up to 1e-10 of the largest.
fn close<D: Dimension>(what: &str, got: &ArrayRef<f64, D>, want: &Value) {
    let want: Vec<f64> =
        serde_json::from_value(want.clone()).unwrap_or_else(|_| panic!("no numbers for {what}"));
    assert_eq!(got.len(), want.len(), "{what}");
    let largest = want.iter().fold(1.0, |largest: f64, v| largest.max(v.abs()));
    for (i, (got, want)) in got.iter().zip(&want).enumerate() {
        assert!((got - want).abs() <= 1e-10 * largest, "{what}[{i}]: {got:e} against PyTorch's {want:e}");
    }
}

/// The layer's output and all its gradients.
fn agrees(what: &str, layer: &mut (impl Module<f64, Ix4> + Parameters<f64>), x: Array4<f64>, want: &Value) {
    let out = layer.forward(&x.into_shared());
    assert_eq!(serde_json::json!(out.shape()), want["shape"], "{what}");
    close(what, &out, &want["out"]);
    let mut k = -1.0;
    let weights = Array4::from_shape_simple_fn(out.raw_dim(), || {
        k += 1.0;
        f64::cos(0.7 * k)
    });
    close(&format!("{what}: gradient of x"), &layer.backward(&weights), &want["grads"]["x"]);
    let parameters = layer.parameters();
    assert_eq!(parameters.len(), 2);
    for parameter in parameters {
        let name = &parameter.name;
        close(&format!("{what}: gradient of {name}"), &parameter.grad, &want["grads"][name]);
    }
}

#[test]
fn convolutions_and_their_gradients_are_pytorchs() {
    let cases = REFERENCE["convs"].as_array().expect("cases");
    assert_eq!(cases.len(), 4);
    for want in cases {
        let [size, stride, pad] = ["size", "stride", "pad"]
            .map(|key| usize::try_from(want[key].as_u64().expect("a number")).expect("a small one"));
        let (w, b) = (wave((size, size, 2, 3), (0.53, 0.2), (1.0, 0.0)), wave(3, (1.0, 0.5), (1.0, 0.0)));
        let x = wave((3, 7, 6, 2), (0.37, 0.11), (1.0, 0.0));
        let what = format!("convolution of {size}, stride {stride}, padding {pad}");
        agrees(&what, &mut Conv::new(w, b, stride, pad), x, want);
    }
}

/// The input of all normalizations, and a γ and a β.
fn inputs() -> (Array4<f64>, [ndarray::Array1<f64>; 2]) {
    let x = wave((4, 3, 2, 5), (0.37, 0.11), (2.0, 1.0));
    (x, [wave(5, (1.3, 0.4), (0.5, 1.0)), wave(5, (1.0, 0.5), (1.0, 0.0))])
}

#[test]
fn batch_normalizations_and_their_gradients_are_pytorchs() {
    for (kind, mut layer) in [("batch", BatchNorm::new(5)), ("running", BatchNorm::running(5))] {
        let (x, parameters) = inputs();
        [layer.gamma, layer.beta] = parameters;
        let want = &REFERENCE["norms"][kind];
        agrees(kind, &mut layer, x, want);
        close(&format!("{kind}: mean"), &layer.mean, &want["mean"]);
        close(&format!("{kind}: variance"), &layer.var, &want["var"]);
    }
}

#[test]
fn normalizations_of_examples_and_their_gradients_are_pytorchs() {
    for (kind, mut layer) in [("layer", ExampleNorm::layer(5)), ("instance", ExampleNorm::instance(5))] {
        let (x, parameters) = inputs();
        for (mut parameter, value) in layer.parameters().into_iter().zip(&parameters) {
            parameter.value.assign(value);
        }
        agrees(kind, &mut layer, x, &REFERENCE["norms"][kind]);
    }
}

#[test]
#[should_panic(expected = "against PyTorch's")]
fn a_wrong_layer_is_told_from_the_reference() {
    let (x, [gamma, beta]) = inputs();
    let mut layer = BatchNorm::new(5);
    (layer.gamma, layer.beta) = (gamma * (1.0 + 1e-6), beta);
    agrees("batch", &mut layer, x, &REFERENCE["norms"]["batch"]);
}
