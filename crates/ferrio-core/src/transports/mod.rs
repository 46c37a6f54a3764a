//! Transports: bytes between a descriptor and a protocol.
//!
//! Each transport owns its descriptor, or a Python object that does. The loop's table holds a transport for as long as it reads or has
//! something to write; protocol callbacks are called by the loop, in the context of the place where the
//! connection was made, except `pause_writing` and `resume_writing`, which are called by whoever fills
//! or drains the buffer.
//!
//! - [`socket`]: connected stream sockets; [`listener`]: accepting them;
//! - [`pipe_read`], [`pipe_write`]: pipes, FIFOs, terminals, one way each;
//! - [`datagram`]: datagram sockets;
//! - [`base`]: what all of them have; [`descriptor`]: whether it is still theirs; [`lifecycle`]: their beginning and end; [`methods`]: their common
//!   methods; [`write_queue`]: what waits to be written; [`flow`]: telling the
//!   protocol to stop and go on; [`address`]: addresses as Python tuples;
//!   [`peers`]: those that a datagram socket knows.

pub mod acceptor;
pub mod address;
pub mod base;
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
    module.add(c"SocketTransport", &make_type::<SocketTransport>()?)?;
    module.add(c"DatagramTransport", &make_type::<DatagramTransport>()?)?;
    module.add(c"ReadPipeTransport", &make_type::<ReadPipeTransport>()?)?;
    module.add(c"WritePipeTransport", &make_type::<WritePipeTransport>()?)?;
    module.add(c"Acceptor", &make_type::<Acceptor>()?)
}
