// A side made of exp's modules; included where `Model` says which.

use exp::nb_02::{Module, Mse};
use ndarray::{ArcArray2, Array1, Array2, Axis, s};
use peers::{BATCH, Data, LR, M, NH, Side};

struct Ours {
    x: ArcArray2<f32>,
    y: Array1<f32>,
    order: Vec<usize>,
    given: Model,
    model: Model,
    mse: Mse<f32>,
    m2: Array2<f32>,
    grad_x: Array2<f32>,
}

impl Ours {
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
            mse: Mse::default(),
            m2: matrix(m2, M, 10),
            grad_x: Array2::zeros((0, 0)),
        }
    }
}

impl Side for Ours {
    fn forward(&mut self) -> f32 {
        self.mse.forward(&self.model.forward(&self.x), &self.y)
    }

    fn backward(&mut self, input: bool) {
        self.forward();
        if input {
            // The one before goes first: its memory can be used again.
            self.grad_x = Array2::zeros((0, 0));
            self.grad_x = self.model.backward(&self.mse.backward());
        } else {
            self.model.backward_params(&self.mse.backward());
        }
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
        let (mut model, mut sum) = (self.given.clone(), 0.0);
        for rows in self.order.chunks(BATCH) {
            let (x, y) = (self.x.select(Axis(0), rows).into_shared(), self.y.select(Axis(0), rows));
            sum += f64::from(self.mse.forward(&model.forward(&x), &y)) * rows.len() as f64;
            model.backward_params(&self.mse.backward());
            for lin in [&mut model.lin1, &mut model.lin2] {
                lin.w.scaled_add(-LR, &lin.grad_w);
                lin.b.scaled_add(-LR, &lin.grad_b);
            }
        }
        sum / self.order.len() as f64
    }
}
