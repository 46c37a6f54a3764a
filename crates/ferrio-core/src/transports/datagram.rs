//! DatagramTransport: a datagram socket, connected or not.

use super::base::{Base, Failure, split_exit};
use super::buffering::{self, Buffering};
use super::flow::Flow;
use super::lifecycle::{self, Init, Traffic, Transport, transport_class};
use super::methods;
use super::peers::Peers;
use super::socket_methods::guarded;
use super::stream::Received;
use super::write_queue::Data;
use crate::compat::{self, BYTES_LIKE, DATAGRAM_HEADER_SIZE};
use crate::ffi::class::{Members, getter, method, unary_slot};
use crate::ffi::error::{Builtin, raise_text};
use crate::ffi::text::concat;
use crate::ffi::{Args, Class, Made, Object, Own, Raised, Result, Signature, Slot, Visitor, bytes, dict, sys};
use crate::stdlib::{self, AF_INET, TYPE};
use ferrio_reactor::address::Address;
use ferrio_reactor::socket::{self, is_transient};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::CStr;

/// How many datagrams a socket receives before other callbacks run. Sixteen take less than a tenth of a millisecond,
/// without the protocol's work.
const READS_AT_ONCE: u32 = 16;

/// The body of a DatagramTransport.
#[derive(Default)]
#[repr(C)]
pub struct DatagramTransport {
    base: Base,
    flow: Flow,
    /// Datagrams and addresses that the socket has not taken yet.
    waiting: RefCell<VecDeque<(Object, Object)>>,
    waiting_size: Cell<usize>,
    /// In bytes of data, without headers.
    received: Cell<u64>,
    sent: Cell<u64>,
    /// The only address to send to, or None.
    address: Slot,
    /// Whether the socket is connected, so that `send` is used.
    has_peer: Cell<bool>,
    peers: Peers,
    /// Whether it is an IPv4 socket, whose addresses are converted without Python.
    is_inet: Cell<bool>,
}

static INIT: Signature = Signature {
    name: "DatagramTransport",
    parameters: &["loop", "sock", "protocol", "address", "waiter", "extra"],
    positional: 6,
    required: 3,
    variadic: false,
};
static SENDTO: Signature = Signature {
    name: "_SelectorDatagramTransport.sendto",
    parameters: &["data", "addr"],
    positional: 2,
    required: 1,
    variadic: false,
};

/// The outcome of an attempt to send.
enum Attempt {
    Sent,
    NotNow,
    Failed(Object),
}

impl Own<DatagramTransport> {
    fn sendto(&self, object: &Object, address: Option<&Object>) -> Result<()> {
        let data = Data::of(object, BYTES_LIKE)?;
        if !compat::EMPTY_DATAGRAMS_ARE_SENT && data.as_slice().is_empty() {
            return Ok(());
        }
        let fixed = self.address.get_or_none();
        let mut address = address.cloned().unwrap_or_else(Object::none);
        if !fixed.is_none() {
            if !address.is_none() && !address.equals(&fixed)? {
                let message = concat(&[&"Invalid address: must be None or ", &fixed.repr()?]);
                return Err(raise_text(Builtin::Value, message));
            }
            address = fixed.clone();
        }
        if self.base.is_lost() && !fixed.is_none() {
            return self.base.note_late_write("socket.send() raised exception.");
        }
        if !self.base.is_open() {
            return self.base.note_late_write("socket.send() raised exception.");
        }
        if self.waiting.borrow().is_empty() {
            match self.attempt(data.as_slice(), object, &address)? {
                Attempt::Sent => return Ok(()),
                Attempt::Failed(exception) => return self.failed(exception),
                Attempt::NotNow => buffering::start_writing(self)?,
            }
        }
        let bytes = Object::bytes(data.as_slice())?;
        self.waiting_size.set(self.waiting_size.get() + data.as_slice().len() + DATAGRAM_HEADER_SIZE);
        self.waiting.borrow_mut().push_back((bytes, address));
        drop(data);
        DatagramTransport::maybe_pause_protocol(self)
    }

