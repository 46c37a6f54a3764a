//! Overrides: which methods a class of the program overrides. A fast path in Rust must not skip these.
//!
//! The answer is worked out once for each version of a class. The interpreter gives a class a new version when one of
//! its attributes, or of its bases', changes.

use super::{Import, Made, Name, Object, Result};
use std::sync::atomic::{AtomicU32, Ordering};

/// How many classes a set of methods remembers. Few programs have more classes that derive from the same one.
const REMEMBERED: usize = 4;

/// The methods that a fast path skips, 32 at most.
pub struct SkippedMethods {
    names: &'static [&'static Name],
    answers: [Answer; REMEMBERED],
}

/// Which methods a class overrides. All fields are read and written with the GIL held.
struct Answer {
    /// The versions of the class and of its base; 0 if the place is free.
    class: AtomicU32,
    base: AtomicU32,
    overridden: AtomicU32,
}

impl Answer {
    #[allow(clippy::declare_interior_mutable_const, reason = "an array of free places is made of it")]
    const NONE: Answer =
        Answer { class: AtomicU32::new(0), base: AtomicU32::new(0), overridden: AtomicU32::new(0) };
}

/// Some of the methods of a [`SkippedMethods`]: one bit for each, in their order.
#[derive(Clone, Copy)]
pub struct Overridden(u32);

impl Overridden {
    /// All methods: for an object that is not initialised.
    pub const ALL: Overridden = Overridden(u32::MAX);

    /// Whether there is none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The methods in either.
    pub fn or(self, other: Overridden) -> Overridden {
        Overridden(self.0 | other.0)
    }

    /// Whether the method with this index is one of them.
    #[inline]
    pub fn has(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }
}

impl SkippedMethods {
    /// The methods with these names.
    pub const fn new(names: &'static [&'static Name]) -> SkippedMethods {
        assert!(names.len() <= u32::BITS as usize);
        SkippedMethods { names, answers: [const { Answer::NONE }; REMEMBERED] }
    }

    /// The methods for which `condition` holds.
    pub fn of(&self, condition: impl Fn(&Name) -> Result<bool>) -> Result<Overridden> {
        let mut found = 0;
        for (index, name) in self.names.iter().enumerate() {
            if condition(name)? {
                found |= 1 << index;
            }
        }
        Ok(Overridden(found))
    }

    /// Whether `name` is the name of one of them.
    pub fn names(&self, name: &Object) -> Result<bool> {
        for one in self.names {
            if one.object()?.equals(name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The methods that the class of `object` does not take from `base`.
    pub fn overridden(&self, object: &Object, base: &Object) -> Result<Overridden> {
        let class = object.class();
        if class.is(base) {
            return Ok(Overridden(0));
        }
        let versions = (version_of(&class), version_of(base));
        let answer = &self.answers[versions.0 as usize % REMEMBERED];
        if versions.0 != 0
            && versions.1 != 0
            && versions == (answer.class.load(Ordering::Relaxed), answer.base.load(Ordering::Relaxed))
        {
            return Ok(Overridden(answer.overridden.load(Ordering::Relaxed)));
        }
        let mut overridden = 0;
        for (index, name) in self.names.iter().enumerate() {
            if !class.getattr(name)?.is(&base.getattr(name)?) {
                overridden |= 1 << index;
            }
        }
        // A metaclass may have run Python code. Then the answer belongs to no version.
        if versions == (version_of(&class), version_of(base)) {
            answer.class.store(versions.0, Ordering::Relaxed);
            answer.base.store(versions.1, Ordering::Relaxed);
            answer.overridden.store(overridden, Ordering::Relaxed);
        }
        Ok(Overridden(overridden))
    }
}

/// An attribute of one of asyncio's classes that some programs replace. To look at it costs a comparison of versions.
pub struct Replaceable {
    class: &'static Import,
    name: Name,
    original: Made,
    /// The version of the class that had the original; 0 if none is known.
    version: AtomicU32,
}

impl Replaceable {
    /// The attribute with this name.
    pub const fn new(class: &'static Import, name: Name) -> Replaceable {
        Replaceable { class, name, original: Made::new(), version: AtomicU32::new(0) }
    }

    /// Notes what the class has now.
    pub fn remember(&'static self) -> Result<()> {
        self.original.get(|| self.class.get()?.getattr(&self.name)).map(drop)
    }

    /// What the class has in the place of the original, if it was replaced.
    #[inline]
    pub fn replaced(&'static self) -> Result<Option<Object>> {
        let class = self.class.get()?;
        let version = version_of(class);
        if version != 0 && version == self.version.load(Ordering::Relaxed) {
            return Ok(None);
        }
        self.look(class)
    }

    #[cold]
    fn look(&'static self, class: &Object) -> Result<Option<Object>> {
        let current = class.getattr(&self.name)?;
        let original = self.original.get(|| Ok(current.clone()))?;
        if !current.is(original) {
            return Ok(Some(current));
        }
        self.version.store(version_of(class), Ordering::Relaxed);
        Ok(None)
    }

    /// Calls a replacement as the method of an instance: a function gets the instance, a mock does not.
    pub fn call(replacement: &Object, instance: &Object, arguments: &[&Object]) -> Result {
        static GET: Name = Name::new(c"__get__");
        match replacement.getattr_opt(&GET)? {
            Some(bind) => bind.call(&[instance, &instance.class()])?.call(arguments),
            None => replacement.call(arguments),
        }
    }
}

/// The version of a class; 0 if it has none at the moment.
fn version_of(class: &Object) -> u32 {
    // SAFETY: both callers pass a class and own a reference to it. The field is read with the GIL held, as the
    // interpreter does.
    unsafe { (*class.as_ptr().cast::<super::py::PyTypeObject>()).tp_version_tag }
}
