//! Whether a connection's records go through OpenSSL's own functions, or through the methods of the ssl object.

use super::TlsProtocol;
use crate::ffi::class::{Method, module_function};
use crate::ffi::openssl::{self, Connection, Parts};
use crate::ffi::{Name, Object, Result};
use crate::stdlib::SSL_MODULE;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

static FILE: Name = Name::new(c"__file__");
static VERSION: Name = Name::new(c"OPENSSL_VERSION");
static OBJECT_CLASS: Name = Name::new(c"_SSLSocket");
static CONTEXT_CLASS: Name = Name::new(c"_SSLContext");
static BIO_CLASS: Name = Name::new(c"MemoryBIO");
static CONTEXT: Name = Name::new(c"context");
static MESSAGE_CALLBACK: Name = Name::new(c"_msg_callback");

/// Whether the program wants OpenSSL's own functions.
static WANTED: AtomicBool = AtomicBool::new(true);

/// Whether OpenSSL's own functions are wanted, and found.
fn is_used() -> bool {
    WANTED.load(Ordering::Relaxed)
        && is_found().unwrap_or_else(|raised| {
            // An interpreter that has _ssl built in has no file for it.
            raised.discard();
            false
        })
}

fn is_found() -> Result<bool> {
    let module = SSL_MODULE.get()?;
    let file = module.getattr(&FILE)?.to_text()?;
    Ok(openssl::find(Path::new(&file), &module.getattr(&VERSION)?.to_text()?))
}

/// The connection of a protocol's ssl object, which is one of the module in C.
pub(super) fn connection_of(this: &TlsProtocol, object: &Object) -> Option<Connection> {
    if !is_used() {
        return None;
    }
    try_connection(this, object).unwrap_or_else(|raised| {
        raised.discard();
        None
    })
}

fn try_connection(this: &TlsProtocol, object: &Object) -> Result<Option<Connection>> {
    let module = SSL_MODULE.get()?;
    let context = object.getattr(&CONTEXT)?;
    if !context.getattr(&MESSAGE_CALLBACK)?.is_none() {
        // It is called for each record. The object's method raises its exceptions.
        return Ok(None);
    }
    Ok(Connection::of(&Parts {
        object,
        object_class: &module.getattr(&OBJECT_CLASS)?,
        context: &context,
        context_class: &module.getattr(&CONTEXT_CLASS)?,
        incoming: &this.incoming.get_or_none(),
        outgoing: &this.outgoing.get_or_none(),
        bio_class: &module.getattr(&BIO_CLASS)?,
    }))
}

/// The function that chooses.
pub(super) fn definition() -> Method {
    module_function(
        c"use_openssl",
        |args| {
            if let [wanted] = args.positional() {
                WANTED.store(wanted.is_true()?, Ordering::Relaxed);
            }
            Ok(Object::bool(is_used()))
        },
        c"use_openssl([wanted], /)\n--\n\nChoose whether later TLS connections use OpenSSL's own functions. Return whether they do.",
    )
}
