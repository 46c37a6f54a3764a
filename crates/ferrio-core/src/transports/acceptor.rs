//! Acceptor: accepts the connections of a listening socket.
//!
//! A server has one for each of its sockets. Plain connections get their transport here, without a Python socket; those
//! with TLS go to a Python function, which owns the handshake.

use super::address;
use super::descriptor::Descriptor;
use super::flow::ProtocolContext;
use super::socket::SocketTransport;
use crate::debug::Report;
use crate::ffi::class::{Members, method0, type_cell};
use crate::ffi::{Args, Class, Name, Object, Own, Result, Signature, Slot, Visitor, context};
use crate::loop_::{Direction, Loop, descriptor_of};
use crate::stdlib;
use ferrio_reactor::socket::{self, errno, is_transient};
use std::cell::Cell;
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

/// How long a listener pauses when the process or the system has no descriptor left, in seconds; asyncio's
/// `ACCEPT_RETRY_DELAY`.
const RETRY_DELAY: f64 = 1.0;

/// The body of an Acceptor.
#[derive(Default)]
pub struct Acceptor {
    loop_: Slot<Own<Loop>>,
    /// The descriptor of the Python socket. The server closes it.
    descriptor: Descriptor,
    protocol_factory: Slot,
    server: Slot,
    /// Called with a Python socket and its peer's address, instead of the factory; for TLS.
    accept_tls: Slot,
    context: Slot,
    backlog: Cell<i64>,
    listening: Cell<bool>,
    /// Whether `__init__` was called.
    begun: Cell<bool>,
}

static INIT: Signature = Signature {
    name: "Acceptor",
    parameters: &["loop", "sock", "protocol_factory", "server", "backlog", "accept_tls"],
    positional: 6,
    required: 6,
    variadic: false,
};

impl Own<Acceptor> {
    fn native_loop(&self) -> Option<Own<Loop>> {
        self.loop_.get()
    }

    fn start(&self) -> Result<()> {
        let Some(loop_) = self.native_loop() else { return Ok(()) };
        loop_.watch_native(self.descriptor.to_watch()?, Direction::Read, self.as_object(), accept_ready)?;
        self.listening.set(true);
        Ok(())
    }

    fn stop(&self) {
        if self.listening.replace(false)
            && let Some(loop_) = self.native_loop()
        {
            loop_.stop_watching(self.descriptor.number(), Direction::Read, self.as_object());
        }
    }

    fn accept_all(&self, loop_: &Own<Loop>) -> Result<()> {
        for _ in 0..self.backlog.get().max(1) {
            if !self.listening.get() {
                return Ok(());
            }
            match socket::accept(self.descriptor.current()?) {
                Ok((accepted, peer)) => self.adopt(loop_, accepted, peer)?,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if is_transient(&error) => return Ok(()),
                Err(error) => return self.on_accept_error(loop_, error),
            }
        }
        Ok(())
    }

    fn adopt(
        &self,
        loop_: &Own<Loop>,
        accepted: OwnedFd,
        peer: Option<ferrio_reactor::address::Address>,
    ) -> Result<()> {
        let accept_tls = self.accept_tls.get_or_none();
        if !accept_tls.is_none() {
            let peer = peer.map_or(Ok(Object::none()), |peer| address::to_python(&peer))?;
            let descriptor = Object::int(accepted.as_raw_fd().into())?;
            let socket = stdlib::SOCKET.get()?.call_keywords(&[], &[(&stdlib::FILENO, &descriptor)])?;
            // The socket closes it.
            let _ = accepted.into_raw_fd();
            return accept_tls.call(&[&socket, &peer]).map(drop);
        }
        // What the factory sets is the connection's.
        let context = context::copy_current()?;
        let made = context::run(&context, || self.protocol_factory.get_or_none().call0());
        let made = made.and_then(|protocol| {
            let server = self.server.get_or_none();
            SocketTransport::accepted(loop_, accepted, &protocol, peer, &server, context).map(drop)
        });
        let Err(raised) = made else { return Ok(()) };
        let exception = super::base::split_exit(raised)?;
        if !loop_.is_debug() {
            return Ok(());
        }
        let report = Report::new(&[&"Error on transport creation for incoming connection"])?;
        report.set(c"exception", &exception)?;
        report.send_handling(loop_.as_object(), &exception)
    }

