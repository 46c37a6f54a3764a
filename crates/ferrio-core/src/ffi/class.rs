//! Python classes made of Rust structs.
//!
//! An instance is the object header followed by the struct, its *body*. A body's fields are cells: any
//! method may be entered again while it runs Python code, so there is never a `&mut` to a body, and no
//! `RefCell` in one may stay borrowed across a call into Python (dropping an object is such a call).
//!
//! Methods are plain functions. [`method0`] and its kin wrap one into a table entry: the wrapper turns
//! `self` into a typed reference, an error into null and a panic into `RuntimeError`. A function is
//! passed as a value of its own zero-sized type, so that the wrapper calls it directly.

use super::error::{Builtin, raise, type_error};
use super::{Args, Name, Object, Ptr, Raised, Result, Slot};
use crate::coroutines::CounterpartDefinition;
use pyo3_ffi as py;
use std::cell::{Cell, UnsafeCell};
use std::ffi::{CStr, c_int, c_uint, c_ulong, c_void};
use std::marker::PhantomData;
use std::mem::{self, offset_of};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// What a struct needs to be a Python class.
pub trait Class: Sized + 'static {
    /// The qualified name, `ferrio._core.Name`.
    const NAME: &'static CStr;
    /// The docstring.
    const DOC: &'static CStr = c"";
    /// Where the struct has its [`Dict`], if instances have a `__dict__`.
    const DICT: Option<usize> = None;
    /// Where the struct has its [`WeakList`], if instances can be referenced weakly.
    const WEAK: Option<usize> = None;
    /// The attributes that the interpreter reads and writes by itself: their names, and where the struct has
    /// each one's [`Slot`]. One that was deleted is empty.
    const ATTRIBUTES: &'static [(&'static CStr, usize)] = &[];
    /// Whether [`Class::finalize`] does anything.
    const FINALIZES: bool = false;
    /// Whether Python code may derive from it.
    const SUBCLASSABLE: bool = false;
    /// Whether Python code may call the class.
    const CALLABLE: bool = true;

    /// Further flags of the type.
    const FLAGS: c_ulong = 0;
    /// Where the struct has its vectorcall function, if instances are called by one.
    const VECTORCALL: Option<usize> = None;

    /// Whether instances that never come into a cycle stay unknown to the garbage collector: whoever makes
    /// one calls [`Own::track`] before it can.
    const TRACKED_LATER: bool = false;

    /// Where the memory of freed instances is kept for the next ones, if it is.
    fn free_list() -> Option<&'static FreeList> {
        None
    }
    /// Whether `__del__` has anything to do.
    fn wants_finalizer(&self) -> bool {
        true
    }
    /// Where the type object is kept once it is made.
    fn type_cell() -> &'static TypeCell;
    /// The body of an instance before `__init__`.
    fn empty() -> Self;
    /// `__init__`.
    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let _ = (this, args);
        Ok(())
    }
    /// Shows every object that the body holds to the garbage collector.
    fn traverse(&self, visitor: &Visitor<'_>);
    /// Drops every object that may be part of a cycle. The instance may still be used afterwards.
    fn clear(&self);
    /// `__del__`, called once, before anything is cleared.
    fn finalize(this: &Own<Self>) {
        let _ = this;
    }
    /// Methods, properties and further slots.
    fn members() -> Members;
    /// Methods that give coroutines.
    fn functions() -> Vec<CounterpartDefinition> {
        Vec::new()
    }
}

/// The tables of a class.
pub struct Members {
    pub methods: Vec<py::PyMethodDef>,
    pub properties: Vec<py::PyGetSetDef>,
    pub slots: Vec<py::PyType_Slot>,
}

/// Where a class keeps its type object.
pub struct TypeCell(AtomicPtr<py::PyTypeObject>);

impl TypeCell {
    /// Not made yet.
    pub const fn new() -> TypeCell {
        TypeCell(AtomicPtr::new(ptr::null_mut()))
    }

