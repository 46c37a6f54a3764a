//! The coroutines of a StreamReader: `read`, `readline`, `readuntil`, `readexactly`, `__anext__`.

use super::reader::StreamReader;
use crate::coroutines::{Operation, Outcome, Poll};
use crate::ffi::error::{Builtin, value_error};
use crate::ffi::{Object, Own, Raised, Result, Visitor};
use crate::stdlib::{INCOMPLETE_READ_ERROR, LIMIT_OVERRUN_ERROR};
use ferrio_sched::separator::{Found, Separators};

const IS_FOUND: &str = "Separator is found, but chunk is longer than limit";
const IS_NOT_FOUND: &str = "Separator is not found, and chunk exceed the limit";

/// What a coroutine reads.
pub enum Request {
    /// What there is, up to this many bytes.
    Some(usize),
    /// Everything until the end of the stream, and what was read so far.
    All(Vec<u8>),
    /// Exactly this many bytes.
    Exactly(i64),
    /// A line, and where the next search for its end begins.
    Line { kind: Line, searched: usize },
    /// A record.
    Until(Box<Record>),
}

/// A record that ends with a separator.
pub struct Record {
    /// The separators, or the exception for invalid ones.
    separators: std::result::Result<Separators, Object>,
    /// Where the next search begins.
    searched: usize,
}

/// Whether a record is a line, which has other errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// `readuntil()`.
    No,
    /// `readline()`.
    Yes,
    /// `__anext__()`. An empty line ends the iteration.
    OfIteration,
}

impl Request {
    /// A line.
    pub fn line(kind: Line) -> Request {
        Request::Line { kind, searched: 0 }
    }

    /// A record that ends with one of some separators.
    pub fn until(separators: std::result::Result<Separators, Object>) -> Request {
        Request::Until(Box::new(Record { separators, searched: 0 }))
    }
}

/// A coroutine of a reader.
pub struct Read {
    reader: Own<StreamReader>,
    request: Request,
    begun: bool,
}

impl Read {
    /// A coroutine for a request.
    pub fn new(reader: Own<StreamReader>, request: Request) -> Read {
        Read { reader, request, begun: false }
    }

    /// The checks before the first attempt.
    fn begin(&mut self) -> Result<()> {
        if let Request::Exactly(count) = self.request
            && count < 0
        {
            return Err(value_error("readexactly size can not be less than zero"));
        }
        if let Request::Until(record) = &self.request
            && let Err(refused) = &record.separators
        {
            return Err(refused.clone().raise_here());
        }
        match self.reader.exception.get() {
            Some(exception) if !exception.is_none() => Err(exception.raise_here()),
            _ => Ok(()),
        }
    }

    /// The result, if there is enough data.
    fn try_read(&mut self) -> Result<Option<Object>> {
        let reader = &self.reader;
        match &mut self.request {
            Request::Some(count) => {
                if *count > 0 && reader.buffer.is_empty() && !reader.eof.get() {
                    return Ok(None);
                }
                let data = reader.buffer.take(*count)?;
                if *count > 0 {
                    reader.resume_if_small()?;
                }
                Ok(Some(data))
            }
            Request::All(read) => {
                while !reader.buffer.is_empty() {
                    let count = reader.limit_in_bytes().min(reader.buffer.len());
                    if count == 0 {
                        // asyncio reads this many bytes at a time, and takes an empty read for the end.
                        return Object::bytes(read).map(Some);
                    }
                    reader.buffer.with(|data| read.extend_from_slice(&data[..count]));
                    reader.buffer.drop_first(count)?;
                    reader.resume_if_small()?;
                }
                if reader.eof.get() { Object::bytes(read).map(Some) } else { Ok(None) }
            }
            Request::Exactly(count) => {
                let count = *count as usize;
                if reader.buffer.len() < count {
                    if !reader.eof.get() {
                        return Ok(None);
                    }
                    let partial = reader.buffer.take_all()?;
                    let expected = Object::int(count as i64)?;
                    return Err(INCOMPLETE_READ_ERROR.get()?.call(&[&partial, &expected])?.raise_here());
                }
                let data = reader.buffer.take(count)?;
                if count > 0 {
                    reader.resume_if_small()?;
                }
                Ok(Some(data))
            }
            Request::Line { kind, searched } => try_read_record(reader, &Separators::newline(), searched, *kind),
            Request::Until(record) => match &record.separators {
                Ok(separators) => try_read_record(reader, separators, &mut record.searched, Line::No),
                Err(refused) => Err(refused.clone().raise_here()),
            },
        }
    }

    fn method(&self) -> &'static str {
        match &self.request {
            Request::Some(_) | Request::All(_) => "read",
            Request::Exactly(_) => "readexactly",
            Request::Line { .. } | Request::Until(_) => "readuntil",
        }
    }
}

/// The record up to a separator, if there is one.
fn try_read_record(
    reader: &Own<StreamReader>,
    separators: &Separators,
    searched: &mut usize,
    line: Line,
) -> Result<Option<Object>> {
    let limit = reader.limit_in_bytes();
    match reader.buffer.with(|data| separators.find(data, *searched)) {
        Found::At { start, end } if start > limit => Err(overrun(reader, line, IS_FOUND, start, end)),
        Found::At { end, .. } => {
            let data = reader.buffer.take(end)?;
            reader.resume_if_small()?;
            Ok(Some(data))
        }
        Found::Nothing { searched: place } => {
            *searched = place;
            if place > limit {
                return Err(overrun(reader, line, IS_NOT_FOUND, place, reader.buffer.len()));
            }
            if reader.eof.get() { at_end(reader, line).map(Some) } else { Ok(None) }
        }
    }
}

/// The stream has ended without a separator.
fn at_end(reader: &Own<StreamReader>, line: Line) -> Result {
    let partial = reader.buffer.take_all()?;
    match line {
        Line::Yes => Ok(partial),
        Line::OfIteration if partial.is_true()? => Ok(partial),
        Line::OfIteration => Err(Builtin::StopAsyncIteration.class().call0()?.raise_here()),
        Line::No => Err(INCOMPLETE_READ_ERROR.get()?.call(&[&partial, &Object::none()])?.raise_here()),
    }
}

/// The record is longer than the limit. A line is dropped up to its end, or as a whole if its end has not arrived.
#[cold]
fn overrun(reader: &Own<StreamReader>, line: Line, message: &str, consumed: usize, end: usize) -> Raised {
    let raise = || {
        if line == Line::No {
            let (message, consumed) = (Object::str(message)?, Object::int(consumed as i64)?);
            return Ok(LIMIT_OVERRUN_ERROR.get()?.call(&[&message, &consumed])?.raise_here());
        }
        reader.buffer.drop_first(end)?;
        reader.resume_if_small()?;
        Ok(value_error(message))
    };
    raise().unwrap_or_else(|raised| raised)
}

impl Operation for Read {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        if self.begun {
            self.reader.end_waiting();
            outcome.value()?;
        } else {
            self.begin()?;
            self.begun = true;
        }
        match self.try_read()? {
            Some(data) => Ok(Poll::Ready(data)),
            None => self.reader.begin_to_wait(self.method()).map(Poll::Await),
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.reader);
        if let Request::Until(record) = &self.request
            && let Err(refused) = &record.separators
        {
            visitor.object(refused);
        }
    }
}
