//! The numbers that cross between Rust and TypeScript, each declared once.
//!
//! - [`lane_enum!`] declares an enum, or lists one of the core: each side knows its numbers by name.
//! - [`lane_record!`] declares numbers that lie side by side in shared memory: Rust writes and reads a struct, and
//!   TypeScript gets the offset of each field. A field that is added in the middle moves the others on both sides.
//! - [`lane_constants!`] declares single numbers: results that are no object, sizes of shared memory.
//!
//! [`typescript`] makes a file of `js/protocol/` of them, one an area. This module needs no Node, so its tests run with
//! those of the core.

pub(crate) mod record;
#[cfg(test)]
mod tests;
pub(crate) mod typescript;

pub(crate) use record::{Field, Flag, Known, Record};

/// One declaration, as the generator of TypeScript sees it.
#[derive(Debug)]
pub(crate) enum Part {
    /// Numbers with names.
    Enum {
        name: &'static str,
        doc: &'static str,
        /// Stands before each constant; empty for none.
        prefix: &'static str,
        members: &'static [EnumMember],
        /// The name of the list of their texts for users.
        texts: Option<&'static str>,
    },
    /// Numbers side by side.
    Record {
        name: &'static str,
        doc: &'static str,
        /// The cell at which it begins.
        base: usize,
        /// Its length in bytes.
        bytes: usize,
        fields: &'static [FieldPart],
        /// Set when TypeScript gets a function that reads all of it.
        reader: bool,
    },
    /// One number.
    Constant { name: &'static str, doc: &'static str, value: f64 },
}

/// One number of an enum.
#[derive(Debug)]
pub(crate) struct EnumMember {
    pub(crate) variant: &'static str,
    pub(crate) doc: &'static str,
    /// Its name in TypeScript, when that differs.
    pub(crate) constant: Option<&'static str>,
    /// The text that users write.
    pub(crate) text: Option<&'static str>,
    pub(crate) code: u32,
}

/// One field of a record.
#[derive(Debug)]
pub(crate) struct FieldPart {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    /// Bytes from the beginning of the record.
    pub(crate) offset: usize,
    pub(crate) kind: FieldKind,
}

/// The representation of a field in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldKind {
    /// A number.
    Number,
    /// An unsigned integer that takes half of a number's place.
    Word,
    /// A number, or NaN for an unknown one.
    Known,
    /// 1 or 0.
    Flag,
}

/// An enum that crosses as a number.
pub(crate) trait Code: Copy + 'static {
    /// Returns its number.
    fn code(self) -> u32;

    /// Returns the member with this number.
    fn from_code(code: u32) -> Option<Self>;

    /// Returns its number, as the lane passes it.
    fn to_f64(self) -> f64 {
        f64::from(self.code())
    }

    /// Returns the member with this number; none for a number that is no member's.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and is compared with what it came from"
    )]
    fn from_f64(number: f64) -> Option<Self> {
        let code = number as u32;
        if f64::from(code) == number { Self::from_code(code) } else { None }
    }
}

/// Declares an enum whose numbers cross, or lists one that is declared elsewhere (`of core::Kind as Kind { … }`). Makes
/// the constant `$part` of it. A list that leaves out a member does not compile.
///
/// `Variant as NAME` sets another name for the constant of TypeScript. `Variant "text"` sets the text that users write.
/// `texts NAMES` after the name of the enum makes a list of these texts.
macro_rules! lane_enum {
    (
        $(#[doc = $doc:literal])*
        $visibility:vis enum $name:ident $(, prefix $prefix:literal)? $(, texts $texts:ident)? => $part:ident {
            $($(#[doc = $note:literal])* $variant:ident $(= $value:literal)? $(as $constant:ident)? $($text:literal)?,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $name {
            $($(#[doc = $note])* $variant $(= $value)?,)*
        }
        $crate::protocol::lane_enum! {
            $(#[doc = $doc])*
            of $name as $name $(, prefix $prefix)? $(, texts $texts)? => $part {
                $($(#[doc = $note])* $variant $(as $constant)? $($text)?,)*
            }
        }
    };
    (
        $(#[doc = $doc:literal])*
        of $type:ty as $name:ident $(, prefix $prefix:literal)? $(, texts $texts:ident)? => $part:ident {
            $($(#[doc = $note:literal])* $variant:ident $(as $constant:ident)? $($text:literal)?,)*
        }
    ) => {
        impl $crate::protocol::Code for $type {
            #[inline]
            fn code(self) -> u32 {
                // Names each member, so that none is left out.
                match self {
                    $(<$type>::$variant => <$type>::$variant as u32,)*
                }
            }

            #[inline]
            fn from_code(code: u32) -> Option<Self> {
                $(if code == <$type>::$variant as u32 { return Some(<$type>::$variant); })*
                None
            }
        }
        const $part: $crate::protocol::Part = $crate::protocol::Part::Enum {
            name: stringify!($name),
            doc: concat!($($doc, "\n"),*),
            prefix: concat!($($prefix)?),
            members: &[$($crate::protocol::EnumMember {
                variant: stringify!($variant),
                doc: concat!($($note, "\n"),*),
                constant: $crate::protocol::optional!($(stringify!($constant))?),
                text: $crate::protocol::optional!($($text)?),
                code: <$type>::$variant as u32,
            }),*],
            texts: $crate::protocol::optional!($(stringify!($texts))?),
        };
    };
}

/// Declares numbers that lie side by side, from the cell `at` on, by default the first. Makes the constant `$part` of
/// them. Fields are `f64`, `u32`, [`Known`] and [`Flag`]. With `, read`, TypeScript gets a function
/// that reads all of it. TypeScript knows a struct whose name ends in `Cells` without that.
macro_rules! lane_record {
    (
        $(#[doc = $doc:literal])*
        $visibility:vis struct $name:ident $(at $base:expr)? $(, $read:ident)? => $part:ident {
            $($(#[doc = $note:literal])* $field:ident: $type:ty,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy)]
        #[repr(C)]
        $visibility struct $name {
            $($(#[doc = $note])* $visibility $field: $type,)*
        }
        // SAFETY: `repr(C)`, and each field is a `Field`, which the list of parts below asks for.
        unsafe impl $crate::protocol::Record for $name {
            const BASE: usize = 0 $(+ $base)?;
        }
        const $part: $crate::protocol::Part = $crate::protocol::Part::Record {
            name: stringify!($name),
            doc: concat!($($doc, "\n"),*),
            base: <$name as $crate::protocol::Record>::BASE,
            bytes: <$name as $crate::protocol::Record>::CELLS * size_of::<f64>(),
            fields: &[$($crate::protocol::FieldPart {
                name: stringify!($field),
                doc: concat!($($note, "\n"),*),
                offset: std::mem::offset_of!($name, $field),
                kind: <$type as $crate::protocol::Field>::KIND,
            }),*],
            reader: {
                let read: Option<&str> = $crate::protocol::optional!($(stringify!($read))?);
                read.is_some()
            },
        };
    };
}

/// Declares single numbers, and makes the constant `$parts` of them.
macro_rules! lane_constants {
    ($parts:ident { $($(#[doc = $doc:literal])* $visibility:vis const $name:ident: $type:ty = $value:expr;)* }) => {
        $($(#[doc = $doc])* $visibility const $name: $type = $value;)*
        const $parts: &[$crate::protocol::Part] = &[$($crate::protocol::Part::Constant {
            name: stringify!($name),
            doc: concat!($($doc, "\n"),*),
            value: $name as f64,
        }),*];
    };
}

/// `Some` of what is there.
macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

pub(crate) use {lane_constants, lane_enum, lane_record, optional};