    /// Sends a datagram now, if the socket takes it.
    fn attempt(&self, bytes: &[u8], object: &Object, address: &Object) -> Result<Attempt> {
        let descriptor = self.base.descriptor.current()?;
        let note_sent = || self.sent.set(self.sent.get() + bytes.len() as u64);
        let sent = if self.has_peer.get() {
            socket::send(descriptor, bytes)
        } else if let Some(address @ Address::Inet { .. }) =
            self.is_inet.get().then(|| self.peers.find(address)).flatten()
        {
            socket::send_to(descriptor, bytes, &address)
        } else {
            // Python's socket takes names, paths and other families
            let python = self.base.descriptor.file().unwrap_or_else(Object::none);
            return match python.method(&stdlib::SENDTO, &[object, address]) {
                Ok(_) => {
                    note_sent();
                    Ok(Attempt::Sent)
                }
                Err(raised) => python_attempt(raised),
            };
        };
        match sent {
            Ok(_) => {
                note_sent();
                Ok(Attempt::Sent)
            }
            Err(error) if is_transient(&error) => Ok(Attempt::NotNow),
            Err(error) => Ok(Attempt::Failed(crate::ffi::error::os_error(&error)?)),
        }
    }

    /// The protocol gets an OSError; any other exception closes the transport.
    fn failed(&self, exception: Object) -> Result<()> {
        if !exception.matches(Builtin::Os) {
            return lifecycle::fatal(
                self,
                Failure::Exception(exception),
                "Fatal write error on datagram transport",
            );
        }
        self.base.protocol().method1(&stdlib::ERROR_RECEIVED, &exception).map(drop)
    }
}

/// The outcome of a `sendto` of Python's socket.
fn python_attempt(raised: Raised) -> Result<Attempt> {
    let exception = split_exit(raised)?;
    Ok(if exception.is_transient() { Attempt::NotNow } else { Attempt::Failed(exception) })
}

/// Receives one datagram. Returns whether there was a datagram or an error.
fn read_once(this: &Own<DatagramTransport>) -> Result<bool> {
    let Some(loop_) = this.base.loop_() else { return Ok(false) };
    let descriptor = this.base.descriptor.current()?;
    let read = loop_.with_read_buffer(|buffer| {
        let (count, sender) = socket::recv_from(descriptor, buffer)?;
        this.received.set(this.received.get() + count as u64);
        let bytes = bytes::received(buffer, count);
        Ok((Object::bytes(bytes), sender))
    });
    let result = match Received::of(read.map(Some)) {
        Received::Data((data, sender)) => {
            let sender = sender.map_or_else(|| Ok(Object::none()), |sender| this.peers.show(sender))?;
            this.base.protocol().method(&stdlib::DATAGRAM_RECEIVED, &[&data?, &sender])
        }
        Received::NotNow | Received::End => return Ok(false),
        Received::Failed(error) => {
            let exception = crate::ffi::error::os_error(&error)?;
            this.base.protocol().method1(&stdlib::ERROR_RECEIVED, &exception)
        }
    };
    result.map(|_| true)
}

/// The value of `__class__`: a class that is both a Transport and a DatagramTransport, as asyncio's.
fn shown_class() -> Result {
    static CLASS: Made = Made::new();
    let class = CLASS.get(|| {
        let bases = Object::tuple([stdlib::TRANSPORT.get()?.clone(), stdlib::DATAGRAM_TRANSPORT.get()?.clone()])?;
        TYPE.get()?.call(&[&Object::str("DatagramTransport")?, &bases, &dict::new()?])
    })?;
    Ok(class.clone())
}

fn data_length(bytes: &Object) -> usize {
    crate::ffi::buffer::bytes_of(bytes).map_or(0, <[u8]>::len)
}

impl Transport for DatagramTransport {
    fn base(&self) -> &Base {
        &self.base
    }

    fn read_ready(this: &Own<Self>) -> Result<()> {
        for _ in 0..READS_AT_ONCE {
            if !read_once(this)? || this.base.is_lost() || !this.base.reading.get() {
                break;
            }
        }
        Ok(())
    }

    fn has_unsent(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    fn discard_unsent(&self) {
        self.waiting_size.set(0);
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        drop(waiting);
    }

    fn traffic(&self) -> Traffic {
        let headers = self.waiting.borrow().len() * DATAGRAM_HEADER_SIZE;
        let unsent = self.waiting_size.get().saturating_sub(headers);
        Traffic { received: self.received.get(), sent: self.sent.get(), unsent }
    }

    fn describe(&self) -> String {
        lifecycle::describe_both(&self.base, self.waiting_size.get())
    }
}

impl Buffering for DatagramTransport {
    fn flow(&self) -> &Flow {
        &self.flow
    }

