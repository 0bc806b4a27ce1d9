//! Decodes a pickle as far as numpy arrays need it.
//!
//! A pickle is a program for a machine with a stack and a memo. This machine knows the instructions by which Python 2
//! and 3 write tuples of numpy arrays in protocols 2 to 4, and a few more, so as to name what else a file holds. It
//! calls nothing: an object of a class it does not know stays a name. All values lie side by side and refer to each
//! other by number, so that no nesting is deep for it, and their number is limited.

mod input;

use std::collections::HashMap;
use std::io::{BufRead, Read};

use self::input::Input;
use super::Problem;

/// The course's file takes about 200 instructions; lists of numbers in place of arrays take millions.
const INSTRUCTIONS: usize = 100_000;

/// The longest name of a class or module.
const NAME: u64 = 256;

/// The place of a value among all values.
pub(super) type Id = usize;

/// A value, as far as arrays need it.
#[derive(Debug)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float,
    /// Bytes, also Python 2's strings.
    Bytes(Vec<u8>),
    /// A string as UTF-8, not yet verified.
    Text(Vec<u8>),
    Tuple(Vec<Id>),
    /// Only how many there are.
    List(usize),
    Dict(usize),
    /// A class or function, `module.name`.
    Global(String),
    Dtype {
        /// `f4`, `i8`, …
        name: String,
        /// `<`, `>` or `|`; a dtype that was never given its state has none.
        order: Option<String>,
    },
    /// An array, with the arguments of its `__setstate__`: `(version, shape, dtype, is_fortran, bytes)`.
    Array(Option<Vec<Id>>),
    /// An object of another class.
    Object(String),
    /// An array whose bytes were taken.
    Taken,
}

/// A decoded pickle: its values, and which of them is the whole.
#[derive(Debug)]
pub(super) struct Values {
    pub(super) all: Vec<Value>,
    pub(super) whole: Id,
}

/// Reads a pickle to its end, and the stream to its own end, where gzip compares its checksum.
pub(super) fn parse(mut reader: impl BufRead) -> Result<Values, Problem> {
    let mut head = Vec::new();
    reader.by_ref().take(2).read_to_end(&mut head).map_err(Problem::Read)?;
    match head[..] {
        [0x80, 2..=4] => {}
        [0x80, protocol] => return Err(Problem::Protocol { protocol }),
        _ => {
            let begin = head.escape_ascii();
            return Err(Problem::NotPickle {
                reason: format!("it begins with \"{begin}\", not with the mark of pickle protocols 2 to 4"),
            });
        }
    }
    let mut machine = Machine {
        input: Input(reader),
        values: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        memoized: 0,
    };
    let whole = machine.run().map_err(|reason| Problem::NotPickle { reason })?;
    Ok(Values { all: machine.values, whole })
}

/// What was wrong, in words.
type Step<T = ()> = Result<T, String>;

struct Machine<R> {
    input: Input<R>,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// The heights of the stack at its open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// How many values `MEMOIZE` has numbered.
    memoized: u32,
}

impl<R: BufRead> Machine<R> {
    /// Executes instructions up to `STOP`, and gives what is then on top.
    fn run(&mut self) -> Step<Id> {
        for _ in 0..INSTRUCTIONS {
            let [code] = self.input.array()?;
            if code == b'.' {
                let whole = self.pop()?;
                return if self.input.is_at_end()? {
                    Ok(whole)
                } else {
                    Err("there is more after its end".to_owned())
                };
            }
            self.step(code)?;
        }
        Err(format!(
            "it takes more than {INSTRUCTIONS} instructions; save numpy arrays, not lists of numbers or other objects"
        ))
    }

    fn step(&mut self, code: u8) -> Step {
        match code {
            // The stack.
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            // The memo.
            b'q' => {
                let [key] = self.input.array()?;
                self.remember(key.into())?;
            }
            b'r' => {
                let key = self.input.array().map(u32::from_le_bytes)?;
                self.remember(key)?;
            }
            0x94 => {
                self.remember(self.memoized)?;
                self.memoized += 1;
            }
            b'h' => {
                let [key] = self.input.array()?;
                self.recall(key.into())?;
            }
            b'j' => {
                let key = self.input.array().map(u32::from_le_bytes)?;
                self.recall(key)?;
            }
            // Frames tell how much to read ahead, which the buffer does by itself.
            0x95 => drop(self.input.array::<8>()?),
            // Plain values.
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'J' | b'K' | b'M' | 0x8a => {
                let number = self.input.integer(code)?;
                self.push(Value::Int(number));
            }
            b'G' => {
                self.input.array::<8>()?;
                self.push(Value::Float);
            }
            b'X' | 0x8c | 0x8d => {
                let text = self.input.sized(code)?;
                self.push(Value::Text(text));
            }
            b'B' | b'C' | 0x8e | b'T' | b'U' => {
                let bytes = self.input.sized(code)?;
                self.push(Value::Bytes(bytes));
            }
            _ => return self.compound(code),
        }
        Ok(())
    }

