//! The operands of a pickle's instructions, read from its bytes; every length is mistrusted.

use std::io::{self, BufRead, Read};

use super::{NAME, Step};

/// The bytes after an instruction.
pub(super) struct Input<R>(pub(super) R);

impl<R: BufRead> Input<R> {
    /// Whether nothing follows.
    pub(super) fn is_at_end(&mut self) -> Step<bool> {
        self.0.fill_buf().map(<[u8]>::is_empty).map_err(|error| error.to_string())
    }

    pub(super) fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).map_err(|error| ended(&error))?;
        Ok(bytes)
    }

    pub(super) fn integer(&mut self, code: u8) -> Step<i64> {
        Ok(match code {
            b'J' => i32::from_le_bytes(self.array()?).into(),
            b'K' => self.array::<1>()?[0].into(),
            b'M' => u16::from_le_bytes(self.array()?).into(),
            _ => {
                let [len] = self.array()?;
                let bytes = self.bytes(len.into())?;
                let sign = if bytes.last().is_some_and(|byte| *byte > 0x7f) { 0xff } else { 0 };
                let mut number = [sign; 8];
                let place = number.get_mut(..bytes.len());
                place.ok_or("it has an integer of more than 64 bits")?.copy_from_slice(&bytes);
                i64::from_le_bytes(number)
            }
        })
    }

    /// Bytes after their number.
    pub(super) fn sized(&mut self, code: u8) -> Step<Vec<u8>> {
        let len = match code {
            b'C' | b'U' | 0x8c => self.array::<1>()?[0].into(),
            b'B' | b'X' => u32::from_le_bytes(self.array()?).into(),
            b'T' => {
                let len = i32::from_le_bytes(self.array()?);
                u64::try_from(len).map_err(|_| "a string in it has less than no bytes")?
            }
            _ => u64::from_le_bytes(self.array()?),
        };
        self.bytes(len)
    }

    /// So many bytes. What a broken file promises is not allocated before it has come.
    pub(super) fn bytes(&mut self, len: u64) -> Step<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut missing = len;
        while missing > 0 {
            let step = missing.min(bytes.len().max(1 << 20) as u64);
            bytes.reserve_exact(usize::try_from(step).map_err(|error| error.to_string())?);
            let read = self.0.by_ref().take(step).read_to_end(&mut bytes);
            if (read.map_err(|error| ended(&error))? as u64) < step {
                return Err(ended(&io::ErrorKind::UnexpectedEof.into()));
            }
            missing -= step;
        }
        Ok(bytes)
    }

    /// A line of text: half of a name.
    pub(super) fn line(&mut self) -> Step<String> {
        let mut line = Vec::new();
        self.0.by_ref().take(NAME).read_until(b'\n', &mut line).map_err(|error| ended(&error))?;
        match line.pop() {
            Some(b'\n') => Ok(line.escape_ascii().to_string()),
            Some(_) if line.len() as u64 + 1 == NAME => Err("a name in it is too long".to_owned()),
            _ => Err(ended(&io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

fn ended(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends in the middle; get it again".to_owned(),
        _ => error.to_string(),
    }
}
