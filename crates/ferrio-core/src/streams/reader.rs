//! StreamReader.

use super::buffer::StreamBuffer;
use super::read::{Line, Read, Request};
use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, asyncio_method};
use crate::ffi::class::{
    Members, Method, Property, bool_property, method, method0, number_property, property, slot_property, type_cell,
};
use crate::ffi::error::{Builtin, raise_imported, runtime_error, value_error};
use crate::ffi::{
    Args, Class, Name, Number, Object, Own, Raised, Result, Signature, SkippedMethods, Slot, Visitor,
};
use crate::futures::waiter;
use crate::stdlib::{
    self, ASSERTION_ERROR, ASYNCIO_STREAM_READER as ORIGINAL, FEED_DATA, PAUSE_READING, READ, RESUME_READING,
};
use ferrio_sched::separator::Separators;
use std::cell::Cell;
use std::ffi::CStr;

static READLINE: Name = Name::new(c"readline");
static WAIT_FOR_DATA: Name = Name::new(c"_wait_for_data");
static WAKEUP_WAITER: Name = Name::new(c"_wakeup_waiter");
static MAYBE_RESUME: Name = Name::new(c"_maybe_resume_transport");

static FEEDING: SkippedMethods = SkippedMethods::new(&[&FEED_DATA]);
static READING: SkippedMethods = SkippedMethods::new(&[&READ, &READUNTIL, &READLINE]);
static INNER_PARTS: SkippedMethods = SkippedMethods::new(&[&WAIT_FOR_DATA, &WAKEUP_WAITER, &MAYBE_RESUME]);
static READUNTIL: Name = Name::new(c"readuntil");
static READEXACTLY: Name = Name::new(c"readexactly");
static ANEXT: Name = Name::new(c"__anext__");

/// asyncio's default for `limit`, in bytes.
const DEFAULT_LIMIT: i64 = 64 * 1024;

static NEW: Signature = Signature {
    name: "StreamReader.__init__",
    parameters: &["limit", "loop"],
    positional: 2,
    required: 0,
    variadic: false,
};
static READ_SIGNATURE: Signature =
    Signature { name: "StreamReader.read", parameters: &["n"], positional: 1, required: 0, variadic: false };
static READUNTIL_SIGNATURE: Signature = Signature {
    name: "StreamReader.readuntil",
    parameters: &["separator"],
    positional: 1,
    required: 0,
    variadic: false,
};
static READEXACTLY_SIGNATURE: Signature = Signature {
    name: "StreamReader.readexactly",
    parameters: &["n"],
    positional: 1,
    required: 1,
    variadic: false,
};

/// The body of a StreamReader.
#[derive(Default)]
pub struct StreamReader {
    pub buffer: StreamBuffer,
    limit: Number,
    pub eof: Cell<bool>,
    paused: Cell<bool>,
    loop_: Slot,
    /// The future of the task that waits for data.
    waiter: Slot,
    pub exception: Slot,
    transport: Slot,
    source_traceback: Slot,
    /// Whether the protocol may call `feed_data` directly.
    feeds_plainly: Cell<bool>,
    /// Whether no method is overridden that the reading methods skip.
    is_plain: Cell<bool>,
}

impl Own<StreamReader> {
    /// `feed_data(data)`.
    pub fn feed_data(&self, data: &Object) -> Result<()> {
        if self.eof.get() {
            return Err(raise_imported(&ASSERTION_ERROR, "feed_data after feed_eof"));
        }
        if !data.is_true()? {
            return Ok(());
        }
        self.buffer.push(data)?;
        self.wake_up()?;
        match self.transport.get() {
            Some(transport)
                if !transport.is_none() && !self.paused.get() && self.is_above_twice_the_limit()? =>
            {
                self.pause(&transport)
            }
            _ => Ok(()),
        }
    }

    #[inline]
    fn is_above_twice_the_limit(&self) -> Result<bool> {
        let size = self.buffer.len() as i64;
        match self.limit.small() {
            Some(limit) => Ok(size > limit.saturating_mul(2)),
            None => {
                let limit = self.limit.get()?;
                limit.plus(&limit)?.is_less(&Object::int(size)?)
            }
        }
    }

    /// The limit in bytes.
    #[inline]
    pub fn limit_in_bytes(&self) -> usize {
        self.limit.as_size()
    }

    fn pause(&self, transport: &Object) -> Result<()> {
        match transport.method0(&PAUSE_READING) {
            Ok(_) => {
                self.paused.set(true);
                Ok(())
            }
            Err(raised) => {
                if !raised.is(Builtin::NotImplemented) {
                    return Err(raised);
                }
                // This transport cannot pause, and is not asked again.
                raised.discard();
                self.transport.put(Object::none());
                Ok(())
            }
        }
    }