    /// The type object; null before [`make_type`].
    #[inline]
    pub fn get(&self) -> *mut py::PyTypeObject {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for TypeCell {
    fn default() -> Self {
        TypeCell::new()
    }
}

/// Memory of freed instances of one class, each still with its garbage collector's header.
pub struct FreeList(UnsafeCell<Vec<Ptr>>);

// SAFETY: used only with the GIL held.
unsafe impl Sync for FreeList {}

/// How many instances' memory a class keeps.
const FREE_LIST_CAPACITY: usize = 1024;

impl FreeList {
    /// An empty one.
    pub const fn new() -> FreeList {
        FreeList(UnsafeCell::new(Vec::new()))
    }

    #[inline]
    fn take(&self) -> Option<Ptr> {
        // SAFETY: the GIL is held, and nothing is called meanwhile that could come here again.
        unsafe { (*self.0.get()).pop() }
    }

    #[inline]
    fn keep(&self, memory: Ptr) -> bool {
        // SAFETY: as above.
        let list = unsafe { &mut *self.0.get() };
        let has_room = list.len() < FREE_LIST_CAPACITY;
        if has_room {
            list.push(memory);
        }
        has_room
    }
}

/// Declares that a class keeps the memory of freed instances.
macro_rules! free_list {
    () => {
        fn free_list() -> Option<&'static $crate::ffi::class::FreeList> {
            static LIST: $crate::ffi::class::FreeList = $crate::ffi::class::FreeList::new();
            Some(&LIST)
        }
    };
}
pub(crate) use free_list;

/// Declares where a class keeps its type object.
macro_rules! type_cell {
    () => {
        fn type_cell() -> &'static $crate::ffi::class::TypeCell {
            static CELL: $crate::ffi::class::TypeCell = $crate::ffi::class::TypeCell::new();
            &CELL
        }
    };
}
pub(crate) use type_cell;

/// An instance's `__dict__`.
#[derive(Default)]
pub struct Dict(Slot);

impl Dict {
    /// Whether the instance has an attribute of its own.
    pub fn contains(&self, name: &Name) -> Result<bool> {
        if self.0.is_empty() {
            return Ok(false);
        }
        // SAFETY: the interpreter puts nothing but a dict there; a live key.
        match unsafe { py::PyDict_Contains(self.0.ptr(), name.get()?) } {
            -1 => Err(Raised),
            answer => Ok(answer == 1),
        }
    }
}

/// An instance's weak references. The interpreter owns what it points to.
pub struct WeakList(Cell<Ptr>);

impl Default for WeakList {
    fn default() -> Self {
        WeakList(Cell::new(ptr::null_mut()))
    }
}

/// What the interpreter's allocator aligns objects to, in bytes.
const OBJECT_ALIGNMENT: usize = 16;

/// The memory of an instance.
#[repr(C)]
pub struct Instance<T> {
    header: py::PyObject,
    body: T,
}

/// A strong reference to an instance of a class.
#[repr(transparent)]
pub struct Own<T>(Object, PhantomData<T>);

impl<T> Clone for Own<T> {
    #[inline]
    fn clone(&self) -> Self {
        Own(self.0.clone(), PhantomData)
    }
}

impl<T> Deref for Own<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: an Own is only made of instances of T's class or of one derived from it.
        unsafe { &(*self.0.as_ptr().cast::<Instance<T>>()).body }
    }
}

impl<T> Own<T> {
    /// The instance as any object.
    #[inline]
    pub fn as_object(&self) -> &Object {
        &self.0
    }

    /// The instance as any object.
    #[inline]
    pub fn into_object(self) -> Object {
        self.0
    }

    /// The pointer, still owned by this reference.
    #[inline]
    pub fn as_ptr(&self) -> Ptr {
        self.0.as_ptr()
    }

    /// Looks at an object that is known to be an instance.
    ///
    /// # Safety
    /// The object is an instance of T's class or of one derived from it.
    #[inline]
    pub unsafe fn from_ref_unchecked(object: &Object) -> &Own<T> {
        // SAFETY: an Own is an Object and nothing else.
        unsafe { &*ptr::from_ref(object).cast::<Own<T>>() }
    }
}

impl<T: Class> Own<T> {
    /// Makes an instance of the class itself.
    #[inline]
    pub fn new(body: T) -> Result<Own<T>> {
        let class = T::type_cell().get();
        // SAFETY: a type with GC; the object is not yet tracked, so nobody sees it before the body is
        // written. `_PyObject_GC_New` counts the reference to its type.
        unsafe {
            let object = match T::free_list().and_then(FreeList::take) {
                Some(memory) => py::PyObject_Init(memory, class).cast(),
                None => py::PyObject_GC_New::<Instance<T>>(class),
            };
            if object.is_null() {
                return Err(Raised);
            }
            ptr::write(&raw mut (*object).body, body);
            if !T::TRACKED_LATER {
                py::PyObject_GC_Track(object.cast());
            }
            Ok(Own(Object::owned(object.cast())?, PhantomData))
        }
    }

