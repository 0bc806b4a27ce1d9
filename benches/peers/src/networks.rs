//! What the sides of `benches/networks.py` have in common: the networks and layers, their numbers, and the conversation.
//!
//! A side is told `check NAME`, where that is a network or a layer, `NET-BATCH` to train, or the name of a layer, a word a
//! line. It answers with a line of JSON.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The learning rate of a training.
pub const LR: f32 = 0.02;
/// How much of the step before is in the next.
pub const MOMENTUM: f32 = 0.9;
/// Classes.
pub const CLASSES: usize = 10;
/// Pictures are squares of so many pixels.
pub const SIDE: usize = 28;
/// How many pictures a network is checked with.
pub const CHECKED: usize = 512;
/// How often a layer goes there and back in one measurement.
const TIMES: u32 = 20;

/// The pictures, their labels, and a folder with the numbers of networks and layers.
pub struct Numbers {
    /// The normalized pictures, one behind the other.
    pub x: Vec<f32>,
    /// Their digits.
    pub y: Vec<usize>,
    folder: PathBuf,
}

fn words(path: &Path) -> impl Iterator<Item = [u8; 4]> + use<> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    bytes.as_chunks::<4>().0.to_vec().into_iter()
}

impl Numbers {
    fn read(folder: PathBuf) -> Self {
        let y = words(&folder.join("y")).map(|it| u32::from_le_bytes(it) as usize).collect();
        Self { x: words(&folder.join("x")).map(f32::from_le_bytes).collect(), y, folder }
    }

    /// The numbers of a network or of a layer, in order.
    pub fn of(&self, name: &str) -> impl Iterator<Item = f32> + use<> {
        words(&self.folder.join(name)).map(f32::from_le_bytes)
    }
}

/// A convolution: size, channels, kernels, stride. Its padding is half of its size.
pub type Conv = (usize, usize, usize, usize);

/// What stands behind a convolution.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// A relu.
    Relu,
    /// A relu, then a normalization.
    ReluNorm,
    /// A normalization, then a relu; twice more the same with a stride of 1, and before the last relu what the first one
    /// put out is added.
    Residual,
}

/// The convolutions of a network.
pub fn convs(net: &str) -> (Then, [Conv; 4]) {
    let seen = [(5, 1, 8, 2), (3, 8, 16, 2), (3, 16, 32, 2), (3, 32, 32, 2)];
    match net {
        "net05" => (Then::Relu, seen),
        "net06" => (Then::ReluNorm, seen),
        "net07" => (Then::Residual, [(3, 1, 16, 2), (3, 16, 32, 2), (3, 32, 64, 2), (3, 64, 64, 2)]),
        other => panic!("unknown network: {other}"),
    }
}

/// Of a network, the shape of each parameter: weights are size × size × channels × kernels.
pub fn shapes(net: &str) -> Vec<Vec<usize>> {
    let (then, convs) = convs(net);
    let mut all = Vec::new();
    for (size, c, k, _) in convs {
        let mut conv = |size, c| {
            all.extend([vec![size, size, c, k], vec![k]]);
            all.extend(std::iter::repeat_n(vec![k], if then == Then::Relu { 0 } else { 2 }));
        };
        conv(size, c);
        if then == Then::Residual {
            conv(3, k);
            conv(3, k);
        }
    }
    all.extend([vec![convs[3].2, CLASSES], vec![CLASSES]]);
    all
}

/// A layer that is timed by itself, for 512 pictures.
pub struct Layer {
    /// Pictures, height, width, channels.
    pub input: [usize; 4],
    /// Of a convolution: size, size, channels, kernels.
    pub weights: Option<[usize; 4]>,
    /// Pictures, height, width, channels.
    pub output: [usize; 4],
    /// Of a convolution.
    pub stride: usize,
    /// Of a convolution.
    pub pad: usize,
}

/// The layer of this name.
pub fn layer(name: &str) -> Layer {
    let small = [512, 14, 14, 8];
    match name {
        "conv5" => {
            Layer { input: [512, 28, 28, 1], weights: Some([5, 5, 1, 8]), output: small, stride: 2, pad: 2 }
        }
        "conv3" => {
            Layer { input: small, weights: Some([3, 3, 8, 16]), output: [512, 7, 7, 16], stride: 2, pad: 1 }
        }
        "norm" => Layer { input: small, weights: None, output: small, stride: 1, pad: 0 },
        other => panic!("unknown layer: {other}"),
    }
}

/// The work, as one library does it. A gradient is a list of numbers, in whatever order.
pub trait Networks {
    /// From the parameters as they were given, a pass over all rows in batches; the mean loss of the rows, each as it was
    /// when its batch came.
    fn train(&mut self, net: &str, batch: usize) -> f64;
    /// The loss of the first pictures, and the gradients of all parameters.
    fn gradients(&mut self, net: &str) -> (f64, Vec<Vec<f32>>);
    /// Makes the layer ready to go there and back; that gives the gradients of its input and its two parameters.
    fn layer(&self, name: &str) -> Box<dyn FnMut() -> [Vec<f32>; 3]>;
    /// The same where the gradients are not looked at.
    fn layer_only(&self, name: &str) -> Box<dyn FnMut()>;
}

/// Takes part in the comparison.
pub fn serve<S: Networks>(new: impl FnOnce(Numbers) -> S) {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("the script's folder is the first argument"));
    let mut side = new(Numbers::read(folder));
    println!("{{\"ready\": true}}");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("the script writes UTF-8");
        match line.split_once(' ').unwrap_or(("", line.trim())) {
            ("check", net) if net.starts_with("net") => {
                let (loss, gradients) = side.gradients(net);
                println!("{{\"loss\": {loss}, \"gradients\": [{}]}}", sums(&gradients));
            }
            ("check", layer) => println!("{{\"gradients\": [{}]}}", sums(&side.layer(layer)())),
            (_, work) => match work.split_once('-') {
                Some((net, batch)) => {
                    let start = Instant::now();
                    let loss = side.train(net, batch.parse().expect("a batch size"));
                    println!("{{\"ms\": {}, \"loss\": {loss}}}", start.elapsed().as_secs_f64() * 1e3);
                }
                None => {
                    let mut run = side.layer_only(work);
                    let start = Instant::now();
                    (0..TIMES).for_each(|_| run());
                    println!("{{\"ms\": {}}}", start.elapsed().as_secs_f64() * 1e3 / f64::from(TIMES));
                }
            },
        }
    }
}

/// Sum and sum of squares of each gradient.
fn sums(gradients: &[Vec<f32>]) -> String {
    let of = |gradient: &Vec<f32>| {
        let wide = || gradient.iter().copied().map(f64::from);
        format!("[{}, {}]", wide().sum::<f64>(), wide().map(|v| v * v).sum::<f64>())
    };
    gradients.iter().map(of).collect::<Vec<_>>().join(", ")
}
