//! The load client: many connections, each of which always has requests in flight.

use crate::address::Address;
use crate::cpu;
use crate::link::{self, Link};
use rustix::event::epoll;
use rustls::ClientConfig;
use std::error::Error;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// What the client does on each connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Sends a message, and waits until as many bytes have come back.
    #[default]
    Echo,
    /// Sends all the time; the server reads.
    Sink,
    /// Reads all the time; the server sends.
    Source,
    /// Connects, has one message echoed, and closes.
    Accept,
    /// Connects, and closes once the TLS handshake is over.
    Handshake,
    /// Asks for one page again and again.
    Http,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Kind, String> {
        Ok(match text {
            "echo" => Kind::Echo,
            "sink" => Kind::Sink,
            "source" => Kind::Source,
            "accept" => Kind::Accept,
            "handshake" => Kind::Handshake,
            "http" => Kind::Http,
            _ => return Err(format!("{text} is no kind of load")),
        })
    }
}

/// What to do, and for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server's process.
    pub pid: i32,
    pub kind: Kind,
    /// The size of a message, in bytes.
    pub size: usize,
    pub connections: usize,
    /// How many requests are in flight on each connection.
    pub depth: usize,
    /// How many further connections stay idle.
    pub idle: usize,
    pub tls: bool,
    pub window: Duration,
    pub warmup: Duration,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            pid: 0,
            kind: Kind::Echo,
            size: 1024,
            connections: 1,
            depth: 1,
            idle: 0,
            tls: false,
            window: Duration::from_secs(1),
            warmup: Duration::from_millis(300),
        }
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    pub requests: u64,
    pub bytes: u64,
    pub time: Duration,
    /// The CPU time of the server.
    pub cpu: Duration,
}

impl Report {
    /// The report as one line of JSON.
    pub fn json(&self) -> String {
        format!(
            "{{\"requests\": {}, \"bytes\": {}, \"seconds\": {}, \"server_cpu_seconds\": {}}}",
            self.requests,
            self.bytes,
            self.time.as_secs_f64(),
            self.cpu.as_secs_f64()
        )
    }
}

/// The measured part of a run: from the end of the warm-up to the end of the window.
pub struct Watch {
    plan: Plan,
    begun: Instant,
    started: Option<(Instant, Duration, u64, u64)>,
}

impl Watch {
    /// The warm-up begins now.
    pub fn new(plan: &Plan) -> Watch {
        Watch { plan: plan.clone(), begun: Instant::now(), started: None }
    }

    /// Looks at the clock. Returns the report after the end of the window.
    pub fn look(&mut self, requests: u64, bytes: u64) -> io::Result<Option<Report>> {
        match self.started {
            None if self.begun.elapsed() >= self.plan.warmup => {
                self.started = Some((Instant::now(), cpu::time_of(self.plan.pid)?, requests, bytes));
                Ok(None)
            }
            Some((start, before, old_requests, old_bytes)) if start.elapsed() >= self.plan.window => {
                Ok(Some(Report {
                    cpu: cpu::time_of(self.plan.pid)?.saturating_sub(before),
                    time: start.elapsed(),
                    requests: requests - old_requests,
                    bytes: bytes - old_bytes,
                }))
            }
            _ => Ok(None),
        }
    }
}

/// One connection.
struct Connection {
    link: Link,
    /// How much of the due messages is not sent yet, in bytes.
    unsent: usize,
    /// How many bytes of the current answer have arrived.
    received: usize,
    polled_for_writing: bool,
}

/// The most that is read or sent at once, in bytes: asyncio's `max_size`.
const CHUNK: usize = 256 * 1024;

struct Client<'plan> {
    plan: &'plan Plan,
    address: &'plan Address,
    tls: Option<Arc<ClientConfig>>,
    poller: OwnedFd,
    connections: Vec<Option<Connection>>,
    /// Messages one after another.
    outgoing: Vec<u8>,
    message: usize,
    /// The length of an answer, in bytes. For HTTP, the first answer tells.
    answer: usize,
    incoming: Vec<u8>,
    requests: u64,
    bytes: u64,
}

/// Runs the plan against a server.
pub fn run(address: &Address, plan: &Plan) -> Result<Report> {
    let message = match plan.kind {
        Kind::Http => b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n".to_vec(),
        _ => vec![b'x'; plan.size],
    };
    let copies = (CHUNK / message.len().max(1)).max(plan.depth).max(1);
    let mut client = Client {
        plan,
        address,
        tls: if plan.tls { Some(link::tls_config()?) } else { None },
        poller: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        connections: Vec::new(),
        outgoing: message.repeat(copies),
        message: message.len(),
        answer: if plan.kind == Kind::Http { 0 } else { message.len() },
        incoming: vec![0; CHUNK],
        requests: 0,
        bytes: 0,
    };
    let idle = (0..plan.idle).map(|_| client.connect_idle()).collect::<Result<Vec<_>>>()?;
    for index in 0..plan.connections {
        client.connections.push(None);
        client.open(index)?;
    }
    let report = client.run();
    drop(idle);
    report
}