    /// Makes the instance known to the garbage collector, if it is not.
    #[inline]
    pub fn track(&self) {
        // SAFETY: an instance with a collector's header and a whole body.
        unsafe {
            if py::PyObject_GC_IsTracked(self.as_ptr()) == 0 {
                py::PyObject_GC_Track(self.as_ptr().cast());
            }
        }
    }

    /// The object as an instance, if it is one, of a derived class too.
    #[inline]
    pub fn downcast(object: &Object) -> Option<&Own<T>> {
        let class = T::type_cell().get();
        // SAFETY: live objects; checked.
        unsafe {
            (object.type_ptr() == class || py::PyType_IsSubtype(object.type_ptr(), class) != 0)
                .then(|| Own::from_ref_unchecked(object))
        }
    }

    /// The object as an instance, if it is one of the class itself.
    #[inline]
    pub fn downcast_exact(object: &Object) -> Option<&Own<T>> {
        // SAFETY: checked.
        (object.type_ptr() == T::type_cell().get()).then(|| unsafe { Own::from_ref_unchecked(object) })
    }
}

/// The garbage collector's visit.
pub struct Visitor<'visit> {
    visit: py::visitproc,
    argument: *mut c_void,
    stopped: Cell<c_int>,
    lifetime: PhantomData<&'visit ()>,
}

impl Visitor<'_> {
    /// Shows an object.
    #[inline]
    pub fn object(&self, pointer: Ptr) {
        if !pointer.is_null() && self.stopped.get() == 0 {
            // SAFETY: a live object, shown to the collector's own function.
            self.stopped.set(unsafe { (self.visit)(pointer, self.argument) });
        }
    }

    /// Shows what a slot holds.
    #[inline]
    pub fn slot(&self, slot: &Slot) {
        self.object(slot.ptr());
    }
}

/// Calls `work`; an error becomes `failed`, a panic `RuntimeError`.
#[inline]
pub fn guard<T>(failed: T, work: impl FnOnce() -> Result<T>) -> T {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => value,
        Ok(Err(Raised)) => failed,
        Err(payload) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("unknown reason");
            let Raised = raise(Builtin::Runtime, &format!("ferrio panicked, which is a bug: {text}"));
            failed
        }
    }
}

/// `self` as a typed reference.
///
/// # Safety
/// The object is an instance of T's class, alive during the call.
#[inline]
unsafe fn this<T>(object: &Ptr) -> &Own<T> {
    // SAFETY: the caller's promise; an Own is a non-null pointer and nothing else.
    unsafe { Own::from_ref_unchecked(Object::from_ref(object)) }
}

/// The one value of a function's own type.
#[inline]
pub fn function<F: Copy>() -> F {
    const { assert!(mem::size_of::<F>() == 0, "a function item, not a pointer") };
    // SAFETY: a type without size has one value; function items and closures without captures are such.
    unsafe { mem::transmute_copy(&()) }
}

/// A method without arguments.
pub fn method0<T: Class, F>(name: &'static CStr, _: F, doc: &'static CStr) -> py::PyMethodDef
where
    F: Fn(&Own<T>) -> Result + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>) -> Result + Copy>(slf: Ptr, _: Ptr) -> Ptr {
        // SAFETY: the interpreter has checked the type.
        guard(ptr::null_mut(), || function::<F>()(unsafe { this(&slf) }).map(Object::into_ptr))
    }
    py::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: py::PyMethodDefPointer { PyCFunction: raw::<T, F> },
        ml_flags: py::METH_NOARGS,
        ml_doc: doc.as_ptr(),
    }
}

/// A method with one positional argument.
pub fn method1<T: Class, F>(name: &'static CStr, _: F, doc: &'static CStr) -> py::PyMethodDef
where
    F: Fn(&Own<T>, &Object) -> Result + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>, &Object) -> Result + Copy>(slf: Ptr, argument: Ptr) -> Ptr {
        // SAFETY: the interpreter has checked the type; the argument is alive during the call.
        guard(ptr::null_mut(), || unsafe {
            function::<F>()(this(&slf), Object::from_ref(&argument)).map(Object::into_ptr)
        })
    }
    py::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: py::PyMethodDefPointer { PyCFunction: raw::<T, F> },
        ml_flags: py::METH_O,
        ml_doc: doc.as_ptr(),
    }
}

