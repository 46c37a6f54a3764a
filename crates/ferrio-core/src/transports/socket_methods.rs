//! SocketTransport's methods, as asyncio names them.

use super::address;
use super::base::{Base, Failure};
use super::flow::Flow;
use super::lifecycle::{self, Transport};
use super::methods::{self, Buffering};
use super::socket::SocketTransport;
use crate::ffi::class::{Members, getter, method0, method1, type_cell, unary_slot};
use crate::ffi::{Args, Class, Name, Object, Own, Result, Signature, Visitor, sys};
use crate::loop_::{Loop, descriptor_of};
use crate::stdlib::{self, SENDFILE_MODE};
use std::ffi::CStr;
use std::mem::offset_of;

static INIT: Signature = Signature {
    name: "SocketTransport",
    parameters: &["loop", "sock", "protocol", "waiter", "extra", "server"],
    positional: 6,
    required: 3,
    variadic: false,
};
/// A socket that can be looked at but not read, written or closed.
pub(super) fn guarded(socket: &Object) -> Result {
    stdlib::TRANSPORT_SOCKET.get()?.call(&[socket])
}

impl Own<SocketTransport> {
    /// Keeps what can be asked for after the descriptor is gone.
    pub(super) fn remember_addresses(&self) {
        let none = Object::none();
        for name in ["sockname", "peername"] {
            let known = Object::str(name).and_then(|name| self.extra_info(&name, &none));
            if let Err(raised) = known {
                raised.discard();
            }
        }
    }

    fn extra_info(&self, name: &Object, default: &Object) -> Result {
        let missing = Object::none();
        let known = self.base.extra(name, &missing)?;
        if !known.is_none() || !self.base.is_open() {
            return if known.is_none() { self.base.extra(name, default) } else { Ok(known) };
        }
        if !name.is_str() {
            return Ok(default.clone());
        }
        let text = name.to_text()?;
        let value = match text.as_str() {
            "socket" => guarded(&self.base.descriptor.python_socket()?)?,
            "sockname" => match ferrio_reactor::socket::local_address(self.base.descriptor.current()?) {
                Ok(Some(local)) => address::to_python(&local)?,
                _ => return Ok(default.clone()),
            },
            "peername" => match &*self.peer.borrow() {
                Some(peer) => address::to_python(peer)?,
                None => return self.base.extra(name, default),
            },
            _ => return self.base.extra(name, default),
        };
        self.base.set_extra(&text, &value)?;
        Ok(value)
    }

    fn repr(&self) -> Result {
        let mut info = vec![self.as_object().type_name()];
        if !self.base.is_open() {
            info.push("closed".to_owned());
        } else if self.base.closing.get() {
            info.push("closing".to_owned());
        }
        if self.base.is_open() {
            info.push(format!("fd={}", self.base.descriptor.number()));
            let state = |polled: bool| if polled { "polling" } else { "idle" };
            info.push(format!("read={}", state(self.reading.get())));
            info.push(format!("write=<{}, bufsize={}>", state(self.writing.get()), self.queue.size()));
        }
        Object::str(&format!("<{}>", info.join(" ")))
    }
}

/// Fills the extra information from a Python socket.
fn describe(base: &Base, socket: &Object) -> Result<()> {
    base.set_extra("socket", &guarded(socket)?)?;
    match socket.method0(&stdlib::GETSOCKNAME) {
        Ok(name) => base.set_extra("sockname", &name)?,
        Err(raised) => {
            raised.discard();
            base.set_extra("sockname", &Object::none())?;
        }
    }
    let known = base.extra(&Object::str("peername")?, &Object::none())?;
    if known.is_none() {
        match socket.method0(&stdlib::GETPEERNAME) {
            Ok(name) => base.set_extra("peername", &name)?,
            Err(raised) => {
                raised.discard();
                base.set_extra("peername", &Object::none())?;
            }
        }
    }
    Ok(())
}

impl Transport for SocketTransport {
    fn base(&self) -> &Base {
        &self.base
    }

    fn close(this: &Own<Self>) -> Result<()> {
        this.close()
    }

    fn fatal(this: &Own<Self>, failure: Failure, message: &str) -> Result<()> {
        this.fatal(failure, message)
    }

    fn dispose(this: &Own<Self>) -> Result<()> {
        this.dispose()
    }

    fn extra_info(this: &Own<Self>, name: &Object, default: &Object) -> Result {
        // Who asks for the socket may be about to write to it.
        this.send_due()?;
        this.extra_info(name, default)
    }

    fn adopt_protocol(this: &Own<Self>, protocol: &Object) -> Result<()> {
        this.adopt_protocol(protocol)
    }
}

impl Buffering for SocketTransport {
    fn flow(&self) -> &Flow {
        &self.flow
    }

    fn buffer_size(&self) -> usize {
        self.queue.size()
    }

    fn abort(this: &Own<Self>) -> Result<()> {
        this.force_close(None)
    }

    fn send_due(this: &Own<Self>) -> Result<()> {
        this.send_due()
    }
}

impl Class for SocketTransport {
    const NAME: &'static CStr = c"ferrio._core.SocketTransport";
    const DOC: &'static CStr = c"SocketTransport(loop, sock, protocol, waiter=None, extra=None, server=None)\n--\n\nA connected stream socket (see asyncio.Transport).";
    const WEAK: Option<usize> = Some(offset_of!(SocketTransport, base) + offset_of!(Base, weak));
    const DICT: Option<usize> = Some(offset_of!(SocketTransport, base) + offset_of!(Base, dict));
    const FINALIZES: bool = true;
    type_cell!();

