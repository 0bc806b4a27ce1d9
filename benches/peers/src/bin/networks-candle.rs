//! The networks and layers in candle, on the CPU, for `benches/networks.py`.

use std::hint::black_box;

use candle_core::{Device, Result, Tensor, Var, backprop::GradStore};
use peers::networks::{CHECKED, LR, MOMENTUM, Networks, Numbers, SIDE, Then, convs, layer, serve, shapes};

struct Candle {
    x: Tensor,
    y: Tensor,
    numbers: Numbers,
}

/// `size × size × channels × kernels` as candle has its weights, kernels first.
fn kernels_first(w: &Tensor) -> Result<Tensor> {
    w.permute((3, 2, 0, 1))?.contiguous()
}

/// `pictures × height × width × channels` as candle has them, channels before places.
fn channels_first(x: &Tensor) -> Result<Tensor> {
    x.permute((0, 3, 1, 2))?.contiguous()
}

fn conv(x: &Tensor, w: &Tensor, b: &Tensor, stride: usize, pad: usize) -> Result<Tensor> {
    x.conv2d(w, pad, stride, 1, 1)?.broadcast_add(&b.reshape((1, (), 1, 1))?)
}

fn norm(x: &Tensor, gamma: &Tensor, beta: &Tensor) -> Result<Tensor> {
    let apart = x.broadcast_sub(&x.mean_keepdim((0, 2, 3))?)?;
    let std = (apart.sqr()?.mean_keepdim((0, 2, 3))? + 1e-5)?.sqrt()?;
    let normal = apart.broadcast_div(&std)?.broadcast_mul(&gamma.reshape((1, (), 1, 1))?)?;
    normal.broadcast_add(&beta.reshape((1, (), 1, 1))?)
}

fn cross_entropy(scores: &Tensor, y: &Tensor) -> Result<Tensor> {
    let shifted = scores.broadcast_sub(&scores.max_keepdim(1)?.detach())?;
    let sums = shifted.exp()?.sum_keepdim(1)?.log()?;
    (sums - shifted.gather(&y.unsqueeze(1)?, 1)?)?.mean_all()
}

fn loss(net: &str, parameters: &[Var], x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let (mut p, (then, convs)) = (parameters.iter().map(Var::as_tensor), convs(net));
    let mut next = || p.next().expect("a parameter");
    let mut x = x.clone();
    for (size, _, _, stride) in convs {
        x = conv(&x, next(), next(), stride, size / 2)?;
        match then {
            Then::Relu => x = x.relu()?,
            Then::ReluNorm => x = norm(&x.relu()?, next(), next())?,
            Then::Residual => {
                x = norm(&x, next(), next())?.relu()?;
                let inner = norm(&conv(&x, next(), next(), 1, 1)?, next(), next())?.relu()?;
                let inner = norm(&conv(&inner, next(), next(), 1, 1)?, next(), next())?;
                x = (inner + x)?.relu()?;
            }
        }
    }
    let scores = x.mean((2, 3))?.matmul(next())?.broadcast_add(next())?;
    cross_entropy(&scores, y)
}

impl Candle {
    fn new(numbers: Numbers) -> Result<Self> {
        let cpu = &Device::Cpu;
        let y: Vec<u32> = numbers.y.iter().map(|&y| u32::try_from(y).expect("a digit")).collect();
        let x = Tensor::from_vec(numbers.x.clone(), (y.len(), 1, SIDE, SIDE), cpu)?;
        Ok(Self { x, y: Tensor::new(y, cpu)?, numbers })
    }

    fn parameters(&self, net: &str) -> Result<Vec<Var>> {
        let mut given = self.numbers.of(net);
        let var = |shape: Vec<usize>| {
            let numbers: Vec<f32> = given.by_ref().take(shape.iter().product()).collect();
            let tensor = Tensor::from_vec(numbers, shape.as_slice(), &Device::Cpu)?;
            Var::from_tensor(&if shape.len() == 4 { kernels_first(&tensor)? } else { tensor })
        };
        shapes(net).into_iter().map(var).collect()
    }

