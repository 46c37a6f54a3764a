//! The echo server of `epoll_server.rs` over io_uring.

use crate::address::Address;
use io_uring::{IoUring, cqueue, opcode, squeue, types};
use std::error::Error;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const LISTENER: u64 = u64::MAX;
const BUFFER: usize = 256 * 1024;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    ToReceive,
    ToSend,
}

struct Connection {
    socket: OwnedFd,
    buffer: Vec<u8>,
    waiting: Waiting,
    /// How much of the buffer was sent.
    sent: usize,
    count: usize,
}

/// Serves until the process is killed.
pub fn run(address: &Address) -> Result {
    if let Address::Udp(_) = address {
        return Err("the server over io_uring has no UDP".into());
    }
    let (listener, text) = address.listen()?;
    println!("{text}");
    let mut ring = IoUring::builder().setup_coop_taskrun().setup_single_issuer().build(4096)?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    accept(&mut ring, listener.as_raw_fd())?;
    let mut completed: Vec<cqueue::Entry> = Vec::new();
    loop {
        match ring.submit_and_wait(1) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        };
        completed.extend(ring.completion());
        for entry in completed.drain(..) {
            if entry.user_data() == LISTENER {
                if entry.result() >= 0 {
                    // SAFETY: the descriptor is new, and nothing else owns it.
                    let socket = unsafe { OwnedFd::from_raw_fd(entry.result()) };
                    open(&mut ring, &mut connections, socket)?;
                }
                if !cqueue::more(entry.flags()) {
                    accept(&mut ring, listener.as_raw_fd())?;
                }
                continue;
            }
            let index = entry.user_data() as usize;
            if go_on(&mut ring, &mut connections, index, entry.result())? {
                connections[index] = None;
            }
        }
    }
}

fn push(ring: &mut IoUring, entry: &squeue::Entry) -> Result {
    // SAFETY: the buffers belong to connections, which live until the completion.
    while unsafe { ring.submission().push(entry).is_err() } {
        ring.submit()?;
    }
    Ok(())
}

fn accept(ring: &mut IoUring, listener: RawFd) -> Result {
    let entry = opcode::AcceptMulti::new(types::Fd(listener)).flags(libc::SOCK_CLOEXEC).build();
    push(ring, &entry.user_data(LISTENER))
}

fn open(ring: &mut IoUring, connections: &mut Vec<Option<Connection>>, socket: OwnedFd) -> Result {
    // A Unix socket has no such option.
    let _ = rustix::net::sockopt::set_tcp_nodelay(&socket, true);
    let connection =
        Connection { socket, buffer: vec![0; BUFFER], waiting: Waiting::ToReceive, sent: 0, count: 0 };
    let index = connections.iter().position(Option::is_none).unwrap_or(connections.len());
    if index == connections.len() {
        connections.push(None);
    }
    receive(ring, connections[index].insert(connection), index)
}

fn receive(ring: &mut IoUring, connection: &mut Connection, index: usize) -> Result {
    connection.waiting = Waiting::ToReceive;
    let (pointer, length) = (connection.buffer.as_mut_ptr(), connection.buffer.len() as u32);
    let entry = opcode::Recv::new(types::Fd(connection.socket.as_raw_fd()), pointer, length).build();
    push(ring, &entry.user_data(index as u64))
}

fn send(ring: &mut IoUring, connection: &mut Connection, index: usize) -> Result {
    connection.waiting = Waiting::ToSend;
    let data = &connection.buffer[connection.sent..connection.count];
    let entry = opcode::Send::new(types::Fd(connection.socket.as_raw_fd()), data.as_ptr(), data.len() as u32);
    push(ring, &entry.build().user_data(index as u64))
}

/// Whether the connection is over.
fn go_on(ring: &mut IoUring, connections: &mut [Option<Connection>], index: usize, result: i32) -> Result<bool> {
    let Some(connection) = &mut connections[index] else { return Ok(false) };
    let Ok(count @ 1..) = usize::try_from(result) else { return Ok(true) };
    match connection.waiting {
        Waiting::ToReceive => {
            (connection.sent, connection.count) = (0, count);
            send(ring, connection, index)?;
        }
        Waiting::ToSend => {
            connection.sent += count;
            if connection.sent < connection.count {
                send(ring, connection, index)?;
            } else {
                receive(ring, connection, index)?;
            }
        }
    }
    Ok(false)
}
