//! The methods of SocketTransport, with asyncio's names.

use super::address;
use super::base::Base;
use super::lifecycle::{self, Init, transport_class};
use super::methods;
use super::socket::SocketTransport;
use crate::ffi::class::{Members, getter, method0, method1, unary_slot};
use crate::ffi::{Args, Class, Name, Object, Own, Result, Signature, Visitor, sys};
use crate::stdlib::{self, SENDFILE_MODE};
use std::ffi::CStr;

static INIT: Signature = Signature {
    name: "SocketTransport",
    parameters: &["loop", "sock", "protocol", "waiter", "extra", "server"],
    positional: 6,
    required: 3,
    variadic: false,
};
/// A view of a socket that cannot read, write or close it.
pub(super) fn guarded(socket: &Object) -> Result {
    stdlib::TRANSPORT_SOCKET.get()?.call(&[socket])
}

impl Own<SocketTransport> {
    /// Stores the addresses for the time after the descriptor is closed.
    pub(super) fn remember_addresses(&self) {
        let none = Object::none();
        for name in ["sockname", "peername"] {
            let known = Object::str(name).and_then(|name| self.extra_info(&name, &none));
            if let Err(raised) = known {
                raised.discard();
            }
        }
    }

    pub(super) fn extra_info(&self, name: &Object, default: &Object) -> Result {
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

impl Class for SocketTransport {
    const NAME: &'static CStr = c"ferrio._core.SocketTransport";
    const DOC: &'static CStr = c"SocketTransport(loop, sock, protocol, waiter=None, extra=None, server=None)\n--\n\nA connected stream socket (see asyncio.Transport).";
    transport_class!(SocketTransport);

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([loop_, socket, protocol], [waiter, extra, server], _) = args.bind::<3, 3>(&INIT)?;
        let loop_ = lifecycle::init(this, &Init { loop_, file: socket, protocol, waiter, extra }, |_| Ok(()))?;
        describe(&this.base, socket)?;
        this.begin(&loop_, server)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.base.traverse(visitor);
        self.flow.traverse(visitor);
        for slot in [&self.server, &self.empty_waiter] {
            visitor.slot(slot);
        }
    }

    fn clear(&self) {
        for slot in [&self.server, &self.empty_waiter] {
            slot.clear();
        }
        self.flow.clear();
        self.base.clear();
    }

    fn members() -> Members {
        Members {
            methods: [
                methods::common::<SocketTransport>(),
                methods::buffering::<SocketTransport>(),
                methods::reading::<SocketTransport>(),
                methods::writing::<SocketTransport>(),
                own_methods(),
            ]
            .concat(),
            properties: properties(),
            slots: vec![unary_slot::<SocketTransport, _>(sys::Py_tp_repr, lifecycle::repr)],
        }
    }
}

/// Methods that only Ferrio's Python code calls, by asyncio's names.
fn own_methods() -> Vec<crate::ffi::class::Method> {
    vec![
        method1::<SocketTransport, _>(
            c"_force_close",
            |this, exception| {
                let exception = Some(exception).filter(|exception| !exception.is_none());
                lifecycle::force_close(this, exception.cloned()).map(|()| Object::none())
            },
            c"_force_close($self, exc, /)\n--\n\nClose the transport at once, with an exception.",
        ),
        method0::<SocketTransport, _>(
            c"_make_empty_waiter",
            |this| this.make_empty_waiter(),
            c"_make_empty_waiter($self, /)\n--\n\nReturn a future that is done when all data is sent. Writing is refused until it is reset.",
        ),
        method1::<SocketTransport, _>(
            c"_set_empty_waiter",
            |this, waiter| {
                this.empty_waiter.put(waiter.clone());
                Ok(Object::none())
            },
            c"_set_empty_waiter($self, waiter, /)\n--\n\nSet an exception in a future when the transport is lost. Writing is refused until it is reset.",
        ),
        method1::<SocketTransport, _>(
            c"_note_sent",
            |this, count| {
                this.queue.note_sent(usize::try_from(count.to_i64()?).unwrap_or(0));
                Ok(Object::none())
            },
            c"_note_sent($self, count, /)\n--\n\nNote that so many bytes were sent by other means than the transport's.",
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
        methods::paused::<SocketTransport>(),
        getter::<SocketTransport, _>(c"__class__", |_| stdlib::TRANSPORT.get().cloned()),
        getter::<SocketTransport, _>(c"_sock", |this| this.base.descriptor.python_socket()),
        methods::loop_of::<SocketTransport>(),
        methods::traffic::<SocketTransport>(),
        getter::<SocketTransport, _>(c"_protocol_paused", |this| Ok(Object::bool(this.flow.is_paused()))),
        getter::<SocketTransport, _>(c"_start_tls_compatible", |_| Ok(Object::bool(true))),
        getter::<SocketTransport, _>(c"_sendfile_compatible", |_| SENDFILE_MODE.get()?.getattr(&TRY_NATIVE)),
    ]
}