    fn epoch(&self, net: &str, batch: usize) -> Result<f64> {
        let (parameters, n, mut total) = (self.parameters(net)?, self.y.elem_count(), 0.0);
        let mut moves: Vec<Tensor> =
            parameters.iter().map(|it| it.as_tensor().zeros_like()).collect::<Result<_>>()?;
        for start in (0..n).step_by(batch) {
            let len = batch.min(n - start);
            let loss = loss(net, &parameters, &self.x.narrow(0, start, len)?, &self.y.narrow(0, start, len)?)?;
            let grads = loss.backward()?;
            for (parameter, moved) in parameters.iter().zip(&mut moves) {
                *moved = ((&*moved * f64::from(MOMENTUM))? + of(&grads, parameter))?;
                parameter.set(&parameter.as_tensor().sub(&(&*moved * f64::from(LR))?)?)?;
            }
            total += f64::from(loss.to_scalar::<f32>()?) * len as f64;
        }
        Ok(total / n as f64)
    }

    fn checked(&self, net: &str) -> Result<(f64, Vec<Vec<f32>>)> {
        let parameters = self.parameters(net)?;
        let loss = loss(net, &parameters, &self.x.narrow(0, 0, CHECKED)?, &self.y.narrow(0, 0, CHECKED)?)?;
        let grads = loss.backward()?;
        let lists = parameters.iter().map(|it| of(&grads, it).flatten_all()?.to_vec1());
        Ok((loss.to_scalar::<f32>()?.into(), lists.collect::<Result<_>>()?))
    }

    /// A layer's input and parameters, and a function that goes there and back.
    fn there_and_back(&self, name: &str) -> Result<([Var; 3], impl Fn() -> Result<GradStore> + use<>)> {
        let (of, mut given) = (layer(name), self.numbers.of(name));
        let mut take = |shape: &[usize]| {
            let numbers: Vec<f32> = given.by_ref().take(shape.iter().product()).collect();
            Tensor::from_vec(numbers, shape, &Device::Cpu)
        };
        let k = of.output[3];
        let x = Var::from_tensor(&channels_first(&take(&of.input)?)?)?;
        let w = match of.weights {
            Some(shape) => kernels_first(&take(&shape)?)?,
            None => take(&[k])?,
        };
        let (w, b) = (Var::from_tensor(&w)?, Var::from_tensor(&take(&[k])?)?);
        let grad = channels_first(&take(&of.output)?)?;
        let vars = [x.clone(), w.clone(), b.clone()];
        let run = move || {
            let out = if of.weights.is_some() {
                conv(&x, &w, &b, of.stride, of.pad)?
            } else {
                norm(&x, &w, &b)?
            };
            // The gradient of this sum is the gradient that is given.
            (out * &grad)?.sum_all()?.backward()
        };
        Ok((vars, run))
    }
}

fn of<'a>(grads: &'a GradStore, var: &Var) -> &'a Tensor {
    grads.get(var).expect("it has a gradient")
}

impl Networks for Candle {
    fn train(&mut self, net: &str, batch: usize) -> f64 {
        self.epoch(net, batch).expect("shapes fit")
    }

    fn gradients(&mut self, net: &str) -> (f64, Vec<Vec<f32>>) {
        self.checked(net).expect("shapes fit")
    }

    fn layer(&self, name: &str) -> Box<dyn FnMut() -> [Vec<f32>; 3]> {
        let (vars, run) = self.there_and_back(name).expect("shapes fit");
        Box::new(move || {
            let grads = run().expect("shapes fit");
            vars.each_ref().map(|var| of(&grads, var).flatten_all().unwrap().to_vec1().unwrap())
        })
    }

    fn layer_only(&self, name: &str) -> Box<dyn FnMut()> {
        let (_, run) = self.there_and_back(name).expect("shapes fit");
        Box::new(move || drop(black_box(run().expect("shapes fit"))))
    }
}

fn main() {
    serve(|numbers| Candle::new(numbers).expect("shapes fit"));
}
