//! The fast model of notebook 03a, behind the same interface.

type Model = exp::nb_03a::Model;

include!("../ours.rs");

fn main() {
    peers::serve(Ours::new);
}
