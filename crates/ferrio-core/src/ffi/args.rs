//! Args: the arguments of a call, bound to parameters in Python's way.

use super::error::{Builtin, raise_text, type_error};
use super::sys as py;
use super::text::concat;
use super::{Import, Name, Object, Ptr, Result};
use std::ptr;

/// The parameters of a function.
pub struct Signature {
    /// The function's name, for messages.
    pub name: &'static str,
    /// Every named parameter: first the positional ones, then the keyword-only ones.
    pub parameters: &'static [&'static str],
    /// How many of them may be passed by position.
    pub positional: usize,
    /// How many of the positional ones, beginning with the first, are required.
    pub required: usize,
    /// Whether it takes further positional arguments.
    pub variadic: bool,
}

/// The result of [`Args::bind`]: the arguments of the required parameters, those of the others, and further positional
/// ones.
pub type Bound<'call, const REQUIRED: usize, const OPTIONAL: usize> =
    ([&'call Object; REQUIRED], [Option<&'call Object>; OPTIONAL], &'call [Object]);

/// The arguments of one call.
#[derive(Clone, Copy)]
pub struct Args<'call> {
    positional: &'call [Object],
    names: &'call [Object],
    values: &'call [Object],
}

/// The items of a tuple.
///
/// # Safety
/// `tuple` is a live tuple for as long as the result is used.
pub(super) unsafe fn items<'tuple>(tuple: Ptr) -> &'tuple [Object] {
    // SAFETY: the items of a tuple are adjacent, and an Object consists of a non-null pointer.
    unsafe {
        let items = &raw const (*tuple.cast::<py::PyTupleObject>()).ob_item;
        std::slice::from_raw_parts(items.cast::<Object>(), py::PyTuple_GET_SIZE(tuple) as usize)
    }
}

impl<'call> Args<'call> {
    /// The arguments of a `METH_FASTCALL | METH_KEYWORDS` function.
    ///
    /// # Safety
    /// The interpreter passed them: `count` live objects, then one for each of `names`.
    #[inline]
    pub unsafe fn vector(arguments: *const Ptr, count: usize, names: Ptr) -> Args<'call> {
        if arguments.is_null() {
            return Args { positional: &[], names: &[], values: &[] };
        }
        // SAFETY: the caller's promise; an Object consists of a non-null pointer.
        unsafe {
            let arguments = arguments.cast::<Object>();
            let positional = std::slice::from_raw_parts(arguments, count);
            if names.is_null() {
                return Args { positional, names: &[], values: &[] };
            }
            let names = items(names);
            Args { positional, names, values: std::slice::from_raw_parts(arguments.add(count), names.len()) }
        }
    }

    /// Passes the arguments of `__init__` to `work`.
    ///
    /// # Safety
    /// The interpreter passed them: a tuple, and a dict or null.
    pub unsafe fn with_tuple<T>(
        arguments: Ptr,
        keywords: Ptr,
        work: impl FnOnce(&Args<'_>) -> Result<T>,
    ) -> Result<T> {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        if !keywords.is_null() {
            let (mut position, mut name, mut value) = (0, ptr::null_mut(), ptr::null_mut());
            // SAFETY: a live dict, from which the results are borrowed.
            while unsafe { py::PyDict_Next(keywords, &mut position, &mut name, &mut value) } != 0 {
                // SAFETY: live objects.
                unsafe {
                    names.push(Object::borrowed(name));
                    values.push(Object::borrowed(value));
                }
            }
        }
        // SAFETY: the caller's promise; the tuple outlives the call.
        let positional = unsafe { items(arguments) };
        work(&Args { positional, names: &names, values: &values })
    }

    /// The positional arguments.
    #[inline]
    pub fn positional(&self) -> &'call [Object] {
        self.positional
    }

    /// Whether there is no keyword.
    #[inline]
    pub fn has_no_keywords(&self) -> bool {
        self.names.is_empty()
    }

    /// Binds the arguments to the required parameters, to the others, and to further positional arguments.
    ///
    /// # Errors
    /// `TypeError` for a parameter without an argument, an argument without a parameter, or two arguments for one
    /// parameter.
    #[inline]
    pub fn bind<const REQUIRED: usize, const OPTIONAL: usize>(
        &self,
        signature: &Signature,
    ) -> Result<Bound<'call, REQUIRED, OPTIONAL>> {
        debug_assert!(signature.required == REQUIRED && signature.parameters.len() <= REQUIRED + OPTIONAL);
        let mut required = [None; REQUIRED];
        let mut optional = [None; OPTIONAL];
        let named = self.positional.len().min(signature.positional);
        for (place, argument) in required.iter_mut().chain(&mut optional).zip(&self.positional[..named]) {
            *place = Some(argument);
        }
        let rest = &self.positional[named..];
        if !rest.is_empty() && !signature.variadic {
            return Err(too_many(signature, self.positional.len()));
        }
        if !self.has_no_keywords() {
            self.bind_keywords(signature, &mut required, &mut optional)?;
        }
        let Some(given) = all(required) else { return Err(missing(signature, &required)) };
        Ok((given, optional, rest))
    }

    #[cold]
    fn bind_keywords(
        &self,
        signature: &Signature,
        required: &mut [Option<&'call Object>],
        optional: &mut [Option<&'call Object>],
    ) -> Result<()> {
        for (name, value) in self.keywords() {
            let text = name.to_text()?;
            let Some(index) = signature.parameters.iter().position(|parameter| *parameter == text) else {
                let function = format!("{}() got an unexpected keyword argument '", signature.name);
                return Err(raise_text(Builtin::Type, concat(&[&function, name, &"'"])));
            };
            let place = match index.checked_sub(required.len()) {
                None => &mut required[index],
                Some(index) => &mut optional[index],
            };
            if place.replace(value).is_some() {
                let message = format!("{}() got multiple values for argument '{text}'", signature.name);
                return Err(type_error(&message));
            }
        }
        Ok(())
    }

    /// `TypeError` if there is any argument.
    #[inline]
    pub fn expect_none(&self, name: &'static str) -> Result<()> {
        if self.positional.is_empty() && self.names.is_empty() {
            return Ok(());
        }
        let signature = Signature { name, parameters: &[], positional: 0, required: 0, variadic: false };
        self.bind::<0, 0>(&signature).map(drop)
    }

    /// `class.name(this, ...)` with these arguments: calls the method of another class.
    pub fn call_as(&self, class: &'static Import, name: &Name, this: &Object) -> Result {
        let method = class.get()?.getattr(name)?;
        let arguments = Object::list([this].into_iter().chain(self.positional).cloned())?.to_tuple()?;
        method.call_dict(&arguments, &self.keywords_dict()?)
    }

    /// The positional arguments as a new tuple.
    pub fn positional_tuple(&self) -> Result {
        Object::list(self.positional.iter().cloned())?.to_tuple()
    }

    /// The keywords as a new dict.
    pub fn keywords_dict(&self) -> Result {
        let dict = super::dict::new()?;
        for (name, value) in self.keywords() {
            super::dict::set(&dict, name, value)?;
        }
        Ok(dict)
    }

    /// The keywords' names and values.
    pub fn keywords(&self) -> impl Iterator<Item = (&'call Object, &'call Object)> + use<'call> {
        self.names.iter().zip(self.values)
    }
}

