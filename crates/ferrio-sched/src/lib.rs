//! The data structures by which an event loop schedules, without Python and without system calls.
//!
//! - [`ready`]: what runs in this iteration and what waits for the next one;
//! - [`schedule`]: in which of the allowed orders a simulated loop runs what is ready;
//! - [`timers`]: deadlines, in order of time and then of creation, with lazy cancellation;
//! - [`remote_queue`]: work from other threads, with one wake-up for many calls;
//! - [`thread_semaphore`]: the semaphore that an executor's threads wait for;
//! - [`deadline`]: how long the poller may sleep;
//! - [`lag`]: how long a loop did not look at the outside;
//! - [`separator`]: where a record in a stream's buffer ends.
//!
//! Only the loop's thread may use them, except [`remote_queue`] and [`thread_semaphore`].

#![forbid(unsafe_code)]

pub mod deadline;
pub mod lag;
pub mod ready;
pub mod remote_queue;
pub mod schedule;
pub mod separator;
pub mod thread_semaphore;
pub mod timers;
