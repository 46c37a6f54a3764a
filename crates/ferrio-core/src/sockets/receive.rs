//! `sock_recv()` and `sock_recv_into()`.

use super::{SELECTOR_LOOP, Waiting, is_plain};
use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_method};
use crate::ffi::buffer::Buffer;
use crate::ffi::{Args, Name, Object, Raised, Result, Signature, Visitor};
use crate::loop_::{Direction, Loop, Progress};
use ferrio_reactor::socket::{self, is_transient};

static FALLBACK_RECV: Name = Name::new(c"_sock_recv");
static FALLBACK_RECV_INTO: Name = Name::new(c"_sock_recv_into");
static RECV: Signature = Signature {
    name: "BaseSelectorEventLoop.sock_recv",
    parameters: &["sock", "n"],
    positional: 2,
    required: 2,
    variadic: false,
};
static RECV_INTO: Signature = Signature {
    name: "BaseSelectorEventLoop.sock_recv_into",
    parameters: &["sock", "buf"],
    positional: 2,
    required: 2,
    variadic: false,
};

/// The two methods.
pub fn definitions() -> Vec<AsyncioFunctionDefinition> {
    vec![
        asyncio_method::<Loop, _>(
            c"sock_recv",
            |this, args: &Args<'_>| {
                let ([sock, count], [], _) = args.bind::<2, 0>(&RECV)?;
                let (sock, count) = (sock, count);
                let most =
                    count.to_i64().map_err(Raised::discard).ok().and_then(|most| usize::try_from(most).ok());
                match most {
                    Some(most) if most > 0 && is_plain(sock)? => {
                        let waiting = Waiting::new(this, sock, Direction::Read);
                        Coroutine::start(&["BaseSelectorEventLoop.sock_recv"], Receive { waiting, most })
                    }
                    // asyncio's own errors for a wrong type.
                    _ => this.as_object().method(&FALLBACK_RECV, &[sock, count]),
                }
            },
            &SELECTOR_LOOP,
        ),
        asyncio_method::<Loop, _>(
            c"sock_recv_into",
            |this, args: &Args<'_>| {
                let ([sock, buffer], [], _) = args.bind::<2, 0>(&RECV_INTO)?;
                let (sock, buffer) = (sock, buffer);
                if !is_plain(sock)? {
                    return this.as_object().method(&FALLBACK_RECV_INTO, &[sock, buffer]);
                }
                let waiting = Waiting::new(this, sock, Direction::Read);
                let operation = ReceiveInto { waiting, buffer: buffer.clone() };
                Coroutine::start(&["BaseSelectorEventLoop.sock_recv_into"], operation)
            },
            &SELECTOR_LOOP,
        ),
    ]
}

struct Receive {
    waiting: Waiting,
    /// The most bytes to receive.
    most: usize,
}

impl Operation for Receive {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        self.waiting.resume(outcome)?;
        match self.waiting.loop_.receive(self.waiting.descriptor()?, self.most, &Progress::default()) {
            Ok(Some(data)) => data.map(Poll::Ready),
            Ok(None) => Object::bytes(&[]).map(Poll::Ready),
            Err(error) if is_transient(&error) => self.waiting.wait(),
            Err(error) => Err(error.into()),
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.waiting.traverse(visitor);
    }
}

struct ReceiveInto {
    waiting: Waiting,
    buffer: Object,
}

impl Operation for ReceiveInto {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        self.waiting.resume(outcome)?;
        let descriptor = self.waiting.descriptor()?;
        let mut buffer = Buffer::to_receive(&self.buffer)?;
        let received = socket::recv(descriptor, buffer.as_uninit());
        drop(buffer);
        match received {
            Ok(count) => Object::int(count as i64).map(Poll::Ready),
            Err(error) if is_transient(&error) => self.waiting.wait(),
            Err(error) => Err(error.into()),
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.waiting.traverse(visitor);
        visitor.object(&self.buffer);
    }
}
