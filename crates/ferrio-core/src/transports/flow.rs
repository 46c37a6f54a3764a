//! Flow: the marks of unsent data at which the protocol is told to pause and to resume writing.

use crate::debug::Report;
use crate::ffi::error::value_error;
use crate::ffi::{Name, Number, Object, Result, Visitor};
use crate::stdlib;
use std::cell::Cell;

/// The default high-water mark, in bytes; asyncio's.
const HIGH_WATER: i64 = 64 * 1024;

/// The default ratio of the high-water mark to the low one; asyncio's.
const WATER_RATIO: i64 = 4;

/// The marks, and whether the protocol was told to pause.
pub struct Flow {
    low: Number,
    high: Number,
    paused: Cell<bool>,
}

impl Default for Flow {
    fn default() -> Self {
        let flow = Flow { low: Number::default(), high: Number::default(), paused: Cell::new(false) };
        flow.low.set(HIGH_WATER / WATER_RATIO);
        flow.high.set(HIGH_WATER);
        flow
    }
}

impl Flow {
    /// `(low, high)`.
    pub fn limits(&self) -> Result {
        Object::tuple([self.low.get()?, self.high.get()?])
    }

    /// The high-water mark, in bytes.
    #[inline]
    pub fn high_water(&self) -> usize {
        self.high.as_size()
    }

    /// Shows its objects to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        self.low.traverse(visitor);
        self.high.traverse(visitor);
    }

    /// Drops its objects.
    pub fn clear(&self) {
        self.low.clear();
        self.high.clear();
    }

    /// Whether the protocol was told to pause.
    pub fn is_paused(&self) -> bool {
        self.paused.get()
    }

    /// `set_write_buffer_limits(high, low)`. `ValueError` unless high >= low >= 0.
    pub fn set_limits(&self, high: Option<&Object>, low: Option<&Object>) -> Result<()> {
        let is_given = |limit: &&Object| !limit.is_none();
        let (high, low) = (high.filter(is_given), low.filter(is_given));
        // Python computes with what is no int of 64 bits.
        let (Some(high_value), Some(low_value)) = (
            high.map_or_else(|| default_high(low), Object::small_int),
            low.map_or_else(|| default_low(high), Object::small_int),
        ) else {
            return self.set_limits_by_asyncio(high, low);
        };
        if !(high_value >= low_value && low_value >= 0) {
            let message = format!("high ({high_value}) must be >= low ({low_value}) must be >= 0");
            return Err(value_error(&message));
        }
        self.high.set(high_value);
        self.low.set(low_value);
        Ok(())
    }

    /// The same by asyncio's code.
    #[cold]
    fn set_limits_by_asyncio(&self, high: Option<&Object>, low: Option<&Object>) -> Result<()> {
        static SET: Name = Name::new(c"_set_write_buffer_limits");
        static HIGH: Name = Name::new(c"_high_water");
        static LOW: Name = Name::new(c"_low_water");
        let transport = stdlib::SIMPLE_NAMESPACE.get()?.call0()?;
        let [high, low] = [high, low].map(|limit| limit.cloned().unwrap_or_else(Object::none));
        stdlib::FLOW_CONTROL.get()?.getattr(&SET)?.call(&[&transport, &high, &low])?;
        let (high, low) = (transport.getattr(&HIGH)?, transport.getattr(&LOW)?);
        self.high.put(&high);
        self.low.put(&low);
        Ok(())
    }

    /// Tells the protocol to pause if more than the high-water mark is unsent.
    #[inline]
    pub fn maybe_pause(&self, size: usize, context: &ProtocolContext<'_>) -> Result<()> {
        if self.high.is_below(size as i64)? && !self.paused.replace(true) {
            return context.call(&stdlib::PAUSE_WRITING, "protocol.pause_writing() failed");
        }
        Ok(())
    }

    /// Tells the protocol to resume if no more than the low-water mark is unsent.
    #[inline]
    pub fn maybe_resume(&self, size: usize, context: &ProtocolContext<'_>) -> Result<()> {
        if self.paused.get() && !self.low.is_below(size as i64)? {
            self.paused.set(false);
            return context.call(&stdlib::RESUME_WRITING, "protocol.resume_writing() failed");
        }
        Ok(())
    }
}

/// The high-water mark for a low one.
fn default_high(low: Option<&Object>) -> Option<i64> {
    low.map_or(Some(HIGH_WATER), |low| low.small_int()?.checked_mul(WATER_RATIO))
}

/// The low-water mark for a high one.
fn default_low(high: Option<&Object>) -> Option<i64> {
    high.map_or(Some(HIGH_WATER), Object::small_int).map(|high| high.div_euclid(WATER_RATIO))
}

/// The protocol to call, and the objects for a report if it raises.
pub struct ProtocolContext<'call> {
    pub loop_: &'call Object,
    pub transport: &'call Object,
    pub protocol: &'call Object,
}

impl ProtocolContext<'_> {
    #[cold]
    fn call(&self, method: &Name, failure: &str) -> Result<()> {
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
