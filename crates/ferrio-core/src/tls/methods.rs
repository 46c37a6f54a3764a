//! The class TlsProtocol, with asyncio's names.

use super::{TlsProtocol, UNWRAPPED};
use crate::ffi::class::{
    Members, bool_property, method0, method1, number_property, property, slot_property, type_cell,
};
use crate::ffi::{Args, Class, Number, Object, Own, Result, Slot, Visitor, sys};
use std::cell::Cell;
use std::ffi::CStr;

impl Class for TlsProtocol {
    const NAME: &'static CStr = c"ferrio._core.TlsProtocol";
    const DOC: &'static CStr =
        c"TlsProtocol(*args, **kwargs)\n--\n\nThe part of a protocol for TLS that is in Rust.";
    const SUBCLASSABLE: bool = true;
    type_cell!();

    fn empty() -> Self {
        TlsProtocol::default()
    }

    fn init(this: &Own<Self>, _: &Args<'_>) -> Result<()> {
        super::prepare()?;
        if !this.state.is_empty() {
            return Err(crate::ffi::error::runtime_error("the protocol is already initialized"));
        }
        this.state.put(UNWRAPPED.get()?.clone());
        Ok(())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.slots().into_iter().for_each(|slot| visitor.slot(slot));
        if let Some(connection) = &*self.connection.borrow() {
            visitor.object(connection.object());
        }
        self.marks().into_iter().for_each(|mark| mark.traverse(visitor));
    }

    fn clear(&self) {
        self.set_connection(None);
        self.slots().into_iter().for_each(Slot::clear);
        self.marks().into_iter().for_each(Number::clear);
    }

    fn members() -> Members {
        Members { methods: methods(), properties: properties(), slots: vec![] }
    }
}

fn methods() -> Vec<crate::ffi::class::Method> {
    vec![
        method0::<TlsProtocol, _>(
            c"_do_handshake",
            |this| this.do_handshake().map(|()| Object::none()),
            c"_do_handshake($self, /)\n--\n\nContinue the handshake.",
        ),
        method0::<TlsProtocol, _>(
            c"_do_read",
            |this| this.do_read().map(|()| Object::none()),
            c"_do_read($self, /)\n--\n\nPass received data to the protocol.",
        ),
        method0::<TlsProtocol, _>(
            c"_do_write",
            |this| this.do_write().map(|()| Object::none()),
            c"_do_write($self, /)\n--\n\nEncrypt and send the waiting data.",
        ),
        method1::<TlsProtocol, _>(
            c"_write",
            |this, data| this.write_checked(data).map(|()| Object::none()),
            c"_write($self, data, /)\n--\n\nEncrypt and send. TypeError for objects that are not bytes-like.",
        ),
        method1::<TlsProtocol, _>(
            c"_write_appdata",
            |this, list| this.write_all(list).map(|()| Object::none()),
            c"_write_appdata($self, list_of_data, /)\n--\n\nEncrypt and send.",
        ),
        method0::<TlsProtocol, _>(
            c"_process_outgoing",
            |this| this.process_outgoing().map(|()| Object::none()),
            c"_process_outgoing($self, /)\n--\n\nSend what is encrypted.",
        ),
        method0::<TlsProtocol, _>(
            c"_control_app_writing",
            |this| this.control_app_writing().map(|()| Object::none()),
            c"_control_app_writing($self, /)\n--\n\nTell the protocol to pause or to resume writing.",
        ),
        method0::<TlsProtocol, _>(
            c"_control_ssl_reading",
            |this| this.control_ssl_reading().map(|()| Object::none()),
            c"_control_ssl_reading($self, /)\n--\n\nTell the transport to pause or to resume reading.",
        ),
        method1::<TlsProtocol, _>(
            c"_received",
            |this, data| this.received(data).map(|()| Object::none()),
            c"_received($self, data, /)\n--\n\nTake received records.",
        ),
    ]
}

/// A property that reads and writes a number.
fn number<F>(name: &'static CStr, _: F) -> sys::PyGetSetDef
where
    F: Fn(&TlsProtocol) -> &Cell<i64> + Copy + 'static,
{
    property::<TlsProtocol, _, _>(
        name,
        |this: &Own<TlsProtocol>| Object::int(crate::ffi::class::function::<F>()(this).get()),
        |this: &Own<TlsProtocol>, value: &Object| {
            crate::ffi::class::function::<F>()(this).set(value.to_i64()?);
            Ok(())
        },
    )
}

/// A property that reads and writes a memory BIO.
fn bio<F>(name: &'static CStr, _: F) -> sys::PyGetSetDef
where
    F: Fn(&TlsProtocol) -> &Slot + Copy + 'static,
{
    property::<TlsProtocol, _, _>(
        name,
        |this: &Own<TlsProtocol>| Ok(crate::ffi::class::function::<F>()(this).get_or_none()),
        |this: &Own<TlsProtocol>, value: &Object| {
            // The ssl object has its BIOs for good.
            this.set_connection(None);
            crate::ffi::class::function::<F>()(this).put(value.clone());
            Ok(())
        },
    )
}

fn properties() -> Vec<crate::ffi::class::Property> {
    vec![
        slot_property::<TlsProtocol, _>(c"_loop", |this| &this.loop_),
        slot_property::<TlsProtocol, _>(c"_state", |this| &this.state),
        bio(c"_incoming", |this| &this.incoming),
        bio(c"_outgoing", |this| &this.outgoing),
        slot_property::<TlsProtocol, _>(c"_transport", |this| &this.transport),
        slot_property::<TlsProtocol, _>(c"_app_protocol", |this| &this.app_protocol),
        slot_property::<TlsProtocol, _>(c"_app_transport", |this| &this.app_transport),
        slot_property::<TlsProtocol, _>(c"_write_backlog", |this| &this.backlog),
        property::<TlsProtocol, _, _>(
            c"_sslobj",
            |this| Ok(this.object.get_or_none()),
            |this, object| this.set_object(object),
        ),
        bool_property::<TlsProtocol, _>(c"_app_protocol_is_buffer", |this| &this.app_protocol_is_buffer),
        bool_property::<TlsProtocol, _>(c"_app_reading_paused", |this| &this.app_reading_paused),
        bool_property::<TlsProtocol, _>(c"_app_writing_paused", |this| &this.app_writing_paused),
        bool_property::<TlsProtocol, _>(c"_ssl_reading_paused", |this| &this.ssl_reading_paused),
        bool_property::<TlsProtocol, _>(c"_ssl_writing_paused", |this| &this.ssl_writing_paused),
        number_property::<TlsProtocol, _>(c"_incoming_high_water", |this| &this.incoming_high_water),
        number_property::<TlsProtocol, _>(c"_incoming_low_water", |this| &this.incoming_low_water),
        number_property::<TlsProtocol, _>(c"_outgoing_high_water", |this| &this.outgoing_high_water),
        number_property::<TlsProtocol, _>(c"_outgoing_low_water", |this| &this.outgoing_low_water),
        number(c"_write_buffer_size", |this| &this.backlog_size),
        number(c"_conn_lost", |this| &this.lost),
    ]
}
