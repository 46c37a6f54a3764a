//! A server on epoll that does only what a row of the benchmarks measures. Servers in Python are compared with it.

use crate::address::Address;
use rustix::event::epoll;
use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::str::FromStr;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const LISTENER: u64 = u64::MAX;

/// The size of the buffer for reading and sending, in bytes; the same as in the servers in Python.
const BUFFER: usize = 256 * 1024;

/// What is done with a connection.
#[derive(Clone, Copy)]
pub enum Task {
    /// Sends back what comes.
    Echo,
    /// Reads.
    Sink,
    /// Sends as much as possible after the first received byte.
    Source,
}

impl FromStr for Task {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Task, String> {
        match text {
            "echo" => Ok(Task::Echo),
            "sink" => Ok(Task::Sink),
            "source" => Ok(Task::Source),
            other => Err(format!("there is no task {other}")),
        }
    }
}

struct Connection {
    socket: File,
    /// What could not be sent at once.
    unsent: Vec<u8>,
}

/// Serves until the process is killed.
pub fn run(address: &Address, task: Task) -> Result {
    if let Address::Udp(address) = address {
        let socket = UdpSocket::bind(address)?;
        println!("udp:{}", socket.local_addr()?);
        return serve_datagrams(&socket);
    }
    let (listener, text) = address.listen()?;
    println!("{text}");
    let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poller, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    let mut connections: HashMap<u64, Connection> = HashMap::new();
    let mut buffer = vec![0; BUFFER];
    let mut events = Vec::with_capacity(1024);
    loop {
        events.clear();
        match epoll::wait(&poller, rustix::buffer::spare_capacity(&mut events), None) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result?,
        };
        for event in &events {
            let token = event.data.u64();
            if token == LISTENER {
                accept(&listener, &poller, &mut connections)?;
            } else if let Some(connection) = connections.get_mut(&token) {
                let served = match task {
                    Task::Echo => echo(connection, &poller, token, &mut buffer),
                    Task::Sink => receive(connection, &mut buffer).map(drop),
                    Task::Source => flood(connection, &poller, token, &mut buffer),
                };
                if served.is_err() {
                    connections.remove(&token);
                }
            }
        }
    }
}

fn accept(listener: &OwnedFd, poller: &OwnedFd, connections: &mut HashMap<u64, Connection>) -> Result {
    let flags = rustix::net::SocketFlags::NONBLOCK | rustix::net::SocketFlags::CLOEXEC;
    loop {
        match rustix::net::accept_with(listener, flags) {
            Ok(socket) => {
                // A Unix socket has no such option.
                let _ = rustix::net::sockopt::set_tcp_nodelay(&socket, true);
                let token = socket.as_raw_fd() as u64;
                epoll::add(poller, &socket, epoll::EventData::new_u64(token), epoll::EventFlags::IN)?;
                connections.insert(token, Connection { socket: File::from(socket), unsent: Vec::new() });
            }
            Err(rustix::io::Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Receives. Returns how many bytes arrived, which may be none. An error means that the connection is over.
fn receive(connection: &mut Connection, buffer: &mut [u8]) -> io::Result<usize> {
    match connection.socket.read(buffer) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => Ok(count),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        Err(error) => Err(error),
    }
}

fn flood(connection: &mut Connection, poller: &OwnedFd, token: u64, buffer: &mut [u8]) -> io::Result<()> {
    if receive(connection, buffer)? > 0 {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT;
        epoll::modify(poller, connection.socket.as_fd(), epoll::EventData::new_u64(token), flags)?;
    }
    while send(&mut connection.socket, buffer)? == buffer.len() {}
    Ok(())
}

fn echo(connection: &mut Connection, poller: &OwnedFd, token: u64, buffer: &mut [u8]) -> io::Result<()> {
    let had_unsent = !connection.unsent.is_empty();
    if had_unsent {
        let sent = send(&mut connection.socket, &connection.unsent)?;
        connection.unsent.drain(..sent);
    }
    if connection.unsent.is_empty() {
        let count = receive(connection, buffer)?;
        let sent = send(&mut connection.socket, &buffer[..count])?;
        connection.unsent.extend_from_slice(&buffer[sent..count]);
    }
    if had_unsent == connection.unsent.is_empty() {
        let flags = if connection.unsent.is_empty() { epoll::EventFlags::IN } else { epoll::EventFlags::OUT };
        epoll::modify(poller, connection.socket.as_fd(), epoll::EventData::new_u64(token), flags)?;
    }
    Ok(())
}

fn send(socket: &mut File, data: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < data.len() {
        match socket.write(&data[sent..]) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

fn serve_datagrams(socket: &UdpSocket) -> Result {
    socket.set_nonblocking(true)?;
    let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poller, socket, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?;
    let mut buffer = vec![0; 65536];
    let mut events = Vec::with_capacity(1);
    loop {
        events.clear();
        epoll::wait(&poller, rustix::buffer::spare_capacity(&mut events), None)?;
        while let Ok((count, peer)) = socket.recv_from(&mut buffer) {
            // A datagram may be lost.
            let _ = socket.send_to(&buffer[..count], peer);
        }
    }
}
