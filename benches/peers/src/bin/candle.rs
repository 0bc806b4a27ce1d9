//! candle, on the CPU.

use candle_core::{Device, Result, Tensor, Var, backprop::GradStore};
use peers::{BATCH, Data, LR, M, NH, Side};

struct Candle {
    x: Var,
    y: Tensor,
    order: Tensor,
    given: [Tensor; 4],
    parameters: [Var; 4],
    m2: Tensor,
    grads: Option<GradStore>,
}

impl Candle {
    fn new(data: Data) -> Result<Self> {
        let cpu = &Device::Cpu;
        let n = data.y.len();
        let [w1, b1, w2, b2, m2] = data.parameters;
        let given = [
            Tensor::from_vec(w1, (M, NH), cpu)?,
            Tensor::from_vec(b1, NH, cpu)?,
            Tensor::from_vec(w2, (NH, 1), cpu)?,
            Tensor::from_vec(b2, 1, cpu)?,
        ];
        let [w1, b1, w2, b2] = &given;
        let parameters = [fresh(w1)?, fresh(b1)?, fresh(w2)?, fresh(b2)?];
        let order: Vec<u32> = data.order.iter().map(|&row| u32::try_from(row).expect("few rows")).collect();
        Ok(Self {
            x: Var::from_tensor(&Tensor::from_vec(data.x, (n, M), cpu)?)?,
            y: Tensor::from_vec(data.y, n, cpu)?,
            order: Tensor::from_vec(order, n, cpu)?,
            m2: Tensor::from_vec(m2, (M, 10), cpu)?,
            given,
            parameters,
            grads: None,
        })
    }

    fn loss(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let [w1, b1, w2, b2] = &self.parameters;
        let hidden = x.matmul(w1)?.broadcast_add(b1)?.relu()?;
        let out = hidden.matmul(w2)?.broadcast_add(b2)?.squeeze(1)?;
        (out - y)?.sqr()?.mean_all()
    }

    fn train(&mut self) -> Result<f64> {
        for (parameter, given) in self.parameters.iter().zip(&self.given) {
            parameter.set(given)?;
        }
        let n = self.y.elem_count();
        let mut sum = 0.0;
        for start in (0..n).step_by(BATCH) {
            let rows = self.order.narrow(0, start, BATCH.min(n - start))?;
            let (x, y) =
                (self.x.as_detached_tensor().index_select(&rows, 0)?, self.y.index_select(&rows, 0)?);
            let loss = self.loss(&x, &y)?;
            let grads = loss.backward()?;
            for parameter in &self.parameters {
                let step = (grads.get(parameter).expect("it has a gradient") * f64::from(LR))?;
                parameter.set(&parameter.as_tensor().sub(&step)?)?;
            }
            sum += f64::from(loss.to_scalar::<f32>()?) * BATCH.min(n - start) as f64;
        }
        Ok(sum / n as f64)
    }
}

fn fresh(tensor: &Tensor) -> Result<Var> {
    Var::from_tensor(&tensor.copy()?)
}

impl Side for Candle {
    fn forward(&mut self) -> f32 {
        // Detached, or the graph would be kept.
        let detached = self.parameters.each_ref().map(|it| it.as_detached_tensor());
        let [w1, b1, w2, b2] = &detached;
        let x = self.x.as_detached_tensor();
        let run = || -> Result<f32> {
            let hidden = x.matmul(w1)?.broadcast_add(b1)?.relu()?;
            let out = hidden.matmul(w2)?.broadcast_add(b2)?.squeeze(1)?;
            (out - &self.y)?.sqr()?.mean_all()?.to_scalar()
        };
        run().expect("shapes fit")
    }

    fn backward(&mut self, input: bool) {
        let x = if input { self.x.as_tensor().clone() } else { self.x.as_detached_tensor() };
        let loss = self.loss(&x, &self.y).expect("shapes fit");
        self.grads = Some(loss.backward().expect("it has gradients"));
    }

    fn gradients(&mut self) -> Vec<Vec<f32>> {
        let grads = self.grads.as_ref().expect("backward comes before");
        let all = self.parameters.iter().chain([&self.x]);
        all.map(|it| grads.get(it).unwrap().flatten_all().unwrap().to_vec1().unwrap()).collect()
    }

    fn product(&mut self) -> f32 {
        let five = self.x.as_detached_tensor().narrow(0, 0, 5).expect("five rows");
        let product = five.matmul(&self.m2).expect("shapes fit");
        product.sum_all().expect("numbers").to_scalar().expect("one number")
    }

    fn epoch(&mut self) -> f64 {
        self.train().expect("shapes fit")
    }
}

fn main() {
    peers::serve(|data| Candle::new(data).expect("shapes fit"));
}
