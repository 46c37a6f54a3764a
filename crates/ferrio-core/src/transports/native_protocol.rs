//! Ferrio's own protocols: they get received bytes without a call of a Python method.
//!
//! The folder of such a protocol, which is above this one, registers a function that recognizes its instances.

use crate::ffi::{Object, Result};
use std::sync::OnceLock;

/// Passes received bytes to a protocol. The arguments are the protocol and a bytes object.
pub type Receive = fn(&Object, &Object) -> Result<()>;

/// How a protocol receives, if it is one of Ferrio's own.
type Find = fn(&Object) -> Option<Receive>;

static FIND: OnceLock<Find> = OnceLock::new();

/// Registers the function that recognizes Ferrio's own protocols.
pub fn register(find: Find) {
    FIND.get_or_init(|| find);
}

/// How a protocol receives, if it is one of Ferrio's own.
pub fn receive_of(protocol: &Object) -> Option<Receive> {
    FIND.get().and_then(|find| find(protocol))
}
