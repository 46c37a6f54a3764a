//! Socket addresses as the kernel gives them. They are decoded without a name service.

use rustix::net::SocketAddrAny;
use rustix::net::addr::SocketAddrArg;
use std::net::{Ipv4Addr, Ipv6Addr};

/// An address of one of the families that need no lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Inet {
        ip: Ipv4Addr,
        port: u16,
    },
    Inet6 {
        ip: Ipv6Addr,
        port: u16,
        flowinfo: u32,
        scope_id: u32,
    },
    /// A path; empty for an unnamed socket.
    UnixPath(Vec<u8>),
    /// A name in Linux's abstract namespace, with its leading zero byte.
    UnixAbstract(Vec<u8>),
}

impl Address {
    /// Decodes a kernel address; None for other families.
    pub fn decode(any: SocketAddrAny) -> Option<Address> {
        use rustix::net::{AddressFamily, SocketAddrUnix, SocketAddrV4, SocketAddrV6};
        match any.address_family() {
            AddressFamily::INET => {
                let address = SocketAddrV4::try_from(any).ok()?;
                Some(Address::Inet { ip: *address.ip(), port: address.port() })
            }
            AddressFamily::INET6 => {
                let address = SocketAddrV6::try_from(any).ok()?;
                Some(Address::Inet6 {
                    ip: *address.ip(),
                    port: address.port(),
                    // as Python shows it, in host byte order
                    flowinfo: u32::from_be(address.flowinfo()),
                    scope_id: address.scope_id(),
                })
            }
            // rustix does not distinguish an unnamed socket from one with an empty abstract name. The length does.
            AddressFamily::UNIX if any.addr_len() as usize <= size_of::<libc::sa_family_t>() => {
                Some(Address::UnixPath(Vec::new()))
            }
            AddressFamily::UNIX => {
                let address = SocketAddrUnix::try_from(any).ok()?;
                if let Some(name) = crate::platform::abstract_name(&address) {
                    let mut bytes = vec![0];
                    bytes.extend_from_slice(name);
                    return Some(Address::UnixAbstract(bytes));
                }
                let path = address.path().map(|path| path.to_bytes().to_vec());
                Some(Address::UnixPath(path.unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// The kernel's form. None for Unix addresses.
    pub(crate) fn encode(&self) -> Option<SocketAddrAny> {
        match self {
            Address::Inet { ip, port } => Some(std::net::SocketAddrV4::new(*ip, *port).as_any()),
            Address::Inet6 { ip, port, flowinfo, scope_id } => {
                Some(std::net::SocketAddrV6::new(*ip, *port, flowinfo.to_be(), *scope_id).as_any())
            }
            Address::UnixPath(_) | Address::UnixAbstract(_) => None,
        }
    }
}
