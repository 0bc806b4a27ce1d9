//! The networks and layers of exp for `benches/networks.py`.

use std::hint::black_box;

use exp::nb_02::{Lin, Module, seeded};
use exp::nb_03::{CrossEntropy, Optimizer, Parameters, Sequential};
use exp::nb_05::{Conv, GeneralRelu, GlobalAvgPool, ToPictures, cnn};
use exp::nb_06::{BatchNorm, norm_cnn};
use exp::nb_07::{conv_block, res_block};
use ndarray::{ArcArray2, Array1, Array2, Array4, ArrayRef, Dimension, s};
use peers::networks::{CHECKED, LR, MOMENTUM, Networks, Numbers, SIDE, convs, layer, serve};

struct Ours {
    x: ArcArray2<f32>,
    y: Array1<usize>,
    numbers: Numbers,
}

impl Ours {
    fn new(numbers: Numbers) -> Self {
        let y = Array1::from(numbers.y.clone());
        let x = Array2::from_shape_vec((y.len(), SIDE * SIDE), numbers.x.clone()).expect("its size").into_shared();
        Self { x, y, numbers }
    }

    /// A network with the parameters of the script.
    fn net(&self, name: &str) -> Sequential<f32> {
        let zeros = |shape, _| Array4::zeros(shape);
        let mut net = match name {
            "net05" => cnn(zeros, &GeneralRelu::default()),
            "net06" => norm_cnn(zeros, &GeneralRelu::default(), BatchNorm::new),
            name => resnet(name),
        };
        let mut given = self.numbers.of(name);
        for mut parameter in net.parameters() {
            parameter.value.iter_mut().zip(&mut given).for_each(|(to, from)| *to = from);
        }
        assert!(given.next().is_none(), "the script gave more parameters than {name} has");
        net
    }
}

/// The network of notebook 07, without its random shifts.
fn resnet(name: &str) -> Sequential<f32> {
    let (mut net, rng) = (Sequential::default().then(ToPictures { shape: (SIDE, SIDE, 1) }), &mut seeded(1));
    let (mut last, (_, convs)) = (1, convs(name));
    for (_, c, k, stride) in convs {
        net = net.then(conv_block(c, k, stride, rng)).then(res_block(k, rng));
        last = k;
    }
    net.then(GlobalAvgPool::default()).then(Lin::new(Array2::zeros((last, 10)), Array1::zeros(10)))
}

fn list<D: Dimension>(array: &ArrayRef<f32, D>) -> Vec<f32> {
    array.iter().copied().collect()
}

impl Networks for Ours {
    fn train(&mut self, name: &str, batch: usize) -> f64 {
        let (mut net, mut loss, mut total) = (self.net(name), CrossEntropy::default(), 0.0);
        let mut opt = Optimizer::new(LR, MOMENTUM, 0.0);
        for start in (0..self.y.len()).step_by(batch) {
            let end = (start + batch).min(self.y.len());
            let x = self.x.slice(s![start..end, ..]).to_shared();
            total += f64::from(loss.forward(&net.forward(&x), &self.y.slice(s![start..end]))) * (end - start) as f64;
            net.backward_params(&loss.backward());
            opt.step(&mut net);
        }
        total / self.y.len() as f64
    }

    fn gradients(&mut self, name: &str) -> (f64, Vec<Vec<f32>>) {
        let (mut net, mut loss) = (self.net(name), CrossEntropy::default());
        let x = self.x.slice(s![..CHECKED, ..]).to_shared();
        let value = loss.forward(&net.forward(&x), &self.y.slice(s![..CHECKED]));
        net.backward_params(&loss.backward());
        (value.into(), net.parameters().iter().map(|p| list(&p.grad)).collect())
    }

    fn layer(&self, name: &str) -> Box<dyn FnMut() -> [Vec<f32>; 3]> {
        let mut given = self.numbers.of(name);
        let mut take = |[n, h, w, c]: [usize; 4]| {
            Array4::from_shape_simple_fn((n, h, w, c), || given.next().expect("enough numbers"))
        };
        let of = layer(name);
        let k = of.output[3];
        let (x, w) = (take(of.input).into_shared(), take(of.weights.unwrap_or([1, 1, 1, k])));
        let (b, grad) = (list(&take([1, 1, 1, k])), take(of.output));
        if of.weights.is_none() {
            let mut layer = BatchNorm::new(k);
            (layer.gamma, layer.beta) = (list(&w).into(), b.into());
            return Box::new(move || {
                layer.forward(&x);
                let grad_x = layer.backward(&grad);
                [grad_x.into_raw_vec_and_offset().0, layer.grads.0.to_vec(), layer.grads.1.to_vec()]
            });
        }
        let mut layer = Conv::new(w, b.into(), of.stride, of.pad);
        Box::new(move || {
            layer.forward(&x);
            let grad_x = layer.backward(&grad);
            [grad_x.into_raw_vec_and_offset().0, list(&layer.grad_w), layer.grad_b.to_vec()]
        })
    }

    fn layer_only(&self, name: &str) -> Box<dyn FnMut()> {
        let mut run = self.layer(name);
        Box::new(move || drop(black_box(run())))
    }
}

fn main() {
    // As one of the threads that do the work, not beside them: then nobody is woken for each layer's part. PyTorch's loop
    // is one of its threads, too.
    let pool = rayon::ThreadPoolBuilder::new().build().expect("threads");
    pool.install(|| serve(Ours::new));
}
