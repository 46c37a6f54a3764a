//! The load client of the benchmarks, and servers to measure a loop against.
//!
//! ```text
//! ferrio-bench load ADDRESS --pid PID [--kind KIND] [--size BYTES] [--connections N] [--depth N] [--tls]
//!                   [--idle N] [--seconds S] [--warmup S]
//! ferrio-bench serve epoll ADDRESS [echo|sink|source]
//! ferrio-bench serve uring ADDRESS
//! ```
//!
//! An address is `tcp:HOST:PORT`, `unix:PATH` or `udp:HOST:PORT`. `load` prints one line of JSON: how many requests, in
//! how many seconds, and how much CPU time the server (the process PID) took meanwhile. `serve` prints the address that
//! it listens on.

mod address;
mod cpu;
mod epoll_server;
mod link;
mod load;
mod udp;
mod uring_server;

use address::Address;
use lexopt::ValueExt;
use load::{Kind, Plan};
use std::error::Error;
use std::time::Duration;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result {
    raise_descriptor_limit();
    let mut parser = lexopt::Parser::from_env();
    match parser.value()?.string()?.as_str() {
        "load" => {
            let (address, plan) = plan(&mut parser)?;
            let report = match &address {
                Address::Udp(address) => udp::run(*address, &plan)?,
                _ => load::run(&address, &plan)?,
            };
            println!("{}", report.json());
            Ok(())
        }
        "serve" => {
            let kind = parser.value()?.string()?;
            let address: Address = parser.value()?.string()?.parse()?;
            match kind.as_str() {
                "epoll" => {
                    let task = parser.value().ok().map_or(Ok("echo".into()), ValueExt::string)?;
                    epoll_server::run(&address, task.parse()?)
                }
                "uring" => uring_server::run(&address),
                other => Err(format!("there is no server of the kind {other}").into()),
            }
        }
        other => Err(format!("load or serve, not {other}").into()),
    }
}

fn plan(parser: &mut lexopt::Parser) -> Result<(Address, Plan)> {
    let address: Address = parser.value()?.string()?.parse()?;
    let mut plan = Plan::default();
    while let Some(argument) = parser.next()? {
        let lexopt::Arg::Long(name) = argument else { return Err("an option is expected".into()) };
        match name.to_owned().as_str() {
            "pid" => plan.pid = parser.value()?.parse()?,
            "kind" => plan.kind = parser.value()?.string()?.parse::<Kind>()?,
            "size" => plan.size = parser.value()?.parse()?,
            "connections" => plan.connections = parser.value()?.parse()?,
            "depth" => plan.depth = parser.value()?.parse()?,
            "idle" => plan.idle = parser.value()?.parse()?,
            "tls" => plan.tls = true,
            "seconds" => plan.window = Duration::from_secs_f64(parser.value()?.parse()?),
            "warmup" => plan.warmup = Duration::from_secs_f64(parser.value()?.parse()?),
            other => return Err(format!("there is no option --{other}").into()),
        }
    }
    Ok((address, plan))
}

/// Each connection needs a descriptor.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If this fails, a measurement with too many connections fails with a message.
    let _ = setrlimit(Resource::Nofile, limit);
}