/// A method with any arguments.
pub fn method<T: Class, F>(name: &'static CStr, _: F, doc: &'static CStr) -> py::PyMethodDef
where
    F: Fn(&Own<T>, &Args<'_>) -> Result + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>, &Args<'_>) -> Result + Copy>(
        slf: Ptr,
        arguments: *const Ptr,
        count: py::Py_ssize_t,
        names: Ptr,
    ) -> Ptr {
        // SAFETY: the interpreter has checked the type and passes what the convention says.
        guard(ptr::null_mut(), || unsafe {
            let args = Args::vector(arguments, count as usize, names);
            function::<F>()(this(&slf), &args).map(Object::into_ptr)
        })
    }
    py::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: py::PyMethodDefPointer { PyCFunctionFastWithKeywords: raw::<T, F> },
        ml_flags: py::METH_FASTCALL | py::METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    }
}

/// A function of the module, with any arguments.
pub fn module_function<F>(name: &'static CStr, _: F, doc: &'static CStr) -> py::PyMethodDef
where
    F: Fn(&Args<'_>) -> Result + Copy + 'static,
{
    unsafe extern "C" fn raw<F: Fn(&Args<'_>) -> Result + Copy>(
        _: Ptr,
        arguments: *const Ptr,
        count: py::Py_ssize_t,
        names: Ptr,
    ) -> Ptr {
        // SAFETY: the interpreter passes what the convention says.
        guard(ptr::null_mut(), || unsafe {
            function::<F>()(&Args::vector(arguments, count as usize, names)).map(Object::into_ptr)
        })
    }
    py::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: py::PyMethodDefPointer { PyCFunctionFastWithKeywords: raw::<F> },
        ml_flags: py::METH_FASTCALL | py::METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    }
}

/// A function that is bound by hand, to an object of any class. Two that are bound to one are equal.
pub struct Bound(py::PyMethodDef);

// SAFETY: its pointers are to static text and functions.
unsafe impl Send for Bound {}
// SAFETY: it is never changed.
unsafe impl Sync for Bound {}

impl Bound {
    /// One that takes an argument beside the object.
    pub fn new<F>(name: &'static CStr, _: F) -> Bound
    where
        F: Fn(&Object, &Object) -> Result + Copy + 'static,
    {
        unsafe extern "C" fn raw<F: Fn(&Object, &Object) -> Result + Copy>(slf: Ptr, argument: Ptr) -> Ptr {
            // SAFETY: live objects during the call.
            guard(ptr::null_mut(), || unsafe {
                function::<F>()(Object::from_ref(&slf), Object::from_ref(&argument)).map(Object::into_ptr)
            })
        }
        Bound(py::PyMethodDef {
            ml_name: name.as_ptr(),
            ml_meth: py::PyMethodDefPointer { PyCFunction: raw::<F> },
            ml_flags: py::METH_O,
            ml_doc: c"".as_ptr(),
        })
    }

    /// One that takes the object alone.
    pub fn without_argument<F>(name: &'static CStr, _: F) -> Bound
    where
        F: Fn(&Object) -> Result + Copy + 'static,
    {
        unsafe extern "C" fn raw<F: Fn(&Object) -> Result + Copy>(slf: Ptr, _: Ptr) -> Ptr {
            // SAFETY: a live object during the call.
            guard(ptr::null_mut(), || unsafe { function::<F>()(Object::from_ref(&slf)).map(Object::into_ptr) })
        }
        Bound(py::PyMethodDef {
            ml_name: name.as_ptr(),
            ml_meth: py::PyMethodDefPointer { PyCFunction: raw::<F> },
            ml_flags: py::METH_NOARGS,
            ml_doc: c"".as_ptr(),
        })
    }

    /// The function, bound to an object.
    pub fn bind(&'static self, object: &Object) -> Result {
        let definition = (&raw const self.0).cast_mut();
        // SAFETY: the definition is static, and nobody writes to it.
        unsafe { Object::owned(py::PyCFunction_NewEx(definition, object.as_ptr(), ptr::null_mut())) }
    }
}

/// `__class_getitem__`: the class with its parameters, for annotations.
pub fn class_getitem() -> py::PyMethodDef {
    unsafe extern "C" fn raw(class: Ptr, item: Ptr) -> Ptr {
        // SAFETY: live objects.
        unsafe { py::Py_GenericAlias(class, item) }
    }
    py::PyMethodDef {
        ml_name: c"__class_getitem__".as_ptr(),
        ml_meth: py::PyMethodDefPointer { PyCFunction: raw },
        ml_flags: py::METH_O | py::METH_CLASS,
        ml_doc: c"See PEP 585".as_ptr(),
    }
}

/// A property that can only be read.
pub fn getter<T: Class, F>(name: &'static CStr, _: F) -> py::PyGetSetDef
where
    F: Fn(&Own<T>) -> Result + Copy + 'static,
{
    py::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get::<T, F>),
        set: None,
        doc: ptr::null(),
        closure: ptr::null_mut(),
    }
}

/// A property that can be read and written; deleting it is refused.
pub fn property<T: Class, G, S>(name: &'static CStr, _: G, _: S) -> py::PyGetSetDef
where
    G: Fn(&Own<T>) -> Result + Copy + 'static,
    S: Fn(&Own<T>, &Object) -> Result<()> + Copy + 'static,
{
    py::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get::<T, G>),
        set: Some(set::<T, S>),
        doc: ptr::null(),
        closure: ptr::null_mut(),
    }
}