    /// The instructions that make values of values.
    fn compound(&mut self, code: u8) -> Step {
        match code {
            b')' => self.push(Value::Tuple(Vec::new())),
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(code - 0x84))?;
                self.push(Value::Tuple(items));
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items));
            }
            b']' | 0x8f => self.push(Value::List(0)),
            b'}' => self.push(Value::Dict(0)),
            b'a' => self.add(1, 1)?,
            b's' => self.add(2, 2)?,
            b'e' | 0x90 => {
                let items = self.pop_to_mark()?.len();
                self.grow(items)?;
            }
            b'u' => {
                let items = self.pop_to_mark()?.len();
                self.grow(items / 2)?;
            }
            b'c' => {
                let name = format!("{}.{}", self.input.line()?, self.input.line()?);
                self.push(Value::Global(name));
            }
            0x93 => {
                let names = self.pop_many(2)?;
                let name = format!("{}.{}", self.name(names[0])?, self.name(names[1])?);
                self.push(Value::Global(name));
            }
            b'R' | 0x81 => {
                let called = self.pop_many(2)?;
                let made = self.call(called[0], called[1])?;
                self.push(made);
            }
            b'b' => {
                let state = self.pop()?;
                let object = self.top()?;
                self.build(object, state);
            }
            _ => return Err(format!("its instruction {code:#04x} is none that numpy arrays need")),
        }
        Ok(())
    }

    /// What calling a class or function gives.
    fn call(&mut self, called: Id, args: Id) -> Step<Value> {
        let Value::Global(name) = &self.values[called] else {
            return Err("it calls what is no function".to_owned());
        };
        let name = name.clone();
        let args = match &self.values[args] {
            Value::Tuple(args) => args.clone(),
            _ => Vec::new(),
        };
        Ok(match (name.as_str(), &args[..]) {
            ("numpy.core.multiarray._reconstruct" | "numpy._core.multiarray._reconstruct", _) => {
                Value::Array(None)
            }
            ("numpy.dtype", [name, ..]) => Value::Dtype { name: self.name(*name)?, order: None },
            // How Python 3 writes bytes in protocol 2: as the text whose characters are their numbers.
            ("_codecs.encode", [text, _]) => match &mut self.values[*text] {
                // Short texts are shared between calls; long ones are not kept twice.
                Value::Text(text) if text.len() <= 1 << 16 => Value::Bytes(latin1(text.clone())?),
                Value::Text(text) => Value::Bytes(latin1(std::mem::take(text))?),
                _ => return Err("it encodes what is no text".to_owned()),
            },
            ("__builtin__.bytes" | "builtins.bytes", []) => Value::Bytes(Vec::new()),
            (class, _) => Value::Object(class.to_owned()),
        })
    }

    /// Gives an object its state.
    fn build(&mut self, object: Id, state: Id) {
        let Value::Tuple(state) = &self.values[state] else {
            return;
        };
        let state = state.clone();
        match &self.values[object] {
            Value::Array(_) => self.values[object] = Value::Array(Some(state)),
            Value::Dtype { name, .. } => {
                let order = state.get(1).and_then(|order| self.name(*order).ok());
                self.values[object] = Value::Dtype { name: name.clone(), order };
            }
            _ => {}
        }
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    /// What is on top, above the last mark.
    fn top(&self) -> Step<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack[floor..].last().copied().ok_or_else(empty)
    }

    fn pop(&mut self) -> Step<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_many(&mut self, n: usize) -> Step<Vec<Id>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(n) {
            Some(from) if from >= floor => Ok(self.stack.split_off(from)),
            _ => Err(empty()),
        }
    }

    fn pop_to_mark(&mut self) -> Step<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(empty)?;
        Ok(self.stack.split_off(mark))
    }

    /// Takes `n` values that make `items` more of the list or dict below them.
    fn add(&mut self, n: usize, items: usize) -> Step {
        self.pop_many(n)?;
        self.grow(items / n)
    }

    fn grow(&mut self, items: usize) -> Step {
        let top = self.top()?;
        match &mut self.values[top] {
            Value::List(len) | Value::Dict(len) => *len += items,
            // A class of its own may be filled too; nobody asks how many it holds.
            _ => {}
        }
        Ok(())
    }

    fn remember(&mut self, key: u32) -> Step {
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Step {
        let value = self.memo.get(&key).ok_or("it refers to a value that it has not made")?;
        self.stack.push(*value);
        Ok(())
    }

    /// A string that names something.
    fn name(&self, value: Id) -> Step<String> {
        match &self.values[value] {
            Value::Text(name) | Value::Bytes(name) if name.len() as u64 <= NAME => {
                Ok(name.escape_ascii().to_string())
            }
            Value::Text(_) | Value::Bytes(_) => Err("a name in it is too long".to_owned()),
            _ => Err("it has something else in place of a name".to_owned()),
        }
    }
}

fn empty() -> String {
    "an instruction takes more values than there are".to_owned()
}

/// The bytes whose numbers are the characters of this text.
fn latin1(mut text: Vec<u8>) -> Step<Vec<u8>> {
    let (mut from, mut to) = (0, 0);
    while from < text.len() {
        let (byte, len) = match (text[from], text.get(from + 1)) {
            (byte @ ..0x80, _) => (byte, 1),
            (first @ 0xc2..=0xc3, Some(second @ 0x80..0xc0)) => (first << 6 | (second & 0x3f), 2),
            _ => return Err("bytes in it are written with characters that are none".to_owned()),
        };
        text[to] = byte;
        to += 1;
        from += len;
    }
    text.truncate(to);
    Ok(text)
}