    fn buffer_size(&self) -> usize {
        self.waiting_size.get()
    }

    fn flush(this: &Own<Self>) -> Result<()> {
        loop {
            let next = this.waiting.borrow_mut().pop_front();
            let Some((bytes, address)) = next else { return Ok(()) };
            let data = Data::of(&bytes, BYTES_LIKE)?;
            match this.attempt(data.as_slice(), &bytes, &address)? {
                Attempt::Sent => {}
                Attempt::NotNow => {
                    drop(data);
                    this.waiting.borrow_mut().push_front((bytes, address));
                    return Ok(());
                }
                Attempt::Failed(exception) => this.failed(exception)?,
            }
            let length = data_length(&bytes) + DATAGRAM_HEADER_SIZE;
            this.waiting_size.set(this.waiting_size.get().saturating_sub(length));
            if this.base.is_lost() {
                return Ok(());
            }
        }
    }
}

impl Class for DatagramTransport {
    const NAME: &'static CStr = c"ferrio._core.DatagramTransport";
    const DOC: &'static CStr = c"DatagramTransport(loop, sock, protocol, address=None, waiter=None, extra=None)\n--\n\nA datagram socket (see asyncio.DatagramTransport).";
    transport_class!(DatagramTransport);

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([loop_, socket, protocol], [address, waiter, extra], _) = args.bind::<3, 3>(&INIT)?;
        let loop_ = lifecycle::init(this, &Init { loop_, file: socket, protocol, waiter, extra }, |_| Ok(()))?;
        this.base.set_extra("socket", &guarded(socket)?)?;
        for (name, method) in [("sockname", &stdlib::GETSOCKNAME), ("peername", &stdlib::GETPEERNAME)] {
            let value = socket.method0(method).unwrap_or_else(|raised| {
                raised.discard();
                Object::none()
            });
            this.has_peer.set(!value.is_none());
            this.base.set_extra(name, &value)?;
        }
        this.is_inet.set(socket.getattr(&stdlib::FAMILY)?.equals(AF_INET.get()?)?);
        this.address.set(address.filter(|address| !address.is_none()).cloned());
        lifecycle::start_soon(this, &loop_)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.base.traverse(visitor);
        self.flow.traverse(visitor);
        visitor.slot(&self.address);
        self.peers.traverse(visitor);
        if let Ok(waiting) = self.waiting.try_borrow() {
            for (bytes, address) in waiting.iter() {
                visitor.object(bytes);
                visitor.object(address);
            }
        }
    }

    fn clear(&self) {
        self.peers.clear();
        self.discard_unsent();
        self.address.clear();
        self.flow.clear();
        self.base.clear();
    }

    fn members() -> Members {
        Members {
            methods: [
                methods::common::<DatagramTransport>(),
                methods::buffering::<DatagramTransport>(),
                methods::reading::<DatagramTransport>(),
                methods::not_writing::<DatagramTransport>(),
                vec![sendto()],
            ]
            .concat(),
            properties: vec![
                methods::paused::<DatagramTransport>(),
                methods::loop_of::<DatagramTransport>(),
                methods::traffic::<DatagramTransport>(),
                getter::<DatagramTransport, _>(c"__class__", |_| shown_class()),
                getter::<DatagramTransport, _>(c"_sock", |this| {
                    Ok(this.base.descriptor.file().unwrap_or_else(Object::none))
                }),
            ],
            slots: vec![unary_slot::<DatagramTransport, _>(sys::Py_tp_repr, lifecycle::repr)],
        }
    }
}

fn sendto() -> sys::PyMethodDef {
    method::<DatagramTransport, _>(
            c"sendto",
            |this, args| {
                let ([data], [address], _) = args.bind::<1, 1>(&SENDTO)?;
                this.sendto(data, address).map(|()| Object::none())
            },
            c"sendto($self, data, addr=None)\n--\n\nSend a datagram. If the socket does not take it at once, it waits in a buffer.",
        )
}
