//! StreamReader, StreamWriter and the protocol between them and a transport: the hot part of asyncio's
//! streams.
//!
//! Python's classes (`python/ferrio/streams.py`) derive from these and from asyncio's own of the same name:
//! state and hot methods are here, the rest is asyncio's, which finds the state by its usual names.

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
