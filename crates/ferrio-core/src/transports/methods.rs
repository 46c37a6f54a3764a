//! The methods that several transport classes have, with asyncio's names.

use super::buffering::Buffering;
use super::lifecycle::{self, Traffic, Transport};
use super::stream::Writer;
use crate::ffi::class::{Property, getter, method, method0, method1, names};
use crate::ffi::error::Builtin;
use crate::ffi::{Name, Object, Own, Replaceable, Result, Signature};
use crate::stdlib::{self, JOIN};

static GET_EXTRA_INFO: Signature = Signature {
    name: "BaseTransport.get_extra_info",
    parameters: &["name", "default"],
    positional: 2,
    required: 1,
    variadic: false,
};
static SET_WRITE_BUFFER_LIMITS: Signature = Signature {
    name: "_FlowControlMixin.set_write_buffer_limits",
    parameters: &["high", "low"],
    positional: 2,
    required: 0,
    variadic: false,
};

/// asyncio's transports inherit this method alone of the public class, so that tests replace it there.
static EXTRA_INFO: Replaceable = Replaceable::new(&stdlib::TRANSPORT, Name::new(c"get_extra_info"));

/// Notes what asyncio has, before a program can replace it.
pub fn register() -> Result<()> {
    EXTRA_INFO.remember()
}

/// `_paused`, which asyncio's transports have.
pub fn paused<T: Transport>() -> Property {
    getter::<T, _>(c"_paused", |this| Ok(Object::bool(this.base().paused.get())))
}

/// The property `_loop`, which every transport has.
pub fn loop_of<T: Transport>() -> Property {
    getter::<T, _>(c"_loop", |this| Ok(this.base().loop_().map_or_else(Object::none, Own::into_object)))
}

/// The property `_traffic`: bytes received, sent and waiting to be sent.
pub fn traffic<T: Transport>() -> Property {
    getter::<T, _>(c"_traffic", |this| {
        let Traffic { received, sent, unsent } = this.traffic();
        Object::tuple([Object::int(received as i64)?, Object::int(sent as i64)?, Object::int(unsent as i64)?])
    })
}

/// Methods of every transport.
pub fn common<T: Transport>() -> Vec<crate::ffi::class::Method> {
    vec![
        method::<T, _>(
            c"get_extra_info",
            |this, args| {
                let ([name], [default], _) = args.bind::<1, 1>(&GET_EXTRA_INFO)?;
                if let Some(replacement) = EXTRA_INFO.replaced()? {
                    let arguments: Vec<&Object> = [name].into_iter().chain(default).collect();
                    return Replaceable::call(&replacement, this.as_object(), &arguments);
                }
                let default = default.cloned().unwrap_or_else(Object::none);
                T::extra_info(this, name, &default)
            },
            c"get_extra_info($self, name, default=None)\n--\n\nReturn information about the transport: 'socket', 'sockname', 'peername', 'pipe'.",
        ),
        method0::<T, _>(
            c"is_closing",
            |this| Ok(Object::bool(this.base().closing.get())),
            c"is_closing($self, /)\n--\n\nReturn True if the transport is closing or closed.",
        ),
        method0::<T, _>(
            c"close",
            |this| lifecycle::close(this).map(|()| Object::none()),
            c"close($self, /)\n--\n\nClose the transport when all data is sent.",
        ),
        method1::<T, _>(
            c"set_protocol",
            |this, protocol| T::adopt_protocol(this, protocol).map(|()| Object::none()),
            c"set_protocol($self, protocol, /)\n--\n\nSet a new protocol.",
        ),
        method0::<T, _>(
            c"get_protocol",
            |this| Ok(this.base().protocol()),
            c"get_protocol($self, /)\n--\n\nReturn the protocol.",
        ),
        names::<T>(),
    ]
}

