//! Low-level socket operations: `loop.sock_recv()`, `sock_recv_into()`, `sock_sendall()` and `sock_accept()`.
//!
//! All have one form: try at once; if the socket is not ready, wait until it is, and try again. They are here for
//! sockets of the interpreter's own class. Python code serves other sockets and rare operations
//! (`python/ferrio/loop/sockets.py`; methods with the same names and an underscore).

mod accept;
mod receive;
mod send;

use crate::coroutines::{AsyncioFunctionDefinition, Outcome, Poll};
use crate::ffi::error::value_error;
use crate::ffi::{Name, Object, Own, Result, Visitor};
use crate::futures::waiter;
use crate::loop_::{Direction, Loop};
use crate::stdlib::{self, SELECTOR_LOOP};

static GETTIMEOUT: Name = Name::new(c"gettimeout");

/// The methods of the loop that replace asyncio's.
pub fn loop_functions() -> Vec<AsyncioFunctionDefinition> {
    let mut definitions = receive::definitions();
    definitions.push(send::definition());
    definitions.push(accept::definition());
    definitions
}

/// The socket of an operation, and its wait.
struct Waiting {
    loop_: Own<Loop>,
    socket: Object,
    direction: Direction,
    /// The awaited future, and the descriptor that is watched for it.
    waiter: Option<(Object, i32)>,
}

impl Waiting {
    fn new(loop_: &Own<Loop>, socket: &Object, direction: Direction) -> Waiting {
        Waiting { loop_: loop_.clone(), socket: socket.clone(), direction, waiter: None }
    }

    /// The current descriptor of the socket; -1 if it is closed.
    fn descriptor(&self) -> Result<i32> {
        Ok(self.socket.method0(&stdlib::FILENO)?.to_i64()? as i32)
    }

    /// The first step of every operation, each time: ends its wait, and raises the exception of the wait.
    ///
    /// In debug mode `ValueError` for a blocking socket, the first time.
    fn resume(&mut self, outcome: Outcome) -> Result<()> {
        let is_first = matches!(outcome, Outcome::Start);
        if let Some((future, descriptor)) = self.waiter.take() {
            self.loop_.stop_watching(descriptor, self.direction, &future);
        }
        outcome.value()?;
        if is_first && self.loop_.is_debug() {
            let timeout = self.socket.method0(&GETTIMEOUT)?;
            if timeout.is_none() || timeout.to_f64()? != 0.0 {
                return Err(value_error("the socket must be non-blocking"));
            }
        }
        Ok(())
    }

    /// Waits until the socket is ready.
    fn wait(&mut self) -> Result<Poll> {
        let descriptor = self.descriptor()?;
        self.loop_.check_no_owner(descriptor, &Object::int(descriptor.into())?)?;
        let future = waiter::create(self.loop_.as_object())?;
        self.loop_.watch_once(descriptor, self.direction, &future, socket_ready)?;
        self.waiter = Some((future.clone(), descriptor));
        Ok(Poll::Await(future))
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.loop_);
        visitor.object(&self.socket);
        self.waiter.iter().for_each(|(future, _)| visitor.object(future));
    }
}

/// The loop calls this when the socket is ready. The operation tries again.
fn socket_ready(future: &Object) -> Result<()> {
    waiter::set_result_unless_done(future, Object::none())
}

/// Whether a socket has the interpreter's own class, so that its methods need not be called by name.
fn is_plain(socket: &Object) -> Result<bool> {
    Ok(socket.type_ptr().cast() == stdlib::SOCKET.get()?.as_ptr())
}
