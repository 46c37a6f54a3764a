//! What the interpreter keeps of asyncio in the state of each thread: the running loop, the current task and the list
//! of tasks. Its tools read them from another process (`python -m asyncio ps`, `profiling.sampling`), and
//! `asyncio.all_tasks()` walks the lists.
//!
//! The interpreter says in a section of its file where the tools find what: `AsyncioDebug`, from 3.14 on. [`share`]
//! reads it, and compares what it says of a task with what was compiled here. Until `share` has succeeded, nothing
//! here touches a thread's state, and the functions below return None.

use super::listing::Head;
use super::{Object, Ptr, elf, sys as py};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where an object that is a task has what the tools read, in bytes from its beginning.
#[derive(Debug, PartialEq, Eq)]
pub struct TaskLayout {
    pub name: usize,
    pub awaited_by: usize,
    pub is_task: usize,
    pub awaited_by_is_set: usize,
    pub coroutine: usize,
    pub links: usize,
}

/// How many numbers the section consists of.
const FIELDS: usize = 13;

/// Where a thread's state has the running loop, the current task and the head of its list of tasks, where a future has
/// those who await it, and where the interpreter's state has the head of the list of tasks whose thread has ended. 0
/// before `share` has succeeded.
static RUNNING_LOOP: AtomicUsize = AtomicUsize::new(0);
static CURRENT_TASK: AtomicUsize = AtomicUsize::new(0);
static TASKS: AtomicUsize = AtomicUsize::new(0);
static AWAITED_BY: AtomicUsize = AtomicUsize::new(0);
static TASKS_OF_ENDED_THREADS: AtomicUsize = AtomicUsize::new(0);

/// Uses what the interpreter keeps of asyncio, if its tasks are laid out as `compiled`, with at most `size` bytes; or
/// says why not. `file` has asyncio's C part, if that is an extension module; `running` is this thread's loop or None.
pub fn share(compiled: &TaskLayout, size: usize, file: Option<&Path>, running: &Object) -> Result<(), String> {
    if TASKS.load(Ordering::Relaxed) != 0 {
        return Ok(());
    }
    if cfg!(Py_GIL_DISABLED) {
        return Err("the interpreter can run without the GIL".to_owned());
    }
    let fields = debug_section(file).ok_or("the interpreter has no section AsyncioDebug")?;
    let [
        task_size,
        name,
        awaited_by,
        is_task,
        awaited_by_is_set,
        coroutine,
        links,
        _,
        of_ended_threads,
        _,
        running_loop,
        current_task,
        tasks,
    ] = fields;
    let found = TaskLayout { name, awaited_by, is_task, awaited_by_is_set, coroutine, links };
    if found != *compiled || task_size > size {
        return Err(format!("the interpreter's tasks have another layout, {found:?} in {task_size} bytes"));
    }
    let places = [running_loop, current_task, awaited_by, of_ended_threads, tasks];
    if places.iter().any(|place| *place == 0 || place % align_of::<Ptr>() != 0) {
        return Err(format!("the interpreter's states have another layout, {places:?}"));
    }
    check_places(running_loop, tasks, running)?;
    for (place, known) in
        places.into_iter().zip([&RUNNING_LOOP, &CURRENT_TASK, &AWAITED_BY, &TASKS_OF_ENDED_THREADS, &TASKS])
    {
        known.store(place, Ordering::Relaxed);
    }
    Ok(())
}

/// Whether what this thread's state has at the places is what it should be.
fn check_places(running_loop: usize, tasks: usize, running: &Object) -> Result<(), String> {
    // SAFETY: the GIL is held, and the interpreter's own file says that its thread's state has a pointer and the head
    // of a list there.
    let is_as_expected = unsafe {
        let state = py::PyThreadState_Get();
        let found: Ptr = state.byte_add(running_loop).cast::<Ptr>().read();
        let head = state.byte_add(tasks).cast::<[*const [usize; 2]; 2]>();
        let [next, previous] = head.read();
        let expected = if running.is_none() { ptr::null_mut() } else { running.as_ptr() };
        let is_ring = !next.is_null()
            && !previous.is_null()
            && (*next)[1] == head as usize
            && (*previous)[0] == head as usize;
        found == expected && is_ring
    };
    if is_as_expected { Ok(()) } else { Err("the thread's state is not what the section says".to_owned()) }
}

/// The section, from the file that has the C part of asyncio: an extension module, the program or its library.
fn debug_section(file: Option<&Path>) -> Option<[usize; FIELDS]> {
    let read = |path: &Path| elf::section(path, b".AsyncioDebug").ok().flatten();
    let section = file
        .and_then(read)
        .or_else(|| read(Path::new("/proc/self/exe")))
        .or_else(|| libraries().iter().find_map(|path| read(path)))?;
    let (numbers, rest) = section.as_chunks::<8>();
    let numbers: Vec<_> = numbers.iter().map(|bytes| u64::from_ne_bytes(*bytes) as usize).collect();
    if rest.is_empty() { numbers.try_into().ok() } else { None }
}

