//! Barrier: `wait()`. The rest is asyncio's code, which finds the state under its usual names.

use super::Condition;
use super::condition_wait::{Acquiring, ConditionWait};
use super::owners;
use crate::compat;
use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_method};
use crate::ffi::class::{Members, number_property, property, slot_property, type_cell};
use crate::ffi::error::{impossible, raise_imported, value_error};
use crate::ffi::{
    Args, Class, Member, Name, Number, Object, Own, Raised, Result, Signature, SkippedMethods, Slot, Visitor,
};
use crate::stdlib::{ASYNCIO_BARRIER as ORIGINAL, BARRIER_STATE, BROKEN_BARRIER_ERROR, FERRIO_CONDITION, WAIT};
use std::cell::Cell;
use std::ffi::CStr;

static INIT: Signature =
    Signature { name: "Barrier.__init__", parameters: &["parties"], positional: 1, required: 1, variadic: false };

// asyncio's states.
static FILLING: Member = Member::new(&BARRIER_STATE, c"FILLING");
static DRAINING: Member = Member::new(&BARRIER_STATE, c"DRAINING");
static RESETTING: Member = Member::new(&BARRIER_STATE, c"RESETTING");
static BROKEN: Member = Member::new(&BARRIER_STATE, c"BROKEN");

/// Imports asyncio's class before `install()` replaces it.
pub fn remember_original() -> Result<()> {
    ORIGINAL.get().map(drop)
}

/// The body of a Barrier.
#[derive(Default)]
pub struct Barrier {
    condition: Slot,
    parties: Number,
    state: Slot,
    /// How many tasks are in the barrier.
    count: Cell<i64>,
    is_plain: Cell<bool>,
}

impl Barrier {
    fn slots(&self) -> [&Slot; 2] {
        [&self.condition, &self.state]
    }

