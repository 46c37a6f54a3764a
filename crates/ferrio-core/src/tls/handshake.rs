//! A step of the handshake.

use super::{SSL_ERROR, TlsProtocol, WRAPPED, wants_more};
use crate::ffi::{Name, Object, Own, Result};

static DO_HANDSHAKE: Name = Name::new(c"do_handshake");
static SERVER_SIDE: Name = Name::new(c"_server_side");
static COMPLETE: Name = Name::new(c"_on_handshake_complete");

impl Own<TlsProtocol> {
    /// `_do_handshake()`: continues the handshake with the received records.
    pub(super) fn do_handshake(&self) -> Result<()> {
        if self.undecrypted()? == 0 && self.as_object().getattr(&SERVER_SIDE)?.is_true()? {
            // The client begins the handshake. The ssl object would say so by an exception.
            return Ok(());
        }
        match self.ssl().method0(&DO_HANDSHAKE) {
            Ok(_) => {
                self.complete_handshake(&Object::none())?;
                // If the protocol paused reading in connection_made(), the last record was not sent yet.
                if self.is_in(&[&WRAPPED])? { self.process_outgoing() } else { Ok(()) }
            }
            Err(raised) if wants_more(&raised)? => {
                raised.discard();
                self.process_outgoing()
            }
            Err(raised) if raised.is_of(SSL_ERROR.get()?) => self.complete_handshake(&raised.take()),
            Err(raised) => Err(raised),
        }
    }

    fn complete_handshake(&self, error: &Object) -> Result<()> {
        self.as_object().method1(&COMPLETE, error).map(drop)
    }
}
