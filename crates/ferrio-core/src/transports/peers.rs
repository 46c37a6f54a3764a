//! Peers: the Python addresses of the last peers of a datagram socket.
//!
//! Most datagrams come from a few peers, and the answers go to the same addresses. So the address of a peer is
//! converted to a Python tuple once, not for each datagram.

use super::address;
use crate::ffi::{Object, Result, Visitor};
use ferrio_reactor::address::Address;
use std::cell::RefCell;

/// How many peers the table has. A peer's port gives its place, which is cheap with a power of two. 256 places take 10
/// KiB after the socket has received something.
const PLACES: usize = 256;

/// The table.
#[derive(Default)]
pub struct Peers(RefCell<Vec<Option<(Address, Object)>>>);

fn place_of(port: u16) -> usize {
    usize::from(port) % PLACES
}

impl Peers {
    /// The Python address of a peer.
    pub fn show(&self, address: Address) -> Result {
        let place = match address {
            Address::Inet { port, .. } | Address::Inet6 { port, .. } => place_of(port),
            Address::UnixPath(_) | Address::UnixAbstract(_) => 0,
        };
        if let Some(Some((known, shown))) = self.0.borrow().get(place)
            && *known == address
        {
            return Ok(shown.clone());
        }
        let shown = address::to_python(&address)?;
        let mut table = self.0.borrow_mut();
        if table.is_empty() {
            table.resize_with(PLACES, || None);
        }
        let before = table[place].replace((address, shown.clone()));
        drop(table);
        drop(before);
        Ok(shown)
    }

    /// The address of a Python address that came from this table, or that is literal. None if Python's socket module
    /// has to look it up.
    pub fn find(&self, shown: &Object) -> Option<Address> {
        let (host, port) = address::host_and_port(shown)?;
        match self.0.borrow().get(place_of(port)) {
            Some(Some((address, known))) if known.is(shown) => Some(address.clone()),
            _ => address::of_literal(host, port),
        }
    }

    /// Drops all entries.
    pub fn clear(&self) {
        drop(self.0.take());
    }

    /// Shows them to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        if let Ok(table) = self.0.try_borrow() {
            table.iter().flatten().for_each(|(_, shown)| visitor.object(shown));
        }
    }
}
