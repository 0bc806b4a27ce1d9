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
        outlives(type_name::<T>(), name, types);
    }
}

fn outlives(type_name: &str, name: &str, types: &[(&str, &str)]) {
    let own = as_in_cells(type_name);
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

/// What is asked of the type of a variable that may have been moved by the end of its cell, when the compiler knows it.
pub trait Asked<T: ?Sized> {}

/// That it borrows from no other variable.
pub struct Lasts;

/// Nothing: the variable was moved.
pub struct Moved;

impl<T: ?Sized + 'static> Asked<T> for Lasts {}

impl<T: ?Sized> Asked<T> for Moved {}

/// Asks of a variable's type what [`same`] says at the end of the cell. There it is no loan any more.
pub fn asked<T, A: Asked<T>>(variable: &T, name: &str) -> PhantomData<A> {
    can_be_written(variable, name);
    PhantomData
}

/// Asks it that it borrows from no other variable.
pub fn lasts<T: 'static>(variable: &T, name: &str) {
    can_be_written(variable, name);
}

/// What is asked of a type is this.
pub fn same<A>(_: PhantomData<A>, _: PhantomData<A>) {}

/// These are found first: what can be copied is still there.
impl<T: Copy> Kept<'_, T> {
    #[doc(hidden)]
    pub fn moved(self) -> PhantomData<Lasts> {
        PhantomData
    }

    #[doc(hidden)]
    pub fn moved_as_iterator(self) -> PhantomData<Lasts> {
        PhantomData
    }
}

/// A variable that is moved if it cannot be copied.
pub trait IfMoved: Sized {
    #[doc(hidden)]
    fn moved(self) -> PhantomData<Moved> {
        PhantomData
    }
}

impl<T> IfMoved for Kept<'_, T> {}

/// A variable that is moved if it is an iterator.
pub trait IfIterator: Sized {
    #[doc(hidden)]
    fn moved_as_iterator(self) -> PhantomData<Moved> {
        PhantomData
    }
}

impl<T: Iterator> IfIterator for Kept<'_, T> {}

/// Anything else may be there or not.
pub trait Perhaps: Sized {
    #[doc(hidden)]
    fn moved_as_iterator(self) -> PhantomData<Lasts> {
        PhantomData
    }
}

impl<T> Perhaps for &Kept<'_, T> {}

/// What the questions at the end of a cell find their answers by.
pub mod questions {
    pub use super::{IfIterator as _, IfMoved as _, Known as _, Perhaps as _};
}

/// As the kernel takes a variable to keep it: one that borrows from another it does not take.
pub fn keep<T: 'static>(_: T) {}

/// A type's name as the cells have it: in a notebook that awaits, they stand in a closure.
fn as_in_cells(name: &str) -> String {
    name.replace("__nbexport_notebook::{{closure}}::", "__nbexport_notebook::")
}

/// The kernel writes the type of every variable of a cell, also of one that is moved. What holds a closure or a future it
/// cannot write.
pub fn can_be_written<T>(_: &T, name: &str) {
    writes(type_name::<T>(), name);
}

fn writes(type_name: &str, name: &str) {
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