    /// `feed_eof()`.
    pub fn feed_eof(&self) -> Result<()> {
        self.eof.set(true);
        self.wake_up()
    }

    /// Wakes up the task that waits for data.
    #[inline]
    fn wake_up(&self) -> Result<()> {
        match self.waiter.take() {
            Some(waiter) if !waiter.is_none() && !waiter::is_cancelled(&waiter)? => {
                waiter::set_result(&waiter, Object::none())
            }
            _ => Ok(()),
        }
    }

    /// Resumes reading if the buffer is small enough again.
    #[inline]
    pub fn resume_if_small(&self) -> Result<()> {
        if self.paused.get() && !self.limit.is_below(self.buffer.len() as i64)? {
            self.paused.set(false);
            self.transport.get_or_none().method0(&RESUME_READING)?;
        }
        Ok(())
    }

    /// The future that is done when data arrives. `method` is the name for messages.
    pub fn begin_to_wait(&self, method: &str) -> Result {
        if self.waiter.get().is_some_and(|waiter| !waiter.is_none()) {
            return Err(runtime_error(&format!(
                "{method}() called while another coroutine is already waiting for incoming data"
            )));
        }
        if self.eof.get() {
            return Err(raise_imported(&ASSERTION_ERROR, "_wait_for_data after EOF"));
        }
        // Otherwise nothing would arrive any more.
        if self.paused.replace(false) {
            self.transport.get_or_none().method0(&RESUME_READING)?;
        }
        let future = waiter::create(&self.loop_.get_or_none())?;
        self.waiter.put(future.clone());
        Ok(future)
    }

    /// The wait is over.
    pub fn end_waiting(&self) {
        self.waiter.clear();
    }

    /// Whether no derived class overrides `feed_data`.
    pub fn feeds_plainly(&self) -> bool {
        self.feeds_plainly.get()
    }

    fn start(
        &self,
        args: &Args<'_>,
        names: &'static [&'static str],
        method: &Name,
        request: impl FnOnce() -> Result<Request>,
    ) -> Result {
        if self.is_plain.get() && self.limit.small().is_some() {
            match request() {
                Ok(request) => return Coroutine::start(names, Read::new(self.clone(), request)),
                // It is not a number, or a very large one. asyncio's code handles it.
                Err(raised) if raised.is(Builtin::Type) || raised.is(Builtin::Overflow) => raised.discard(),
                Err(raised) => return Err(raised),
            }
        }
        args.call_as(&ORIGINAL, method, self.as_object())
    }
}

/// What `readuntil` searches for.
fn separators(args: &Args<'_>) -> Result<Separators> {
    let ([], [separator], _) = args.bind::<0, 1>(&READUNTIL_SIGNATURE)?;
    let Some(separator) = separator else { return Ok(Separators::newline()) };
    let several = crate::compat::READUNTIL_TAKES_TUPLE && separator.is_tuple();
    let mut found = Vec::new();
    if several {
        for one in separator.to_list()?.list_items() {
            found.push(crate::ffi::buffer::copied(&one)?);
        }
    } else {
        found.push(crate::ffi::buffer::copied(separator)?);
    }
    if found.is_empty() {
        return Err(value_error("Separator should contain at least one element"));
    }
    Separators::new(found).ok_or_else(|| value_error("Separator should be at least one-byte string"))
}

impl Class for StreamReader {
    const NAME: &'static CStr = c"ferrio._core.StreamReader";
    const DOC: &'static CStr =
        c"StreamReader(limit=65536, loop=None)\n--\n\nThe part of ferrio.StreamReader that is in Rust.";
    const SUBCLASSABLE: bool = true;
    type_cell!();

    fn empty() -> Self {
        StreamReader::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([], [limit, loop_], _) = args.bind::<0, 2>(&NEW)?;
        match limit {
            Some(limit) => {
                if Number::new(limit).is_at_most(0)? {
                    return Err(value_error("Limit cannot be <= 0"));
                }
                this.limit.put(limit);
            }
            None => this.limit.set(DEFAULT_LIMIT),
        }
        let loop_ = match loop_ {
            Some(loop_) if !loop_.is_none() => loop_.clone(),
            _ => stdlib::GET_EVENT_LOOP.get()?.call0()?,
        };
        if loop_.method0(&stdlib::GET_DEBUG)?.is_true()? {
            this.source_traceback.put(stdlib::EXTRACT_STACK_SHORT.get()?.call0()?);
        }
        this.loop_.put(loop_);
        let base = Own::<StreamReader>::class_object()?;
        this.feeds_plainly.set(FEEDING.overridden(this.as_object(), &base)?.is_empty());
        this.is_plain.set(
            INNER_PARTS.overridden(this.as_object(), ORIGINAL.get()?)?.is_empty()
                && READING.overridden(this.as_object(), &base)?.is_empty(),
        );
        Ok(())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.buffer.traverse(visitor);
        self.limit.traverse(visitor);
        for slot in [&self.loop_, &self.waiter, &self.exception, &self.transport, &self.source_traceback] {
            visitor.slot(slot);
        }
    }

