//! Transports: bytes between a descriptor and a protocol.
//!
//! Each transport owns its descriptor, or a Python object that does. The loop's table holds a transport for as long as
//! it reads or has something to write. The loop calls the protocol's methods in copies of the context that has asked for
//! the call, as asyncio's callbacks do: `connection_made()` and `data_received()` in one each of the place where the
//! connection was made, `data_received()` in one of `resume_reading()` after that, `connection_lost()` in one of
//! `close()`, `resume_writing()` in one of the write that has filled the descriptor.
//!
//! - [`base`]: what every transport has; [`lifecycle`]: start, watch, pause, close, fail; [`methods`]: the Python methods;
//! - [`stream`]: reading and writing of streams, over [`socket`] (with [`socket_receive`] and [`socket_methods`]),
//!   [`pipe_read`] and [`pipe_write`];
//! - [`buffering`]: sending what waits; [`write_queue`]: what waits to be sent; [`write_batching`]: when a small write is
//!   sent; [`flow`]: telling the protocol to pause and to resume writing;
//! - [`datagram`]: datagram sockets; [`peers`]: the addresses that one knows;
//! - [`acceptor`]: accepting connections;
//! - [`descriptor`]: whether a descriptor is still the transport's; [`address`]: addresses as Python tuples;
//! - [`native_protocol`]: Ferrio's own protocols, which receive without a Python call.

pub mod acceptor;
pub mod address;
pub mod base;
mod buffering;
pub mod datagram;
mod descriptor;
pub mod flow;
pub mod lifecycle;
mod methods;
pub mod native_protocol;
mod peers;
pub mod pipe_read;
pub mod pipe_write;
pub mod socket;
mod socket_methods;
mod socket_receive;
mod stream;
mod write_batching;
pub mod write_queue;

pub use acceptor::Acceptor;
pub use datagram::DatagramTransport;
pub use pipe_read::ReadPipeTransport;
pub use pipe_write::WritePipeTransport;
pub use socket::SocketTransport;

use crate::ffi::Result;
use crate::ffi::class::make_type;
use crate::ffi::module::Module;

/// Adds the classes.
pub fn register(module: &Module) -> Result<()> {
    methods::register()?;
    module.add(c"SocketTransport", &make_type::<SocketTransport>()?)?;
    module.add(c"DatagramTransport", &make_type::<DatagramTransport>()?)?;
    module.add(c"ReadPipeTransport", &make_type::<ReadPipeTransport>()?)?;
    module.add(c"WritePipeTransport", &make_type::<WritePipeTransport>()?)?;
    module.add(c"Acceptor", &make_type::<Acceptor>()?)
}
