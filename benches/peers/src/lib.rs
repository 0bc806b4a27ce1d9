//! What the sides have in common: the numbers they work on, and the conversation with `benches/compare.py`.
//!
//! A side gets the folder that the script wrote its files to, and then a word a line on standard input: `check`,
//! `forward`, `params`, `input`, `product` or `epoch`. It answers each with a line of JSON.

pub mod networks;

use std::hint::black_box;
use std::io::BufRead as _;
use std::path::Path;
use std::time::Instant;

/// Pixels of a row.
pub const M: usize = 784;
/// Hidden units.
pub const NH: usize = 50;
/// Rows of a batch in an epoch.
pub const BATCH: usize = 64;
/// The learning rate of an epoch: small enough that rounding does not grow into another loss.
pub const LR: f32 = 0.002;
/// How many products of 5×784 and 784×10 are timed at once.
const PRODUCTS: u32 = 1000;

/// The numbers of the comparison. Nothing is random: the script wrote them, the same for all sides.
pub struct Data {
    /// The normalized training images, row by row.
    pub x: Vec<f32>,
    /// Their digits.
    pub y: Vec<f32>,
    /// The rows in the order of the epoch.
    pub order: Vec<usize>,
    /// Weights and biases of both layers, and the 784×10 matrix of the product: `w1`, `b1`, `w2`, `b2`, `m2`.
    pub parameters: [Vec<f32>; 5],
}

impl Data {
    fn read(folder: &Path) -> Self {
        let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let words = |name: &str| bytes(name).as_chunks::<4>().0.to_vec();
        let floats = |name: &str| words(name).into_iter().map(f32::from_le_bytes).collect();
        Self {
            x: floats("x"),
            y: floats("y"),
            order: words("order").into_iter().map(|it| u32::from_le_bytes(it) as usize).collect(),
            parameters: ["w1", "b1", "w2", "b2", "m2"].map(floats),
        }
    }
}

/// The work, as one library does it.
pub trait Side {
    /// `lin → relu → lin → mse`, and what comes of it.
    fn forward(&mut self) -> f32;
    /// The same and back, to the gradients of the parameters; with `input` to that of the images, too.
    fn backward(&mut self, input: bool);
    /// The gradients of the last `backward(true)`, in the order `w1`, `b1`, `w2`, `b2`, `x`.
    fn gradients(&mut self) -> Vec<Vec<f32>>;
    /// The product of the first five images and a 784×10 matrix; the sum of its numbers.
    fn product(&mut self) -> f32;
    /// From the weights as they were given, a pass over all rows in batches, with a step after each; the mean loss of
    /// the rows, each as it was when its batch came.
    fn epoch(&mut self) -> f64;
}

/// Takes part in the comparison.
pub fn serve<S: Side>(new: impl FnOnce(Data) -> S) {
    let folder = std::env::args_os().nth(1).expect("the script's folder is the first argument");
    let mut side = new(Data::read(Path::new(&folder)));
    println!("{{\"ready\": true}}");
    for line in std::io::stdin().lock().lines() {
        let start = Instant::now();
        let ms = |start: Instant| start.elapsed().as_secs_f64() * 1e3;
        match line.expect("the script writes UTF-8").trim() {
            "check" => println!("{}", check(&mut side)),
            "forward" => {
                black_box(side.forward());
                println!("{{\"ms\": {}}}", ms(start));
            }
            word @ ("params" | "input") => {
                side.backward(word == "input");
                println!("{{\"ms\": {}}}", ms(start));
            }
            "product" => {
                for _ in 0..PRODUCTS {
                    black_box(side.product());
                }
                println!("{{\"ms\": {}}}", ms(start) / f64::from(PRODUCTS));
            }
            "epoch" => {
                let loss = side.epoch();
                println!("{{\"ms\": {}, \"loss\": {loss}}}", ms(start));
            }
            other => panic!("unknown word: {other}"),
        }
    }
}

/// The loss, the product, and of each gradient the sum and the sum of squares.
fn check(side: &mut impl Side) -> String {
    let loss = side.forward();
    side.backward(true);
    let sums = |gradient: &Vec<f32>| {
        let numbers = || gradient.iter().copied().map(f64::from);
        format!("[{}, {}]", numbers().sum::<f64>(), numbers().map(|it| it * it).sum::<f64>())
    };
    let gradients: Vec<String> = side.gradients().iter().map(sums).collect();
    format!(
        "{{\"loss\": {loss}, \"product\": {}, \"gradients\": [{}]}}",
        side.product(),
        gradients.join(", ")
    )
}
