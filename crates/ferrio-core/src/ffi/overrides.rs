//! Whether a program's class overrides what a fast path in Rust would skip.

use super::{Name, Object, Result};

/// Whether every one of `names` is to an object's class what it is to `base`.
pub fn overrides_none_of(object: &Object, base: &Object, names: &[&Name]) -> Result<bool> {
    let class = object.class();
    if class.is(base) {
        return Ok(true);
    }
    for name in names {
        if !class.getattr(name)?.is(&base.getattr(name)?) {
            return Ok(false);
        }
    }
    Ok(true)
}
