//! Protocols of Ferrio's own that take what a socket has received without a call of a Python method.
//!
//! The folder of such a protocol, which stands above this one, says how its instances are told apart.

use crate::ffi::{Object, Result};
use std::sync::OnceLock;

/// Hands received bytes to a protocol: the protocol, a bytes object.
pub type Receive = fn(&Object, &Object) -> Result<()>;

/// Whether a protocol is of Ferrio's own, and how it receives.
type Find = fn(&Object) -> Option<Receive>;

static FIND: OnceLock<Find> = OnceLock::new();

/// Says how protocols of Ferrio's own are found.
pub fn register(find: Find) {
    FIND.get_or_init(|| find);
}

/// How a protocol receives, if it is one of Ferrio's own.
pub fn receive_of(protocol: &Object) -> Option<Receive> {
    FIND.get().and_then(|find| find(protocol))
}
