//! Loads MNIST and tells what it got, from where, and how long it took.
//!
//! `cargo run --release -p exp --example load_mnist [FILE]`: from FILE, or from where [`exp::mnist::load`] finds it.

use std::env;
use std::process::ExitCode;
use std::time::Instant;

use exp::mnist;

fn main() -> ExitCode {
    let start = Instant::now();
    let loaded = env::args_os().nth(1).map_or_else(mnist::load, mnist::from_path);
    let took = start.elapsed();
    match loaded {
        Ok(mnist) => {
            for (name, part) in [("train", &mnist.train), ("valid", &mnist.valid), ("test", &mnist.test)] {
                let first: Vec<usize> = part.y.iter().take(10).copied().collect();
                println!("{name}: x {:?}, y {:?}, first labels {first:?}", part.x.dim(), part.y.dim());
            }
            println!("from {}", mnist.source);
            println!("in {:.1} ms", took.as_secs_f64() * 1e3);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
