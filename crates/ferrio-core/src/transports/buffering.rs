//! Buffering: transports that keep unsent data. The loop sends it when the descriptor takes more.

use super::flow::Flow;
use super::lifecycle::{self, Transport};
use crate::ffi::{Object, Own, Result};
use crate::loop_::Direction;

/// A transport that keeps data which it cannot send at once.
pub trait Buffering: Transport {
    /// The marks at which the protocol is told to pause and to resume writing.
    fn flow(&self) -> &Flow;
    /// How many bytes are unsent.
    fn buffer_size(&self) -> usize;

    /// Sends as much as the descriptor takes. A failure closes the transport.
    fn flush(this: &Own<Self>) -> Result<()>;

    /// Everything is sent.
    fn all_sent(_: &Own<Self>) -> Result<()> {
        Ok(())
    }

    /// Tells the protocol to pause writing if too much is unsent.
    fn maybe_pause_protocol(this: &Own<Self>) -> Result<()> {
        this.base().with_protocol_context(this.as_object(), |context| {
            this.flow().maybe_pause(this.buffer_size(), context)
        })
    }
}

/// Makes the loop send the unsent data as soon as the descriptor takes more.
pub fn start_writing<T: Buffering>(this: &Own<T>) -> Result<()> {
    let base = this.base();
    if !base.writing.get()
        && let Some(loop_) = base.loop_()
    {
        let descriptor = base.descriptor.to_watch()?;
        base.adopt_write_context()?;
        loop_.watch_native(descriptor, Direction::Write, this.as_object(), write_ready::<T>)?;
        base.writing.set(true);
    }
    Ok(())
}

/// The descriptor takes more.
fn write_ready<T: Buffering>(object: &Object) -> Result<()> {
    let this = Own::<T>::expect(object)?;
    let base = this.base();
    if base.is_lost() || !base.writing.get() {
        return Ok(());
    }
    base.in_write_context(|| {
        T::flush(this)?;
        if base.is_lost() {
            return Ok(());
        }
        base.with_protocol_context(object, |context| this.flow().maybe_resume(this.buffer_size(), context))?;
        if this.has_unsent() {
            return Ok(());
        }
        base.stop_watching(object, Direction::Write);
        T::all_sent(this)?;
        if base.closing.get() { lifecycle::schedule_connection_lost(this, None) } else { Ok(()) }
    })
}