/// What asyncio has in C: there the messages are those of the interpreter's argument parser.
const IN_C: [&str; 6] = ["Future", "Task", "add_done_callback", "cancel", "get_stack", "print_stack"];

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// The message for a function that asyncio has in Python. A qualified name is a method's, which counts `self`.
#[cold]
fn too_many(signature: &Signature, given: usize) -> super::Raised {
    let (name, most) = (signature.name, signature.positional);
    if IN_C.contains(&name) {
        return type_error(&format!(
            "{name}() takes at most {most} positional argument{} ({given} given)",
            plural(most)
        ));
    }
    let own = usize::from(name.contains('.'));
    let (least, most, given) = (signature.required.min(most) + own, most + own, given + own);
    let range = if least < most { format!("from {least} to {most}") } else { format!("{most}") };
    let were = if given == 1 { "was" } else { "were" };
    type_error(&format!("{name}() takes {range} positional argument{} but {given} {were} given", plural(most)))
}

#[cold]
fn missing(signature: &Signature, required: &[Option<&Object>]) -> super::Raised {
    let missing = required.iter().zip(signature.parameters).filter(|(given, _)| given.is_none());
    let names: Vec<String> = missing.map(|(_, name)| format!("'{name}'")).collect();
    let (name, count) = (signature.name, names.len());
    let Some((last, others)) = names.split_last() else { return type_error(name) };
    if IN_C.contains(&name) {
        let first = others.first().unwrap_or(last);
        return type_error(&format!("{name}() missing required argument {first} (pos 1)"));
    }
    let listed = match others {
        [] => last.clone(),
        [one] => format!("{one} and {last}"),
        _ => format!("{}, and {last}", others.join(", ")),
    };
    type_error(&format!("{name}() missing {count} required positional argument{}: {listed}", plural(count)))
}

/// The arguments, if none is missing.
#[inline]
fn all<const N: usize>(arguments: [Option<&Object>; N]) -> Option<[&Object; N]> {
    // The first one fills the array until all are copied.
    let first = arguments.first().copied().flatten();
    let mut given = match first {
        Some(first) => [first; N],
        // Without parameters, none is missing.
        None => return <[&Object; N]>::try_from(&[][..]).ok(),
    };
    for (place, argument) in given.iter_mut().zip(arguments) {
        *place = argument?;
    }
    Some(given)
}
