//! `sock_sendall()`.

use super::{SELECTOR_LOOP, Waiting, is_plain};
use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_method};
use crate::ffi::buffer::{Buffer, bytes_of};
use crate::ffi::{Args, Name, Object, Result, Signature, Visitor};
use crate::loop_::{Direction, Loop};
use ferrio_reactor::socket::{self, is_transient};

static FALLBACK: Name = Name::new(c"_sock_sendall");
static SENDALL: Signature = Signature {
    name: "BaseSelectorEventLoop.sock_sendall",
    parameters: &["sock", "data"],
    positional: 2,
    required: 2,
    variadic: false,
};

/// The method.
pub fn definition() -> AsyncioFunctionDefinition {
    asyncio_method::<Loop, _>(
        c"sock_sendall",
        |this, args: &Args<'_>| {
            let ([sock, data], [], _) = args.bind::<2, 0>(&SENDALL)?;
            let (sock, data) = (sock, data);
            if !is_plain(sock)? {
                return this.as_object().method(&FALLBACK, &[sock, data]);
            }
            let waiting = Waiting::new(this, sock, Direction::Write);
            let operation = SendAll { waiting, data: data.clone(), view: None, sent: 0 };
            Coroutine::start(&["BaseSelectorEventLoop.sock_sendall"], operation)
        },
        &SELECTOR_LOOP,
    )
}

struct SendAll {
    waiting: Waiting,
    data: Object,
    /// A buffer of the data, unless it is a `bytes` object. It prevents a bytearray from shrinking meanwhile.
    view: Option<Buffer>,
    sent: usize,
}

impl Operation for SendAll {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        self.waiting.resume(outcome)?;
        if self.view.is_none() && bytes_of(&self.data).is_none() {
            self.view = Some(Buffer::readable(&self.data)?);
        }
        let descriptor = self.waiting.descriptor()?;
        let data = match &self.view {
            Some(view) => view.as_slice(),
            None => bytes_of(&self.data).unwrap_or_default(),
        };
        loop {
            match socket::send(descriptor, &data[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if is_transient(&error) => return self.waiting.wait(),
                Err(error) => return Err(error.into()),
            }
            if self.sent >= data.len() {
                return Ok(Poll::Ready(Object::none()));
            }
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.waiting.traverse(visitor);
        visitor.object(&self.data);
    }
}