/// A property that reads and writes a slot; an empty one is None.
pub fn slot_property<T: Class, F>(name: &'static CStr, _: F) -> py::PyGetSetDef
where
    F: Fn(&T) -> &Slot + Copy + 'static,
{
    property::<T, _, _>(
        name,
        |this: &Own<T>| Ok(function::<F>()(this).get_or_none()),
        |this: &Own<T>, value: &Object| {
            function::<F>()(this).put(value.clone());
            Ok(())
        },
    )
}

/// A property that reads and writes a truth value.
pub fn bool_property<T: Class, F>(name: &'static CStr, _: F) -> py::PyGetSetDef
where
    F: Fn(&T) -> &Cell<bool> + Copy + 'static,
{
    property::<T, _, _>(
        name,
        |this: &Own<T>| Ok(Object::bool(function::<F>()(this).get())),
        |this: &Own<T>, value: &Object| {
            function::<F>()(this).set(value.is_true()?);
            Ok(())
        },
    )
}

unsafe extern "C" fn get<T: Class, F: Fn(&Own<T>) -> Result + Copy>(slf: Ptr, _: *mut c_void) -> Ptr {
    // SAFETY: the interpreter has checked the type.
    guard(ptr::null_mut(), || function::<F>()(unsafe { this(&slf) }).map(Object::into_ptr))
}

unsafe extern "C" fn set<T: Class, F: Fn(&Own<T>, &Object) -> Result<()> + Copy>(
    slf: Ptr,
    value: Ptr,
    _: *mut c_void,
) -> c_int {
    guard(-1, || {
        if value.is_null() {
            return Err(raise(Builtin::Attribute, "cannot delete attribute"));
        }
        // SAFETY: the interpreter has checked the type; the value is alive during the call.
        unsafe { function::<F>()(this(&slf), Object::from_ref(&value)) }.map(|()| 0)
    })
}

/// A slot that takes an instance and gives an object: `tp_repr`, `tp_iter`, `am_await`, `tp_iternext`.
pub fn unary_slot<T: Class, F>(slot: c_int, _: F) -> py::PyType_Slot
where
    F: Fn(&Own<T>) -> Result + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>) -> Result + Copy>(slf: Ptr) -> Ptr {
        // SAFETY: the interpreter has checked the type.
        guard(ptr::null_mut(), || function::<F>()(unsafe { this(&slf) }).map(Object::into_ptr))
    }
    py::PyType_Slot { slot, pfunc: raw::<T, F> as *mut c_void }
}

/// What a coroutine-like object answers to a send.
pub enum Sent {
    Returned(Object),
    Yielded(Object),
}

