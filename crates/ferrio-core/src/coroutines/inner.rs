//! InnerCoroutine: the coroutine that a Coroutine seems to await, if asyncio's version consists of several.
//!
//! In asyncio, `wait()` awaits `_wait()`, and call graphs show both. Here they are one coroutine.

use super::Coroutine;
use crate::ffi::class::{Members, getter, type_cell};
use crate::ffi::{Class, Object, Own, Result, Slot, Visitor};
use std::cell::Cell;
use std::ffi::CStr;

/// The body of an InnerCoroutine.
#[derive(Default)]
pub struct Inner {
    coroutine: Slot<Own<Coroutine>>,
    depth: Cell<usize>,
}

impl Inner {
    /// What call graphs show at a depth: a part of the function, or what the last part awaits.
    pub fn of(coroutine: &Own<Coroutine>, depth: usize) -> Result {
        if depth >= coroutine.names.len() {
            return Ok(coroutine.awaited());
        }
        let body = Inner { coroutine: Slot::new(coroutine.clone()), depth: Cell::new(depth) };
        Own::new(body).map(Own::into_object)
    }
}

impl Own<Inner> {
    /// Shows something of the coroutine. `what` gets the coroutine and the qualified name of the part.
    fn show(&self, what: impl FnOnce(&Own<Coroutine>, &str) -> Result) -> Result {
        match self.coroutine.get() {
            Some(coroutine) => {
                what(&coroutine, coroutine.names.get(self.depth.get()).copied().unwrap_or_default())
            }
            None => Ok(Object::none()),
        }
    }
}

impl Class for Inner {
    const NAME: &'static CStr = c"ferrio._core.InnerCoroutine";
    const DOC: &'static CStr = c"A part of a coroutine that asyncio has as one of its own.";
    const CALLABLE: bool = false;
    type_cell!();

    fn empty() -> Self {
        Inner::default()
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.coroutine);
    }

    fn clear(&self) {
        self.coroutine.clear();
    }

    fn members() -> Members {
        Members {
            methods: vec![],
            properties: vec![
                getter::<Inner, _>(c"__class__", |_| Ok(Object::coroutine_type())),
                getter::<Inner, _>(c"cr_frame", |this| {
                    this.show(|_, name| super::Frame::of(this.as_object(), name))
                }),
                getter::<Inner, _>(c"cr_code", |this| this.show(|_, name| super::frame::code(name))),
                getter::<Inner, _>(c"cr_await", |this| {
                    this.show(|coroutine, _| Inner::of(coroutine, this.depth.get() + 1))
                }),
            ],
            slots: vec![],
        }
    }
}
