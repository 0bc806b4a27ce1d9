//! The fast model of notebook 03a with the loss said beforehand: there and back in one pass, into a kept array.

use exp::Model;
use exp::nb_03a::{mse_of, train_epoch};
use ndarray::{ArcArray2, Array1, Array2, s};
use peers::{BATCH, Data, LR, M, NH, Side};

struct Once {
    x: ArcArray2<f32>,
    y: Array1<f32>,
    order: Vec<usize>,
    given: Model,
    model: Model,
    m2: Array2<f32>,
    grad_x: Array2<f32>,
}

impl Once {
    fn new(data: Data) -> Self {
        let matrix =
            |numbers, rows, columns| Array2::from_shape_vec((rows, columns), numbers).expect("its size");
        let [w1, b1, w2, b2, m2] = data.parameters;
        let given = Model::new(matrix(w1, M, NH), b1.into(), matrix(w2, NH, 1), b2.into());
        Self {
            x: matrix(data.x, data.y.len(), M).into_shared(),
            y: data.y.into(),
            order: data.order,
            model: given.clone(),
            given,
            m2: matrix(m2, M, 10),
            grad_x: Array2::zeros((0, 0)),
        }
    }
}

impl Side for Once {
    fn forward(&mut self) -> f32 {
        use exp::nb_02::{Module as _, Mse};
        Mse::default().forward(&self.model.forward(&self.x), &self.y)
    }

    fn backward(&mut self, input: bool) {
        self.model.forward_backward(&self.x, mse_of(&self.y), input.then_some(&mut self.grad_x));
    }

    fn gradients(&mut self) -> Vec<Vec<f32>> {
        let (l1, l2) = (&self.model.lin1, &self.model.lin2);
        let numbers = |it: &Array2<f32>| it.iter().copied().collect::<Vec<f32>>();
        vec![
            numbers(&l1.grad_w),
            l1.grad_b.to_vec(),
            numbers(&l2.grad_w),
            l2.grad_b.to_vec(),
            numbers(&self.grad_x),
        ]
    }

    fn product(&mut self) -> f32 {
        self.x.slice(s![..5, ..]).dot(&self.m2).sum()
    }

    fn epoch(&mut self) -> f64 {
        self.model = self.given.clone();
        train_epoch(&mut self.model, &self.x, &self.order, BATCH, LR, mse_of(&self.y))
    }
}

fn main() {
    peers::serve(Once::new);
}