/// The `am_send` slot.
pub fn send_slot<T: Class, F>(_: F) -> py::PyType_Slot
where
    F: Fn(&Own<T>, &Object) -> Result<Sent> + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>, &Object) -> Result<Sent> + Copy>(
        slf: Ptr,
        value: Ptr,
        result: *mut Ptr,
    ) -> py::PySendResult {
        // SAFETY: the interpreter has checked the type; the value is alive during the call.
        let sent = guard(None, || unsafe { function::<F>()(this(&slf), Object::from_ref(&value)).map(Some) });
        let (object, status) = match sent {
            Some(Sent::Returned(object)) => (object.into_ptr(), py::PySendResult::PYGEN_RETURN),
            Some(Sent::Yielded(object)) => (object.into_ptr(), py::PySendResult::PYGEN_NEXT),
            None => (ptr::null_mut(), py::PySendResult::PYGEN_ERROR),
        };
        // SAFETY: the interpreter's own place for the answer.
        unsafe { *result = object };
        status
    }
    py::PyType_Slot { slot: py::Py_am_send, pfunc: raw::<T, F> as *mut c_void }
}

unsafe extern "C" fn new<T: Class>(class: *mut py::PyTypeObject, _: Ptr, _: Ptr) -> Ptr {
    guard(ptr::null_mut(), || {
        let body = T::empty();
        // SAFETY: the class's own allocator; the body is written before anything can run that looks at
        // it, as nothing between the two calls into the interpreter.
        unsafe {
            let Some(allocate) = (*class).tp_alloc else { return Err(type_error("class cannot be instantiated")) };
            let object = allocate(class, 0);
            if object.is_null() {
                return Err(Raised);
            }
            ptr::write(&raw mut (*object.cast::<Instance<T>>()).body, body);
            Ok(object)
        }
    })
}

unsafe extern "C" fn init<T: Class>(slf: Ptr, arguments: Ptr, keywords: Ptr) -> c_int {
    guard(-1, || {
        // SAFETY: the interpreter has checked the type and passes a tuple and a dict or null.
        unsafe { Args::with_tuple(arguments, keywords, |args| T::init(this(&slf), args)).map(|()| 0) }
    })
}

unsafe extern "C" fn traverse<T: Class>(slf: Ptr, visit: py::visitproc, argument: *mut c_void) -> c_int {
    let visitor = Visitor { visit, argument, stopped: Cell::new(0), lifetime: PhantomData };
    // SAFETY: the collector passes an instance; instances own a reference to their class. Nothing here
    // can panic or change a count.
    unsafe {
        visitor.object(py::Py_TYPE(slf).cast());
        let body = &raw const (*slf.cast::<Instance<T>>()).body;
        if let Some(offset) = T::DICT {
            visitor.slot(&(*body.byte_add(offset).cast::<Dict>()).0);
        }
        (*body).traverse(&visitor);
    }
    visitor.stopped.get()
}

unsafe extern "C" fn clear<T: Class>(slf: Ptr) -> c_int {
    guard(0, || {
        // SAFETY: the collector passes an instance.
        unsafe {
            let body = &raw const (*slf.cast::<Instance<T>>()).body;
            if let Some(offset) = T::DICT {
                (*body.byte_add(offset).cast::<Dict>()).0.clear();
            }
            (*body).clear();
        }
        Ok(0)
    })
}

unsafe extern "C" fn finalize<T: Class>(slf: Ptr) {
    guard((), || {
        // A finaliser runs at any moment, also while an exception is on its way.
        // SAFETY: the error indicator may be read at any time.
        let pending = unsafe { !py::PyErr_Occurred().is_null() }.then(|| Raised.take());
        // SAFETY: the interpreter passes an instance.
        T::finalize(unsafe { this(&slf) });
        if let Some(exception) = pending {
            let Raised = exception.raise();
        }
        Ok(())
    });
}

unsafe extern "C" fn dealloc<T: Class>(slf: Ptr) {
    // SAFETY: the last reference is gone; the order is that of the interpreter's own classes: finaliser
    // (which may bring the object back), collector, weak references, contents, memory, class.
    unsafe {
        let body = &raw mut (*slf.cast::<Instance<T>>()).body;
        if T::FINALIZES && (*body).wants_finalizer() && py::PyObject_CallFinalizerFromDealloc(slf) < 0 {
            return;
        }
        let class = py::Py_TYPE(slf);
        py::PyObject_GC_UnTrack(slf.cast());
        if let Some(offset) = T::WEAK
            && !(*body.byte_add(offset).cast::<WeakList>()).0.get().is_null()
        {
            py::PyObject_ClearWeakRefs(slf);
        }
        guard((), || {
            // in place: a body may be linked to by its address, and unlinks itself
            ptr::drop_in_place(body);
            Ok(())
        });
        // A derived class's instances are larger; one whose finaliser has run is marked for ever.
        let is_kept = T::free_list().is_some_and(|list| {
            class == T::type_cell().get() && py::PyObject_GC_IsFinalized(slf) == 0 && list.keep(slf)
        });
        if !is_kept && let Some(free) = (*class).tp_free {
            free(slf.cast());
        }
        py::Py_DECREF(class.cast());
    }
}

