//! What the kernel asks of variables at the end of their cell, asked of a program's.

use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::marker::PhantomData;

use super::report;

/// A variable at the end of its cell. By then the kernel has to know its type, to keep it for later cells, and takes
/// numbers whose type nothing says for `i32` and `f64`.
pub struct Kept<'a, T: ?Sized>(pub &'a T);

/// These are found first, and fix such numbers; where more than one of them fits, nothing is known of the type.
macro_rules! known {
    ($(($($generics:tt)*) $type:ty,)*) => {
        $(impl<$($generics)*> Kept<'_, $type> {
            #[doc(hidden)]
            pub fn known(&self) {}
        })*
    };
}

known! {
    () i32, () f64,
    () Vec<i32>, () Vec<f64>, () Vec<Vec<i32>>, () Vec<Vec<f64>>,
    () Option<i32>, () Option<f64>,
    (const N: usize) [i32; N], (const N: usize) [f64; N],
    (const N: usize, const M: usize) [[i32; N]; M], (const N: usize, const M: usize) [[f64; N]; M],
    () (i32, i32), () (f64, f64), () (i32, f64), () (f64, i32),
    () HashMap<i32, i32>, () HashMap<f64, f64>, () HashMap<String, i32>, () HashMap<String, f64>,
    () HashMap<&str, i32>, () HashMap<&str, f64>,
    () HashSet<i32>, () HashSet<f64>, () BTreeMap<i32, i32>, () BTreeMap<f64, f64>, () BTreeSet<i32>, () BTreeSet<f64>,
    () VecDeque<i32>, () VecDeque<f64>,
}

/// Any other type is known, or the compiler says so.
pub trait Known {
    #[doc(hidden)]
    fn known(&self);
}

impl<T: ?Sized> Known for Kept<'_, T> {
    fn known(&self) {}
}

impl<T: ?Sized + 'static> Kept<'_, T> {
    /// Types that a later cell defines again, each with a text about it: a variable of such a type is lost or changed
    /// there.
    pub fn outlives(&self, name: &str, types: &[(&str, &str)]) {
        let own = as_in_cells(type_name::<T>());
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        for (lost, about) in types {
            let path = format!("__nbexport_notebook::{lost}");
            let found = own.match_indices(&path).any(|(at, _)| !own[at + path.len()..].starts_with(is_part));
            if found {
                report("outlived", &format!("{name}\n{about}"));
                std::process::exit(101);
            }
        }
    }
}

/// The type of a variable that may have been moved by the end of its cell.
pub struct Type<T: ?Sized>(PhantomData<T>);

impl<T: ?Sized> Clone for Type<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Type<T> {}

/// The type of a variable.
pub fn type_of<T: ?Sized>(_: &T) -> Type<T> {
    Type(PhantomData)
}

/// Never, though the compiler does not know.
pub fn never() -> bool {
    false
}

/// As the kernel takes a variable to keep it: one that borrows from another it does not take.
pub fn keep<T: 'static>(_: T) {}

impl<T: ?Sized> Type<T> {
    /// The kernel keeps no variable whose type holds a closure.
    pub fn can_be_written(self, name: &str) {
        can_be_written(type_name::<T>(), name);
    }
}

/// This is found first: what can be copied is still there.
impl<T: Copy + 'static> Type<T> {
    #[doc(hidden)]
    pub fn lasts(self, name: &str) {
        can_be_written(type_name::<T>(), name);
    }
}

/// Anything else was moved, or the kernel would not have named it again.
pub trait Moved: Sized {
    #[doc(hidden)]
    fn lasts(self, _: &str) {}
}

impl<T: ?Sized> Moved for Type<T> {}

/// A type's name as the cells have it: in a notebook that awaits, they stand in a closure.
fn as_in_cells(name: &str) -> String {
    name.replace("__nbexport_notebook::{{closure}}::", "__nbexport_notebook::")
}

fn can_be_written(type_name: &str, name: &str) {
    if as_in_cells(type_name).contains("{{closure}}") {
        report("closure", name);
        std::process::exit(101);
    }
    // The type of what never comes to be, which nobody can write.
    if type_name.contains('!') {
        report("unknown", name);
        std::process::exit(101);
    }
}
