//! Streams: StreamReader, StreamWriter and their protocol; the hot part of asyncio's.
//!
//! The Python classes (`python/ferrio/streams.py`) derive from these and from asyncio's of the same name. The state and
//! the hot methods are here. The rest is asyncio's code, which finds the state under its usual names.

mod buffer;
mod protocol;
mod read;
mod reader;
mod writer;

use protocol::StreamProtocol;
use reader::StreamReader;
use writer::StreamWriter;

use crate::ffi::Result;
use crate::ffi::class::make_type;
use crate::ffi::module::Module;

/// Adds the classes.
pub fn register(module: &Module) -> Result<()> {
    module.add(c"StreamReader", &make_type::<StreamReader>()?)?;
    module.add(c"StreamProtocol", &make_type::<StreamProtocol>()?)?;
    module.add(c"StreamWriter", &make_type::<StreamWriter>()?)
}
