//! The networks and layers in burn, on its CPU backend Flex, for `benches/networks.py`.

use std::hint::black_box;

use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use peers::networks::{CHECKED, CLASSES, LR, MOMENTUM, Networks, Numbers, SIDE, Then, convs, layer, serve, shapes};

struct Burn {
    x: Tensor<4>,
    y: Tensor<1, Int>,
    numbers: Numbers,
}

/// A parameter is a list of numbers, whatever its shape; it is given that where it is used.
fn list(numbers: Vec<f32>) -> Tensor<1> {
    let len = numbers.len();
    Tensor::from_data(TensorData::new(numbers, [len]), &Device::flex())
}

fn numbers(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_to_vec::<f32>().expect("floats")
}

/// `size × size × channels × kernels` numbers as burn has its weights, kernels first.
fn kernels_first(w: Tensor<1>, (size, c, k): (usize, usize, usize)) -> Tensor<4> {
    w.reshape([size, size, c, k]).permute([3, 2, 0, 1])
}

fn conv(x: Tensor<4>, w: Tensor<4>, b: Tensor<1>, stride: usize, pad: usize) -> Tensor<4> {
    conv2d(x, w, Some(b), ConvOptions::new([stride; 2], [pad; 2], [1; 2], 1))
}

fn norm(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>) -> Tensor<4> {
    let k = gamma.dims()[0];
    let mean = |x: Tensor<4>| x.mean_dims(&[0, 2, 3]);
    let apart = x.clone() - mean(x);
    let std = (mean(apart.clone().square()) + 1e-5).sqrt();
    apart / std * gamma.reshape([1, k, 1, 1]) + beta.reshape([1, k, 1, 1])
}

fn loss(net: &str, parameters: &[Tensor<1>], x: Tensor<4>, y: Tensor<1, Int>) -> Tensor<1> {
    let (mut p, (then, convs)) = (parameters.iter().cloned(), convs(net));
    let mut next = || p.next().expect("a parameter");
    let (mut x, mut last) = (x, 0);
    for (size, c, k, stride) in convs {
        let mut conv = |x, size, c, stride| {
            let w = kernels_first(next(), (size, c, k));
            let b = next();
            let out = conv(x, w, b, stride, size / 2);
            match then {
                Then::Relu => relu(out),
                Then::ReluNorm => norm(relu(out), next(), next()),
                Then::Residual => norm(out, next(), next()),
            }
        };
        x = conv(x, size, c, stride);
        if then == Then::Residual {
            x = relu(x);
            let inner = relu(conv(x.clone(), 3, k, 1));
            x = relu(conv(inner, 3, k, 1) + x);
        }
        last = k;
    }
    let n = x.dims()[0];
    let scores = x.mean_dims(&[2, 3]).reshape([n, last]).matmul(next().reshape([last, CLASSES]))
        + next().reshape([1, CLASSES]);
    -log_softmax(scores, 1).gather(1, y.reshape([n, 1])).mean()
}

fn tracked(tensor: Tensor<1>) -> Tensor<1> {
    tensor.autodiff().require_grad()
}

impl Burn {
    fn new(numbers: Numbers) -> Self {
        let (cpu, n) = (Device::flex(), numbers.y.len());
        let y: Vec<i64> = numbers.y.iter().map(|&y| i64::try_from(y).expect("a digit")).collect();
        Self {
            x: Tensor::from_data(TensorData::new(numbers.x.clone(), [n, 1, SIDE, SIDE]), &cpu),
            y: Tensor::from_data(TensorData::new(y, [n]), &cpu),
            numbers,
        }
    }

    fn parameters(&self, net: &str) -> Vec<Tensor<1>> {
        let mut given = self.numbers.of(net);
        let all = shapes(net).into_iter();
        all.map(|shape| list(given.by_ref().take(shape.iter().product()).collect())).collect()
    }

    fn rows(&self, start: usize, end: usize) -> (Tensor<4>, Tensor<1, Int>) {
        (self.x.clone().slice([start..end]).autodiff(), self.y.clone().slice([start..end]).autodiff())
    }

    /// A layer's input and parameters as lists, and a function that goes there and back.
    fn there_and_back(&self, name: &str) -> ([Tensor<1>; 3], impl Fn() -> Gradients + use<>) {
        let (of, mut given) = (layer(name), self.numbers.of(name));
        let k = of.output[3];
        let mut take = |shape: &[usize]| list(given.by_ref().take(shape.iter().product()).collect());
        let x = take(&of.input).reshape(of.input).permute([0, 3, 1, 2]);
        let dims = x.dims();
        // The list lies as burn has its pictures: going from one to the other moves nothing.
        let x = tracked(x.reshape([-1]));
        let (w, b) = (tracked(take(&of.weights.unwrap_or([1, 1, 1, k]))), tracked(take(&[k])));
        let grad = take(&of.output).reshape(of.output).permute([0, 3, 1, 2]).autodiff();
        let all = [x.clone(), w.clone(), b.clone()];
        let run = move || {
            let x = x.clone().reshape(dims);
            let out = match of.weights {
                Some([size, _, c, k]) => {
                    conv(x, kernels_first(w.clone(), (size, c, k)), b.clone(), of.stride, of.pad)
                }
                None => norm(x, w.clone(), b.clone()),
            };
            // The gradient of this sum is the gradient that is given.
            (out * grad.clone()).sum().backward()
        };
        (all, run)
    }
}

impl Networks for Burn {
    fn train(&mut self, net: &str, batch: usize) -> f64 {
        let (n, mut total) = (self.numbers.y.len(), 0.0);
        let mut parameters: Vec<_> = self.parameters(net).into_iter().map(tracked).collect();
        let mut moves: Vec<Tensor<1>> = parameters.iter().map(|it| it.clone().inner().zeros_like()).collect();
        for start in (0..n).step_by(batch) {
            let end = (start + batch).min(n);
            let (x, y) = self.rows(start, end);
            let loss = loss(net, &parameters, x, y);
            let grads = loss.backward();
            total += f64::from(loss.into_scalar::<f32>()) * (end - start) as f64;
            for (parameter, moved) in parameters.iter_mut().zip(&mut moves) {
                let grad = parameter.grad(&grads).expect("it has a gradient");
                *moved = moved.clone() * MOMENTUM + grad;
                *parameter = tracked(parameter.clone().inner() - moved.clone() * LR);
            }
        }
        total / n as f64
    }

    fn gradients(&mut self, net: &str) -> (f64, Vec<Vec<f32>>) {
        let parameters: Vec<_> = self.parameters(net).into_iter().map(tracked).collect();
        let (x, y) = self.rows(0, CHECKED);
        let loss = loss(net, &parameters, x, y);
        let grads = loss.backward();
        let lists = parameters.iter().map(|it| numbers(it.grad(&grads).expect("it has a gradient"))).collect();
        (loss.into_scalar::<f32>().into(), lists)
    }

    fn layer(&self, name: &str) -> Box<dyn FnMut() -> [Vec<f32>; 3]> {
        let (all, run) = self.there_and_back(name);
        Box::new(move || {
            let grads = run();
            all.each_ref().map(|it| numbers(it.grad(&grads).expect("it has a gradient")))
        })
    }

    fn layer_only(&self, name: &str) -> Box<dyn FnMut()> {
        let (_, run) = self.there_and_back(name);
        Box::new(move || drop(black_box(run())))
    }
}

fn main() {
    serve(Burn::new);
}