    fn is_in(&self, states: &[&'static Member]) -> Result<bool> {
        for state in states {
            if self.state.is(state.get()?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn go_to(&self, state: &'static Member) -> Result<()> {
        self.state.put(state.get()?.clone());
        Ok(())
    }

    /// The condition, if it is one of Ferrio's.
    fn condition(&self) -> Option<Own<Condition>> {
        self.condition.get().and_then(|condition| Own::<Condition>::downcast(&condition).cloned())
    }

    /// A task has left. The last one makes the barrier fill again.
    fn left(&self, condition: &Own<Condition>) -> Result<()> {
        self.count.set(self.count.get() - 1);
        if self.count.get() == 0 {
            if self.is_in(&[&RESETTING, &DRAINING])? {
                self.go_to(&FILLING)?;
            }
            condition.notify(usize::MAX)?;
        }
        Ok(())
    }
}

enum Stage {
    /// Waiting for the condition's lock.
    Entering(Acquiring),
    /// Waiting for the barrier to be drained or reset.
    Blocked(ConditionWait),
    /// Waiting for the others; with the number of this task's place.
    Filling(ConditionWait, i64),
    Over,
}

/// `wait()`.
struct BarrierWait {
    barrier: Own<Barrier>,
    condition: Own<Condition>,
    stage: Stage,
}

impl BarrierWait {
    /// The lock is held: waits while the barrier is drained or reset, then takes a place.
    fn enter(&mut self) -> Result<Poll> {
        let barrier = &self.barrier;
        if barrier.is_in(&[&DRAINING, &RESETTING])? {
            return self.go_on(Stage::Blocked(ConditionWait::new(self.condition.clone())));
        }
        if barrier.is_in(&[&BROKEN])? {
            return Err(raise_imported(&BROKEN_BARRIER_ERROR, "Barrier aborted"));
        }
        let place = barrier.count.get();
        barrier.count.set(place + 1);
        if barrier.parties.is(place + 1)? {
            let released = barrier.go_to(&DRAINING).and_then(|()| self.condition.notify(usize::MAX));
            return self.leave(released.map(|()| place));
        }
        self.fill(place)
    }

    /// Waits until the barrier is full.
    fn fill(&mut self, place: i64) -> Result<Poll> {
        match self.barrier.is_in(&[&FILLING]) {
            Ok(true) => self.go_on(Stage::Filling(ConditionWait::new(self.condition.clone()), place)),
            Ok(false) => {
                let broken = self.barrier.is_in(&[&BROKEN, &RESETTING]);
                let result = broken.and_then(|broken| {
                    if broken {
                        Err(raise_imported(&BROKEN_BARRIER_ERROR, "Abort or reset of barrier"))
                    } else {
                        Ok(place)
                    }
                });
                self.leave(result)
            }
            Err(raised) => self.leave(Err(raised)),
        }
    }

    fn leave(&mut self, result: Result<i64>) -> Result<Poll> {
        let result = result.map_err(Raised::take);
        self.barrier.left(&self.condition)?;
        match result {
            Ok(place) => Object::int(place).map(Poll::Ready),
            Err(exception) => Err(exception.raise()),
        }
    }

    fn go_on(&mut self, stage: Stage) -> Result<Poll> {
        self.stage = stage;
        self.advance(Outcome::Start)
    }

    fn advance(&mut self, outcome: Outcome) -> Result<Poll> {
        match &mut self.stage {
            Stage::Entering(_) | Stage::Over => Err(impossible("wait() of a barrier goes on after its end")),
            Stage::Blocked(wait) => match wait.resume(outcome)? {
                Poll::Ready(_) => self.enter(),
                poll => Ok(poll),
            },
            Stage::Filling(wait, place) => {
                let place = *place;
                match wait.resume(outcome) {
                    Ok(Poll::Ready(_)) => self.fill(place),
                    Ok(poll) => Ok(poll),
                    Err(raised) => self.leave(Err(raised)),
                }
            }
        }
    }
}

impl Operation for BarrierWait {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        let polled = match &mut self.stage {
            Stage::Entering(acquiring) => match acquiring.resume(outcome)? {
                Poll::Ready(_) => self.enter(),
                poll => return Ok(poll),
            },
            _ => self.advance(outcome),
        };
        // The lock is held whenever nothing is awaited.
        match polled {
            Ok(Poll::Ready(place)) => {
                self.stage = Stage::Over;
                self.condition.release()?;
                Ok(Poll::Ready(place))
            }
            Err(raised) => {
                let exception = raised.take();
                self.stage = Stage::Over;
                self.condition.release()?;
                Err(exception.raise())
            }
            poll => poll,
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.barrier);
        visitor.object(&self.condition);
        match &self.stage {
            Stage::Entering(acquiring) => acquiring.traverse(visitor),
            Stage::Blocked(wait) | Stage::Filling(wait, _) => wait.traverse(visitor),
            Stage::Over => {}
        }
    }
}

impl Class for Barrier {
    const NAME: &'static CStr = c"ferrio._core.Barrier";
    const DOC: &'static CStr = c"Barrier(parties)\n--\n\nThe part of ferrio.Barrier that is in Rust.";
    const SUBCLASSABLE: bool = true;
    type_cell!();

    fn empty() -> Self {
        Barrier::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        static BLOCK: Name = Name::new(c"_block");
        static RELEASE: Name = Name::new(c"_release");
        static WAIT: Name = Name::new(c"_wait");
        static EXIT: Name = Name::new(c"_exit");
        static SKIPPED: SkippedMethods = SkippedMethods::new(&[&BLOCK, &RELEASE, &WAIT, &EXIT]);
        let ([parties], [], _) = args.bind::<1, 0>(&INIT)?;
        if Number::new(parties).is_below(1)? {
            return Err(value_error(compat::BARRIER_PARTIES_MESSAGE));
        }
        this.condition.put(FERRIO_CONDITION.get()?.call0()?);
        this.parties.put(parties);
        this.count.set(0);
        this.go_to(&FILLING)?;
        this.is_plain.set(SKIPPED.overridden(this.as_object(), ORIGINAL.get()?)?.is_empty());
        owners::note_origin(this.as_object())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.slots().into_iter().for_each(|slot| visitor.slot(slot));
        self.parties.traverse(visitor);
    }

    fn clear(&self) {
        self.slots().into_iter().for_each(Slot::clear);
        self.parties.clear();
    }

    fn members() -> Members {
        Members {
            methods: vec![],
            properties: vec![
                slot_property::<Barrier, _>(c"_cond", |this| &this.condition),
                number_property::<Barrier, _>(c"_parties", |this| &this.parties),
                slot_property::<Barrier, _>(c"_state", |this| &this.state),
                property::<Barrier, _, _>(
                    c"_count",
                    |this| Object::int(this.count.get()),
                    |this, value| {
                        this.count.set(value.to_i64()?);
                        Ok(())
                    },
                ),
            ],
            slots: vec![],
        }
    }

    fn functions() -> Vec<AsyncioFunctionDefinition> {
        vec![asyncio_method::<Barrier, _>(
            c"wait",
            |this, args| {
                let (true, Some(condition)) = (this.is_plain.get(), this.condition()) else {
                    return args.call_as(&ORIGINAL, &WAIT, this.as_object());
                };
                args.expect_none("Barrier.wait")?;
                let stage = Stage::Entering(condition.acquiring()?);
                Coroutine::start(&["Barrier.wait"], BarrierWait { barrier: this.clone(), condition, stage })
            },
            &ORIGINAL,
        )]
    }
}
