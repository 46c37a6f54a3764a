//! Flow control of writing: the marks at which the protocol is told to stop and to go on.

use crate::debug::Report;
use crate::ffi::error::value_error;
use crate::ffi::{Name, Object, Result};
use crate::stdlib;
use std::cell::Cell;

/// The high-water mark in bytes unless the user sets another; asyncio's.
const HIGH_WATER: usize = 64 * 1024;

/// The low-water mark is the high one divided by this, and the high one the low one times this.
const WATER_RATIO: usize = 4;

/// The marks, and whether the protocol was told to stop.
pub struct Flow {
    low: Cell<usize>,
    high: Cell<usize>,
    paused: Cell<bool>,
}

impl Default for Flow {
    fn default() -> Self {
        Flow { low: Cell::new(HIGH_WATER / WATER_RATIO), high: Cell::new(HIGH_WATER), paused: Cell::new(false) }
    }
}

impl Flow {
    /// `(low, high)`.
    pub fn limits(&self) -> Result {
        Object::tuple([Object::int(self.low.get() as i64)?, Object::int(self.high.get() as i64)?])
    }

    /// The high-water mark, in bytes.
    #[inline]
    pub fn high_water(&self) -> usize {
        self.high.get()
    }

    /// Whether the protocol was told to stop.
    pub fn is_paused(&self) -> bool {
        self.paused.get()
    }

    /// `set_write_buffer_limits(high, low)`. `ValueError` unless high >= low >= 0.
    pub fn set_limits(&self, high: Option<&Object>, low: Option<&Object>) -> Result<()> {
        let number = |object: Option<&Object>| match object {
            Some(object) if !object.is_none() => object.to_i64().map(Some),
            _ => Ok(None),
        };
        let (high, low) = (number(high)?, number(low)?);
        let ratio = WATER_RATIO as i64;
        let high = high.unwrap_or_else(|| low.map_or(HIGH_WATER as i64, |low| low.saturating_mul(ratio)));
        let low = low.unwrap_or(high.div_euclid(ratio));
        if !(high >= low && low >= 0) {
            return Err(value_error(&format!("high ({high}) must be >= low ({low}) must be >= 0")));
        }
        self.high.set(high as usize);
        self.low.set(low as usize);
        Ok(())
    }

    /// Tells the protocol to stop if more than the high-water mark waits.
    #[inline]
    pub fn maybe_pause(&self, size: usize, context: &ProtocolContext<'_>) -> Result<()> {
        if size > self.high.get() && !self.paused.replace(true) {
            return context.tell(&stdlib::PAUSE_WRITING, "protocol.pause_writing() failed");
        }
        Ok(())
    }

    /// Tells the protocol to go on if no more than the low-water mark waits.
    #[inline]
    pub fn maybe_resume(&self, size: usize, context: &ProtocolContext<'_>) -> Result<()> {
        if self.paused.get() && size <= self.low.get() {
            self.paused.set(false);
            return context.tell(&stdlib::RESUME_WRITING, "protocol.resume_writing() failed");
        }
        Ok(())
    }
}

/// Who is told, and who hears of a failure.
pub struct ProtocolContext<'call> {
    pub loop_: &'call Object,
    pub transport: &'call Object,
    pub protocol: &'call Object,
}

impl ProtocolContext<'_> {
    #[cold]
    fn tell(&self, method: &Name, failure: &str) -> Result<()> {
        let Err(raised) = self.protocol.method0(method) else { return Ok(()) };
        let exception = raised.take();
        if exception.is_exit() {
            return Err(exception.raise());
        }
        self.report(failure, &exception)
    }

    /// Reports an exception of the protocol to the loop's handler.
    pub fn report(&self, message: &str, exception: &Object) -> Result<()> {
        let report = Report::new(&[&message])?;
        report.set(c"exception", exception)?;
        report.set(c"transport", self.transport)?;
        report.set(c"protocol", self.protocol)?;
        report.send_handling(self.loop_, exception)
    }
}
