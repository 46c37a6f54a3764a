//! `sock_accept()`.

use super::{SELECTOR_LOOP, Waiting, is_plain};
use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_method};
use crate::ffi::{Args, Name, Object, Result, Signature, Visitor};
use crate::loop_::{Direction, Loop};

static FALLBACK: Name = Name::new(c"_sock_accept");
static ACCEPT: Name = Name::new(c"accept");
static SETBLOCKING: Name = Name::new(c"setblocking");
static SIGNATURE: Signature = Signature {
    name: "BaseSelectorEventLoop.sock_accept",
    parameters: &["sock"],
    positional: 1,
    required: 1,
    variadic: false,
};

/// The method.
pub fn definition() -> AsyncioFunctionDefinition {
    asyncio_method::<Loop, _>(
        c"sock_accept",
        |this, args: &Args<'_>| {
            let ([sock], [], _) = args.bind::<1, 0>(&SIGNATURE)?;
            if !is_plain(sock)? {
                return this.as_object().method1(&FALLBACK, sock);
            }
            let operation = Accept { waiting: Waiting::new(this, sock, Direction::Read) };
            Coroutine::start(&["BaseSelectorEventLoop.sock_accept"], operation)
        },
        &SELECTOR_LOOP,
    )
}

struct Accept {
    waiting: Waiting,
}

impl Operation for Accept {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        self.waiting.resume(outcome)?;
        match self.waiting.socket.method0(&ACCEPT) {
            Ok(accepted) => {
                let connection = accepted.item(0)?;
                connection.method1(&SETBLOCKING, &Object::bool(false))?;
                Ok(Poll::Ready(accepted))
            }
            Err(raised) => {
                let exception = raised.take();
                if exception.is_transient() { self.waiting.wait() } else { Err(exception.raise()) }
            }
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.waiting.traverse(visitor);
    }
}
