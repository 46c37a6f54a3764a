//! TLS, from the socket to the protocol.

use super::{DO_HANDSHAKE, FLUSHING, SHUTDOWN, TlsProtocol, WRAPPED, wants_more};
use crate::ffi::buffer::{Buffer, bytes_of};
use crate::ffi::error::{raise_imported, runtime_error};
use crate::ffi::openssl::{Connection, Outcome};
use crate::ffi::{Name, Object, Own, Result, bytes, deque};
use crate::stdlib::{self, CONNECTION_ABORTED_ERROR, JOIN, PAUSE_READING, READ, RESUME_READING, WRITE};

static HANDSHAKE_STEP: Name = Name::new(c"_do_handshake");
static FLUSH_STEP: Name = Name::new(c"_do_flush");
static SHUTDOWN_STEP: Name = Name::new(c"_do_shutdown");
static CALL_EOF_RECEIVED: Name = Name::new(c"_call_eof_received");
static START_SHUTDOWN: Name = Name::new(c"_start_shutdown");

/// The most data that a TLS record has, in bytes (RFC 8446, 5.1).
const RECORD: i64 = 16 * 1024;

/// How many bytes of answers may wait for a peer that does not read them. A peer may request new keys any number of
/// times (RFC 8446, 4.6.3), and each request needs an answer.
const MOST_ANSWERS: i64 = 64 * 1024;

/// The result of reading a record.
enum Record {
    Data(Object),
    /// There is no complete record.
    Incomplete,
    /// The peer sends no more.
    CloseNotify,
    Failed(Object),
}

impl Own<TlsProtocol> {
    /// Records or parts of records have arrived.
    pub fn received(&self, data: &Object) -> Result<()> {
        match (self.connection(), bytes_of(data)) {
            (Some(connection), Some(records)) if connection.feed(records) => {}
            // This reports that there is no memory, and that the data are not bytes.
            _ => drop(self.incoming.get_or_none().method1(&WRITE, data)?),
        }
        if self.is_in(&[&WRAPPED])? {
            return self.do_read();
        }
        for (state, step) in
            [(&DO_HANDSHAKE, &HANDSHAKE_STEP), (&FLUSHING, &FLUSH_STEP), (&SHUTDOWN, &SHUTDOWN_STEP)]
        {
            if self.is_in(&[state])? {
                return self.as_object().method0(step).map(drop);
            }
        }
        Ok(())
    }

    /// `_do_read()`: passes the data to the protocol, and sends the records that this has caused.
    pub(super) fn do_read(&self) -> Result<()> {
        if !self.is_in(&[&WRAPPED, &FLUSHING])? {
            return Ok(());
        }
        let read = self.read_unless_paused().and_then(|()| self.control_ssl_reading());
        read.or_else(|raised| self.fatal(raised))
    }

    fn read_unless_paused(&self) -> Result<()> {
        if self.app_reading_paused.get() {
            return Ok(());
        }
        if self.app_protocol_is_buffer.get() {
            self.read_into_protocol()?;
        } else {
            self.read_copied()?;
        }
        if self.has_backlog()? {
            self.do_write()?;
        } else {
            self.process_outgoing()?;
        }
        if self.ssl_writing_paused.get() { self.check_answers() } else { Ok(()) }
    }

    /// `ConnectionAbortedError` if the peer sends requests and does not read the answers.
    fn check_answers(&self) -> Result<()> {
        if self.unsent()? - self.outgoing_written.get() <= MOST_ANSWERS {
            return Ok(());
        }
        Err(raise_imported(&CONNECTION_ABORTED_ERROR, "the peer does not read the answers to its TLS messages"))
    }

