//! burn, on its CPU backend Flex.

use burn::tensor::{Device, Gradients, Int, Tensor, TensorData, activation::relu};
use peers::{BATCH, Data, LR, M, NH, Side};

struct Burn {
    x: Tensor<2>,
    y: Tensor<2>,
    order: Vec<i64>,
    given: (Tensor<2>, Tensor<2>, Tensor<2>, Tensor<2>),
    m2: Tensor<2>,
    last: Option<([Tensor<2>; 5], Gradients)>,
}

fn loss(
    x: Tensor<2>,
    y: Tensor<2>,
    (w1, b1, w2, b2): (Tensor<2>, Tensor<2>, Tensor<2>, Tensor<2>),
) -> Tensor<1> {
    let hidden = relu(x.matmul(w1) + b1);
    (hidden.matmul(w2) + b2 - y).square().mean()
}

impl Burn {
    fn new(data: Data) -> Self {
        let cpu = Device::flex();
        let matrix = |numbers: Vec<f32>, rows: usize, columns: usize| {
            Tensor::<2>::from_data(TensorData::new(numbers, [rows, columns]), &cpu)
        };
        let n = data.y.len();
        let [w1, b1, w2, b2, m2] = data.parameters;
        Self {
            x: matrix(data.x, n, M),
            y: matrix(data.y, n, 1),
            order: data.order.iter().map(|&row| i64::try_from(row).expect("few rows")).collect(),
            given: (matrix(w1, M, NH), matrix(b1, 1, NH), matrix(w2, NH, 1), matrix(b2, 1, 1)),
            m2: matrix(m2, M, 10),
            last: None,
        }
    }

    fn tracked(&self) -> [Tensor<2>; 4] {
        let (w1, b1, w2, b2) = self.given.clone();
        [w1, b1, w2, b2].map(|it| it.autodiff().require_grad())
    }
}

fn numbers(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_to_vec::<f32>().expect("floats")
}

impl Side for Burn {
    fn forward(&mut self) -> f32 {
        loss(self.x.clone(), self.y.clone(), self.given.clone()).into_scalar::<f32>()
    }

    fn backward(&mut self, input: bool) {
        let [w1, b1, w2, b2] = self.tracked();
        let x = self.x.clone().autodiff();
        let x = if input { x.require_grad() } else { x };
        let parameters = (w1.clone(), b1.clone(), w2.clone(), b2.clone());
        let grads = loss(x.clone(), self.y.clone().autodiff(), parameters).backward();
        self.last = Some(([w1, b1, w2, b2, x], grads));
    }

    fn gradients(&mut self) -> Vec<Vec<f32>> {
        let (tensors, grads) = self.last.as_ref().expect("backward comes before");
        tensors.iter().map(|it| numbers(it.grad(grads).expect("it has a gradient"))).collect()
    }

    fn product(&mut self) -> f32 {
        self.x.clone().slice([0..5, 0..M]).matmul(self.m2.clone()).sum().into_scalar::<f32>()
    }

    fn epoch(&mut self) -> f64 {
        let cpu = Device::flex();
        let mut parameters = self.tracked();
        let mut sum = 0.0;
        for rows in self.order.chunks(BATCH) {
            let share = rows.len() as f64 / self.order.len() as f64;
            let rows = Tensor::<1, Int>::from_data(TensorData::new(rows.to_vec(), [rows.len()]), &cpu);
            let (x, y) = (self.x.clone().select(0, rows.clone()), self.y.clone().select(0, rows));
            let [w1, b1, w2, b2] = parameters.clone();
            let loss = loss(x.autodiff(), y.autodiff(), (w1, b1, w2, b2));
            let grads = loss.backward();
            sum += f64::from(loss.into_scalar::<f32>()) * share;
            parameters = parameters.map(|it| {
                let grad = it.grad(&grads).expect("it has a gradient");
                (it.inner() - grad * LR).autodiff().require_grad()
            });
        }
        sum
    }
}

fn main() {
    peers::serve(Burn::new);
}