    fn clear(&self) {
        self.buffer.clear();
        self.limit.clear();
        for slot in [&self.loop_, &self.waiter, &self.exception, &self.transport, &self.source_traceback] {
            slot.clear();
        }
    }

    fn members() -> Members {
        Members { methods: methods(), properties: properties(), slots: vec![] }
    }

    fn functions() -> Vec<AsyncioFunctionDefinition> {
        vec![
            asyncio_method::<StreamReader, _>(
                c"read",
                |this, args| {
                    let ([], [count], _) = args.bind::<0, 1>(&READ_SIGNATURE)?;
                    let request = || {
                        let count = count.map_or(Ok(-1), Object::to_i64)?;
                        Ok(usize::try_from(count).map_or_else(|_| Request::All(Vec::new()), Request::Some))
                    };
                    this.start(args, &["StreamReader.read"], &READ, request)
                },
                &ORIGINAL,
            ),
            asyncio_method::<StreamReader, _>(
                c"readline",
                |this, args| {
                    args.expect_none("StreamReader.readline")?;
                    this.start(args, &["StreamReader.readline"], &READLINE, || Ok(Request::line(Line::Yes)))
                },
                &ORIGINAL,
            ),
            asyncio_method::<StreamReader, _>(
                c"__anext__",
                |this, args| {
                    this.start(args, &["StreamReader.__anext__"], &ANEXT, || Ok(Request::line(Line::OfIteration)))
                },
                &ORIGINAL,
            ),
            asyncio_method::<StreamReader, _>(
                c"readuntil",
                |this, args| {
                    // A coroutine function raises when it is awaited, not when it is called.
                    let request = || match separators(args) {
                        Err(raised) if raised.is(Builtin::Type) => Err(raised),
                        separators => Ok(Request::until(separators.map_err(Raised::take))),
                    };
                    this.start(args, &["StreamReader.readuntil"], &READUNTIL, request)
                },
                &ORIGINAL,
            ),
            asyncio_method::<StreamReader, _>(
                c"readexactly",
                |this, args| {
                    let ([count], [], _) = args.bind::<1, 0>(&READEXACTLY_SIGNATURE)?;
                    let request = || count.to_i64().map(Request::Exactly);
                    this.start(args, &["StreamReader.readexactly"], &READEXACTLY, request)
                },
                &ORIGINAL,
            ),
        ]
    }
}

fn methods() -> Vec<Method> {
    vec![
        method::<StreamReader, _>(
            c"feed_data",
            |this, args| {
                static FEED: Signature = Signature {
                    name: "StreamReader.feed_data",
                    parameters: &["data"],
                    positional: 1,
                    required: 1,
                    variadic: false,
                };
                let ([data], [], _) = args.bind::<1, 0>(&FEED)?;
                this.feed_data(data).map(|()| Object::none())
            },
            c"feed_data($self, data)\n--\n\nAppend bytes to the buffer. A waiting task continues.",
        ),
        method0::<StreamReader, _>(
            c"feed_eof",
            |this| this.feed_eof().map(|()| Object::none()),
            c"feed_eof($self)\n--\n\nNote that the stream has ended.",
        ),
        method0::<StreamReader, _>(
            c"at_eof",
            |this| Ok(Object::bool(this.eof.get() && this.buffer.is_empty())),
            c"at_eof($self)\n--\n\nReturn whether the buffer is empty and the stream has ended.",
        ),
        method0::<StreamReader, _>(
            c"exception",
            |this| Ok(this.exception.get_or_none()),
            c"exception($self)\n--\n\nReturn the exception that the stream has ended with, or None.",
        ),
    ]
}

fn properties() -> Vec<Property> {
    vec![
        property::<StreamReader, _, _>(
            c"_buffer",
            |this| this.buffer.array(),
            |this, value| this.buffer.replace(value),
        ),
        number_property::<StreamReader, _>(c"_limit", |this| &this.limit),
        bool_property::<StreamReader, _>(c"_eof", |this| &this.eof),
        bool_property::<StreamReader, _>(c"_paused", |this| &this.paused),
        slot_property::<StreamReader, _>(c"_loop", |this| &this.loop_),
        slot_property::<StreamReader, _>(c"_waiter", |this| &this.waiter),
        slot_property::<StreamReader, _>(c"_exception", |this| &this.exception),
        slot_property::<StreamReader, _>(c"_transport", |this| &this.transport),
        slot_property::<StreamReader, _>(c"_source_traceback", |this| &this.source_traceback),
    ]
}
