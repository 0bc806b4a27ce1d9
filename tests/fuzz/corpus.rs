//! What once broke something, and `just corpus DIR`: any folder of notebooks through what must hold of each.

#[test]
#[ignore = "just corpus"]
fn of_a_folder() {}