/// Makes the type object of a class, below `base` if there is one, and keeps it for ever.
pub fn make_type<T: Class>(base: Option<*mut py::PyTypeObject>) -> Result<Object> {
    const { assert!(mem::align_of::<Instance<T>>() <= OBJECT_ALIGNMENT, "box what wants more") };
    let members = T::members();
    let body = offset_of!(Instance<T>, body);
    let places =
        [(c"__dictoffset__", T::DICT), (c"__weaklistoffset__", T::WEAK), (c"__vectorcalloffset__", T::VECTORCALL)];
    let offsets =
        places.into_iter().filter_map(|(name, offset)| Some((name, offset?, py::Py_T_PYSSIZET, py::Py_READONLY)));
    let attributes = T::ATTRIBUTES.iter().map(|&(name, offset)| (name, offset, py::Py_T_OBJECT_EX, 0));
    let fields = offsets
        .chain(attributes)
        .map(|(name, offset, type_code, flags)| py::PyMemberDef {
            name: name.as_ptr(),
            type_code,
            offset: (body + offset) as py::Py_ssize_t,
            flags,
            doc: ptr::null(),
        })
        .collect();
    let mut slots = members.slots;
    let mut slot = |slot: c_int, pfunc: *mut c_void| slots.push(py::PyType_Slot { slot, pfunc });
    slot(py::Py_tp_doc, T::DOC.as_ptr().cast_mut().cast());
    slot(py::Py_tp_dealloc, dealloc::<T> as *mut c_void);
    slot(py::Py_tp_traverse, traverse::<T> as *mut c_void);
    slot(py::Py_tp_clear, clear::<T> as *mut c_void);
    if T::FINALIZES {
        slot(py::Py_tp_finalize, finalize::<T> as *mut c_void);
    }
    if T::CALLABLE {
        slot(py::Py_tp_new, new::<T> as *mut c_void);
        slot(py::Py_tp_init, init::<T> as *mut c_void);
    }
    slot(py::Py_tp_methods, terminated(members.methods, py::PyMethodDef::zeroed()));
    slot(py::Py_tp_getset, terminated(members.properties, py::PyGetSetDef::default()));
    slot(py::Py_tp_members, terminated(fields, py::PyMemberDef::default()));
    slots.push(py::PyType_Slot { slot: 0, pfunc: ptr::null_mut() });
    let mut flags = py::Py_TPFLAGS_DEFAULT | py::Py_TPFLAGS_HAVE_GC | T::FLAGS;
    if T::SUBCLASSABLE {
        flags |= py::Py_TPFLAGS_BASETYPE;
    }
    if !T::CALLABLE {
        flags |= py::Py_TPFLAGS_DISALLOW_INSTANTIATION;
    }
    let mut spec = py::PyType_Spec {
        name: T::NAME.as_ptr(),
        basicsize: mem::size_of::<Instance<T>>() as c_int,
        itemsize: 0,
        flags: flags as c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the tables end with a zeroed entry and, where the interpreter keeps pointers into them,
    // live for ever; a base's instances begin with the same header and, by repr(C), the same fields.
    unsafe {
        let class = match base {
            Some(base) => Object::owned(py::PyType_FromSpecWithBases(&mut spec, base.cast()))?,
            None => Object::owned(py::PyType_FromSpec(&mut spec))?,
        };
        T::type_cell().0.store(class.clone().into_ptr().cast(), Ordering::Relaxed);
        for definition in T::functions() {
            let function = definition.make()?;
            if py::PyObject_SetAttrString(class.as_ptr(), definition.name.as_ptr(), function.as_ptr()) < 0 {
                return Err(Raised);
            }
        }
        Ok(class)
    }
}

/// A table as the interpreter wants it: ended by a zeroed entry, alive for ever.
fn terminated<T>(mut entries: Vec<T>, end: T) -> *mut c_void {
    entries.push(end);
    Box::leak(entries.into_boxed_slice()).as_mut_ptr().cast()
}
