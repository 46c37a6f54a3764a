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

pub use protocol::StreamProtocol;
pub use reader::StreamReader;
pub use writer::StreamWriter;
