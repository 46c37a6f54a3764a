//! Frame: what a coroutine in Rust has in place of a frame. It names asyncio's function.
//!
//! Stacks and call graphs consist of frames. This one tells the function and its place in asyncio.

use crate::ffi::class::{Members, getter, type_cell};
use crate::ffi::error::Builtin;
use crate::ffi::with_gil::WithGil;
use crate::ffi::{Class, Name, Object, Own, Result, Slot, Visitor, dict};
use crate::stdlib;
use std::cell::RefCell;
use std::ffi::CStr;

static AWAITED: Name = Name::new(c"cr_await");
static CODE: Name = Name::new(c"__code__");
static FIRST_LINE: Name = Name::new(c"co_firstlineno");
static GLOBALS: Name = Name::new(c"__globals__");
static QUALNAME: Name = Name::new(c"__qualname__");

/// The functions of asyncio that have coroutines in Rust, with their qualified names.
static ORIGINALS: WithGil<RefCell<Vec<(String, Object)>>> = WithGil::new(RefCell::new(Vec::new()));

/// Registers a function.
pub fn remember(original: &Object) -> Result<()> {
    let name = original.getattr(&QUALNAME)?.to_text()?;
    ORIGINALS.get().borrow_mut().push((name, original.clone()));
    Ok(())
}

/// The function of asyncio with a qualified name.
pub fn original(name: &str) -> Option<Object> {
    let originals = ORIGINALS.get().borrow();
    originals.iter().find(|(known, _)| known == name).map(|(_, original)| original.clone())
}

/// The code of the function of asyncio with a qualified name; or None.
pub fn code(name: &str) -> Result {
    original(name).map_or(Ok(Object::none()), |original| original.getattr(&CODE))
}

/// The body of a Frame.
#[derive(Default)]
pub struct Frame {
    original: Slot,
    coroutine: Slot,
}

impl Frame {
    /// The frame for a coroutine of the function with a qualified name; or None.
    pub fn of(coroutine: &Object, name: &str) -> Result {
        match original(name) {
            Some(original) => {
                let body = Frame { original: Slot::new(original), coroutine: Slot::new(coroutine.clone()) };
                Own::new(body).map(Own::into_object)
            }
            None => Ok(Object::none()),
        }
    }
}

impl Class for Frame {
    const NAME: &'static CStr = c"ferrio._core.Frame";
    const DOC: &'static CStr = c"What a coroutine in Rust shows in place of a frame.";
    const CALLABLE: bool = false;
    type_cell!();

    fn empty() -> Self {
        Frame::default()
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.original);
        visitor.slot(&self.coroutine);
    }

    fn clear(&self) {
        self.original.clear();
        self.coroutine.clear();
    }

    fn members() -> Members {
        let code = |this: &Own<Frame>| this.original.get_or_none().getattr(&CODE);
        Members {
            methods: vec![],
            properties: vec![
                getter::<Frame, _>(c"f_code", code),
                getter::<Frame, _>(c"f_lineno", |this| {
                    let code = this.original.get_or_none().getattr(&CODE)?;
                    if this.coroutine.get_or_none().getattr(&AWAITED)?.is_none() {
                        return code.getattr(&FIRST_LINE);
                    }
                    match stdlib::WAITING_LINE.get() {
                        Ok(waiting_line) => waiting_line.call(&[&code]),
                        // At its end, the interpreter imports nothing.
                        Err(raised) if raised.is(Builtin::Import) => {
                            raised.discard();
                            code.getattr(&FIRST_LINE)
                        }
                        Err(raised) => Err(raised),
                    }
                }),
                getter::<Frame, _>(c"f_globals", |this| this.original.get_or_none().getattr(&GLOBALS)),
                getter::<Frame, _>(c"f_locals", |_| dict::new()),
                getter::<Frame, _>(c"f_generator", |this| Ok(this.coroutine.get_or_none())),
                getter::<Frame, _>(c"f_back", |_| Ok(Object::none())),
            ],
            slots: vec![],
        }
    }
}