    /// No descriptor or no memory: pauses for a while, and reports it once. Other errors are returned.
    #[cold]
    fn on_accept_error(&self, loop_: &Own<Loop>, error: io::Error) -> Result<()> {
        const EXHAUSTED: [i32; 4] = [errno::EMFILE, errno::ENFILE, errno::ENOBUFS, errno::ENOMEM];
        if !error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code)) {
            return Err(error.into());
        }
        self.stop();
        let report = Report::new(&[&"socket.accept() out of system resource"])?;
        let exception = crate::ffi::error::os_error(&error)?;
        report.set(c"exception", &exception)?;
        report.set(
            c"socket",
            &super::socket_methods::guarded(&self.descriptor.file().unwrap_or_else(Object::none))?,
        )?;
        report.send_handling(loop_.as_object(), &exception)?;
        static START: Name = Name::new(c"start");
        let start = self.as_object().getattr(&START)?;
        loop_.call_at(loop_.time()? + RETRY_DELAY, &start, &[], None, "call_later").map(drop)
    }
}

/// The listening socket is readable.
fn accept_ready(object: &Object) -> Result<()> {
    let this = Own::<Acceptor>::expect(object)?;
    let Some(loop_) = this.native_loop() else { return Ok(()) };
    let context = this.context.get_or_none();
    let result = context::run(&context, || this.accept_all(&loop_));
    let Err(raised) = result else { return Ok(()) };
    let exception = super::base::split_exit(raised)?;
    let (none, loop_) = (Object::none(), loop_.into_object());
    let context = ProtocolContext { loop_: &loop_, transport: &none, protocol: &none };
    context.report("Exception while accepting a connection", &exception)
}

impl Class for Acceptor {
    const NAME: &'static CStr = c"ferrio._core.Acceptor";
    const DOC: &'static CStr = c"Acceptor(loop, sock, protocol_factory, server, backlog, accept_tls)\n--\n\nAccepts the connections of a listening socket.";
    type_cell!();

    fn empty() -> Self {
        Acceptor::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([loop_, socket, factory, server, backlog, accept_tls], [], _) = args.bind::<6, 0>(&INIT)?;
        let Some(loop_) = Own::<Loop>::downcast(loop_) else {
            return Err(crate::ffi::error::type_error("loop must be a ferrio.Loop"));
        };
        if this.begun.replace(true) {
            return Err(crate::ffi::error::runtime_error("the listener is already initialized"));
        }
        let descriptor = descriptor_of(socket)?;
        this.descriptor.put_file(socket, descriptor)?;
        this.backlog.set(backlog.to_i64()?);
        this.loop_.put(loop_.clone());
        this.protocol_factory.put(factory.clone());
        this.server.put(server.clone());
        this.accept_tls.put(accept_tls.clone());
        this.context.put(context::copy_current()?);
        Ok(())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.descriptor.traverse(visitor);
        visitor.slot(&self.loop_);
        for slot in self.slots() {
            visitor.slot(slot);
        }
    }

    fn clear(&self) {
        self.slots().into_iter().for_each(Slot::clear);
        self.loop_.clear();
        self.descriptor.clear();
    }

    fn members() -> Members {
        Members {
            methods: vec![
                method0::<Acceptor, _>(
                    c"start",
                    |this| {
                        // A retry may come after the server was closed.
                        static GET_SERVING: Name = Name::new(c"is_serving");
                        let server = this.server.get_or_none();
                        if server.method0(&GET_SERVING)?.is_true()? {
                            this.start()?;
                        }
                        Ok(Object::none())
                    },
                    c"start($self, /)\n--\n\nAccept connections from now on, if the server serves.",
                ),
                method0::<Acceptor, _>(
                    c"stop",
                    |this| {
                        this.stop();
                        Ok(Object::none())
                    },
                    c"stop($self, /)\n--\n\nAccept no more connections.",
                ),
            ],
            properties: vec![],
            slots: vec![],
        }
    }
}

impl Acceptor {
    fn slots(&self) -> [&Slot; 4] {
        [&self.protocol_factory, &self.server, &self.accept_tls, &self.context]
    }
}
