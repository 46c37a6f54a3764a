//! The methods of a simulated loop that `ferrio.testing` uses.

use super::super::Loop;
use crate::ffi::class::{Method, Property, getter, method, method0, method1};
use crate::ffi::error::runtime_error;
use crate::ffi::{Args, Object, Result};

/// All of them.
pub(in crate::loop_) fn methods() -> Vec<Method> {
    vec![
        method::<Loop, _>(
            c"_simulate",
            |this, args: &Args<'_>| this.simulate(args.positional()).map(|()| Object::none()),
            c"_simulate($self, time, seed, changes, length, deviations, patience, stuck, trace, /)\n--\n\nHave the loop simulated; before its first run.",
        ),
        method1::<Loop, _>(
            c"_advance",
            |this, seconds| {
                let seconds = seconds.to_f64()?;
                match &this.simulation()?.time {
                    Some(time) => time.set(time.get() + seconds),
                    None => return Err(runtime_error("the loop's clock is the real one")),
                }
                Ok(Object::none())
            },
            c"_advance($self, seconds, /)\n--\n\nMove the virtual clock on.",
        ),
        method1::<Loop, _>(
            c"_hold",
            |this, by| {
                let by = by.to_i64()?;
                let simulation = this.simulation()?;
                simulation.holds.set(simulation.holds.get() + by);
                Ok(Object::none())
            },
            c"_hold($self, by, /)\n--\n\nNote that so many more things are under way outside of the loop.",
        ),
        method1::<Loop, _>(
            c"_set_gate",
            |this, gate| {
                this.simulation()?.gate.set((!gate.is_none()).then(|| gate.clone()));
                Ok(Object::none())
            },
            c"_set_gate($self, gate, /)\n--\n\nAsk before each handle and task: True runs it, False drops it, None sets it aside.",
        ),
        method1::<Loop, _>(
            c"_set_watch",
            |this, watch| {
                this.simulation()?.watch.set((!watch.is_none()).then(|| watch.clone()));
                Ok(Object::none())
            },
            c"_set_watch($self, watch, /)\n--\n\nCall this after each entry has run.",
        ),
        method0::<Loop, _>(
            c"_put_back",
            |this| {
                let set_aside = this.simulation()?.set_aside.take();
                set_aside.into_iter().for_each(|entry| this.ready.borrow_mut().push(entry));
                Ok(Object::none())
            },
            c"_put_back($self, /)\n--\n\nHave run what the gate has set aside; it is asked again.",
        ),
        method0::<Loop, _>(
            c"_timers",
            |this| {
                let timers: Vec<Object> =
                    this.timers.borrow().iter().map(|timer| timer.as_object().clone()).collect();
                Object::list(timers)
            },
            c"_timers($self, /)\n--\n\nReturn the handles that wait for their time, those that are cancelled among them.",
        ),
        method0::<Loop, _>(
            c"_watches_descriptors",
            |this| Ok(Object::bool(this.registrations.borrow().are_any_public())),
            c"_watches_descriptors($self, /)\n--\n\nReturn whether the program has the loop watch any descriptor.",
        ),
        method0::<Loop, _>(
            c"_deviations",
            |this| {
                let simulation = this.simulation()?;
                let schedule = simulation.schedule.borrow();
                let pairs = schedule.deviations().iter().map(|deviation| {
                    let (choice, index) = (deviation.choice as i64, i64::from(deviation.index));
                    Object::tuple([Object::int(choice)?, Object::int(index)?])
                });
                Object::list(pairs.collect::<Result<Vec<_>>>()?)
            },
            c"_deviations($self, /)\n--\n\nReturn the choices that were not the first candidate, as (choice, index).",
        ),
        method0::<Loop, _>(
            c"_widths",
            |this| {
                let simulation = this.simulation()?;
                let schedule = simulation.schedule.borrow();
                let widths = schedule.widths().iter().map(|width| Object::int(i64::from(*width)));
                Object::list(widths.collect::<Result<Vec<_>>>()?)
            },
            c"_widths($self, /)\n--\n\nReturn how many candidates each choice had.",
        ),
    ]
}

/// The properties beside them.
pub(in crate::loop_) fn properties() -> Vec<Property> {
    vec![getter::<Loop, _>(c"_holds", |this| Object::int(this.simulation()?.holds.get()))]
}