    /// Decrypts everything; the protocol gets one bytes object.
    fn read_copied(&self) -> Result<()> {
        let mut chunks: Vec<Object> = Vec::new();
        let end = match self.connection() {
            Some(connection) => self.read_directly(&connection, &mut chunks),
            None => loop {
                match self.read_record(RECORD) {
                    Record::Data(chunk) => chunks.push(chunk),
                    end => break end,
                }
            },
        };
        let data = match chunks.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            several => Some(Object::bytes(b"")?.method1(&JOIN, &Object::list(several.iter().cloned())?)?),
        };
        if let Some(data) = data {
            self.app_protocol.get_or_none().method1(&stdlib::DATA_RECEIVED, &data)?;
        }
        self.finish_reading(end)
    }

    /// Decrypts everything with OpenSSL's own functions, as a rule into one bytes object.
    fn read_directly(&self, connection: &Connection, chunks: &mut Vec<Object>) -> Record {
        loop {
            // Decrypted data is shorter than its records, so this is enough memory.
            let size = connection.undecrypted() + connection.decrypted();
            let mut outcome = Outcome::NotNow;
            let read = bytes::filled(size, |buffer| {
                let (count, last) = connection.read(buffer);
                outcome = last;
                Ok(count)
            });
            match read.unwrap_or_default() {
                Some(Ok(chunk)) => chunks.push(chunk),
                Some(Err(raised)) => return Record::Failed(raised.take()),
                None => {}
            }
            match outcome {
                Outcome::Done(_) if connection.is_drained() => return Record::Incomplete,
                Outcome::Done(_) => {}
                Outcome::NotNow => return Record::Incomplete,
                Outcome::Ask => match self.ask(RECORD) {
                    Record::Data(chunk) => chunks.push(chunk),
                    end => return end,
                },
            }
        }
    }

    /// Decrypts everything into the protocol's buffers, with as many calls as necessary.
    ///
    /// asyncio fills one buffer, and leaves the rest for later. If the stream ends before that, the rest is lost.
    fn read_into_protocol(&self) -> Result<()> {
        // The protocol may change the state meanwhile.
        while self.is_in(&[&WRAPPED, &FLUSHING])? && !self.app_reading_paused.get() && self.has_records()? {
            if !self.app_protocol_is_buffer.get() {
                // The protocol was replaced meanwhile.
                return self.read_copied();
            }
            let protocol = self.app_protocol.get_or_none();
            let hint = Object::int(self.undecrypted()?)?;
            let object = protocol.method1(&stdlib::GET_BUFFER, &hint)?;
            let mut buffer = Buffer::to_receive(&object)?;
            let size = buffer.as_slice().len();
            if size == 0 {
                return Err(runtime_error("get_buffer() returned an empty buffer"));
            }
            let (filled, end) = self.fill(&mut buffer);
            drop(buffer);
            if filled > 0 {
                protocol.method1(&stdlib::BUFFER_UPDATED, &Object::int(filled as i64)?)?;
            }
            self.finish_reading(end)?;
            if filled < size {
                break;
            }
        }
        Ok(())
    }

    /// Decrypts into a buffer, until it is full. Returns how many bytes it has then, and why it has no more.
    fn fill(&self, buffer: &mut Buffer) -> (usize, Record) {
        let size = buffer.as_slice().len();
        let mut filled = 0;
        let connection = self.connection();
        while filled < size {
            let record = match &connection {
                Some(connection) => {
                    let (count, outcome) = connection.read(&mut buffer.as_uninit()[filled..]);
                    filled += count;
                    match outcome {
                        Outcome::Done(_) | Outcome::NotNow => break,
                        Outcome::Ask => self.ask((size - filled) as i64),
                    }
                }
                None => self.read_record((size - filled) as i64),
            };
            match record {
                Record::Data(chunk) => filled += buffer.fill(filled, bytes_of(&chunk).unwrap_or_default()),
                end => return (filled, end),
            }
        }
        (filled, Record::Incomplete)
    }

    /// Handles the end of reading.
    fn finish_reading(&self, end: Record) -> Result<()> {
        match end {
            Record::Data(_) | Record::Incomplete => Ok(()),
            Record::Failed(exception) => Err(exception.raise()),
            Record::CloseNotify => {
                self.as_object().method0(&CALL_EOF_RECEIVED)?;
                self.as_object().method0(&START_SHUTDOWN).map(drop)
            }
        }
    }

    /// Whether there is anything to read, perhaps only a part of a record.
    fn has_records(&self) -> Result<bool> {
        Ok(self.undecrypted()? > 0 || self.decrypted()? > 0)
    }

    /// Reads the data of the next record with the ssl object's method, up to `most` bytes.
    ///
    /// The ssl object is asked only if there is something to read, because it answers "nothing" by an exception.
    fn read_record(&self, most: i64) -> Record {
        let size = self.undecrypted().and_then(|undecrypted| {
            // Data that is decrypted and not read yet comes first.
            if undecrypted == 0 { self.decrypted() } else { Ok(undecrypted) }
        });
        match size {
            Ok(0) => Record::Incomplete,
            // Decrypted data is shorter than its records, so this is enough memory.
            Ok(size) => self.ask(size.min(RECORD).min(most)),
            Err(raised) => Record::Failed(raised.take()),
        }
    }

    /// The ssl object's `read(most)`. An error is kept, because the protocol first gets the data before it.
    fn ask(&self, most: i64) -> Record {
        match self.try_to_ask(most) {
            Ok(Some(chunk)) if bytes_of(&chunk).is_none_or(<[u8]>::is_empty) => Record::CloseNotify,
            Ok(Some(chunk)) => Record::Data(chunk),
            Ok(None) => Record::Incomplete,
            Err(raised) => Record::Failed(raised.take()),
        }
    }

    fn try_to_ask(&self, most: i64) -> Result<Option<Object>> {
        match self.ssl().method1(&READ, &Object::int(most)?) {
            Ok(chunk) => Ok(Some(chunk)),
            Err(raised) if wants_more(&raised)? => {
                raised.discard();
                Ok(None)
            }
            Err(raised) => Err(raised),
        }
    }

    /// Pauses reading from the socket while the protocol leaves too much data.
    pub(super) fn control_ssl_reading(&self) -> Result<()> {
        let size = self.undecrypted()?;
        let transport = self.transport.get_or_none();
        if size > 0 && !self.ssl_reading_paused.get() && !self.incoming_high_water.is_above(size)? {
            self.ssl_reading_paused.set(true);
            transport.method0(&PAUSE_READING)?;
        } else if self.ssl_reading_paused.get() && !self.incoming_low_water.is_below(size)? {
            self.ssl_reading_paused.set(false);
            transport.method0(&RESUME_READING)?;
        }
        Ok(())
    }

    pub(super) fn has_backlog(&self) -> Result<bool> {
        Ok(!deque::is_empty(&self.backlog.get_or_none())?)
    }
}