    fn empty() -> Self {
        SocketTransport::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([loop_, socket, protocol], [waiter, extra, server], _) = args.bind::<3, 3>(&INIT)?;
        let Some(loop_) = Own::<Loop>::downcast(loop_) else {
            return Err(crate::ffi::error::type_error("loop must be a ferrio.Loop"));
        };
        this.base.begin_init()?;
        let descriptor = descriptor_of(socket)?;
        this.base.merge_extra(extra)?;
        this.base.open(loop_, protocol)?;
        this.base.descriptor.put_file(socket, descriptor)?;
        describe(&this.base, socket)?;
        this.waiter.set(waiter.filter(|waiter| !waiter.is_none()).cloned());
        this.begin(loop_, server)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.base.traverse(visitor);
        for slot in [&self.server, &self.waiter, &self.empty_waiter] {
            visitor.slot(slot);
        }
    }

    fn clear(&self) {
        for slot in [&self.server, &self.waiter, &self.empty_waiter] {
            slot.clear();
        }
        self.base.clear();
    }

    fn finalize(this: &Own<Self>) {
        lifecycle::finalize(this);
    }

    fn members() -> Members {
        Members {
            methods: [
                methods::lifecycle::<SocketTransport>(),
                methods::buffering::<SocketTransport>(),
                reading(),
                writing(),
            ]
            .concat(),
            properties: properties(),
            slots: vec![unary_slot::<SocketTransport, _>(sys::Py_tp_repr, |this| this.repr())],
        }
    }
}

fn reading() -> Vec<crate::ffi::class::Method> {
    vec![
        method0::<SocketTransport, _>(
            c"is_reading",
            |this| Ok(Object::bool(this.is_reading())),
            c"is_reading($self, /)\n--\n\nReturn True if the protocol is given what arrives.",
        ),
        method0::<SocketTransport, _>(
            c"pause_reading",
            |this| {
                this.pause_reading();
                Ok(Object::none())
            },
            c"pause_reading($self, /)\n--\n\nStop giving the protocol what arrives.",
        ),
        method0::<SocketTransport, _>(
            c"resume_reading",
            |this| this.resume_reading().map(|()| Object::none()),
            c"resume_reading($self, /)\n--\n\nGive the protocol again what arrives.",
        ),
    ]
}

fn writing() -> Vec<crate::ffi::class::Method> {
    vec![
        method1::<SocketTransport, _>(
            c"write",
            |this, data| this.write(data).map(|()| Object::none()),
            c"write($self, data, /)\n--\n\nWrite bytes; what the socket does not take at once waits in a buffer.",
        ),
        method1::<SocketTransport, _>(
            c"writelines",
            |this, chunks| this.writelines(chunks).map(|()| Object::none()),
            c"writelines($self, list_of_data, /)\n--\n\nWrite an iterable of bytes.",
        ),
        method0::<SocketTransport, _>(
            c"write_eof",
            |this| this.write_eof().map(|()| Object::none()),
            c"write_eof($self, /)\n--\n\nClose the sending side once what waits is written.",
        ),
        method0::<SocketTransport, _>(
            c"can_write_eof",
            |_| Ok(Object::bool(true)),
            c"can_write_eof($self, /)\n--\n\nReturn True: sockets can be half-closed.",
        ),
        method1::<SocketTransport, _>(
            c"_force_close",
            |this, exception| {
                let exception = Some(exception).filter(|exception| !exception.is_none());
                this.force_close(exception.cloned()).map(|()| Object::none())
            },
            c"_force_close($self, exc, /)\n--\n\nClose the transport at once, with an exception.",
        ),
        method0::<SocketTransport, _>(
            c"_make_empty_waiter",
            |this| this.make_empty_waiter(),
            c"_make_empty_waiter($self, /)\n--\n\nReturn a future that is done when nothing waits; writing is refused until it is reset.",
        ),
        method1::<SocketTransport, _>(
            c"_set_empty_waiter",
            |this, waiter| {
                this.empty_waiter.put(waiter.clone());
                Ok(Object::none())
            },
            c"_set_empty_waiter($self, waiter, /)\n--\n\nFail a future when the transport is lost; writing is refused until it is reset.",
        ),
        method0::<SocketTransport, _>(
            c"_reset_empty_waiter",
            |this| {
                this.empty_waiter.clear();
                Ok(Object::none())
            },
            c"_reset_empty_waiter($self, /)\n--\n\nAllow writing again.",
        ),
    ]
}

fn properties() -> Vec<crate::ffi::class::Property> {
    static TRY_NATIVE: Name = Name::new(c"TRY_NATIVE");
    vec![
        getter::<SocketTransport, _>(c"__class__", |_| stdlib::TRANSPORT.get().cloned()),
        getter::<SocketTransport, _>(c"_sock", |this| this.base.descriptor.python_socket()),
        getter::<SocketTransport, _>(c"_loop", |this| {
            Ok(this.base.loop_().map_or_else(Object::none, Own::into_object))
        }),
        getter::<SocketTransport, _>(c"_protocol_paused", |this| Ok(Object::bool(this.flow.is_paused()))),
        getter::<SocketTransport, _>(c"_start_tls_compatible", |_| Ok(Object::bool(true))),
        getter::<SocketTransport, _>(c"_sendfile_compatible", |_| SENDFILE_MODE.get()?.getattr(&TRY_NATIVE)),
    ]
}
