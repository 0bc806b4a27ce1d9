//! The fast model of notebook 03b, behind the same interface.

type Model = exp::nb_03b::Model;

include!("../ours.rs");

fn main() {
    peers::serve(Ours::new);
}