/// The files of the interpreter's library, if the program is not all of it.
fn libraries() -> Vec<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut paths: Vec<_> =
        maps.lines().filter_map(|line| Some(line.get(line.find('/')?..)?.to_owned())).collect();
    paths.dedup();
    paths.retain(|path| path.rsplit('/').next().is_some_and(|name| name.starts_with("libpython")));
    paths.into_iter().map(PathBuf::from).collect()
}

/// What an instance of asyncio's class of futures in C has at the place where a task has `awaited_by`; None before
/// [`share`] has succeeded, and for an object of another class. T is laid out as what is there.
pub fn laid_out_as_asyncios<'object, T>(object: &'object Object, class: &Object) -> Option<&'object T> {
    let place = AWAITED_BY.load(Ordering::Relaxed);
    // SAFETY: live objects; the class is a type object, as the interpreter's own module has it. Its instances have
    // what is asked for at the place, as the interpreter says.
    unsafe {
        let is_one = place != 0 && py::PyType_IsSubtype(object.type_ptr(), class.as_ptr().cast()) != 0;
        is_one.then(|| &*object.as_ptr().byte_add(place).cast::<T>())
    }
}

/// The address in this thread's state that is at a place of it; None before [`share`] has succeeded.
#[inline]
fn in_this_thread<T>(place: &AtomicUsize) -> Option<*mut T> {
    let place = place.load(Ordering::Relaxed);
    if place == 0 {
        return None;
    }
    // SAFETY: the GIL is held, so there is a state; `share` has found that it is larger.
    Some(unsafe { py::PyThreadState_Get().byte_add(place).cast() })
}

/// The loop that runs in this thread: None if none does.
#[inline]
pub fn running_loop() -> Option<Option<Object>> {
    let place: *mut Ptr = in_this_thread(&RUNNING_LOOP)?;
    // SAFETY: the state has a strong reference or null there.
    unsafe {
        let running = place.read();
        Some((!running.is_null()).then(|| Object::borrowed(running)))
    }
}

/// The current task of this thread; None too if a loop other than `loop_` runs in it.
#[inline]
pub fn current_task(loop_: &Object) -> Option<Option<Object>> {
    let task: *mut Ptr = in_this_thread(&CURRENT_TASK)?;
    let running: *mut Ptr = in_this_thread(&RUNNING_LOOP)?;
    // SAFETY: the state has strong references or null there.
    unsafe {
        let task = task.read();
        (running.read() == loop_.as_ptr()).then(|| (!task.is_null()).then(|| Object::borrowed(task)))
    }
}

/// Makes a task, or none, the current one of this thread, and returns the one before. None, and nothing is changed, if
/// a loop other than `loop_` runs in it.
#[inline]
pub fn swap_current_task(loop_: &Object, task: Option<&Object>) -> Option<Option<Object>> {
    let place: *mut Ptr = in_this_thread(&CURRENT_TASK)?;
    let running: *mut Ptr = in_this_thread(&RUNNING_LOOP)?;
    // SAFETY: the state has strong references or null there; the one that is given to it is counted, and the one that
    // it had is the caller's.
    unsafe {
        (running.read() == loop_.as_ptr()).then(|| {
            let before = place.replace(task.map_or(ptr::null_mut(), |task| task.clone().into_ptr()));
            Object::from_new(before)
        })
    }
}

/// The list of this thread's tasks.
#[inline]
pub fn tasks() -> Option<Head> {
    // SAFETY: the state has the head of a list there. What is in it when the thread ends is moved to the interpreter's
    // list.
    Some(unsafe { Head::at(in_this_thread(&TASKS)?) })
}

/// The lists of tasks of all threads, and of those that have ended.
pub fn all_tasks() -> Option<Vec<Head>> {
    let (place, place_of_ended) = (TASKS.load(Ordering::Relaxed), TASKS_OF_ENDED_THREADS.load(Ordering::Relaxed));
    if place == 0 {
        return None;
    }
    let mut heads = Vec::new();
    // SAFETY: the GIL is held: threads leave the interpreter's list of threads only with it.
    unsafe {
        let interpreter = py::PyInterpreterState_Get();
        heads.push(Head::at(interpreter.byte_add(place_of_ended).cast()));
        let mut state = py::PyInterpreterState_ThreadHead(interpreter);
        while !state.is_null() {
            heads.push(Head::at(state.byte_add(place).cast()));
            state = py::PyThreadState_Next(state);
        }
    }
    Some(heads)
}
