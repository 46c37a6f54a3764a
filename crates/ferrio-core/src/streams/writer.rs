//! StreamWriter.

use super::protocol::StreamProtocol;
use super::reader::StreamReader;
use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_method};
use crate::ffi::class::{Members, method, slot_property, type_cell};
use crate::ffi::{Args, Class, Name, Object, Own, Result, Signature, Slot, Visitor};
use crate::stdlib::{
    self, ASYNCIO_STREAM_WRITER as ORIGINAL, CONNECTION_RESET_ERROR, FERRIO_STREAM_PROTOCOL, IS_CLOSING, WRITE,
};
use std::ffi::CStr;

static DRAIN_HELPER: Name = Name::new(c"_drain_helper");

static WRITE_SIGNATURE: Signature =
    Signature { name: "StreamWriter.write", parameters: &["data"], positional: 1, required: 1, variadic: false };

/// The body of a StreamWriter.
#[derive(Default)]
pub struct StreamWriter {
    transport: Slot,
    protocol: Slot,
    reader: Slot,
    loop_: Slot,
}

/// `drain()`.
struct Drain {
    writer: Own<StreamWriter>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    /// The transport is closing. One iteration of the loop lets the protocol learn why.
    Yielded,
    /// The protocol waits for the buffer to be small enough.
    Helping,
}

impl Drain {
    /// Raises the exception that the reader has ended with.
    fn check_reader(&self) -> Result<()> {
        let reader = self.writer.reader.get_or_none();
        if reader.is_none() {
            return Ok(());
        }
        let exception = match Own::<StreamReader>::downcast(&reader) {
            Some(own) => own.exception.get_or_none(),
            None => reader.method0(&stdlib::EXCEPTION)?,
        };
        if exception.is_none() { Ok(()) } else { Err(exception.raise_here()) }
    }

    /// Waits until the transport takes more.
    fn help(&mut self) -> Result<Poll> {
        self.stage = Stage::Helping;
        let protocol = self.writer.protocol.get_or_none();
        if protocol.type_ptr().cast() == FERRIO_STREAM_PROTOCOL.get()?.as_ptr()
            && let Some(own) = Own::<StreamProtocol>::downcast(&protocol)
        {
            if own.connection_lost.get() {
                let message = Object::str("Connection lost")?;
                return Err(CONNECTION_RESET_ERROR.get()?.call(&[&message])?.raise_here());
            }
            if !own.paused.get() {
                return Ok(Poll::Ready(Object::none()));
            }
        }
        protocol.method0(&DRAIN_HELPER).map(Poll::Await)
    }
}

impl Operation for Drain {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        outcome.value()?;
        match self.stage {
            Stage::New => {
                self.check_reader()?;
                if self.writer.transport.get_or_none().method0(&IS_CLOSING)?.is_true()? {
                    self.stage = Stage::Yielded;
                    return Ok(Poll::Yield);
                }
                self.help()
            }
            Stage::Yielded => self.help(),
            Stage::Helping => Ok(Poll::Ready(Object::none())),
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.writer);
    }
}

impl Class for StreamWriter {
    const NAME: &'static CStr = c"ferrio._core.StreamWriter";
    const DOC: &'static CStr = c"The part of ferrio.StreamWriter that is in Rust.";
    const SUBCLASSABLE: bool = true;
    type_cell!();

    fn empty() -> Self {
        StreamWriter::default()
    }

    fn init(_: &Own<Self>, _: &Args<'_>) -> Result<()> {
        Ok(())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        for slot in [&self.transport, &self.protocol, &self.reader, &self.loop_] {
            visitor.slot(slot);
        }
    }

    fn clear(&self) {
        for slot in [&self.transport, &self.protocol, &self.reader, &self.loop_] {
            slot.clear();
        }
    }

    fn members() -> Members {
        Members {
            methods: vec![method::<StreamWriter, _>(
                c"write",
                |this, args| {
                    let ([data], [], _) = args.bind::<1, 0>(&WRITE_SIGNATURE)?;
                    this.transport.get_or_none().method1(&WRITE, data)?;
                    Ok(Object::none())
                },
                c"write($self, data)\n--\n\nWrite bytes to the transport, which keeps what it cannot send at once.",
            )],
            properties: vec![
                slot_property::<StreamWriter, _>(c"_transport", |this| &this.transport),
                slot_property::<StreamWriter, _>(c"_protocol", |this| &this.protocol),
                slot_property::<StreamWriter, _>(c"_reader", |this| &this.reader),
                slot_property::<StreamWriter, _>(c"_loop", |this| &this.loop_),
            ],
            slots: vec![],
        }
    }

    fn functions() -> Vec<AsyncioFunctionDefinition> {
        vec![asyncio_method::<StreamWriter, _>(
            c"drain",
            |this, args| {
                args.expect_none("StreamWriter.drain")?;
                Coroutine::start(&["StreamWriter.drain"], Drain { writer: this.clone(), stage: Stage::New })
            },
            &ORIGINAL,
        )]
    }
}