impl Client<'_> {
    fn connect_idle(&self) -> Result<Link> {
        Link::new(self.address.connect()?, self.tls.as_ref())
    }

    /// Connects again, and sends what is due.
    fn open(&mut self, index: usize) -> Result {
        let link = Link::new(self.address.connect()?, self.tls.as_ref())?;
        let unsent = match self.plan.kind {
            Kind::Echo | Kind::Http => self.message * self.plan.depth,
            Kind::Accept => self.message,
            Kind::Sink => usize::MAX,
            Kind::Source => 1,
            Kind::Handshake => 0,
        };
        let connection = Connection { link, unsent, received: 0, polled_for_writing: false };
        let flags = epoll::EventFlags::IN;
        epoll::add(&self.poller, socket_of(&connection.link), epoll::EventData::new_u64(index as u64), flags)?;
        self.connections[index] = Some(connection);
        self.drive(index)
    }

    fn run(&mut self) -> Result<Report> {
        let mut events = Vec::with_capacity(1024);
        let mut watch = Watch::new(self.plan);
        loop {
            events.clear();
            let timeout = rustix::event::Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
            match epoll::wait(&self.poller, rustix::buffer::spare_capacity(&mut events), Some(&timeout)) {
                Err(rustix::io::Errno::INTR) => continue,
                result => result?,
            };
            for event in &events {
                self.drive(event.data.u64() as usize)?;
            }
            if let Some(report) = watch.look(self.requests, self.bytes)? {
                return Ok(report);
            }
        }
    }

    /// Sends and receives as much as possible.
    fn drive(&mut self, index: usize) -> Result {
        let Some(mut connection) = self.connections[index].take() else { return Ok(()) };
        let is_over = match self.exchange(&mut connection) {
            Ok(is_over) => is_over,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) => return Err(error.into()),
        };
        if is_over {
            self.requests += 1;
            connection.link.finish();
            drop(connection);
            return self.open(index);
        }
        let wants_writing = connection.unsent > 0 || !connection.link.is_flushed();
        if wants_writing != connection.polled_for_writing {
            connection.polled_for_writing = wants_writing;
            let mut flags = epoll::EventFlags::IN;
            flags.set(epoll::EventFlags::OUT, wants_writing);
            let data = epoll::EventData::new_u64(index as u64);
            epoll::modify(&self.poller, socket_of(&connection.link), data, flags)?;
        }
        self.connections[index] = Some(connection);
        Ok(())
    }

    /// Continues until it would block. Returns true if the connection has done its work.
    fn exchange(&mut self, connection: &mut Connection) -> io::Result<bool> {
        if !connection.link.is_open() {
            connection.link.shake_hands()?;
            if !connection.link.is_open() {
                return Ok(false);
            }
        }
        if self.plan.kind == Kind::Handshake {
            return Ok(true);
        }
        loop {
            self.send(connection)?;
            let count = match connection.link.read(&mut self.incoming) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.bytes += count as u64;
            if self.plan.kind == Kind::Source {
                continue;
            }
            if self.answer == 0 {
                self.answer = http_length(&self.incoming[..count])?;
            }
            connection.received += count;
            let answers = connection.received / self.answer;
            connection.received %= self.answer;
            if self.plan.kind == Kind::Accept && answers > 0 {
                return Ok(true);
            }
            self.requests += answers as u64;
            connection.unsent += answers * self.message;
            // A short read leaves nothing in the socket. TLS may have more.
            if count < self.incoming.len() && matches!(connection.link, Link::Plain(_)) {
                return self.send(connection).map(|()| false);
            }
        }
    }

    fn send(&mut self, connection: &mut Connection) -> io::Result<()> {
        while connection.unsent > 0 || !connection.link.is_flushed() {
            if connection.unsent == 0 {
                return match connection.link.flush() {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
                    result => result,
                };
            }
            // The messages are all the same, and the last one ends the buffer.
            let offset = (self.message - connection.unsent % self.message) % self.message;
            let length = connection.unsent.min(self.outgoing.len() - offset);
            let data = match self.plan.kind {
                Kind::Sink => &self.outgoing[..],
                _ => &self.outgoing[offset..offset + length],
            };
            match connection.link.write(data) {
                Ok(count) if self.plan.kind == Kind::Sink => self.bytes += count as u64,
                Ok(count) => connection.unsent -= count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The length of an HTTP answer, head and body, in bytes.
fn http_length(answer: &[u8]) -> io::Result<usize> {
    let text = String::from_utf8_lossy(answer).to_lowercase();
    let head = text.find("\r\n\r\n").ok_or(io::ErrorKind::InvalidData)? + 4;
    let field = text.find("content-length:").ok_or(io::ErrorKind::InvalidData)?;
    let value = text[field + 15..].lines().next().unwrap_or_default();
    let body: usize = value.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(head + body)
}

fn socket_of(link: &Link) -> BorrowedFd<'_> {
    match link {
        Link::Plain(socket) => socket.as_fd(),
        Link::Tls(stream) => stream.sock.as_fd(),
    }
}
