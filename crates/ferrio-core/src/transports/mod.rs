//! Transports: they move bytes between a descriptor and a protocol.
//!
//! Each transport owns its descriptor, or a Python object that does. The loop's table holds a transport for as long as
//! it reads or has something to write. The loop calls each method of the protocol in a copy of a context, as asyncio's
//! callbacks do. For `connection_made()` and `data_received()` it is the context in which the connection was created;
//! for `data_received()` after `resume_reading()`, that of this call; for `connection_lost()`, that of `close()`; for
//! `resume_writing()`, that of the write that filled the descriptor.
//!
//! - [`base`]: what every transport has; [`lifecycle`]: start, watch, pause, close, fail; [`methods`]: the Python methods;
//! - [`stream`]: reading and writing of streams, over [`socket`] (with [`socket_receive`] and [`socket_methods`]),
//!   [`pipe_read`] and [`pipe_write`];
//! - [`buffering`]: sending unsent data; [`write_queue`]: the queue of unsent data; [`write_batching`]: when a small
//!   write is sent; [`flow`]: telling the protocol to pause and to resume writing;
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
