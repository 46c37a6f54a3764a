//! The address on which a server listens.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::str::FromStr;

/// `tcp:HOST:PORT`, `unix:PATH` or `udp:HOST:PORT`.
#[derive(Clone, Debug)]
pub enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
    Udp(SocketAddr),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        let (kind, rest) = text.split_once(':').ok_or("an address is KIND:REST")?;
        let socket = || rest.parse::<SocketAddr>().map_err(|error| format!("{rest}: {error}"));
        match kind {
            "tcp" => socket().map(Address::Tcp),
            "udp" => socket().map(Address::Udp),
            "unix" => Ok(Address::Unix(rest.into())),
            _ => Err(format!("{kind} is not tcp, unix or udp")),
        }
    }
}

impl Address {
    /// Connects, and makes the socket non-blocking.
    pub fn connect(&self) -> io::Result<OwnedFd> {
        match self {
            Address::Tcp(address) | Address::Udp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                Ok(stream.into())
            }
            Address::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_nonblocking(true)?;
                Ok(stream.into())
            }
        }
    }

    /// Listens without blocking. Returns the address with the port that the kernel chose.
    pub fn listen(&self) -> io::Result<(OwnedFd, String)> {
        match self {
            Address::Tcp(address) | Address::Udp(address) => {
                let listener = TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                let text = format!("tcp:{}", listener.local_addr()?);
                Ok((listener.into(), text))
            }
            Address::Unix(path) => {
                let listener = UnixListener::bind(path)?;
                listener.set_nonblocking(true)?;
                Ok((listener.into(), format!("unix:{}", path.display())))
            }
        }
    }
}
