//! The layers of notebook 02, each a few calls of ndarray.

type Model = exp::nb_02::Model<f32>;

include!("../ours.rs");

fn main() {
    peers::serve(Ours::new);
}
