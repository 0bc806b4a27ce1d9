//! The fast model of notebook 03b with the loss said beforehand: there and back in one pass, into a kept array.

use exp::nb_03b::{mse_of, train_epoch};

type Model = exp::nb_03b::Model;

include!("../ours.rs");

struct Once(Ours);

impl Side for Once {
    fn forward(&mut self) -> f32 {
        self.0.forward()
    }

    fn backward(&mut self, input: bool) {
        let Ours { model, x, y, grad_x, .. } = &mut self.0;
        model.forward_backward(x, mse_of(y), input.then_some(grad_x));
    }

    fn gradients(&mut self) -> Vec<Vec<f32>> {
        self.0.gradients()
    }

    fn product(&mut self) -> f32 {
        self.0.product()
    }

    fn epoch(&mut self) -> f64 {
        let Ours { model, given, x, y, order, .. } = &mut self.0;
        model.clone_from(given);
        train_epoch(model, x, order, BATCH, LR, mse_of(y))
    }
}

fn main() {
    peers::serve(|data| Once(Ours::new(data)));
}
