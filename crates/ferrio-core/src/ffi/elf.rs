//! Reading one section of an ELF file: a 64-bit one of this machine's byte order.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The sizes of a file's header and of a section's, in bytes.
const FILE_HEADER: usize = 64;
const SECTION_HEADER: usize = 64;

/// No section that is asked for here is larger; nor is the table of the sections' names, in bytes.
const LARGEST: u64 = 1 << 20;

/// A header's fields, at their offsets.
struct Header<'file>(&'file [u8]);

impl Header<'_> {
    fn u16(&self, offset: usize) -> u16 {
        self.bytes(offset).map_or(0, u16::from_ne_bytes)
    }

    fn u32(&self, offset: usize) -> u32 {
        self.bytes(offset).map_or(0, u32::from_ne_bytes)
    }

    fn u64(&self, offset: usize) -> u64 {
        self.bytes(offset).map_or(0, u64::from_ne_bytes)
    }

    fn bytes<const SIZE: usize>(&self, offset: usize) -> Option<[u8; SIZE]> {
        self.0.get(offset..offset + SIZE)?.try_into().ok()
    }
}

/// The contents of the section with a name, or nothing if the file has no such section.
pub fn section(path: &Path, name: &[u8]) -> Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    let mut bytes = [0; FILE_HEADER];
    file.read_exact_at(&mut bytes, 0)?;
    let byte_order = if cfg!(target_endian = "little") { 1 } else { 2 };
    if !bytes.starts_with(b"\x7fELF\x02") || bytes.get(5) != Some(&byte_order) {
        return Err(Error::new(ErrorKind::InvalidData, "not a 64-bit ELF file"));
    }
    let header = Header(&bytes);
    let (start, size, count) = (header.u64(0x28), usize::from(header.u16(0x3a)), usize::from(header.u16(0x3c)));
    let mut sections = vec![0; size * count];
    file.read_exact_at(&mut sections, start)?;
    let sections: Vec<_> = sections.chunks_exact(size.max(SECTION_HEADER)).map(Header).collect();
    let contents = |section: &Header<'_>| {
        let mut contents = vec![0; section.u64(0x20).min(LARGEST) as usize];
        file.read_exact_at(&mut contents, section.u64(0x18)).map(|()| contents)
    };
    let Some(names) = sections.get(usize::from(header.u16(0x3e))) else { return Ok(None) };
    let names = contents(names)?;
    let is_meant = |section: &&Header<'_>| {
        let rest = names.get(section.u32(0) as usize..).and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| rest.first() == Some(&0))
    };
    sections.iter().find(is_meant).map(contents).transpose()
}
