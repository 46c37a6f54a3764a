//! The load client over UDP. Each socket has one datagram in flight.

use crate::load::{Plan, Report, Watch};
use rustix::event::epoll;
use std::error::Error;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// A datagram counts as lost after this time. An answer on the loopback interface takes a small part of it.
const PATIENCE: Duration = Duration::from_millis(200);

/// Runs the plan against a server.
pub fn run(address: SocketAddr, plan: &Plan) -> Result<Report, Box<dyn Error>> {
    let message = vec![b'x'; plan.size];
    let mut incoming = vec![0; 65536];
    let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut sockets = Vec::new();
    for index in 0..plan.connections {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(address)?;
        socket.set_nonblocking(true)?;
        epoll::add(&poller, &socket, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
        socket.send(&message)?;
        sockets.push((socket, Instant::now()));
    }
    let mut events = Vec::with_capacity(1024);
    let mut watch = Watch::new(plan);
    let mut requests = 0;
    loop {
        events.clear();
        let timeout = rustix::event::Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        epoll::wait(&poller, rustix::buffer::spare_capacity(&mut events), Some(&timeout))?;
        for event in &events {
            let (socket, sent) = &mut sockets[event.data.u64() as usize];
            match socket.recv(&mut incoming) {
                Ok(_) => {
                    requests += 1;
                    *sent = Instant::now();
                    send(socket, &message)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        if events.is_empty() {
            for (socket, sent) in &mut sockets {
                if sent.elapsed() > PATIENCE {
                    *sent = Instant::now();
                    send(socket, &message)?;
                }
            }
        }
        if let Some(report) = watch.look(requests, requests * plan.size as u64)? {
            return Ok(report);
        }
    }
}

/// A datagram for which the socket has no room counts as lost.
fn send(socket: &UdpSocket, message: &[u8]) -> io::Result<()> {
    match socket.send(message) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}
