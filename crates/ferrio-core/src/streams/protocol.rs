//! StreamReaderProtocol: the protocol between a transport and a StreamReader.

use super::reader::StreamReader;
use crate::ffi::class::{Members, bool_property, method, slot_property, type_cell};
use crate::ffi::{Args, Class, Object, Own, Result, Signature, Slot, Visitor};
use crate::stdlib::FEED_DATA;
use std::cell::Cell;
use std::ffi::CStr;

static DATA_RECEIVED: Signature = Signature {
    name: "StreamReaderProtocol.data_received",
    parameters: &["data"],
    positional: 1,
    required: 1,
    variadic: false,
};

/// The body of a StreamReaderProtocol.
#[derive(Default)]
pub struct StreamProtocol {
    /// A weak reference to the reader, or None.
    reader: Slot,
    /// Whether the transport has called pause_writing().
    pub paused: Cell<bool>,
    pub connection_lost: Cell<bool>,
}

impl Own<StreamProtocol> {
    fn data_received(&self, data: &Object) -> Result<()> {
        let reader = match self.reader.get() {
            Some(reference) if !reference.is_none() => reference.call0()?,
            _ => return Ok(()),
        };
        if reader.is_none() {
            return Ok(());
        }
        match Own::<StreamReader>::downcast(&reader) {
            Some(own) if own.feeds_plainly() => own.feed_data(data),
            _ => reader.method1(&FEED_DATA, data).map(drop),
        }
    }
}

impl Class for StreamProtocol {
    const NAME: &'static CStr = c"ferrio._core.StreamProtocol";
    const DOC: &'static CStr = c"The part of ferrio.StreamReaderProtocol that is in Rust.";
    const SUBCLASSABLE: bool = true;
    type_cell!();

    fn empty() -> Self {
        StreamProtocol::default()
    }

    fn init(_: &Own<Self>, _: &Args<'_>) -> Result<()> {
        Ok(())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.reader);
    }

    fn clear(&self) {
        self.reader.clear();
    }

    fn members() -> Members {
        Members {
            methods: vec![method::<StreamProtocol, _>(
                c"data_received",
                |this, args| {
                    let ([data], [], _) = args.bind::<1, 0>(&DATA_RECEIVED)?;
                    this.data_received(data).map(|()| Object::none())
                },
                c"data_received($self, data)\n--\n\nPass received data to the reader.",
            )],
            properties: vec![
                slot_property::<StreamProtocol, _>(c"_stream_reader_wr", |this| &this.reader),
                bool_property::<StreamProtocol, _>(c"_paused", |this| &this.paused),
                bool_property::<StreamProtocol, _>(c"_connection_lost", |this| &this.connection_lost),
            ],
            slots: vec![],
        }
    }
}
