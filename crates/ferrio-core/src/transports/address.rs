//! Addresses as Python's socket module shows them.

use crate::ffi::{Object, Result};
use ferrio_reactor::address::Address;

/// A decoded address as `socket.getpeername()` would return it.
pub fn to_python(address: &Address) -> Result {
    match address {
        Address::Inet { ip, port } => Object::tuple([Object::str(&ip.to_string())?, Object::int((*port).into())?]),
        Address::Inet6 { ip, port, flowinfo, scope_id } => Object::tuple([
            Object::str(&ip.to_string())?,
            Object::int((*port).into())?,
            Object::int((*flowinfo).into())?,
            Object::int((*scope_id).into())?,
        ]),
        Address::UnixPath(path) => Object::fs_decoded(path),
        Address::UnixAbstract(name) => Object::bytes(name),
    }
}

/// The two parts of an address `(host, port)`; None for any other object.
pub fn host_and_port(address: &Object) -> Option<(&Object, u16)> {
    let [host, port] = address.tuple_items()? else { return None };
    if !port.is_exact_int() {
        return None;
    }
    match port.to_i64() {
        Ok(port) => Some((host, u16::try_from(port).ok()?)),
        Err(raised) => {
            raised.discard();
            None
        }
    }
}

/// The address of a literal host; None if Python's socket module has to look it up.
pub fn of_literal(host: &Object, port: u16) -> Option<Address> {
    if !host.is_exact_str() {
        return None;
    }
    match host.to_text() {
        Ok(text) => Some(Address::Inet { ip: text.parse().ok()?, port }),
        Err(raised) => {
            raised.discard();
            None
        }
    }
}