/// Methods of transports that keep unsent data.
pub fn buffering<T: Buffering>() -> Vec<crate::ffi::class::Method> {
    vec![
        method0::<T, _>(
            c"abort",
            |this| lifecycle::force_close(this, None).map(|()| Object::none()),
            c"abort($self, /)\n--\n\nClose the transport at once. Unsent data is lost.",
        ),
        method0::<T, _>(
            c"get_write_buffer_size",
            |this| {
                T::send_due(this)?;
                Object::int(this.buffer_size() as i64)
            },
            c"get_write_buffer_size($self, /)\n--\n\nReturn how many bytes are unsent.",
        ),
        method0::<T, _>(
            c"get_write_buffer_limits",
            |this| this.flow().limits(),
            c"get_write_buffer_limits($self, /)\n--\n\nReturn the low- and high-water marks in bytes.",
        ),
        method::<T, _>(
            c"set_write_buffer_limits",
            |this, args| {
                let ([], [high, low], _) = args.bind::<0, 2>(&SET_WRITE_BUFFER_LIMITS)?;
                T::send_due(this)?;
                this.flow().set_limits(high, low)?;
                T::maybe_pause_protocol(this)?;
                Ok(Object::none())
            },
            c"set_write_buffer_limits($self, high=None, low=None)\n--\n\nSet the marks in bytes at which the protocol is told to pause and to resume writing.\nValueError unless high >= low >= 0.",
        ),
    ]
}

/// Methods of transports that receive a stream.
pub fn reading<T: Transport>() -> Vec<crate::ffi::class::Method> {
    vec![
        method0::<T, _>(
            c"is_reading",
            |this| Ok(Object::bool(this.wants_to_read())),
            c"is_reading($self, /)\n--\n\nReturn True if the protocol gets received data.",
        ),
        method0::<T, _>(
            c"pause_reading",
            |this| {
                lifecycle::pause_reading(this);
                Ok(Object::none())
            },
            c"pause_reading($self, /)\n--\n\nStop passing received data to the protocol.",
        ),
        method0::<T, _>(
            c"resume_reading",
            |this| lifecycle::resume_reading(this).map(|()| Object::none()),
            c"resume_reading($self, /)\n--\n\nPass received data to the protocol again.",
        ),
    ]
}

/// Methods of transports that send a stream.
pub fn writing<T: Writer>() -> Vec<crate::ffi::class::Method> {
    vec![
        method1::<T, _>(
            c"write",
            |this, data| T::write(this, data).map(|()| Object::none()),
            c"write($self, data, /)\n--\n\nWrite bytes. Data that cannot be sent at once waits in a buffer.",
        ),
        method1::<T, _>(
            c"writelines",
            |this, chunks| T::writelines(this, chunks).map(|()| Object::none()),
            c"writelines($self, list_of_data, /)\n--\n\nWrite an iterable of bytes.",
        ),
        method0::<T, _>(
            c"write_eof",
            |this| T::write_eof(this).map(|()| Object::none()),
            c"write_eof($self, /)\n--\n\nClose the writing end when all data is sent.",
        ),
        method0::<T, _>(
            c"can_write_eof",
            |_| Ok(Object::bool(true)),
            c"can_write_eof($self, /)\n--\n\nReturn True: the writing end can be closed.",
        ),
    ]
}

/// The methods of asyncio.Transport that a transport does not support.
fn not_implemented<T>(_: &T) -> Result {
    Err(Builtin::NotImplemented.class().call0()?.raise())
}

/// The methods of [`reading`], for transports that only write: asyncio's have the names.
pub fn not_reading<T: Transport>() -> Vec<crate::ffi::class::Method> {
    vec![
        method0::<T, _>(c"is_reading", not_implemented, c"is_reading($self, /)\n--\n\nRaise NotImplementedError."),
        method0::<T, _>(
            c"pause_reading",
            not_implemented,
            c"pause_reading($self, /)\n--\n\nRaise NotImplementedError.",
        ),
        method0::<T, _>(
            c"resume_reading",
            not_implemented,
            c"resume_reading($self, /)\n--\n\nRaise NotImplementedError.",
        ),
    ]
}

/// The methods of [`writing`], for transports of datagrams: asyncio's have the names.
pub fn not_writing<T: Transport>() -> Vec<crate::ffi::class::Method> {
    vec![
        method1::<T, _>(
            c"write",
            |this, _| not_implemented(this),
            c"write($self, data, /)\n--\n\nRaise NotImplementedError.",
        ),
        method1::<T, _>(
            c"writelines",
            |this, chunks| {
                Object::bytes(b"")?.method1(&JOIN, chunks)?;
                not_implemented(this)
            },
            c"writelines($self, list_of_data, /)\n--\n\nRaise NotImplementedError.",
        ),
        method0::<T, _>(c"write_eof", not_implemented, c"write_eof($self, /)\n--\n\nRaise NotImplementedError."),
        method0::<T, _>(
            c"can_write_eof",
            not_implemented,
            c"can_write_eof($self, /)\n--\n\nRaise NotImplementedError.",
        ),
    ]
}
