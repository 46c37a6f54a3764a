//! The peers that a datagram socket has heard from last: their addresses, as Python shows them.
//!
//! Most datagrams come from few peers, and the answer goes back to the same address. So the address of a peer is
//! converted to a Python tuple once, not for each datagram.

use super::address;
use crate::ffi::{Object, Result, Visitor};
use ferrio_reactor::address::Address;
use std::cell::RefCell;

/// How many peers are remembered. The port gives a peer's place; with a power of two that is a cheap operation, and
/// 256 places take 10 KiB once a socket has received something.
const PLACES: usize = 256;

/// The table.
#[derive(Default)]
pub struct Peers(RefCell<Vec<Option<(Address, Object)>>>);

fn place_of(port: u16) -> usize {
    usize::from(port) % PLACES
}

impl Peers {
    /// An address as Python shows it.
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

    /// The address that was shown as this very object, or that it is a literal of; none for all that Python's
    /// socket module has to look at.
    pub fn find(&self, shown: &Object) -> Option<Address> {
        let (host, port) = address::host_and_port(shown)?;
        match self.0.borrow().get(place_of(port)) {
            Some(Some((address, known))) if known.is(shown) => Some(address.clone()),
            _ => address::of_literal(host, port),
        }
    }

    /// Forgets all.
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
