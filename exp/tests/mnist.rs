//! The MNIST loader, as a user of the crate sees it.

#[test]
fn the_sample_is_there() {
    let mnist = exp::mnist::sample();
    assert_eq!(mnist.train.x.dim(), (2_000, 784));
    assert_eq!(mnist.valid.x.dim(), (500, 784));
    assert_eq!(mnist.test.x.dim(), (500, 784));
    assert_eq!(mnist.train.y.to_vec()[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
}
